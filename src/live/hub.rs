//! The hub: every message to every subscriber, in one order for all.
//!
//! Publishing costs a lock and, per subscriber, one filter call and one push;
//! it never waits for a subscriber and runs on the thread that publishes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;

use super::backlog::Backlog;
use super::history::History;
use super::resync::{Resynced, Since};
use super::subscriber::Subscriber;
use super::wire::Envelope;
use super::{Cursor, Filter, Form, HistoryBounds, LiveMessage};
use crate::health::{Counter, Gauge, Metrics};
use crate::rt::Clock;

/// Fans messages out. Cheap to clone; clones are the same hub.
#[derive(Clone)]
pub struct Hub(Arc<Inner>);

struct Inner {
    clock: Clock,
    metrics: Metrics,
    stream: Mutex<Stream>,
    listeners: RwLock<Vec<Listener>>,
}

/// Somebody in this process who hears every message.
type Listener = Box<dyn Fn(&LiveMessage) + Send + Sync>;

/// The messages and who listens to them. One lock over both, so that every
/// subscriber sees the same order and a replay ends exactly where live begins.
struct Stream {
    channels: BTreeMap<&'static str, Channel>,
    history: History,
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
        let stream = Stream { channels: BTreeMap::new(), history: History::new() };
        let listeners = RwLock::default();
        Self(Arc::new(Inner { clock, metrics, stream: Mutex::new(stream), listeners }))
    }

    /// Keeps so much for clients that come back.
    pub fn set_history(&self, bounds: HistoryBounds) {
        self.0.lock().history.set_bounds(bounds);
    }

    /// Offers `message` to everyone who listens. Never blocks.
    pub fn publish(&self, message: LiveMessage) {
        let listeners = self.0.listeners.read().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(&message));
        drop(listeners);
        let mut stream = self.0.lock();
        let envelope = stream.history.add(message, self.0.clock.monotonic());
        for channel in stream.channels.values() {
            let dropped: u64 =
                channel.backlogs.iter().map(|backlog| backlog.offer(&envelope)).sum();
            channel.dropped.add(dropped);
        }
    }

    /// Calls `listener` with every message from now on, except those in passing, on
    /// the thread that publishes; it must not block and must not publish itself.
    pub fn on_message(&self, listener: impl Fn(&LiveMessage) + Send + Sync + 'static) {
        let mut listeners = self.0.listeners.write().unwrap_or_else(PoisonError::into_inner);
        listeners.push(Box::new(listener));
    }

    /// Offers `message` to everyone who listens now, and keeps it for nobody who comes
    /// back: of what comes by the thousand, the history would hold nothing else.
    /// Never blocks.
    pub fn publish_in_passing(&self, message: LiveMessage) {
        let stream = self.0.lock();
        let now = self.0.clock.monotonic();
        let envelope = Arc::new(Envelope::new(message, now, stream.history.newest()));
        for channel in stream.channels.values() {
            let dropped: u64 =
                channel.backlogs.iter().map(|backlog| backlog.offer_alone(&envelope)).sum();
            channel.dropped.add(dropped);
        }
    }

    /// Listens from now on to the messages that `filter` lets through and that
    /// `form` knows. `channel` is a fixed word for the metrics.
    pub fn subscribe(&self, channel: &'static str, form: Form, filter: Filter) -> Subscriber {
        let mut stream = self.0.lock();
        let joined = stream.history.newest().position();
        let backlog = Arc::new(Backlog::new(form, filter, joined));
        let entry = stream.channels.entry(channel).or_insert_with(|| self.0.channel(channel));
        entry.backlogs.push(Arc::clone(&backlog));
        entry.count();
        Subscriber::new(self.clone(), channel, backlog, self.0.clock.clone())
    }

    /// How many listen on `channel`.
    pub fn subscribers(&self, channel: &str) -> usize {
        self.0.lock().channels.get(channel).map_or(0, |channel| channel.backlogs.len())
    }

    pub(super) fn leave(&self, channel: &str, backlog: &Arc<Backlog>) {
        if let Some(entry) = self.0.lock().channels.get_mut(channel) {
            entry.backlogs.retain(|known| !Arc::ptr_eq(known, backlog));
            entry.count();
        }
    }

    /// Queues a message for one subscriber alone.
    pub(super) fn push(&self, backlog: &Backlog, message: LiveMessage) {
        let stream = self.0.lock();
        let now = self.0.clock.monotonic();
        backlog.offer_alone(&Arc::new(Envelope::new(message, now, stream.history.newest())));
    }

    /// The newest position, if `backlog` has handed over all up to it.
    pub(super) fn caught_up(&self, backlog: &Backlog) -> Option<Cursor> {
        let stream = self.0.lock();
        backlog.is_empty().then(|| stream.history.newest())
    }

    /// Queues for one subscriber what it has missed, then `answer`; false while an
    /// earlier replay is under way.
    pub(super) fn resync(
        &self,
        backlog: &Backlog,
        since: Since,
        answer: impl FnOnce(&Resynced) -> Bytes,
    ) -> bool {
        // Written outside the lock, for whoever publishes must not wait for it.
        let kept: Vec<_> = self.0.lock().history.after(since.position()).cloned().collect();
        backlog.write_ahead(&kept);
        let mut stream = self.0.lock();
        stream.history.trim(self.0.clock.monotonic());
        backlog.resync(&stream.history, since, answer)
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

    fn lock(&self) -> MutexGuard<'_, Stream> {
        self.stream.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Channel {
    fn count(&self) {
        self.subscribers.set(self.backlogs.len() as f64);
    }
}
