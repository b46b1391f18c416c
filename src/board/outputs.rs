//! What the outputs do, as plain rules over time: the siren's longest cry, the
//! fan's hysteresis, the patterns of the status lamp.

use std::time::Duration;

use crate::health::State;

/// The siren, or whatever else makes noise or light: never longer than a limit.
#[derive(Debug)]
pub struct Siren {
    max_on: Duration,
    since: Option<Duration>,
}

impl Siren {
    /// Silent; never on for longer than `max_on` at a time.
    pub fn new(max_on: Duration) -> Self {
        Self { max_on, since: None }
    }

    /// Starts it. One that is on already is not prolonged: neighbors would not
    /// forgive a rule that fires every minute.
    pub fn start(&mut self, now: Duration) {
        self.since.get_or_insert(now);
    }

    /// Silences it.
    pub fn stop(&mut self) {
        self.since = None;
    }

    /// Whether it is on at `now`.
    pub fn is_on(&mut self, now: Duration) -> bool {
        if self.since.is_some_and(|since| now.saturating_sub(since) >= self.max_on) {
            self.since = None;
        }
        self.since.is_some()
    }
}

/// The fan.
#[derive(Debug)]
pub struct Fan {
    on_above: f64,
    off_below: f64,
    is_on: bool,
}

impl Fan {
    /// Off; on above one temperature, off below another, in Celsius.
    pub fn new(on_above: f64, off_below: f64) -> Self {
        Self { on_above, off_below, is_on: false }
    }

    /// Whether it runs at this temperature. Without a sensor it runs: a fan that
    /// runs for nothing harms less than a chip that slows down.
    pub fn runs_at(&mut self, celsius: Option<f64>) -> bool {
        self.is_on = match celsius {
            None => true,
            Some(celsius) if celsius >= self.on_above => true,
            Some(celsius) if celsius <= self.off_below => false,
            Some(_) => self.is_on,
        };
        self.is_on
    }
}

/// What the status lamp tells somebody who stands before the box.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lamp {
    /// The button is held: flickers.
    Pressed,
    /// All is well: on.
    Well,
    /// Part of the work is not done: a slow blink, once in two seconds.
    Degraded,
    /// The work is not done: a fast blink, twice a second.
    Unhealthy,
}

impl Lamp {
    /// The pattern for the state of the box.
    pub fn of(state: State, is_pressed: bool) -> Self {
        match state {
            _ if is_pressed => Self::Pressed,
            State::Healthy => Self::Well,
            State::Degraded => Self::Degraded,
            State::Unhealthy => Self::Unhealthy,
        }
    }

    /// Whether it is lit at `now`.
    pub fn is_lit(self, now: Duration) -> bool {
        let half_ms = match self {
            Self::Well => return true,
            Self::Pressed => 60,
            Self::Degraded => 1_000,
            Self::Unhealthy => 250,
        };
        (now.as_millis() / half_ms).is_multiple_of(2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_siren_ends_by_itself_and_is_not_prolonged() {
        let mut siren = Siren::new(s(60));
        assert!(!siren.is_on(s(0)));
        siren.start(s(10));
        siren.start(s(50));
        assert!(siren.is_on(s(69)));
        assert!(!siren.is_on(s(70)));
        siren.start(s(71));
        assert!(siren.is_on(s(72)));
        siren.stop();
        assert!(!siren.is_on(s(73)));
    }

    #[test]
    fn the_fan_has_two_thresholds_and_runs_without_a_sensor() {
        let mut fan = Fan::new(65.0, 55.0);
        let runs = [50.0, 60.0, 66.0, 60.0, 54.0, 60.0].map(|c| fan.runs_at(Some(c)));
        assert_eq!(runs, [false, false, true, true, false, false]);
        assert!(fan.runs_at(None));
    }

    #[test]
    fn the_lamp_shows_each_state_in_its_own_way() {
        let changes = |lamp: Lamp| {
            let lit = (0..200).map(|n| lamp.is_lit(Duration::from_millis(20 * n)));
            lit.collect::<Vec<_>>().windows(2).filter(|pair| pair[0] != pair[1]).count()
        };
        let of = |state| changes(Lamp::of(state, false));
        assert_eq!(of(State::Healthy), 0);
        assert_eq!(of(State::Degraded), 3, "in four seconds");
        assert_eq!(of(State::Unhealthy), 15);
        assert!(changes(Lamp::of(State::Healthy, true)) > 30);
        assert!(Lamp::Well.is_lit(s(0)));
    }
}
