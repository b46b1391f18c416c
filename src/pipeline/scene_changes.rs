//! Scene changes on their way out: kept, told, and seen in health until the view is
//! usual again.

use std::sync::Arc;

use log::{info, warn};

use super::ViewNews;
use crate::domain::{CameraId, SceneChange, SceneChangeType};
use crate::health::{Counter, Health};
use crate::live::{Hub, LiveMessage};
use crate::store::{Durability, Record, Writer};

/// Keeps and tells.
pub struct SceneChanges {
    store: Arc<dyn Writer>,
    hub: Hub,
    health: Health,
    unsaved: Counter,
}

impl SceneChanges {
    /// None so far. `unsaved` counts those that the store could not keep.
    pub fn new(store: Arc<dyn Writer>, hub: Hub, health: Health, unsaved: Counter) -> Self {
        Self { store, hub, health, unsaved }
    }

    /// Something about the view of a camera. Never blocks.
    pub fn take(&self, camera: &CameraId, news: ViewNews) {
        let component = self.health.component(format!("view.{camera}"));
        match news {
            ViewNews::Usual => {
                info!(camera = camera.as_str(); "The camera sees what it usually does.");
                component.healthy("sees what it usually does");
            }
            ViewNews::Unwatched => component.remove(),
            ViewNews::Changed(change) => {
                let what = words(change.change);
                let similarity = f64::from(change.similarity);
                warn!(camera = camera.as_str(), similarity; "The view changed: {what}.");
                component.degraded(what, "look at the camera and at what is in front of it");
                self.keep(change);
            }
        }
    }

    /// Announced once it is safe on disk, or cannot be.
    fn keep(&self, change: SceneChange) {
        let (hub, unsaved) = (self.hub.clone(), self.unsaved.clone());
        let announced = LiveMessage::SceneChange(Arc::new(change.clone()));
        let done = move |kept: Result<(), _>| {
            if kept.is_err() {
                unsaved.inc();
            }
            hub.publish(announced);
        };
        self.store.submit(vec![Record::SceneChange(change)], Durability::Synced, Box::new(done));
    }
}

fn words(change: SceneChangeType) -> &'static str {
    match change {
        SceneChangeType::ViewBlocked => "nothing can be seen: covered, sprayed, or dark",
        SceneChangeType::AngleChanged => "the camera looks another way than it did",
        SceneChangeType::ViewTampered => "from one moment to the next the picture is another one",
        SceneChangeType::Unknown => "the picture is not what it was",
    }
}
