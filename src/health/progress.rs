//! Progress: proof that the work goes on, rather than that a timer fires.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::rt::Clock;

/// The marks of all stages that must move for the box to count as alive.
#[derive(Clone)]
pub struct Progress {
    clock: Clock,
    marks: Arc<Mutex<BTreeMap<String, ProgressMark>>>,
}

/// One stage's mark. The stage touches it whenever it has done a turn of work
/// (an idle turn counts: it waited for work and is able to take it).
#[derive(Clone)]
pub struct ProgressMark {
    clock: Clock,
    last_ms: Arc<AtomicU64>,
    limit: Duration,
}

impl Progress {
    /// No stages yet.
    pub fn new(clock: Clock) -> Self {
        Self { clock, marks: Arc::default() }
    }

    /// The mark of stage `name`, which must be touched at least every `limit`.
    pub fn stage(&self, name: impl Into<String>, limit: Duration) -> ProgressMark {
        let mark = ProgressMark { clock: self.clock.clone(), last_ms: Arc::default(), limit };
        mark.touch();
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks.insert(name.into(), mark.clone());
        mark
    }

    /// Forgets a stage that ended on purpose.
    pub fn remove(&self, name: &str) {
        self.marks.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }

    /// The stages that have not moved within their limit, with their age.
    pub fn stuck(&self) -> Vec<(String, Duration)> {
        let marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        marks
            .iter()
            .map(|(name, mark)| (name.clone(), mark.age(), mark.limit))
            .filter(|(_, age, limit)| age > limit)
            .map(|(name, age, _)| (name, age))
            .collect()
    }
}

impl ProgressMark {
    /// The stage has done a turn of work now.
    pub fn touch(&self) {
        let now_ms = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        self.last_ms.store(now_ms, Ordering::Relaxed);
    }

    fn age(&self) -> Duration {
        let last = Duration::from_millis(self.last_ms.load(Ordering::Relaxed));
        self.clock.monotonic().saturating_sub(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn a_stage_that_does_not_move_is_named_with_its_age() {
        let clock = Clock::manual(Timestamp::default());
        let progress = Progress::new(clock.clone());
        let detect = progress.stage("detect", Duration::from_secs(10));
        let _store = progress.stage("store", Duration::from_secs(10));
        clock.advance(Duration::from_secs(11));
        detect.touch();
        assert_eq!(progress.stuck(), [("store".to_owned(), Duration::from_secs(11))]);
    }
}
