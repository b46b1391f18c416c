//! The outbox of one upstream: what waits in which lane, and how far it is.
//!
//! Nothing is copied: a lane is a cursor over the journal, a count of what lies
//! between the cursor and the end, and in memory the items of one request at most
//! ([`super::UploadSettings::batch_items`], `batch_bytes`; one picture). The lock is
//! never held while the disk is read, because the store's writer asks for it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::warn;
use uuid::Uuid;

use super::budget::Spent;
use super::dead::{DEAD_MAX, DeadLetter};
use super::gather::Selection;
use super::lane_state::{Backlog, LaneState, State};
use super::saved::Shelf;
use super::{Item, Lane};
use crate::domain::Timestamp;
use crate::rt::Clock;
use crate::store::{Fed, Feed, Keeper, Mark, Step, StoreError};

/// Items that may be gathered at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub items: usize,
    pub bytes: u64,
}

/// See the module.
pub(super) struct Outbox {
    feed: Arc<dyn Feed>,
    shelf: Shelf,
    clock: Clock,
    selection: Selection,
    limits: Limits,
    state: Mutex<State>,
}

impl Outbox {
    pub fn new(
        feed: Arc<dyn Feed>,
        shelf: Shelf,
        clock: Clock,
        selection: Selection,
        limits: Limits,
    ) -> Self {
        Self { feed, shelf, clock, selection, limits, state: Mutex::default() }
    }

    /// Makes sure that the state is that of the open journal. False while the store
    /// cannot tell. May read the disk.
    pub fn settle(&self) -> bool {
        let Some(journal) = self.feed.journal() else { return false };
        let known = self.lock().journal;
        match known {
            Some(known) if known == journal => true,
            Some(_) => {
                self.begin_anew(journal);
                true
            }
            None => match self.shelf.load() {
                Ok((saved, dead)) => {
                    self.lock().restore(
                        journal,
                        saved,
                        dead,
                        &self.selection.lanes,
                        self.limits.items,
                    );
                    true
                }
                Err(_) => false,
            },
        }
    }

    /// Takes over from the outbox of the same upstream that was there before.
    pub fn go_on_from(&self, old: &Self) {
        let old = old.lock();
        let Some(journal) = old.journal else { return };
        let (saved, dead) = (old.to_save(), old.dead.clone());
        let mut state = self.lock();
        state.restore(journal, saved, dead, &self.selection.lanes, self.limits.items);
        state.gone = old.gone;
    }

    /// The journal was taken away: what waited in it is lost.
    fn begin_anew(&self, journal: Uuid) {
        let mut state = self.lock();
        let mut lost = 0;
        for lane in state.lanes.values_mut() {
            lost += lane.waiting;
            *lane = LaneState {
                sent: lane.sent,
                shed: lane.shed + lane.waiting,
                next_items: self.limits.items,
                ..LaneState::default()
            };
        }
        let upstream = self.shelf.upstream;
        warn!(lost, upstream; "The journal was removed with items that were not yet uploaded.");
        state.dead.clear();
        (state.counted, state.gone, state.journal) = (Mark::START, 0, Some(journal));
        self.save(&state);
    }

    /// Counts some of what is new; true when there is no more. Reads the disk.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn count(&self) -> Result<bool, StoreError> {
        let from = self.lock().counted;
        let mut found = Vec::new();
        let next = self.feed.read_on(from, &mut |fed| {
            for lane in self.selection.lanes_of(&fed.record) {
                let weight = self.selection.weight(lane, &fed);
                found.push((lane, fed.at, weight, fed.record.touched_at()));
            }
            Step::On
        })?;
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if state.counted != from {
            return Ok(false);
        }
        let gone = state.gone;
        for (lane, at, weight, touched_at) in found {
            let Some(lane) = state.lanes.get_mut(&lane) else { continue };
            if at >= lane.cursor && at.segment() > gone {
                lane.add(weight, touched_at, now);
            }
        }
        state.counted = next;
        state.pass_what_nobody_needs();
        Ok(next == from)
    }

    /// What waits in a lane; nothing in one that is not used.
    pub fn backlog(&self, lane: Lane) -> Backlog {
        self.lock().lanes.get(&lane).map(LaneState::backlog).unwrap_or_default()
    }

    /// The items of the next request of a lane: at most `bytes` of them but for the
    /// first, and at most `items`. Reads the disk.
    ///
    /// # Errors
    /// When the disk fails, with the reason.
    pub fn next(&self, lane: Lane, items: usize, bytes: u64) -> Result<Vec<Item>, String> {
        if self.lock().lanes.get(&lane).is_some_and(|lane| lane.in_hand.is_empty()) {
            self.gather(lane)?;
        }
        let state = self.lock();
        let Some(lane) = state.lanes.get(&lane) else { return Ok(Vec::new()) };
        let mut sum = 0_u64;
        let fits = |item: &&Item| {
            sum = sum.saturating_add(item.bytes);
            sum <= bytes
        };
        let most = items.min(lane.next_items).max(1);
        let count = lane.in_hand.iter().take(most).take_while(fits).count().max(1);
        Ok(lane.in_hand.iter().take(count).cloned().collect())
    }

    /// Takes the first items of a lane in hand.
    fn gather(&self, lane: Lane) -> Result<(), String> {
        let (mut at, counted, waiting) = {
            let state = self.lock();
            let Some(lane) = state.lanes.get(&lane) else { return Ok(()) };
            (lane.cursor, state.counted, lane.waiting)
        };
        let limits = match lane {
            lane if lane.has_files() => Limits { items: 1, ..self.limits },
            _ => self.limits,
        };
        let most = limits.items.min(usize::try_from(waiting).unwrap_or(usize::MAX));
        let (mut items, mut bytes, mut missing, mut failure) = (VecDeque::new(), 0, 0, None);
        while at < counted && items.len() < most && bytes < limits.bytes && failure.is_none() {
            let before = at;
            let mut show = |fed: Fed| {
                if fed.at >= counted || !self.selection.lanes_of(&fed.record).any(|of| of == lane) {
                    return Step::On;
                }
                match self.selection.item(lane, &fed) {
                    Ok(Some(item)) => {
                        bytes += item.bytes;
                        items.push_back(item);
                    }
                    Ok(None) => missing += 1,
                    Err(reason) => failure = Some(reason),
                }
                let is_full = items.len() >= most || bytes >= limits.bytes || failure.is_some();
                if is_full { Step::Stop } else { Step::On }
            };
            at = self.feed.read_on(at, &mut show).map_err(|error| error.to_string())?;
            if at == before {
                break;
            }
        }
        if let (Some(reason), true) = (failure, items.is_empty()) {
            return Err(reason);
        }
        self.take_in_hand(lane, items, missing, at);
        Ok(())
    }

    fn take_in_hand(&self, lane: Lane, mut items: VecDeque<Item>, missing: u64, read_to: Mark) {
        let mut state = self.lock();
        let (gone, counted) = (state.gone, state.counted);
        items.retain(|item| item.at.segment() > gone);
        let Some(lane) = state.lanes.get_mut(&lane) else { return };
        lane.shed += missing;
        lane.waiting = lane.waiting.saturating_sub(missing);
        lane.oldest = items.front().map(|item| item.touched_at).or(lane.oldest);
        // What lies before the first item is no item of this lane.
        lane.cursor = items.front().map_or(read_to.min(counted), |item| item.at).max(lane.cursor);
        if items.is_empty() && lane.cursor >= counted {
            // What was counted could not be read again: damaged meanwhile.
            lane.shed += lane.waiting;
            lane.nothing_waits();
        }
        lane.in_hand = items;
        if missing > 0 {
            self.save(&state);
        }
    }

    /// The first `count` items of a lane are done with, and the upstream has confirmed
    /// `sent` of them; it took so many bytes.
    pub fn confirm(&self, lane: Lane, count: usize, sent: usize, bytes: u64) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.last_success = Some(now);
        state.spent.add(bytes, now);
        let most = self.limits.items;
        if let Some(lane) = state.lanes.get_mut(&lane) {
            lane.pass(count);
            lane.sent += sent as u64;
            lane.next_items = lane.next_items.saturating_mul(2).clamp(1, most);
        }
        state.pass_what_nobody_needs();
        self.save(&state);
    }

    /// So many bytes were spent on something that is not confirmed.
    pub fn spend(&self, bytes: u64) {
        let now = self.clock.now();
        self.lock().spent.add(bytes, now);
    }

    /// The first `count` items of a lane were refused together: next time half of
    /// them. A single one becomes a dead letter; false when there is no room for it.
    pub fn refuse(&self, lane: Lane, count: usize, reason: &str) -> bool {
        if count > 1 {
            if let Some(lane) = self.lock().lanes.get_mut(&lane) {
                lane.next_items = count / 2;
            }
            return true;
        }
        let first = self.lock().lanes.get(&lane).and_then(|lane| lane.in_hand.front().cloned());
        let Some(item) = first else { return true };
        if !self.bury(lane, &[(item, reason.to_owned())]) {
            return false;
        }
        let mut state = self.lock();
        if let Some(lane) = state.lanes.get_mut(&lane) {
            lane.pass(1);
        }
        state.pass_what_nobody_needs();
        self.save(&state);
        true
    }

    /// Keeps items as dead letters; false when there is no room for all of them.
    pub fn bury(&self, lane: Lane, items: &[(Item, String)]) -> bool {
        let now = self.clock.now();
        let mut state = self.lock();
        if state.dead.len() + items.len() > DEAD_MAX {
            return false;
        }
        for (item, reason) in items {
            let (upstream, key) = (self.shelf.upstream, item.key.as_str());
            warn!(upstream, key, reason = reason.as_str(); "An item was refused; it is kept as a dead letter.");
            state.dead.retain(|known| known.key != item.key);
            state.dead.push(DeadLetter::new(item.key.clone(), lane, item.at, reason, now));
        }
        self.shelf.save_dead(&state.dead, now);
        true
    }

    /// The dead letters.
    pub fn dead(&self) -> Vec<DeadLetter> {
        self.lock().dead.clone()
    }

    /// Has dead letters tried again: all, or that of `key`. How many.
    pub fn want(&self, key: Option<&str>) -> usize {
        let mut state = self.lock();
        let wanted = state.dead.iter_mut().filter(|dead| key.is_none_or(|key| key == dead.key));
        let count = wanted.map(|dead| dead.is_wanted = true).count();
        self.shelf.save_dead(&state.dead, self.clock.now());
        count
    }

    /// A dead letter that somebody wants tried again, with its item. One whose record
    /// is gone is dropped and counted. Reads the disk.
    ///
    /// # Errors
    /// When the disk fails, with the reason.
    pub fn next_wanted(&self) -> Result<Option<(Lane, Item)>, String> {
        loop {
            let wanted = self.lock().dead.iter().find(|dead| dead.is_wanted).cloned();
            let Some(dead) = wanted else { return Ok(None) };
            let mut found = None;
            let mut show = |fed: Fed| {
                found = (fed.at == dead.at).then(|| self.selection.item(dead.lane, &fed));
                Step::Stop
            };
            self.feed.read_on(dead.at, &mut show).map_err(|error| error.to_string())?;
            match found.transpose()?.flatten().filter(|item| item.key == dead.key) {
                Some(item) => return Ok(Some((dead.lane, item))),
                None => self.forget_dead(&dead.key, true),
            }
        }
    }

    /// What came of a dead letter that was tried again.
    pub fn tried(&self, key: &str, refused: Option<&str>) {
        let Some(reason) = refused else { return self.forget_dead(key, false) };
        let mut state = self.lock();
        state.dead.iter_mut().filter(|dead| dead.key == key).for_each(|dead| dead.refused(reason));
        self.shelf.save_dead(&state.dead, self.clock.now());
    }

    fn forget_dead(&self, key: &str, is_lost: bool) {
        let mut state = self.lock();
        let Some(place) = state.dead.iter().position(|dead| dead.key == key) else { return };
        let dead = state.dead.remove(place);
        if let Some(lane) = state.lanes.get_mut(&dead.lane) {
            match is_lost {
                true => lane.shed += 1,
                false => lane.sent += 1,
            }
        }
        self.shelf.save_dead(&state.dead, self.clock.now());
        self.save(&state);
    }

    /// What was spent, and when something was confirmed last.
    pub fn spent(&self) -> (Spent, Option<Timestamp>) {
        let state = self.lock();
        (state.spent, state.last_success)
    }

    /// The journal, once it is known.
    pub fn journal(&self) -> Option<Uuid> {
        self.lock().journal
    }

    fn save(&self, state: &State) {
        self.shelf.save(&state.to_save(), self.clock.now());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keeper for Outbox {
    fn needs_from(&self) -> Option<Mark> {
        let state = self.lock();
        let needed = state.lanes.values().filter(|lane| lane.waiting > 0).map(|lane| lane.cursor);
        Some(needed.min().unwrap_or(state.counted).min(state.counted))
    }

    fn lose(&self, records: &[Fed]) {
        let lost = records.iter().flat_map(|fed| {
            let lanes = self.selection.lanes_of(&fed.record);
            lanes.map(move |lane| (lane, fed.at, self.selection.weight(lane, fed)))
        });
        let lost: Vec<_> = lost.collect();
        let mut state = self.lock();
        let shed: u64 =
            lost.into_iter().map(|(lane, at, weight)| state.lose(lane, at, weight)).sum();
        state.gone = records.last().map_or(0, |fed| fed.at.segment()).max(state.gone);
        state.pass_what_nobody_needs();
        if shed > 0 {
            let upstream = self.shelf.upstream;
            warn!(shed, upstream; "There was no room to keep items until they are uploaded; the oldest are lost.");
            self.save(&state);
        }
    }
}

#[cfg(test)]
#[path = "outbox_tests.rs"]
mod tests;
