//! How long something takes: a histogram that is filled without locks.
//!
//! Buckets grow by a quarter of an octave from 1 ms to 65 s, so a percentile is at
//! most 19 % too high and never too low, but for what is longer than that. Counts
//! from the start of the daemon.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Quarter octaves from 1 ms to 2^16 ms, one bucket below and one above.
const BUCKETS: usize = 4 * 16 + 2;

/// The histogram.
#[derive(Debug)]
pub struct Spans {
    counts: [AtomicU64; BUCKETS],
    total_us: AtomicU64,
    longest_us: AtomicU64,
}

/// What it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpanFigures {
    /// Spans so far.
    pub count: u64,
    /// Their mean.
    pub mean: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// 95 of 100 took no longer.
    pub p95: Duration,
    /// 99 of 100 took no longer.
    pub p99: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Spans {
    fn default() -> Self {
        Self {
            counts: std::array::from_fn(|_| AtomicU64::new(0)),
            total_us: AtomicU64::new(0),
            longest_us: AtomicU64::new(0),
        }
    }
}

impl Spans {
    /// Something took `span`.
    pub fn record(&self, span: Duration) {
        let us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.counts[bucket(us)].fetch_add(1, Ordering::Relaxed);
        self.total_us.fetch_add(us, Ordering::Relaxed);
        self.longest_us.fetch_max(us, Ordering::Relaxed);
    }

    /// What has been recorded so far.
    pub fn figures(&self) -> SpanFigures {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return SpanFigures::default();
        }
        let longest = Duration::from_micros(self.longest_us.load(Ordering::Relaxed));
        let share = |percent| percentile(&counts, count, percent).min(longest);
        SpanFigures {
            count,
            mean: Duration::from_micros(self.total_us.load(Ordering::Relaxed) / count),
            p50: share(50),
            p95: share(95),
            p99: share(99),
            longest,
        }
    }
}

/// The bucket whose upper end is the first that is not below `us`.
fn bucket(us: u64) -> usize {
    let quarters = (us.max(1) as f64 / 1000.0).log2() * 4.0;
    // Negative below 1 ms; the cast takes that to 0.
    (quarters.ceil() as usize).min(BUCKETS - 1)
}

/// The upper end of the bucket in which this share is reached.
fn percentile(counts: &[u64; BUCKETS], count: u64, percent: u64) -> Duration {
    let rank = (count * percent).div_ceil(100).max(1);
    let mut seen = 0;
    let reached = counts.iter().position(|in_bucket| {
        seen += in_bucket;
        seen >= rank
    });
    match reached {
        Some(number) if number < BUCKETS - 1 => {
            Duration::from_secs_f64((number as f64 / 4.0).exp2() / 1000.0)
        }
        // Longer than the buckets reach: bounded by the longest.
        _ => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_never_too_low_and_at_most_a_fifth_too_high() {
        let spans = Spans::default();
        (1..=1000).for_each(|ms| spans.record(Duration::from_millis(ms)));
        let figures = spans.figures();
        assert_eq!((figures.count, figures.longest), (1000, Duration::from_secs(1)));
        assert_eq!(figures.mean, Duration::from_micros(500_500));
        for (found, true_ms) in [(figures.p50, 500), (figures.p95, 950), (figures.p99, 990)] {
            let least = Duration::from_millis(true_ms);
            assert!(found >= least && found <= least.mul_f64(1.19), "{found:?} for {least:?}");
        }
    }

    #[test]
    fn nothing_and_extremes_are_counted_without_a_panic() {
        let spans = Spans::default();
        assert_eq!(spans.figures(), SpanFigures::default());
        spans.record(Duration::ZERO);
        assert_eq!(spans.figures().p99, Duration::ZERO);
        spans.record(Duration::from_secs(3600));
        assert_eq!(spans.figures().p99, Duration::from_secs(3600));
    }
}
