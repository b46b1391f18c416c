//! What the rooms say of themselves reaches everyone who listens.

use std::sync::{Arc, Mutex, PoisonError};

use crate::capture::{CameraEvent, Directory};
use crate::health::{Health, State};
use crate::live::{HealthChanged, Hub, LiveMessage};
use crate::rt::Clock;

/// Joins health and cameras to the hub; the watch over the whole box is for
/// whoever looks now and then.
pub fn announce(health: &Health, directory: &Directory, hub: &Hub, clock: &Clock) -> HealthWatch {
    let watch = HealthWatch::new(health, hub, clock);
    let (live, changed) = (hub.clone(), watch.clone());
    health.on_change(move |report| {
        live.publish(LiveMessage::Service(Arc::new(report.clone())));
        changed.look();
    });
    let live = hub.clone();
    directory.on_event(move |event| {
        live.publish(match event {
            CameraEvent::Status(status) => LiveMessage::Camera(Arc::new(status.clone())),
            CameraEvent::Notice { camera, notice } => {
                LiveMessage::Notice { camera: camera.clone(), notice: notice.clone() }
            }
        });
    });
    watch
}

/// Tells when the state of the whole box has changed. Cheap to clone; clones
/// remember the same state.
#[derive(Clone)]
pub struct HealthWatch(Arc<Inner>);

struct Inner {
    health: Health,
    hub: Hub,
    clock: Clock,
    last: Mutex<State>,
}

impl HealthWatch {
    fn new(health: &Health, hub: &Hub, clock: &Clock) -> Self {
        let (health, hub, clock) = (health.clone(), hub.clone(), clock.clone());
        let last = Mutex::new(health.overall());
        Self(Arc::new(Inner { health, hub, clock, last }))
    }

    /// Compares the state with the one seen last. A component that is removed
    /// changes it without a report, so this is also asked now and then.
    pub fn look(&self) {
        let inner = &self.0;
        // Held until it is told, so that changes are told in their order.
        let mut last = inner.last.lock().unwrap_or_else(PoisonError::into_inner);
        let health = inner.health.overall();
        if *last == health {
            return;
        }
        let previous = std::mem::replace(&mut *last, health);
        let reports = inner.health.reports().into_iter();
        let components = reports.map(|report| (report.component, report.state)).collect();
        let at = inner.clock.now();
        let changed = HealthChanged { health, previous, components, at };
        inner.hub.publish(LiveMessage::Health(Arc::new(changed)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::health::Metrics;
    use crate::live::{Form, Wire};

    fn encode(message: &LiveMessage) -> Option<Wire> {
        match message {
            LiveMessage::Service(report) => Some(Wire::plain(report.component.clone())),
            LiveMessage::Health(changed) => {
                let words = [changed.previous, changed.health].map(State::as_str);
                Some(Wire::plain(words.join(" to ")))
            }
            _ => None,
        }
    }

    #[tokio::test]
    async fn components_and_the_whole_box_are_told_when_they_change() {
        const FORM: Form = Form::plain(0, encode);
        let clock = Clock::manual(Timestamp::default());
        let (health, hub) =
            (Health::new(clock.clone()), Hub::new(clock.clone(), Metrics::default()));
        let watch = announce(&health, &Directory::default(), &hub, &clock);
        let mut listener = hub.subscribe("test", FORM, Box::new(|_| true));

        let (store, camera) = (health.component("store"), health.component("camera.yard"));
        store.healthy("ok");
        camera.healthy("ok");
        camera.unhealthy("no route", "check the cable");
        store.degraded("slow", "replace the card");
        camera.remove();
        watch.look();
        watch.look();

        let told: Vec<_> = listener.next_batch().await.into_iter().map(|d| d.text).collect();
        let expected = [
            "store",
            "camera.yard",
            "camera.yard",
            "healthy to unhealthy",
            "store",
            "unhealthy to degraded",
        ];
        assert_eq!(told, expected);
    }
}
