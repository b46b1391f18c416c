//! When to try again: longer and longer, at random, and never before the upstream
//! wants to hear of us.
//!
//! After [`OPEN_AFTER`] failures in a row the circuit is open: then one small request
//! at a time asks whether the upstream is back, and only its success lets the rest
//! through. Pure functions of the time handed in, but for the dice.

use std::time::Duration;

/// Failures in a row that open the circuit.
pub(super) const OPEN_AFTER: u32 = 5;

/// Waits that an upstream asks for are stretched by up to this at random: whoever asks
/// ten thousand boxes for the same wait gets them back one after the other.
const SPREAD: Duration = Duration::from_secs(1);

/// An upstream that asks for more than this is asked again all the same.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(6 * 3600);

/// How an upstream has answered of late. The wait doubles from the first to the
/// longest. Each is drawn from nothing to that ("full jitter"), so that ten thousand
/// boxes do not come back in the same second.
#[derive(Clone, Debug)]
pub(super) struct Patience {
    first: Duration,
    longest: Duration,
    failures: u32,
    /// Monotonic; not before.
    not_before: Duration,
}

impl Patience {
    /// Waits from nothing to `first` after one failure, to `longest` after many.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), failures: 0, not_before: Duration::ZERO }
    }

    /// It worked.
    pub fn succeeded(&mut self) {
        (self.failures, self.not_before) = (0, Duration::ZERO);
    }

    /// It failed at `now`; `dice` is 0 to 1.
    pub fn failed(&mut self, now: Duration, retry_after: Option<Duration>, dice: f64) {
        let ceiling = self.first.saturating_mul(1 << self.failures.min(16)).min(self.longest);
        self.failures = self.failures.saturating_add(1);
        let drawn = ceiling.mul_f64(dice.clamp(0.0, 1.0));
        let asked = retry_after.unwrap_or_default().min(RETRY_AFTER_MAX);
        let spread = SPREAD.mul_f64(dice.clamp(0.0, 1.0)).min(asked);
        self.not_before = now + drawn.max(asked + spread);
    }

    /// How long to wait yet.
    pub fn wait(&self, now: Duration) -> Duration {
        self.not_before.saturating_sub(now)
    }

    /// Failures in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Whether only one small request may go at a time.
    pub fn is_open(&self) -> bool {
        self.failures >= OPEN_AFTER
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patience() -> Patience {
        Patience::new(Duration::from_secs(1), Duration::from_secs(300))
    }

    #[test]
    fn waits_grow_to_five_minutes_and_begin_anew_after_a_success() {
        let (mut patience, now) = (patience(), Duration::from_secs(100));
        let mut waits = Vec::new();
        for _ in 0..12 {
            patience.failed(now, None, 1.0);
            waits.push(patience.wait(now).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
        assert!(patience.is_open());
        patience.succeeded();
        assert_eq!((patience.wait(now), patience.is_open()), (Duration::ZERO, false));
        patience.failed(now, None, 0.25);
        assert_eq!(patience.wait(now), Duration::from_millis(250));
    }

    #[test]
    fn an_upstream_that_names_a_time_is_not_asked_before_but_not_for_ever() {
        let (mut patience, now) = (patience(), Duration::from_secs(100));
        patience.failed(now, Some(Duration::from_secs(120)), 0.0);
        assert_eq!(patience.wait(now), Duration::from_secs(120));
        patience.failed(now, Some(Duration::from_secs(120)), 1.0);
        assert_eq!(patience.wait(now), Duration::from_secs(121));
        patience.failed(now, Some(Duration::from_secs(1 << 40)), 0.0);
        assert_eq!(patience.wait(now), RETRY_AFTER_MAX);
    }
}
