//! All ways upstream, as the rest of the box holds them.

use std::sync::Arc;

use super::courier::Courier;
use super::status::UpstreamStatus;
use super::{Transport, UploadSettings};
use crate::health::{Health, Metrics};
use crate::media::Snapshots;
use crate::rt::{Clock, Stop, Tasks};
use crate::store::{Feed, Keeper, Reader, Writer};

/// All couriers. Cheap to clone; clones are the same couriers.
#[derive(Clone, Default)]
pub struct Uploads(Arc<Vec<Arc<Courier>>>);

/// What the couriers work with.
pub struct UploadsContext {
    /// Settings.
    pub settings: UploadSettings,
    /// The ways to the upstreams, by name.
    pub transports: Vec<(&'static str, Arc<dyn Transport>)>,
    /// Names this box to the upstreams.
    pub device: Arc<str>,
    /// The journal.
    pub feed: Arc<dyn Feed>,
    /// Finds how far the couriers were.
    pub reader: Arc<dyn Reader>,
    /// Keeps how far the couriers are.
    pub writer: Arc<dyn Writer>,
    /// Pictures.
    pub snapshots: Snapshots,
    /// The clock.
    pub clock: Clock,
    /// Gets a component `upload.<name>` for each.
    pub health: Health,
    /// Gets the figures.
    pub metrics: Metrics,
    /// Where the couriers run.
    pub tasks: Tasks,
    /// Ends them.
    pub stop: Stop,
}

impl Uploads {
    /// Starts a courier for each transport, on the current runtime.
    pub fn start(context: UploadsContext) -> Self {
        let couriers = context
            .transports
            .iter()
            .map(|(name, transport)| Arc::new(Courier::new(name, Arc::clone(transport), &context)));
        let couriers: Vec<_> = couriers.collect();
        for courier in &couriers {
            let task = format!("upload-{}", courier.name);
            context.tasks.spawn(task, Arc::clone(courier).run(context.stop.clone()));
        }
        Self(Arc::new(couriers))
    }

    /// Those who still need part of the journal.
    pub fn keepers(&self) -> Vec<Arc<dyn Keeper>> {
        let keeper =
            |courier: &Arc<Courier>| -> Arc<dyn Keeper> { Arc::clone(&courier.outbox) as _ };
        self.0.iter().map(keeper).collect()
    }

    /// How each of them is.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        self.0.iter().map(|courier| courier.status()).collect()
    }

    /// Has the dead letters of an upstream tried again, all or one; how many. `None`
    /// when there is no such upstream.
    pub fn retry(&self, upstream: &str, key: Option<&str>) -> Option<usize> {
        let courier = self.0.iter().find(|courier| courier.name == upstream)?;
        let wanted = courier.outbox.want(key);
        courier.wake.notify_one();
        Some(wanted)
    }
}
