//! A client asks again for what it has missed.
//!
//! It says how far it has come, and gets what followed and does not wait for it
//! anyway, through its present filter and under new numbers. From before this
//! subscription, also what it has been sent since is left out; from within it,
//! the client knows better what it has, and gets all.

use std::sync::Arc;

use bytes::Bytes;

use super::backlog::{Replayed, State};
use super::history::History;
use super::wire::Envelope;
use super::{Cursor, Form};

/// How far a client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// To this position; absent for one that no run of this version has given.
    Cursor(Option<Cursor>),
    /// To this number on this subscription; 0 for its beginning.
    Number(u64),
}

impl Since {
    /// The position after which messages may be wanted.
    pub(super) fn position(self) -> u64 {
        match self {
            Self::Cursor(Some(cursor)) => cursor.position(),
            Self::Cursor(None) | Self::Number(_) => 0,
        }
    }
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resynced {
    /// Messages replayed.
    pub replayed: usize,
    /// The number given last.
    pub last_seq: u64,
    /// Whether messages may be missing before the first one replayed.
    pub is_too_old: bool,
    /// The oldest position that is still kept.
    pub oldest: Option<Cursor>,
}

impl State {
    /// Queues what was missed, then the answer; false while a replay waits.
    pub(super) fn resync(
        &mut self,
        history: &History,
        since: Since,
        form: &Form,
        answer: impl FnOnce(&Resynced) -> Bytes,
    ) -> bool {
        if !self.replay.is_empty() {
            return false;
        }
        let (missed, is_whole) = match since {
            Since::Cursor(cursor) => match cursor.filter(|&cursor| history.knows(cursor)) {
                Some(cursor) => self.missed_since(history, cursor.position()),
                // Of an earlier run: all there is came later.
                None => (self.missed_since(history, 0).0, false),
            },
            Since::Number(seq) => self.numbered_after(history, seq),
        };
        let is_known = |envelope: &&Arc<Envelope>| envelope.wire(form).is_some();
        for envelope in missed.iter().filter(is_known) {
            let seq = self.numbers.next(Some(envelope.cursor.position()));
            self.replay.push_back(Replayed::Message(seq, Arc::clone(envelope)));
        }
        let (replayed, last_seq) = (self.replay.len(), self.numbers.last());
        let is_too_old = !is_whole;
        let answer = answer(&Resynced { replayed, last_seq, is_too_old, oldest: history.oldest() });
        self.replay.push_back(Replayed::Answer(last_seq, answer));
        true
    }

    /// What followed `position`, and whether all of it is still there.
    fn missed_since(&self, history: &History, position: u64) -> (Vec<Arc<Envelope>>, bool) {
        let is_earlier = position <= self.numbers.joined();
        let sent = if is_earlier { self.numbers.positions_sent() } else { Default::default() };
        let is_sent = |position| {
            sent.contains(&position) || is_earlier && self.numbers.may_be_forgotten(position)
        };
        let missed = self.wanted(history, position, |position| !is_sent(position));
        (missed, history.is_whole_after(position))
    }

    /// What was numbered after `seq`, and whether all of it is still there.
    fn numbered_after(&self, history: &History, seq: u64) -> (Vec<Arc<Envelope>>, bool) {
        if seq > self.numbers.last() {
            return (Vec::new(), false);
        }
        let positions = self.numbers.positions_after(seq);
        let first = positions.first().map_or(u64::MAX, |&first| first - 1);
        let missed = self.wanted(history, first, |position| positions.contains(&position));
        let is_kept = positions.is_empty() || history.is_whole_after(first);
        (missed, self.numbers.is_known_after(seq) && is_kept)
    }

    /// What the filter lets through after `position`, is `also` wanted, and does
    /// not wait anyway.
    fn wanted(
        &self,
        history: &History,
        position: u64,
        also: impl Fn(u64) -> bool,
    ) -> Vec<Arc<Envelope>> {
        let waits: std::collections::BTreeSet<_> =
            self.waiting.iter().filter_map(|entry| entry.position()).collect();
        let is_wanted = |envelope: &&Arc<Envelope>| {
            let position = envelope.cursor.position();
            !waits.contains(&position) && also(position) && (self.filter)(&envelope.message)
        };
        history.after(position).filter(is_wanted).cloned().collect()
    }
}
