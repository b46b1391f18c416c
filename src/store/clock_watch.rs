//! Watches the wall clock against the monotonic one.
//!
//! A board without a real-time clock boots in 1970, or at the time its image was
//! built, and is set minutes or days later. What was made before is off by a span
//! that is known once the clock is set: the sum of its jumps. A clock that was
//! wrong twice before it was right has eras, each with a span of its own.

use std::time::Duration;

use super::frame::NextIds;
use crate::domain::Timestamp;
use crate::rt::Clock;

/// A smaller step is none: time servers slew, and threads are late.
const STEP_MIN_MS: u64 = 1000;
/// Eras of one run that are told apart; later ones count to the last.
const ERAS_MAX: usize = 16;
/// A clock that jumps this far may have jumped to a wrong time.
const LEAP_MS: u64 = 3_600_000;
/// So long nothing is dropped for its age after a leap, and after the start: time
/// for a wrong clock to be put right before it costs records.
const REST_AFTER_LEAP: Duration = Duration::from_secs(24 * 3600);
const REST_AFTER_START: Duration = Duration::from_secs(600);

/// Records with ids from `first` to before `end` were made with a clock that was
/// `shift_ms` behind (or ahead, if negative) of the one that was set at `set_at`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shift {
    pub first: NextIds,
    pub end: NextIds,
    pub shift_ms: i64,
    pub set_at: Timestamp,
}

/// The clock of one run of the program.
#[derive(Default)]
pub(super) struct ClockWatch {
    offset_ms: Option<i64>,
    eras: Vec<Era>,
    rests_until: Option<Duration>,
}

#[derive(Clone, Copy)]
struct Era {
    offset_ms: i64,
    first: NextIds,
}

impl ClockWatch {
    /// Looks at the clock while ids stand at `next`. When it has been set since
    /// the last look: what was made before, era by era.
    pub fn look(&mut self, clock: &Clock, next: NextIds) -> Vec<Shift> {
        let (now, monotonic) = (clock.now(), clock.monotonic());
        let elapsed_ms = i64::try_from(monotonic.as_millis()).unwrap_or(i64::MAX);
        let offset_ms = now.unix_ms().saturating_sub(elapsed_ms);
        let before_ms = self.offset_ms.replace(offset_ms);
        if before_ms.is_some_and(|before| before.abs_diff(offset_ms) >= LEAP_MS) {
            self.rests_until = Some(monotonic + REST_AFTER_LEAP);
        }
        self.rests_until.get_or_insert(monotonic + REST_AFTER_START);
        if Clock::is_plausible(now) {
            return self.end_eras(offset_ms, next, now);
        }
        let is_new = |era: &Era| era.offset_ms.abs_diff(offset_ms) >= STEP_MIN_MS;
        if self.eras.len() < ERAS_MAX && self.eras.last().is_none_or(is_new) {
            self.eras.push(Era { offset_ms, first: next });
        }
        Vec::new()
    }

    fn end_eras(&mut self, offset_ms: i64, next: NextIds, set_at: Timestamp) -> Vec<Shift> {
        let eras = std::mem::take(&mut self.eras);
        let ends = eras.iter().skip(1).map(|era| era.first).chain([next]);
        let shifts = eras.iter().zip(ends).map(|(era, end)| Shift {
            first: era.first,
            end,
            shift_ms: offset_ms.saturating_sub(era.offset_ms),
            set_at,
        });
        shifts.filter(|shift| shift.first != shift.end).collect()
    }

    /// Whether the clock was not set at the last look.
    pub fn is_unset(&self) -> bool {
        !self.eras.is_empty()
    }

    /// Whether the clock has gone evenly for long enough to judge age by it.
    pub fn is_steady(&self, clock: &Clock) -> bool {
        clock.is_trusted() && self.rests_until.is_some_and(|until| clock.monotonic() >= until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SET: Timestamp = Timestamp::from_unix_ms(1_800_000_000_000);
    const DECADE: Duration = Duration::from_secs(10 * 365 * 86_400);

    fn ids(detection: u64, event: u64) -> NextIds {
        NextIds { detection, event }
    }

    #[test]
    fn each_wrong_time_before_the_right_one_has_its_own_shift() {
        let clock = Clock::manual(Timestamp::from_unix_ms(5000));
        let mut watch = ClockWatch::default();
        assert_eq!(watch.look(&clock, ids(1, 1)), []);
        clock.advance(Duration::from_secs(60));
        assert_eq!(watch.look(&clock, ids(10, 2)), []);
        clock.set(Timestamp::from_unix_ms(500_000_000));
        assert_eq!(watch.look(&clock, ids(20, 4)), []);
        assert!(watch.is_unset());
        clock.advance(Duration::from_secs(30));
        clock.set(SET);
        let shifts = watch.look(&clock, ids(30, 4));
        let first_ms = SET.unix_ms() - 90_000 - 5000;
        let second_ms = SET.unix_ms() - 500_000_000 - 30_000;
        let told: Vec<_> = shifts.iter().map(|s| (s.first, s.end, s.shift_ms)).collect();
        assert_eq!(told, [(ids(1, 1), ids(20, 4), first_ms), (ids(20, 4), ids(30, 4), second_ms)]);
        assert_eq!(watch.look(&clock, ids(40, 5)), [], "said once");
    }

    #[test]
    fn a_clock_that_was_right_all_along_shifts_nothing_however_it_is_corrected() {
        let clock = Clock::manual(SET);
        let mut watch = ClockWatch::default();
        for step in [SET.after(DECADE), SET, SET.after(Duration::from_secs(3600))] {
            assert_eq!(watch.look(&clock, ids(1, 1)), []);
            clock.set(step);
        }
        assert_eq!(watch.look(&clock, ids(9, 9)), []);
    }

    #[test]
    fn age_is_judged_again_a_day_after_a_leap_in_either_direction() {
        let clock = Clock::manual(SET);
        let mut watch = ClockWatch::default();
        watch.look(&clock, ids(1, 1));
        assert!(!watch.is_steady(&clock), "just started");
        clock.advance(REST_AFTER_START);
        assert!(watch.is_steady(&clock));
        for leap in [SET.after(DECADE), SET] {
            clock.set(leap);
            watch.look(&clock, ids(1, 1));
            assert!(!watch.is_steady(&clock));
            clock.advance(REST_AFTER_LEAP);
            watch.look(&clock, ids(1, 1));
            assert!(watch.is_steady(&clock));
        }
        clock.set(SET.before(DECADE));
        watch.look(&clock, ids(1, 1));
        clock.advance(REST_AFTER_LEAP);
        assert!(!watch.is_steady(&clock), "ten years ago nothing was right");
    }
}
