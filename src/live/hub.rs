//! The hub: every message to every subscriber, in one order for all.
//!
//! Publishing costs a lock and, per subscriber, one filter call and one push;
//! it never waits for a subscriber and runs on the thread that publishes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::subscriber::{Backlog, Subscriber};
use super::wire::Envelope;
use super::{Filter, Form, LiveMessage};
use crate::health::{Counter, Gauge, Metrics};
use crate::rt::Clock;

/// Fans messages out. Cheap to clone; clones are the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    clock: Clock,
    metrics: Metrics,
    channels: Mutex<BTreeMap<&'static str, Channel>>,
}

/// The subscribers of one kind, which share a name in the metrics.
struct Channel {
    backlogs: Vec<Arc<Backlog>>,
    subscribers: Gauge,
    dropped: Counter,
}

impl Hub {
    /// A hub nobody listens to yet.
    pub fn new(clock: Clock, metrics: Metrics) -> Self {
        Self(Arc::new(Inner { clock, metrics, channels: Mutex::default() }))
    }

    /// Offers `message` to everyone who listens. Never blocks.
    pub fn publish(&self, message: LiveMessage) {
        let envelope = Arc::new(Envelope::new(message, self.0.clock.monotonic()));
        // One lock over all pushes: every subscriber sees the same order.
        for channel in self.0.lock().values() {
            let dropped: u64 =
                channel.backlogs.iter().map(|backlog| backlog.offer(&envelope)).sum();
            channel.dropped.add(dropped);
        }
    }

    /// Listens from now on to the messages that `filter` lets through and that
    /// `form` knows. `channel` is a fixed word for the metrics.
    pub fn subscribe(&self, channel: &'static str, form: Form, filter: Filter) -> Subscriber {
        let backlog = Arc::new(Backlog::new(form, filter));
        let mut channels = self.0.lock();
        let entry = channels.entry(channel).or_insert_with(|| self.0.channel(channel));
        entry.backlogs.push(Arc::clone(&backlog));
        entry.count();
        Subscriber::new(self.clone(), channel, backlog, self.0.clock.clone())
    }

    /// How many listen on `channel`.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.0.lock().get(channel).map_or(0, |channel| channel.backlogs.len())
    }

    pub(super) fn leave(&self, channel: &str, backlog: &Arc<Backlog>) {
        if let Some(entry) = self.0.lock().get_mut(channel) {
            entry.backlogs.retain(|known| !Arc::ptr_eq(known, backlog));
            entry.count();
        }
    }
}

impl Inner {
    fn channel(&self, name: &'static str) -> Channel {
        let labels = [("channel", name)];
        Channel {
            backlogs: Vec::new(),
            subscribers: self.metrics.gauge(
                "watchpost_live_subscribers",
                "Clients that listen to live messages.",
                &labels,
            ),
            dropped: self.metrics.counter(
                "watchpost_live_dropped_total",
                "Live messages dropped because a client was too slow.",
                &labels,
            ),
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Channel>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn count(&self) {
        self.subscribers.set(self.backlogs.len() as f64);
    }
}
