//! One listener: a bounded backlog and the numbers of its messages.
//!
//! Holds at most [`BACKLOG_MAX_BYTES`] and nothing older than
//! [`BACKLOG_MAX_AGE`]; when full, the oldest message goes and is counted.
//! Messages are numbered when they are queued, after filtering and before any
//! drop, so that a drop shows as a gap and a filter does not.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::wire::Envelope;
use super::{Form, Hub, LiveMessage};
use crate::rt::Clock;

/// Bytes waiting for one subscriber. A bound in messages would cut off everyone
/// at one scheduling stall: 64 messages are a third of a second under load.
pub const BACKLOG_MAX_BYTES: usize = 256 << 10;

/// Older messages go when a newer one comes: live means now.
pub const BACKLOG_MAX_AGE: Duration = Duration::from_secs(5);

/// Under load, messages of this span share one write. An idle subscriber gets
/// the first message at once.
const COALESCE: Duration = Duration::from_millis(20);

/// Bytes handed over in one batch: what fits a socket's send buffer.
const BATCH_MAX_BYTES: usize = 32 << 10;

/// Which messages a subscriber wants.
pub type Filter = Box<dyn Fn(&LiveMessage) -> bool + Send>;

/// One message for one subscriber.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number on this subscription, from 1.
    pub seq: u64,
    /// The message, ready to send.
    pub text: Bytes,
}

/// A listener. Dropping it ends the subscription.
pub struct Subscriber {
    hub: Hub,
    channel: &'static str,
    backlog: Arc<Backlog>,
    clock: Clock,
    last_batch: Option<Duration>,
}

impl Subscriber {
    pub(super) fn new(
        hub: Hub,
        channel: &'static str,
        backlog: Arc<Backlog>,
        clock: Clock,
    ) -> Self {
        Self { hub, channel, backlog, clock, last_batch: None }
    }

    /// Waits for messages and hands over all that fit one write, oldest first,
    /// never none. Giving up the wait loses nothing.
    pub async fn next_batch(&mut self) -> Vec<Delivery> {
        loop {
            self.backlog.wait().await;
            if let Some(rest) = self.rest_of_window() {
                tokio::time::sleep(rest).await;
            }
            let (batch, is_all) = self.backlog.take();
            if !batch.is_empty() {
                // Who is behind catches up without pauses.
                self.last_batch = is_all.then(|| self.clock.monotonic());
                return batch;
            }
        }
    }

    /// Wants other messages from now on. Those already waiting stay.
    pub fn set_filter(&self, filter: Filter) {
        self.backlog.lock().filter = filter;
    }

    /// Queues a message for this subscriber alone, as if the hub had published it.
    pub fn push(&self, message: LiveMessage) {
        self.backlog.offer(&Arc::new(Envelope::new(message, self.clock.monotonic())));
    }

    /// The number given last, 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.backlog.lock().last_seq
    }

    fn rest_of_window(&self) -> Option<Duration> {
        let age = self.clock.monotonic().saturating_sub(self.last_batch?);
        COALESCE.checked_sub(age).filter(|rest| !rest.is_zero())
    }
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        self.hub.leave(self.channel, &self.backlog);
    }
}

/// What waits for one subscriber.
pub(super) struct Backlog {
    form: Form,
    state: Mutex<State>,
    arrived: Notify,
}

struct State {
    filter: Filter,
    last_seq: u64,
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

struct Waiting {
    seq: u64,
    len: usize,
    envelope: Arc<Envelope>,
}

impl Backlog {
    pub(super) fn new(form: Form, filter: Filter) -> Self {
        let state = State { filter, last_seq: 0, waiting: VecDeque::new(), bytes: 0 };
        Self { form, state: Mutex::new(state), arrived: Notify::new() }
    }

    /// Queues the message if it is wanted; returns how many had to go for it.
    pub(super) fn offer(&self, envelope: &Arc<Envelope>) -> u64 {
        let mut state = self.lock();
        if !(state.filter)(&envelope.message) {
            return 0;
        }
        let Some(wire) = envelope.wire(&self.form) else { return 0 };
        state.last_seq += 1;
        let entry =
            Waiting { seq: state.last_seq, len: wire.len(), envelope: Arc::clone(envelope) };
        state.bytes += entry.len;
        state.waiting.push_back(entry);
        let dropped = state.trim(envelope.published);
        drop(state);
        self.arrived.notify_one();
        dropped
    }

    async fn wait(&self) {
        loop {
            let arrived = self.arrived.notified();
            if !self.lock().waiting.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// What fits one write, and whether that was all.
    fn take(&self) -> (Vec<Delivery>, bool) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut state = self.lock();
        while bytes < BATCH_MAX_BYTES {
            let Some(entry) = state.pop() else { break };
            let Some(wire) = entry.envelope.wire(&self.form) else { continue };
            bytes += entry.len;
            batch.push(Delivery { seq: entry.seq, text: wire.with_number(entry.seq) });
        }
        (batch, state.waiting.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Removes the oldest until both bounds hold; the newest always stays.
    fn trim(&mut self, now: Duration) -> u64 {
        let mut dropped = 0;
        while self.waiting.len() > 1 && (self.bytes > BACKLOG_MAX_BYTES || self.is_stale(now)) {
            self.pop();
            dropped += 1;
        }
        dropped
    }

    fn is_stale(&self, now: Duration) -> bool {
        let oldest = self.waiting.front().map(|entry| entry.envelope.published);
        oldest.is_some_and(|published| now.saturating_sub(published) > BACKLOG_MAX_AGE)
    }

    fn pop(&mut self) -> Option<Waiting> {
        let entry = self.waiting.pop_front()?;
        self.bytes -= entry.len;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::{CameraNotice, Timestamp};
    use crate::health::Metrics;
    use crate::live::Wire;

    const PAYLOAD: usize = 1000;

    fn encode(message: &LiveMessage) -> Option<Wire> {
        match message {
            LiveMessage::Notice { .. } => Some(Wire::numbered(vec![b'x'; PAYLOAD], "")),
            _ => None,
        }
    }
    const FORM: Form = Form::new(0, encode);

    fn notice(camera: &str) -> LiveMessage {
        let camera = camera.parse().unwrap();
        LiveMessage::Notice { camera, notice: CameraNotice::Connected { model: "m".into() } }
    }

    fn hub() -> (Clock, Metrics, Hub) {
        let clock = Clock::manual(Timestamp::default());
        let metrics = Metrics::default();
        (clock.clone(), metrics.clone(), Hub::new(clock, metrics))
    }

    fn everything() -> Filter {
        Box::new(|_| true)
    }

    fn only(camera: &'static str) -> Filter {
        Box::new(
            move |message| matches!(message, LiveMessage::Notice { camera: id, .. } if id.as_str() == camera),
        )
    }

    fn seqs(batch: &[Delivery]) -> Vec<u64> {
        batch.iter().map(|delivery| delivery.seq).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_filter_leaves_no_gap() {
        let (_, _, hub) = hub();
        let mut yard = hub.subscribe("events", FORM, only("yard"));
        ["yard", "gate", "gate", "yard"].iter().for_each(|camera| hub.publish(notice(camera)));
        assert_eq!(seqs(&yard.next_batch().await), [1, 2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_drops_the_oldest_shows_a_gap_and_stays_within_the_bytes() {
        let (_, metrics, hub) = hub();
        let mut slow = hub.subscribe("events", FORM, everything());
        (0..1000).for_each(|_| hub.publish(notice("yard")));

        let mut seen = Vec::new();
        while seen.last() != Some(&1000) {
            seen.extend(seqs(&slow.next_batch().await));
        }

        assert!(seen[0] > 1, "the oldest are gone");
        assert!(seen.len() * PAYLOAD <= BACKLOG_MAX_BYTES);
        assert!(seen.windows(2).all(|pair| pair[1] == pair[0] + 1), "only the oldest are gone");
        let dropped = metrics.counter("watchpost_live_dropped_total", "", &[("channel", "events")]);
        assert_eq!(dropped.value() as usize, 1000 - seen.len());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_older_than_five_seconds_goes_when_something_newer_comes() {
        let (clock, _, hub) = hub();
        let mut slow = hub.subscribe("events", FORM, everything());
        hub.publish(notice("yard"));
        clock.advance(BACKLOG_MAX_AGE + Duration::from_millis(1));
        hub.publish(notice("yard"));
        assert_eq!(seqs(&slow.next_batch().await), [2]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_is_written_once_however_many_listen() {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        const COUNTING: Form = Form::new(1, |_| {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
            Some(Wire::plain("text"))
        });
        let (_, _, hub) = hub();
        let mut listeners: Vec<_> =
            (0..50).map(|_| hub.subscribe("events", COUNTING, everything())).collect();
        hub.publish(notice("yard"));
        for listener in &mut listeners {
            assert_eq!(listener.next_batch().await.len(), 1);
        }
        assert_eq!(WRITTEN.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_leaves_is_no_longer_counted() {
        let (_, metrics, hub) = hub();
        let gauge = metrics.gauge("watchpost_live_subscribers", "", &[("channel", "events")]);
        let listener = hub.subscribe("events", FORM, everything());
        assert_eq!((gauge.value(), hub.subscribers("events")), (1.0, 1));
        drop(listener);
        assert_eq!((gauge.value(), hub.subscribers("events")), (0.0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn giving_up_the_wait_loses_nothing() {
        let (_, _, hub) = hub();
        let mut listener = hub.subscribe("events", FORM, everything());
        hub.publish(notice("yard"));
        assert_eq!(seqs(&listener.next_batch().await), [1]);
        hub.publish(notice("yard"));
        let gave_up = tokio::time::timeout(Duration::from_millis(1), listener.next_batch()).await;
        assert!(gave_up.is_err(), "the window under load had not passed");
        assert_eq!(seqs(&listener.next_batch().await), [2]);
    }
}
