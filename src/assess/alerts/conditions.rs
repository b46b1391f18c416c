//! Whether an event is what a rule asks for, and why. Pure.
//!
//! All conditions that a rule gives must hold. An event is one object, so class
//! and score are always of the same one.

use super::motion::Motion;
use super::schedule::Times;
use crate::domain::{AlertRule, Event, Timestamp};

/// A rule that is ready to be asked.
#[derive(Clone, Debug)]
pub struct ReadyRule {
    /// The rule.
    pub rule: AlertRule,
    times: Option<Times>,
}

/// One condition of a rule and whether it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// Whether it holds.
    pub holds: bool,
    /// What is asked and what is there.
    pub words: String,
}

impl ReadyRule {
    /// Looks up what the rule needs.
    pub fn new(rule: AlertRule) -> Self {
        let times = rule.schedule.as_ref().map(Times::new);
        Self { rule, times }
    }

    /// Every condition that the rule gives, for an event at `at`.
    pub fn checks(&self, event: &Event, at: Timestamp, motion: Motion<'_>) -> Vec<Check> {
        let rule = &self.rule;
        let mut checks = Vec::new();
        let mut check = |holds, words| checks.push(Check { holds, words });
        if let Some(least) = rule.risk_threshold {
            let risk = event.risk.value();
            check(risk >= least, format!("risk_threshold: {risk} of at least {least}"));
        }
        if !rule.object_types.is_empty() {
            let label = event.label.as_str();
            let holds = rule.object_types.iter().any(|it| it.eq_ignore_ascii_case(label));
            check(holds, format!("object_types: {label} of {}", rule.object_types.join(", ")));
        }
        if let Some(least) = rule.min_confidence {
            let score = event.confidence;
            check(score >= least, format!("min_confidence: {score:.2} of at least {least:.2}"));
        }
        if !rule.cameras.is_empty() {
            let cameras: Vec<_> = rule.cameras.iter().map(ToString::to_string).collect();
            let holds = rule.cameras.contains(&event.camera);
            check(holds, format!("camera_ids: {} of {}", event.camera, cameras.join(", ")));
        }
        if !rule.zones.is_empty() {
            let holds = event.zones.iter().any(|zone| rule.zones.contains(zone));
            let been = if event.zones.is_empty() { "none".into() } else { event.zones.join(", ") };
            check(holds, format!("zone_ids: {been} of {}", rule.zones.join(", ")));
        }
        if let Some(times) = &self.times {
            check(times.hold_at(at), format!("schedule: at {at}"));
        }
        checks.extend(rule.motion_within.map(|within| motion.check(event, within)));
        checks
    }

    /// Whether the rule is looked at and all its conditions hold.
    pub fn wants(&self, event: &Event, at: Timestamp, motion: Motion<'_>) -> bool {
        self.rule.is_enabled && self.checks(event, at, motion).iter().all(|check| check.holds)
    }

    /// Whether the rule is looked at and asks the motion sensor.
    pub fn asks_motion(&self) -> bool {
        self.rule.is_enabled && self.rule.motion_within.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{NOON, event, rule};
    use super::*;
    use crate::domain::{Label, Schedule};

    fn no_sensor() -> Motion<'static> {
        Motion::new(None, NOON, Duration::ZERO)
    }

    type Given = fn(&mut AlertRule);

    fn wants(rule: AlertRule, event: &Event) -> bool {
        ReadyRule::new(rule).wants(event, NOON, no_sensor())
    }

    #[test]
    fn a_rule_without_conditions_wants_everything_unless_it_is_switched_off() {
        assert!(wants(rule("all"), &event(1, 0)));
        assert!(!wants(AlertRule { is_enabled: false, ..rule("all") }, &event(1, 100)));
    }

    #[test]
    fn each_condition_is_asked_of_the_event() {
        let seen = event(1, 60);
        let given: [(Given, bool); 12] = [
            (|rule| rule.risk_threshold = Some(60), true),
            (|rule| rule.risk_threshold = Some(61), false),
            (|rule| rule.object_types = vec!["car".into(), "Person".into()], true),
            (|rule| rule.object_types = vec!["car".into()], false),
            (|rule| rule.min_confidence = Some(0.75), true),
            (|rule| rule.min_confidence = Some(0.76), false),
            (|rule| rule.cameras = vec!["yard".parse().unwrap()], true),
            (|rule| rule.cameras = vec!["door".parse().unwrap()], false),
            (|rule| rule.zones = vec!["lawn".into(), "porch".into()], true),
            (|rule| rule.zones = vec!["lawn".into()], false),
            (
                |rule| {
                    let (start, end) = ("13:00".parse().ok(), "14:00".parse().ok());
                    let days = Vec::new();
                    rule.schedule = Some(Schedule { days, start, end, timezone: "UTC".into() });
                },
                false,
            ),
            (|rule| rule.motion_within = Some(Duration::from_secs(30)), false),
        ];
        for (number, (change, is_wanted)) in given.into_iter().enumerate() {
            let mut rule = rule("one");
            change(&mut rule);
            assert_eq!(wants(rule, &seen), is_wanted, "condition {number}");
        }
    }

    #[test]
    fn all_conditions_must_hold_and_each_says_why() {
        let mut both = rule("sure person");
        both.object_types = vec!["person".into()];
        both.min_confidence = Some(0.9);
        // A sure car and an unsure person are two events, and neither is meant.
        let car = Event { label: Label::new("car"), confidence: 0.95, ..event(1, 0) };
        assert!(!wants(both.clone(), &car) && !wants(both.clone(), &event(2, 0)));
        let words: Vec<_> = ReadyRule::new(both).checks(&event(2, 0), NOON, no_sensor());
        assert_eq!(words[0].words, "object_types: person of person");
        assert_eq!(words[1].words, "min_confidence: 0.75 of at least 0.90");
        assert_eq!([words[0].holds, words[1].holds], [true, false]);
    }
}
