//! Inputs that can be relied on: contacts bounce, motion sensors chatter.

use std::time::Duration;

/// A press shorter than this is a restart; longer ones mean nothing until
/// [`RESET_AFTER`], so that somebody who lets go early has done nothing.
pub const RESTART_WITHIN: Duration = Duration::from_secs(3);

/// Held this long, the button means: forget everything.
pub const RESET_AFTER: Duration = Duration::from_secs(10);

/// Follows a line once it has stood still for a while.
#[derive(Debug)]
pub struct Settle {
    span: Duration,
    is_on: bool,
    /// The other level, and since when it shows.
    changing: Option<Duration>,
}

impl Settle {
    /// A line that is off, and counts as changed after `span` without a bounce.
    pub fn new(span: Duration) -> Self {
        Self { span, is_on: false, changing: None }
    }

    /// The line reads `is_on` at `now`; what it settled to, if it has just settled.
    pub fn read(&mut self, is_on: bool, now: Duration) -> Option<bool> {
        if is_on == self.is_on {
            self.changing = None;
            return None;
        }
        let since = *self.changing.get_or_insert(now);
        if now.saturating_sub(since) < self.span {
            return None;
        }
        (self.is_on, self.changing) = (is_on, None);
        Some(is_on)
    }

    /// What it has settled to.
    pub fn is_on(&self) -> bool {
        self.is_on
    }
}

/// What a press of the button asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Press {
    /// Start again.
    Restart,
    /// Forget records, pictures and what was set at run time, and start again.
    FactoryReset,
}

/// The button of the box.
#[derive(Debug)]
pub struct Button {
    line: Settle,
    pressed: Option<Duration>,
}

impl Button {
    /// A button that is not pressed.
    pub fn new(bounce: Duration) -> Self {
        Self { line: Settle::new(bounce), pressed: None }
    }

    /// The line reads `is_on` at `now`.
    pub fn read(&mut self, is_on: bool, now: Duration) -> Option<Press> {
        match self.line.read(is_on, now) {
            Some(true) => self.pressed = Some(now),
            Some(false) => {
                let held = now.saturating_sub(self.pressed.take()?);
                return (held < RESTART_WITHIN).then_some(Press::Restart);
            }
            None => {}
        }
        if self.pressed.is_some_and(|since| now.saturating_sub(since) >= RESET_AFTER) {
            self.pressed = None;
            return Some(Press::FactoryReset);
        }
        None
    }

    /// Whether somebody presses it.
    pub fn is_pressed(&self) -> bool {
        self.line.is_on()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROUND: Duration = Duration::from_millis(20);

    /// Reads `line` at every round until `until`; what came of it, and when.
    fn press(held: Duration, until: Duration) -> Vec<(Duration, Press)> {
        let mut button = Button::new(Duration::from_millis(50));
        let mut came = Vec::new();
        let mut now = Duration::ZERO;
        while now < until {
            came.extend(button.read(now < held, now).map(|press| (now, press)));
            now += ROUND;
        }
        came
    }

    #[test]
    fn a_line_that_bounces_settles_once() {
        let mut line = Settle::new(Duration::from_millis(50));
        let mut changes = Vec::new();
        for round in 0..40u32 {
            // Bounces for 100 ms, then stays.
            let is_on = round >= 5 || round.is_multiple_of(2);
            changes.extend(line.read(is_on, ROUND * round));
        }
        assert_eq!(changes, [true]);
    }

    #[test]
    fn a_spike_shorter_than_the_span_is_nothing() {
        let mut line = Settle::new(Duration::from_millis(50));
        for (ms, is_on) in [(0, false), (20, true), (40, true), (60, false), (200, false)] {
            assert_eq!(line.read(is_on, Duration::from_millis(ms)), None);
        }
    }

    #[test]
    fn a_short_press_restarts_and_ten_seconds_reset() {
        let s = Duration::from_secs;
        let kinds = |held| press(held, s(30)).into_iter().map(|(_, kind)| kind).collect::<Vec<_>>();
        assert_eq!(kinds(Duration::from_millis(30)), [], "a bounce");
        assert_eq!(kinds(s(1)), [Press::Restart]);
        assert_eq!(kinds(s(5)), [], "let go in time");
        let long = press(s(25), s(30));
        assert_eq!(long.len(), 1, "once, however long it is held: {long:?}");
        assert_eq!(long[0].1, Press::FactoryReset);
        assert!(long[0].0 >= s(10) && long[0].0 < s(11), "{long:?}");
    }
}
