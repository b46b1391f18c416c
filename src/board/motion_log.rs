//! What the motion sensor has seen lately.
//!
//! The panel notes when the sensor begins and ceases to see something; whoever
//! judges what happened asks for it. Times are monotonic. Holds the last
//! [`SIGHTINGS`] of this run, 32 bytes each; what was before them is not known any
//! more. Never reads a clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Sightings kept: those of an hour, if the sensor sees something every 3.6 s, which
/// is as often as the common ones can.
const SIGHTINGS: usize = 1000;

/// What the sensor has seen. Cheap to clone; clones are the same.
#[derive(Clone, Debug)]
pub struct MotionLog(Arc<Mutex<Sightings>>);

#[derive(Debug)]
struct Sightings {
    known_since: Duration,
    /// The oldest first; only the last may have no end.
    seen: VecDeque<Sighting>,
}

#[derive(Debug)]
struct Sighting {
    began: Duration,
    /// Absent while the sensor sees something.
    ended: Option<Duration>,
}

impl MotionLog {
    /// The sensor has been watched since `now`.
    pub fn new(now: Duration) -> Self {
        Self(Arc::new(Mutex::new(Sightings { known_since: now, seen: VecDeque::new() })))
    }

    /// The sensor began to see something at `at`, or ceased to.
    pub fn note(&self, sees_something: bool, at: Duration) {
        let mut log = self.lock();
        let last = log.seen.back_mut().filter(|last| last.ended.is_none());
        match (last, sees_something) {
            (Some(last), false) => last.ended = Some(at),
            (None, true) => log.add(Sighting { began: at, ended: None }),
            (Some(_), true) | (None, false) => {}
        }
    }

    /// Whether it saw something from `from` to `until`, to which both belong; `None`
    /// when that is not known.
    pub fn saw(&self, from: Duration, until: Duration) -> Option<bool> {
        let log = self.lock();
        let is_near = |sighting: &Sighting| {
            sighting.began <= until && sighting.ended.is_none_or(|ended| ended >= from)
        };
        match log.seen.iter().any(is_near) {
            true => Some(true),
            false if from < log.known_since => None,
            false => Some(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Sightings> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sightings {
    fn add(&mut self, sighting: Sighting) {
        self.seen.push_back(sighting);
        if self.seen.len() > SIGHTINGS {
            let oldest = self.seen.pop_front();
            self.known_since = oldest.and_then(|it| it.ended).unwrap_or(self.known_since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Saw something from 10 s to 12 s, and again from 20 s on.
    fn log() -> MotionLog {
        let log = MotionLog::new(s(5));
        for (sees_something, at) in [(true, 10), (true, 11), (false, 12), (false, 13), (true, 20)] {
            log.note(sees_something, s(at));
        }
        log
    }

    #[test]
    fn a_sighting_counts_from_its_beginning_to_its_end() {
        let log = log();
        for (from, until, saw) in [(6, 9, false), (6, 10, true), (11, 11, true), (12, 15, true)] {
            assert_eq!(log.saw(s(from), s(until)), Some(saw), "{from} to {until}");
        }
        assert_eq!(log.saw(s(13), s(19)), Some(false));
        assert_eq!(log.saw(s(500), s(501)), Some(true), "it still sees something");
    }

    #[test]
    fn nothing_is_said_of_the_time_before_it_was_watched() {
        assert_eq!(log().saw(s(4), s(9)), None);
        assert_eq!(log().saw(s(4), s(10)), Some(true), "what it saw is known all the same");
    }

    #[test]
    fn what_is_remembered_is_bounded_and_what_is_forgotten_is_not_denied() {
        let log = MotionLog::new(s(0));
        for second in 0..SIGHTINGS as u64 + 10 {
            log.note(true, s(second * 10));
            log.note(false, s(second * 10 + 1));
        }
        assert_eq!(log.lock().seen.len(), SIGHTINGS);
        assert_eq!(log.saw(s(5), s(9)), None);
        assert_eq!(log.saw(s(95), s(99)), Some(false));
        assert_eq!(log.saw(s(95), s(100)), Some(true));
    }
}
