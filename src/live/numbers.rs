//! Which message had which number on one subscription.
//!
//! Remembers the last [`NUMBERS_MAX`]; older numbers are known to have been
//! given, no more.

use std::collections::{BTreeSet, VecDeque};

/// Numbers remembered per subscription: 8 KiB at most, and as many as the
/// original's replay buffer held messages.
const NUMBERS_MAX: usize = 1024;

/// The numbers of one subscription.
pub(super) struct Numbers {
    /// Position in the stream at which the subscription began.
    joined: u64,
    last: u64,
    /// Whether anybody can ask for them again.
    is_remembered: bool,
    given: VecDeque<Given>,
    /// Highest position of a number that is no longer remembered.
    forgotten: u64,
}

/// A position, which is never 0, and in the lowest bit whether the message was
/// dropped. Eight bytes instead of the 24 of a plain record: with thousands of
/// clients these numbers are most of what a client costs.
#[derive(Clone, Copy)]
struct Given(u64);

impl Given {
    /// Of the message at `position`; absent when only this subscriber got it.
    fn new(position: Option<u64>) -> Self {
        Self(position.unwrap_or(0) << 1)
    }

    fn position(self) -> Option<u64> {
        Some(self.0 >> 1).filter(|&position| position > 0)
    }

    fn is_dropped(self) -> bool {
        self.0 & 1 == 1
    }
}

impl Numbers {
    /// Numbers from 1 on, of a subscription that begins at this position.
    pub(super) fn new(joined: u64, is_remembered: bool) -> Self {
        Self { joined, last: 0, is_remembered, given: VecDeque::new(), forgotten: joined }
    }

    /// The number of one more message.
    pub(super) fn next(&mut self, position: Option<u64>) -> u64 {
        self.last += 1;
        if !self.is_remembered {
            return self.last;
        }
        if self.given.len() == NUMBERS_MAX
            && let Some(oldest) = self.given.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.position().unwrap_or(0));
        }
        self.given.push_back(Given::new(position));
        self.last
    }

    /// The number given last, 0 before the first.
    pub(super) fn last(&self) -> u64 {
        self.last
    }

    /// The position at which the subscription began.
    pub(super) fn joined(&self) -> u64 {
        self.joined
    }

    /// The message of this number will never be sent.
    pub(super) fn set_dropped(&mut self, seq: u64) {
        let index = seq.checked_sub(self.first()).map(|index| index as usize);
        if let Some(given) = index.and_then(|index| self.given.get_mut(index)) {
            given.0 |= 1;
        }
    }

    /// Whether every number after `seq` is remembered.
    pub(super) fn is_known_after(&self, seq: u64) -> bool {
        seq <= self.last && seq + 1 >= self.first()
    }

    /// Positions of the messages numbered after `seq`.
    pub(super) fn positions_after(&self, seq: u64) -> BTreeSet<u64> {
        let index = (seq + 1).saturating_sub(self.first()) as usize;
        self.given.iter().skip(index).filter_map(|given| given.position()).collect()
    }

    /// Positions of the messages that were not dropped.
    pub(super) fn positions_sent(&self) -> BTreeSet<u64> {
        let sent = self.given.iter().filter(|given| !given.is_dropped());
        sent.filter_map(|given| given.position()).collect()
    }

    /// Whether a message at `position` may have been sent under a number that is
    /// no longer remembered.
    pub(super) fn may_be_forgotten(&self, position: u64) -> bool {
        position > self.joined && position <= self.forgotten
    }

    /// The oldest number remembered.
    fn first(&self) -> u64 {
        self.last + 1 - self.given.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_numbers_are_remembered_with_their_positions() {
        let mut numbers = Numbers::new(10, true);
        (11..=13).for_each(|position| {
            numbers.next(Some(position));
        });
        assert_eq!(numbers.next(None), 4);
        numbers.set_dropped(2);
        assert_eq!(numbers.positions_after(1), BTreeSet::from([12, 13]));
        assert_eq!(numbers.positions_sent(), BTreeSet::from([11, 13]));
        assert_eq!([0, 4, 5].map(|seq| numbers.is_known_after(seq)), [true, true, false]);
        assert!(!numbers.may_be_forgotten(11));
    }

    #[test]
    fn a_flood_forgets_the_oldest_numbers_and_knows_that() {
        let mut numbers = Numbers::new(0, true);
        (1..=NUMBERS_MAX as u64 + 5).for_each(|position| {
            numbers.next(Some(position));
        });
        assert_eq!([4, 5].map(|seq| numbers.is_known_after(seq)), [false, true]);
        assert_eq!([5, 6].map(|position| numbers.may_be_forgotten(position)), [true, false]);
        numbers.set_dropped(3);
        assert_eq!(numbers.positions_sent().len(), NUMBERS_MAX);
    }

    #[test]
    fn numbers_that_nobody_can_ask_for_take_no_memory() {
        let mut numbers = Numbers::new(0, false);
        assert_eq!((1..=3).map(|position| numbers.next(Some(position))).last(), Some(3));
        numbers.set_dropped(2);
        assert_eq!((numbers.given.capacity(), numbers.is_known_after(2)), (0, false));
    }
}
