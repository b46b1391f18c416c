//! How long to wait before the next try: doubling, with jitter.

use std::time::Duration;

/// Doubling delays between `first` and `longest`, each shortened by up to a
/// quarter at random, so that cameras behind one switch do not all come back in
/// the same instant.
#[derive(Clone, Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Delays from `first` up to `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        let longest = longest.max(first);
        Self { first, longest, next: first }
    }

    /// The delay before the next try.
    pub fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = delay.saturating_mul(2).min(self.longest);
        delay.mul_f64(1.0 - fastrand::f64() / 4.0)
    }

    /// A try succeeded: the next delay is the first again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest_and_start_over_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_millis(300));
        for nominal_ms in [100, 200, 300, 300] {
            let delay = backoff.next_delay();
            assert!(delay <= Duration::from_millis(nominal_ms), "{delay:?}");
            assert!(delay >= Duration::from_millis(nominal_ms * 3 / 4), "{delay:?}");
        }
        backoff.reset();
        assert!(backoff.next_delay() <= Duration::from_millis(100));
    }
}
