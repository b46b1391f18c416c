//! What waits for one subscriber, and the numbers it was given.
//!
//! Holds at most [`BACKLOG_MAX_BYTES`] and nothing older than
//! [`BACKLOG_MAX_AGE`]; when full, the oldest message goes and is counted.
//! Messages are numbered when they are queued, after filtering and before any
//! drop, so that a drop shows as a gap and a filter does not. One replay at a
//! time waits beside them; it is exempt from both bounds, because the history it
//! shares has its own.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Notify;

use super::history::History;
use super::numbers::Numbers;
use super::resync::{Resynced, Since};
use super::wire::Envelope;
use super::{Delivery, Filter, Form, Stamp};

/// Bytes waiting for one subscriber. A bound in messages would cut off everyone
/// at one scheduling stall: 64 messages are a third of a second under load.
pub const BACKLOG_MAX_BYTES: usize = 256 << 10;

/// Older messages go when a newer one comes: live means now.
pub const BACKLOG_MAX_AGE: Duration = Duration::from_secs(5);

/// Bytes handed over in one batch: what fits a socket's send buffer.
const BATCH_MAX_BYTES: usize = 32 << 10;

/// What waits for one subscriber.
pub(super) struct Backlog {
    form: Form,
    state: Mutex<State>,
    arrived: Notify,
}

pub(super) struct State {
    pub(super) filter: Filter,
    pub(super) numbers: Numbers,
    pub(super) waiting: VecDeque<Waiting>,
    bytes: usize,
    /// What is replayed, and the answer that ends it.
    pub(super) replay: VecDeque<Replayed>,
}

/// A live message.
pub(super) struct Waiting {
    seq: u64,
    len: usize,
    envelope: Arc<Envelope>,
    /// Only this subscriber gets it.
    is_alone: bool,
}

/// A part of a replay.
pub(super) enum Replayed {
    Message(u64, Arc<Envelope>),
    /// The answer goes after all messages up to this number.
    Answer(u64, Bytes),
}

impl Backlog {
    /// An empty backlog of a subscriber that joins at this position.
    pub(super) fn new(form: Form, filter: Filter, joined: u64) -> Self {
        let state = State {
            filter,
            numbers: Numbers::new(joined, form.is_stamped),
            waiting: VecDeque::new(),
            bytes: 0,
            replay: VecDeque::new(),
        };
        Self { form, state: Mutex::new(state), arrived: Notify::new() }
    }

    /// Queues the message if it is wanted; returns how many had to go for it.
    pub(super) fn offer(&self, envelope: &Arc<Envelope>) -> u64 {
        self.queue(envelope, false)
    }

    /// Queues a message that only this subscriber gets.
    pub(super) fn offer_alone(&self, envelope: &Arc<Envelope>) -> u64 {
        self.queue(envelope, true)
    }

    fn queue(&self, envelope: &Arc<Envelope>, is_alone: bool) -> u64 {
        let mut state = self.lock();
        if !(state.filter)(&envelope.message) {
            return 0;
        }
        let Some(wire) = envelope.wire(&self.form) else { return 0 };
        let position = (!is_alone).then(|| envelope.cursor.position());
        let seq = state.numbers.next(position);
        let entry = Waiting { seq, len: wire.len(), envelope: Arc::clone(envelope), is_alone };
        state.bytes += entry.len;
        state.waiting.push_back(entry);
        let dropped = state.trim(envelope.published);
        drop(state);
        self.arrived.notify_one();
        dropped
    }

    /// Writes what the subscriber wants of `envelopes`, for nobody yet.
    pub(super) fn write_ahead(&self, envelopes: &[Arc<Envelope>]) {
        for envelope in envelopes {
            let is_wanted = (self.lock().filter)(&envelope.message);
            if is_wanted {
                envelope.wire(&self.form);
            }
        }
    }

    /// Queues what was missed, then the answer; false while a replay waits.
    pub(super) fn resync(
        &self,
        history: &History,
        since: Since,
        answer: impl FnOnce(&Resynced) -> Bytes,
    ) -> bool {
        let is_started = self.lock().resync(history, since, &self.form, answer);
        self.arrived.notify_one();
        is_started
    }

    pub(super) fn set_filter(&self, filter: Filter) {
        self.lock().filter = filter;
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.lock().numbers.last()
    }

    pub(super) fn is_empty(&self) -> bool {
        let state = self.lock();
        state.waiting.is_empty() && state.replay.is_empty()
    }

    pub(super) async fn wait(&self) {
        loop {
            let arrived = self.arrived.notified();
            if !self.is_empty() {
                return;
            }
            arrived.await;
        }
    }

    /// What fits one write, and whether that was all.
    pub(super) fn take(&self) -> (Vec<Delivery>, bool) {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let mut state = self.lock();
        while bytes < BATCH_MAX_BYTES {
            let Some(delivery) = state.next(&self.form) else { break };
            bytes += delivery.text.len();
            batch.push(delivery);
        }
        (batch, state.waiting.is_empty() && state.replay.is_empty())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The next in the order of their numbers.
    fn next(&mut self, form: &Form) -> Option<Delivery> {
        let live = self.waiting.front().map(|entry| entry.seq);
        let is_replay =
            self.replay.front().is_some_and(|part| live.is_none_or(|live| part.seq() < live));
        if is_replay {
            return self.replay.pop_front().map(|part| part.delivery(form));
        }
        let entry = self.pop()?;
        Some(delivery(form, entry.seq, &entry.envelope, false))
    }

    /// Removes the oldest until both bounds hold; the newest always stays.
    fn trim(&mut self, now: Duration) -> u64 {
        let mut dropped = 0;
        while self.waiting.len() > 1 && (self.bytes > BACKLOG_MAX_BYTES || self.is_stale(now)) {
            if let Some(entry) = self.pop() {
                self.numbers.set_dropped(entry.seq);
            }
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

impl Waiting {
    /// Its place in the stream, if everybody got it.
    pub(super) fn position(&self) -> Option<u64> {
        (!self.is_alone).then(|| self.envelope.cursor.position())
    }
}

impl Replayed {
    fn seq(&self) -> u64 {
        match self {
            Self::Message(seq, _) | Self::Answer(seq, _) => *seq,
        }
    }

    fn delivery(self, form: &Form) -> Delivery {
        match self {
            Self::Message(seq, envelope) => delivery(form, seq, &envelope, true),
            Self::Answer(seq, text) => Delivery { seq, text },
        }
    }
}

fn delivery(form: &Form, seq: u64, envelope: &Envelope, is_replay: bool) -> Delivery {
    let stamp = Stamp { seq, cursor: envelope.cursor, is_replay };
    let wire = envelope.wire(form).expect("only messages that the form knows are queued");
    Delivery { seq, text: wire.stamp(form, &stamp) }
}
