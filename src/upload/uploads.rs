//! All ways upstream, as the rest of the box holds them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::courier::Courier;
use super::status::UpstreamStatus;
use super::{Transport, UploadSettings};
use crate::health::{Health, Metrics};
use crate::media::{Clips, Snapshots};
use crate::rt::{Clock, Stop, Tasks};
use crate::store::{Fed, Feed, Keeper, Mark, Reader, Writer};

/// All couriers. Cheap to clone; clones are the same couriers.
#[derive(Clone, Default)]
pub struct Uploads(Arc<Inner>);

#[derive(Default)]
struct Inner {
    /// What couriers are made with; `None` where nothing is ever uploaded.
    context: Option<UploadsContext>,
    couriers: Mutex<Vec<Running>>,
    /// One change at a time.
    changing: tokio::sync::Mutex<()>,
}

/// A courier at work.
#[derive(Clone)]
struct Running {
    courier: Arc<Courier>,
    /// Has it finish what it is sending and end.
    leave: Stop,
}

/// What the couriers work with.
#[derive(Clone)]
pub struct UploadsContext {
    /// Settings.
    pub settings: UploadSettings,
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
    /// Videos, where there are any.
    pub clips: Option<Clips>,
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

/// The ways to the upstreams, by name.
pub type Ways = Vec<(&'static str, Arc<dyn Transport>)>;

impl Uploads {
    /// Starts a courier for each way, on the current runtime.
    pub fn start(context: UploadsContext, ways: Ways) -> Self {
        let couriers = ways.into_iter().map(|(name, way)| {
            let courier = Arc::new(Courier::new(name, way, &context));
            Running { courier, leave: context.stop.child() }
        });
        let couriers: Vec<_> = couriers.collect();
        couriers.iter().for_each(|running| running.spawn(&context));
        let (couriers, changing) = (Mutex::new(couriers), tokio::sync::Mutex::default());
        Self(Arc::new(Inner { context: Some(context), couriers, changing }))
    }

    /// From now on the upstream `name` is served by these settings through `way`, or not
    /// at all. What is being sent is finished first; then it goes on where it was.
    pub async fn change(
        &self,
        name: &'static str,
        settings: UploadSettings,
        way: Option<Arc<dyn Transport>>,
    ) {
        let Some(context) = &self.0.context else { return };
        let _turn = self.0.changing.lock().await;
        let old = self.lock().iter().find(|running| running.courier.name == name).cloned();
        if let Some(old) = &old {
            old.leave.set();
            old.courier.gone.stopped().await;
        }
        let context = UploadsContext { settings, ..context.clone() };
        let new = way.map(|way| Running {
            courier: Arc::new(Courier::new(name, way, &context)),
            leave: context.stop.child(),
        });
        {
            // In one step for the store, which asks what is still needed.
            let mut couriers = self.lock();
            if let (Some(old), Some(new)) = (&old, &new) {
                new.courier.outbox.go_on_from(&old.courier.outbox);
            }
            couriers.retain(|running| running.courier.name != name);
            couriers.extend(new.clone());
            couriers.sort_by_key(|running| running.courier.name);
        }
        match (old, new) {
            (_, Some(new)) => new.spawn(&context),
            (Some(old), None) => old.courier.retire(),
            (None, None) => {}
        }
    }

    /// Tells the store which part of the journal is still needed.
    pub fn keeper(&self) -> Arc<dyn Keeper> {
        Arc::new(self.clone())
    }

    /// How each of them is.
    pub fn status(&self) -> Vec<UpstreamStatus> {
        self.couriers().iter().map(|courier| courier.status()).collect()
    }

    /// Has the dead letters of an upstream tried again, all or one; how many. `None`
    /// when there is no such upstream.
    pub fn retry(&self, upstream: &str, key: Option<&str>) -> Option<usize> {
        let courier = self.couriers().into_iter().find(|courier| courier.name == upstream)?;
        let wanted = courier.outbox.want(key);
        courier.wake.notify_one();
        Some(wanted)
    }

    /// Something about the box has changed that is not in the journal: those upstream who
    /// watch it are told soon.
    pub fn look_again(&self) {
        self.couriers().iter().for_each(|courier| courier.look_again());
    }

    fn couriers(&self) -> Vec<Arc<Courier>> {
        self.lock().iter().map(|running| Arc::clone(&running.courier)).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Running>> {
        self.0.couriers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    fn spawn(&self, context: &UploadsContext) {
        let task = format!("upload-{}", self.courier.name);
        let (courier, leave) = (Arc::clone(&self.courier), self.leave.clone());
        let tasks = context.tasks.until(leave.clone());
        tasks.spawn(task, courier.run(context.stop.clone(), leave));
    }
}

impl Keeper for Uploads {
    fn needs_from(&self) -> Option<Mark> {
        self.couriers().iter().filter_map(|courier| courier.outbox.needs_from()).min()
    }

    fn lose(&self, records: &[Fed]) {
        // Not only a copy of the list: a courier that takes over must not miss it.
        self.lock().iter().for_each(|running| running.courier.outbox.lose(records));
    }
}
