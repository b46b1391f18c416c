//! The clock, handed in wherever logic depends on time.
//!
//! Wall time ([`Timestamp`]) is for records and people; monotonic time (a
//! [`Duration`] since the clock was made) is for intervals. A manual clock moves
//! only when a test turns it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::domain::Timestamp;

/// Tells the time. Cheap to clone; clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Kind);

#[derive(Clone, Debug)]
enum Kind {
    System(Instant),
    Manual(Arc<Manual>),
}

#[derive(Debug)]
struct Manual {
    monotonic_ns: AtomicU64,
    wall_ms: AtomicI64,
}

impl Clock {
    /// Earliest wall time a set clock can show: 2025-01-01. A board without a
    /// real-time clock boots in 1970 or at the time its image was built.
    pub const EARLIEST_PLAUSIBLE: Timestamp = Timestamp::from_unix_ms(1_735_689_600_000);

    /// The machine's clock.
    #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
    pub fn system() -> Self {
        Self(Kind::System(Instant::now()))
    }

    /// A clock that stands at `wall` until it is turned with [`Self::advance`].
    pub fn manual(wall: Timestamp) -> Self {
        Self(Kind::Manual(Arc::new(Manual {
            monotonic_ns: AtomicU64::new(0),
            wall_ms: AtomicI64::new(wall.unix_ms()),
        })))
    }

    /// Wall time, UTC.
    #[expect(clippy::disallowed_methods, reason = "the one place where time enters")]
    pub fn now(&self) -> Timestamp {
        match &self.0 {
            Kind::System(_) => {
                let ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
                    Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
                    Err(before) => {
                        -i64::try_from(before.duration().as_millis()).unwrap_or(i64::MAX)
                    }
                };
                Timestamp::from_unix_ms(ms)
            }
            Kind::Manual(manual) => Timestamp::from_unix_ms(manual.wall_ms.load(Ordering::SeqCst)),
        }
    }

    /// Time since this clock was made; never goes back.
    pub fn monotonic(&self) -> Duration {
        match &self.0 {
            Kind::System(start) => start.elapsed(),
            Kind::Manual(manual) => {
                Duration::from_nanos(manual.monotonic_ns.load(Ordering::SeqCst))
            }
        }
    }

    /// False while the wall clock has evidently not been set.
    pub fn is_trusted(&self) -> bool {
        Self::is_plausible(self.now())
    }

    /// False for a time that only a clock that has not been set can have shown.
    pub fn is_plausible(at: Timestamp) -> bool {
        at >= Self::EARLIEST_PLAUSIBLE
    }

    /// Turns a manual clock forward. Does nothing to the machine's clock.
    pub fn advance(&self, span: Duration) {
        if let Kind::Manual(manual) = &self.0 {
            let ns = u64::try_from(span.as_nanos()).unwrap_or(u64::MAX);
            manual.monotonic_ns.fetch_add(ns, Ordering::SeqCst);
            let ms = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            manual.wall_ms.fetch_add(ms, Ordering::SeqCst);
        }
    }

    /// Sets a manual clock, as somebody or a time server does; monotonic time goes
    /// on as before. Does nothing to the machine's clock.
    pub fn set(&self, wall: Timestamp) {
        if let Kind::Manual(manual) = &self.0 {
            manual.wall_ms.store(wall.unix_ms(), Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_only_when_turned_and_clones_agree() {
        let clock = Clock::manual(Timestamp::from_unix_ms(5_000));
        let twin = clock.clone();
        clock.advance(Duration::from_millis(250));
        assert_eq!(twin.now(), Timestamp::from_unix_ms(5_250));
        assert_eq!(twin.monotonic(), Duration::from_millis(250));
        assert!(!twin.is_trusted());
        clock.set(Timestamp::from_unix_ms(1_800_000_000_000));
        assert!(twin.is_trusted());
        assert_eq!(twin.monotonic(), Duration::from_millis(250));
    }
}
