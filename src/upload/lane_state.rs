//! What is known of an outbox, lane by lane. Plain data: nothing here reads the disk
//! or waits.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use uuid::Uuid;

use super::budget::Spent;
use super::dead::DeadLetter;
use super::saved::{Saved, SavedLane};
use super::{Item, Lane};
use crate::domain::Timestamp;
use crate::store::Mark;

/// What is known of the outbox; see [`LaneState`].
#[derive(Default)]
pub(super) struct State {
    /// `None` until the store has told.
    pub journal: Option<Uuid>,
    /// Everything before is counted in its lane.
    pub counted: Mark,
    /// Segments up to this one were removed while they were needed.
    pub gone: u64,
    /// Items in segments that were removed before it was known how far the lanes are.
    pub gone_early: BTreeMap<(Lane, u64), u64>,
    pub lanes: BTreeMap<Lane, LaneState>,
    pub spent: Spent,
    pub last_success: Option<Timestamp>,
    pub dead: Vec<DeadLetter>,
}

/// One lane.
#[derive(Clone, Default)]
pub(super) struct LaneState {
    pub cursor: Mark,
    /// Items between the cursor and what is counted, those in hand included.
    pub waiting: u64,
    pub waiting_bytes: u64,
    /// Monotonic: since when something waits without a pause.
    pub since: Option<Duration>,
    /// Of the first that waits.
    pub oldest: Option<Timestamp>,
    pub sent: u64,
    pub shed: u64,
    /// The first that wait, gathered to be sent.
    pub in_hand: VecDeque<Item>,
    /// Most items of the next request: fewer after one was refused.
    pub next_items: usize,
}

/// What waits in a lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backlog {
    pub waiting: u64,
    pub waiting_bytes: u64,
    pub since: Option<Duration>,
    pub oldest: Option<Timestamp>,
    pub sent: u64,
    pub shed: u64,
}

impl State {
    /// Goes on where an earlier run was; from the beginning in another journal.
    pub fn restore(
        &mut self,
        journal: Uuid,
        saved: Saved,
        dead: Vec<DeadLetter>,
        lanes: &[Lane],
        next_items: usize,
    ) {
        let is_known = saved.journal == Some(journal.to_string());
        for lane in lanes {
            let kept = saved.lanes.get(lane).copied();
            let kept = kept.unwrap_or(SavedLane { cursor: Mark::START, sent: 0, shed: 0 });
            let cursor = if is_known { kept.cursor } else { Mark::START };
            let lost = self
                .gone_early
                .iter()
                .filter(|((of, segment), _)| of == lane && *segment >= cursor.segment());
            let shed = kept.shed + lost.map(|(_, count)| count).sum::<u64>();
            let fresh =
                LaneState { cursor, sent: kept.sent, shed, next_items, ..LaneState::default() };
            self.lanes.insert(*lane, fresh);
        }
        self.gone_early.clear();
        self.counted = self.lanes.values().map(|lane| lane.cursor).min().unwrap_or_default();
        (self.spent, self.last_success) = (saved.spent, saved.last_success);
        self.dead = if is_known { dead } else { Vec::new() };
        self.journal = Some(journal);
    }

    /// What is kept of it.
    pub fn to_save(&self) -> Saved {
        let lanes = self.lanes.iter().map(|(lane, it)| {
            let (cursor, sent, shed) = (it.cursor, it.sent, it.shed);
            (*lane, SavedLane { cursor, sent, shed })
        });
        Saved {
            journal: self.journal.map(|journal| journal.to_string()),
            lanes: lanes.collect(),
            spent: self.spent,
            last_success: self.last_success,
        }
    }

    /// One item is removed: 1 when it is lost with that, 0 when it is in hand or done
    /// with.
    pub fn lose(&mut self, lane: Lane, at: Mark, weight: u64) -> u64 {
        let counted = self.counted;
        if self.journal.is_none() {
            *self.gone_early.entry((lane, at.segment())).or_default() += 1;
            return 1;
        }
        let Some(lane) = self.lanes.get_mut(&lane) else { return 0 };
        let in_hand = lane.in_hand.back().map_or(lane.cursor, |item| item.behind);
        if at < in_hand.max(lane.cursor) {
            return 0;
        }
        lane.shed += 1;
        if at < counted {
            lane.waiting = lane.waiting.saturating_sub(1);
            lane.waiting_bytes = lane.waiting_bytes.saturating_sub(weight);
            if lane.waiting == 0 {
                lane.nothing_waits();
            }
        }
        1
    }

    /// A lane in which nothing waits needs nothing of what is counted.
    pub fn pass_what_nobody_needs(&mut self) {
        let counted = self.counted;
        for lane in self.lanes.values_mut().filter(|lane| lane.waiting == 0) {
            lane.cursor = lane.cursor.max(counted);
        }
    }
}

impl LaneState {
    pub fn add(&mut self, weight: u64, touched_at: Timestamp, now: Duration) {
        if self.waiting == 0 {
            (self.since, self.oldest) = (Some(now), Some(touched_at));
        }
        self.waiting += 1;
        self.waiting_bytes += weight;
    }

    /// The first `count` items in hand are done with.
    pub fn pass(&mut self, count: usize) {
        for item in self.in_hand.drain(..count.min(self.in_hand.len())) {
            self.cursor = item.behind;
            self.waiting = self.waiting.saturating_sub(1);
            self.waiting_bytes = self.waiting_bytes.saturating_sub(item.bytes);
        }
        self.oldest = self.in_hand.front().map(|item| item.touched_at).or(self.oldest);
        if self.waiting == 0 {
            self.nothing_waits();
        }
    }

    pub fn nothing_waits(&mut self) {
        (self.waiting, self.waiting_bytes, self.since, self.oldest) = (0, 0, None, None);
    }

    pub fn backlog(&self) -> Backlog {
        Backlog {
            waiting: self.waiting,
            waiting_bytes: self.waiting_bytes,
            since: self.since,
            oldest: self.oldest,
            sent: self.sent,
            shed: self.shed,
        }
    }
}
