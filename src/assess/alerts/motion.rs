//! What rules ask of the motion sensor: whether it has seen something near in time.
//! Pure: the time and the sensor's log are handed in.
//!
//! Event and sensor may come in any order. An event that lasts waits for the sensor,
//! and one that is over waits as long as the rule allows; so do at most [`WAITING`].

use std::collections::VecDeque;
use std::time::Duration;

use super::conditions::Check;
use crate::board::MotionLog;
use crate::domain::{Event, Timestamp};

/// Events that wait for the sensor, less than a kilobyte each; more than a busy box
/// has in the longest span that a rule may name. When full, the one that has changed
/// least lately waits no longer.
const WAITING: usize = 256;

/// The motion sensor at the moment when rules are asked.
#[derive(Clone, Copy, Debug)]
pub struct Motion<'a> {
    log: Option<&'a MotionLog>,
    now: Timestamp,
    monotonic: Duration,
}

impl<'a> Motion<'a> {
    /// What `log` says at `now`, which is `monotonic` too; no log is no sensor.
    pub fn new(log: Option<&'a MotionLog>, now: Timestamp, monotonic: Duration) -> Self {
        Self { log, now, monotonic }
    }

    /// Whether the sensor has seen something while the event lasted, or no more than
    /// `within` before it began or after it ended.
    pub fn check(&self, event: &Event, within: Duration) -> Check {
        let span = format!("within {} s of the event", within.as_secs());
        let (holds, what) = match self.log.map(|log| self.saw(log, event, within)) {
            None => (false, "none is wired to the box".to_owned()),
            Some(Some(true)) => (true, format!("it saw something {span}")),
            Some(Some(false)) => (false, format!("it saw nothing {span}")),
            Some(None) => (false, "what it saw then is not known any more".to_owned()),
        };
        Check { holds, words: format!("motion_sensor: {what}") }
    }

    fn saw(&self, log: &MotionLog, event: &Event, within: Duration) -> Option<bool> {
        // The log is older than neither the box nor its monotonic clock.
        let from = self.monotonic.checked_sub(self.now.since(event.started_at) + within);
        let until = event.ended_at.map_or(Duration::MAX, |ended| {
            (self.monotonic + within).saturating_sub(self.now.since(ended))
        });
        match from {
            Some(from) => log.saw(from, until),
            None => log.saw(Duration::ZERO, until).filter(|saw| *saw),
        }
    }

    /// Whether the sensor can still make a difference to the event.
    fn is_open(&self, event: &Event, within: Duration) -> bool {
        event.ended_at.is_none_or(|ended| self.now.since(ended) <= within)
    }
}

/// Events that wait for the sensor, the one that changed last at the end.
#[derive(Debug, Default)]
pub struct Waiting(VecDeque<Event>);

impl Waiting {
    /// The event waits if a rule asks the sensor about it: the longest of their spans
    /// is `within`.
    pub fn set(&mut self, event: &Event, within: Option<Duration>, motion: Motion<'_>) {
        self.0.retain(|known| known.id != event.id);
        if within.is_some_and(|within| motion.is_open(event, within)) {
            self.0.push_back(event.clone());
            if self.0.len() > WAITING {
                self.0.pop_front();
            }
        }
    }

    /// The events that wait, which do so no longer.
    pub fn take(&mut self) -> VecDeque<Event> {
        std::mem::take(&mut self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{NOON, event};
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// The sensor saw something from 600 s to 610 s of a run in which it is watched
    /// from 100 s on; noon is at 500 s.
    fn log() -> MotionLog {
        let log = MotionLog::new(s(100));
        log.note(true, s(600));
        log.note(false, s(610));
        log
    }

    fn lasting(from_s: u64, until_s: Option<u64>) -> Event {
        let at = |seconds: u64| NOON.after(s(seconds));
        Event { started_at: at(from_s), ended_at: until_s.map(at), ..event(1, 50) }
    }

    #[test]
    fn sensor_and_event_may_be_as_far_apart_as_is_asked_in_either_order() {
        let log = log();
        let motion = Motion::new(Some(&log), NOON.after(s(1000)), s(1500));
        let holds = |from, until, within| motion.check(&lasting(from, until), s(within)).holds;
        assert!(holds(90, Some(105), 0), "while it lasted");
        assert!(holds(90, None, 0), "it lasts, and has lasted then");
        assert!(holds(140, Some(150), 30) && !holds(141, Some(150), 30), "before it began");
        assert!(holds(60, Some(70), 30) && !holds(60, Some(69), 30), "after it ended");
        assert!(!holds(140, None, 29), "it has seen nothing since");
    }

    #[test]
    fn the_words_tell_nothing_seen_from_nothing_known_and_no_sensor() {
        let log = log();
        let words = |log: Option<&MotionLog>, ago_s: u64| {
            let motion = Motion::new(log, NOON.after(s(ago_s)), s(600));
            motion.check(&lasting(0, Some(1)), s(30)).words
        };
        assert_eq!(
            words(Some(&log), 5),
            "motion_sensor: it saw something within 30 s of the event"
        );
        assert_eq!(words(Some(&log), 90), "motion_sensor: it saw nothing within 30 s of the event");
        for ago_s in [560, 86_400] {
            let known = "motion_sensor: what it saw then is not known any more";
            assert_eq!(words(Some(&log), ago_s), known);
        }
        assert_eq!(words(None, 5), "motion_sensor: none is wired to the box");
    }

    #[test]
    fn what_waits_is_bounded_and_leaves_when_the_sensor_would_come_too_late() {
        let mut waiting = Waiting::default();
        let motion = |after_s| Motion::new(None, NOON.after(s(after_s)), s(after_s));
        for id in 0..WAITING as u64 + 5 {
            waiting.set(&event(id, 50), Some(s(30)), motion(0));
        }
        assert_eq!((waiting.0.len(), waiting.0[0].id.0), (WAITING, 5));
        let over = Event { ended_at: Some(NOON), ..event(7, 50) };
        waiting.set(&over, Some(s(30)), motion(30));
        assert_eq!(waiting.0.len(), WAITING);
        waiting.set(&over, Some(s(30)), motion(31));
        waiting.set(&event(8, 50), None, motion(0));
        assert_eq!(waiting.take().len(), WAITING - 2);
    }
}
