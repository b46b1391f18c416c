//! Which message had which number on one subscription.
//!
//! Remembers the last [`NUMBERS_MAX`]; older numbers are known to have been
//! given, no more.

use std::collections::{BTreeSet, VecDeque};

/// Numbers remembered per subscription: 16 KiB at most, and as many as the
/// original's replay buffer held messages.
const NUMBERS_MAX: usize = 1024;

/// The numbers of one subscription.
pub(super) struct Numbers {
    /// Position in the stream at which the subscription began.
    joined: u64,
    last: u64,
    given: VecDeque<Given>,
    /// Highest position of a number that is no longer remembered.
    forgotten: u64,
}

struct Given {
    /// Position of the message; absent when only this subscriber got it.
    position: Option<u64>,
    is_dropped: bool,
}

impl Numbers {
    pub(super) fn new(joined: u64) -> Self {
        Self { joined, last: 0, given: VecDeque::new(), forgotten: joined }
    }

    /// The number of one more message.
    pub(super) fn next(&mut self, position: Option<u64>) -> u64 {
        if self.given.len() == NUMBERS_MAX
            && let Some(oldest) = self.given.pop_front()
        {
            self.forgotten = self.forgotten.max(oldest.position.unwrap_or(0));
        }
        self.given.push_back(Given { position, is_dropped: false });
        self.last += 1;
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
            given.is_dropped = true;
        }
    }

    /// Whether every number after `seq` is remembered.
    pub(super) fn is_known_after(&self, seq: u64) -> bool {
        seq <= self.last && seq + 1 >= self.first()
    }

    /// Positions of the messages numbered after `seq`.
    pub(super) fn positions_after(&self, seq: u64) -> BTreeSet<u64> {
        let index = (seq + 1).saturating_sub(self.first()) as usize;
        self.given.iter().skip(index).filter_map(|given| given.position).collect()
    }

    /// Positions of the messages that were not dropped.
    pub(super) fn positions_sent(&self) -> BTreeSet<u64> {
        let sent = self.given.iter().filter(|given| !given.is_dropped);
        sent.filter_map(|given| given.position).collect()
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
        let mut numbers = Numbers::new(10);
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
        let mut numbers = Numbers::new(0);
        (1..=NUMBERS_MAX as u64 + 5).for_each(|position| {
            numbers.next(Some(position));
        });
        assert_eq!([4, 5].map(|seq| numbers.is_known_after(seq)), [false, true]);
        assert_eq!([5, 6].map(|position| numbers.may_be_forgotten(position)), [true, false]);
        numbers.set_dropped(3);
        assert_eq!(numbers.positions_sent().len(), NUMBERS_MAX);
    }
}
