//! One listener, as whoever serves it sees it: batches of texts, ready to send.
//! What waits for it is in `backlog`, what it asks for again in `resync`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::backlog::Backlog;
use super::resync::{Resynced, Since};
use super::{Cursor, Hub, LiveMessage};
use crate::rt::Clock;

/// Under load, messages of this span share one write. An idle subscriber gets
/// the first message at once.
const COALESCE: Duration = Duration::from_millis(20);

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
        self.backlog.set_filter(filter);
    }

    /// Queues a message for this subscriber alone, as if the hub had published it.
    pub fn push(&self, message: LiveMessage) {
        self.hub.push(&self.backlog, message);
    }

    /// The number given last, 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.backlog.last_seq()
    }

    /// The position in the stream up to which nothing waits any more.
    pub fn caught_up(&self) -> Option<Cursor> {
        self.hub.caught_up(&self.backlog)
    }

    /// Queues what this client has missed, through its present filter and under
    /// new numbers, and then the answer that `answer` makes of the outcome. False,
    /// and nothing happens, while an earlier replay is under way.
    pub fn resync(&self, since: Since, answer: impl FnOnce(&Resynced) -> Bytes) -> bool {
        self.hub.resync(&self.backlog, since, answer)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::{CameraNotice, Timestamp};
    use crate::health::Metrics;
    use crate::live::{BACKLOG_MAX_AGE, BACKLOG_MAX_BYTES, Form, Wire};

    const PAYLOAD: usize = 1000;

    fn encode(message: &LiveMessage) -> Option<Wire> {
        match message {
            LiveMessage::Notice { .. } => Some(Wire::stamped(vec![b'x'; PAYLOAD], "")),
            _ => None,
        }
    }
    const FORM: Form = Form::new(0, encode, |_| String::new());

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
        fn count(_: &LiveMessage) -> Option<Wire> {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
            Some(Wire::plain("text"))
        }
        const COUNTING: Form = Form::new(1, count, |_| String::new());
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
