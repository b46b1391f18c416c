//! Which alerts an event raises. Pure: time is handed in, nothing is written.
//!
//! An event raises one alert for each rule at most, however often it is updated.
//! It is asked about when it begins and whenever its risk, score, class or zones
//! have grown; by rules that ask the motion sensor also when that begins to see
//! something. What was raised is remembered for the last [`REMEMBERED`] alerts.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use super::conditions::ReadyRule;
use super::dedup;
use super::motion::{Motion, Waiting};
use crate::domain::{
    Alert, AlertId, AlertRule, AlertStatus, Event, EventId, RiskLevel, RuleId, Timestamp,
};

/// Alerts remembered for cooldown and repetition. A box that raises more of them
/// within a cooldown has other troubles; 300 bytes each.
pub const REMEMBERED: usize = 4096;

/// Events that last; more than can be in all pictures together.
const RUNNING: usize = 1024;

/// The rules, and what they have raised.
#[derive(Debug, Default)]
pub struct Engine {
    rules: HashMap<RuleId, Arc<ReadyRule>>,
    raised: HashMap<(EventId, RuleId), Raised>,
    cooling: HashMap<(RuleId, String), Timestamp>,
    order: VecDeque<(EventId, RuleId, String)>,
    running: HashMap<EventId, Essence>,
    running_order: VecDeque<EventId>,
    waiting: Waiting,
}

#[derive(Clone, Copy, Debug)]
struct Raised {
    alert: AlertId,
    severity: RiskLevel,
}

/// What makes an update worth asking about.
#[derive(Clone, Debug, PartialEq)]
struct Essence {
    risk: u8,
    confidence: f32,
    label: String,
    zones: usize,
}

/// When an event is judged.
#[derive(Clone, Copy, Debug)]
pub struct When<'a> {
    /// Schedules and cooldowns are asked for this time.
    pub at: Timestamp,
    /// Alerts are dated so.
    pub now: Timestamp,
    /// Whether the clock has been set.
    pub clock_trusted: bool,
    /// What the motion sensor has seen by now.
    pub motion: Motion<'a>,
}

/// What an event has come to.
#[derive(Debug, Default, PartialEq)]
pub struct Verdict {
    /// New alerts, the most severe first.
    pub alerts: Vec<Alert>,
    /// Alerts that matter more than before.
    pub raised: Vec<(AlertId, RiskLevel)>,
}

impl Engine {
    /// Adds a rule, or replaces it by a later revision.
    pub fn set_rule(&mut self, rule: AlertRule) {
        self.rules.insert(rule.id, Arc::new(ReadyRule::new(rule)));
    }

    /// Removes a rule.
    pub fn remove_rule(&mut self, id: RuleId) {
        self.rules.remove(&id);
    }

    /// The rules as they are.
    pub fn rules(&self) -> impl Iterator<Item = &AlertRule> {
        self.rules.values().map(|ready| &ready.rule)
    }

    /// An alert was raised, in this run or an earlier one.
    pub fn note(&mut self, alert: &Alert) {
        let Some(rule) = alert.rule else { return };
        let key = (alert.event, rule);
        self.raised.insert(key, Raised { alert: alert.id, severity: alert.severity });
        let cooling = self.cooling.entry((rule, alert.dedup_key.clone()));
        let latest = cooling.or_insert(alert.created_at);
        *latest = (*latest).max(alert.created_at);
        self.order.push_back((alert.event, rule, alert.dedup_key.clone()));
        while self.order.len() > REMEMBERED {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((event, rule, key)) = self.order.pop_front() else { return };
        self.raised.remove(&(event, rule));
        let is_last = !self.order.iter().any(|(_, other, known)| *other == rule && *known == key);
        if is_last {
            self.cooling.remove(&(rule, key));
        }
    }

    /// What the event comes to.
    pub fn judge(&mut self, event: &Event, when: When<'_>) -> Verdict {
        let verdict = self.judge_by(event, when, |_| true);
        self.await_motion(event, when.motion);
        verdict
    }

    /// What events come to that have waited for the motion sensor, which has begun to
    /// see something.
    pub fn judge_waiting(&mut self, when: When<'_>) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for event in self.waiting.take() {
            verdicts.push(self.ask(&event, when, |rule| rule.motion_within.is_some()));
            self.await_motion(&event, when.motion);
        }
        verdicts
    }

    /// The event waits while a rule may come to hold with the sensor's next sighting.
    fn await_motion(&mut self, event: &Event, motion: Motion<'_>) {
        let is_undecided = |ready: &&Arc<ReadyRule>| {
            ready.asks_motion() && !self.raised.contains_key(&(event.id, ready.rule.id))
        };
        let asking = self.rules.values().filter(is_undecided);
        let within = asking.filter_map(|ready| ready.rule.motion_within).max();
        self.waiting.set(event, within, motion);
    }

    /// What an event of an earlier run comes to, if it was not judged then: only
    /// by rules that are older than it.
    pub fn judge_missed(&mut self, event: &Event, when: When<'_>) -> Verdict {
        self.judge_by(event, when, |rule| rule.updated_at <= event.updated_at)
    }

    fn judge_by(
        &mut self,
        event: &Event,
        when: When<'_>,
        is_asked: impl Fn(&AlertRule) -> bool,
    ) -> Verdict {
        if !self.is_worth_asking(event) {
            return Verdict::default();
        }
        self.ask(event, when, is_asked)
    }

    fn ask(
        &mut self,
        event: &Event,
        when: When<'_>,
        is_asked: impl Fn(&AlertRule) -> bool,
    ) -> Verdict {
        let mut verdict = Verdict::default();
        let rules: Vec<_> = self.rules.values().cloned().collect();
        for ready in rules.iter().filter(|ready| is_asked(&ready.rule)) {
            let rule = &ready.rule;
            let severity = rule.severity.unwrap_or(event.risk.level());
            if let Some(raised) = self.raised.get_mut(&(event.id, rule.id)) {
                if severity > raised.severity {
                    raised.severity = severity;
                    verdict.raised.push((raised.alert, severity));
                }
                continue;
            }
            let key = dedup::key(rule, event);
            if !ready.wants(event, when.at, when.motion) || self.is_cooling(rule, &key, when.at) {
                continue;
            }
            let alert = alert(event, rule.id, severity, key, when);
            self.note(&alert);
            verdict.alerts.push(alert);
        }
        verdict.alerts.sort_by_key(|alert| (std::cmp::Reverse(alert.severity), alert.rule));
        verdict
    }

    /// Also after a clock was set back: only what is near in time holds.
    fn is_cooling(&self, rule: &AlertRule, key: &str, at: Timestamp) -> bool {
        let last = self.cooling.get(&(rule.id, key.to_owned()));
        last.is_some_and(|last| at.since(*last).max(last.since(at)) < rule.cooldown)
    }

    fn is_worth_asking(&mut self, event: &Event) -> bool {
        let essence = Essence {
            risk: event.risk.value(),
            confidence: event.confidence,
            label: event.label.to_string(),
            zones: event.zones.len(),
        };
        let known = self.running.get(&event.id);
        let has_grown = known.is_none_or(|known| {
            essence.risk > known.risk
                || essence.confidence > known.confidence
                || essence.label != known.label
                || essence.zones > known.zones
        });
        if known.is_none() {
            self.running_order.push_back(event.id);
        }
        self.running.insert(event.id, essence);
        while self.running_order.len() > RUNNING {
            let oldest = self.running_order.pop_front();
            oldest.map(|oldest| self.running.remove(&oldest));
        }
        has_grown
    }
}

fn alert(
    event: &Event,
    rule: RuleId,
    severity: RiskLevel,
    dedup_key: String,
    when: When<'_>,
) -> Alert {
    Alert {
        id: AlertId::fresh(),
        revision: 0,
        event: event.id,
        camera: event.camera.clone(),
        rule: Some(rule),
        severity,
        status: AlertStatus::Pending,
        dedup_key,
        created_at: when.now,
        updated_at: when.now,
        acknowledged_at: None,
        dismissed_at: None,
        clock_trusted: when.clock_trusted,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::testing::{NOON, event, rule};
    use super::*;
    use crate::board::MotionLog;

    fn engine(rules: impl IntoIterator<Item = AlertRule>) -> Engine {
        let mut engine = Engine::default();
        rules.into_iter().for_each(|rule| engine.set_rule(rule));
        engine
    }

    /// Noon is at 1000 s of the monotonic clock.
    fn when(at: Timestamp, now: Timestamp, log: Option<&MotionLog>) -> When<'_> {
        let monotonic = Duration::from_secs(1000) + now.since(NOON);
        When { at, now, clock_trusted: true, motion: Motion::new(log, now, monotonic) }
    }

    fn judge(engine: &mut Engine, event: &Event, after_s: u64) -> Verdict {
        let at = NOON.after(Duration::from_secs(after_s));
        engine.judge(event, when(at, at, None))
    }

    fn cooling(seconds: u64) -> AlertRule {
        AlertRule { cooldown: Duration::from_secs(seconds), ..rule("cooling") }
    }

    #[test]
    fn an_event_raises_one_alert_for_each_rule_the_most_severe_first() {
        let mild = AlertRule { severity: Some(RiskLevel::Low), ..rule("mild") };
        let mut engine = engine([mild, rule("by risk")]);
        let verdict = judge(&mut engine, &event(1, 90), 0);
        let levels: Vec<_> = verdict.alerts.iter().map(|alert| alert.severity).collect();
        assert_eq!(levels, [RiskLevel::Critical, RiskLevel::Low]);
        let later = Event { revision: 1, ..event(1, 95) };
        assert_eq!(judge(&mut engine, &later, 9), Verdict::default());
    }

    #[test]
    fn an_update_that_grows_above_a_threshold_raises_the_alert_then() {
        let mut engine = engine([AlertRule { risk_threshold: Some(60), ..rule("high") }]);
        assert!(judge(&mut engine, &event(1, 40), 0).alerts.is_empty());
        assert_eq!(judge(&mut engine, &event(1, 60), 5).alerts.len(), 1);
        assert!(judge(&mut engine, &event(1, 59), 6).alerts.is_empty());
    }

    #[test]
    fn an_update_that_grows_in_nothing_is_not_asked_about() {
        let mut late = rule("late");
        late.schedule = Some(crate::domain::Schedule {
            days: Vec::new(),
            start: "12:01".parse().ok(),
            end: None,
            timezone: "UTC".into(),
        });
        let mut engine = engine([late]);
        assert!(judge(&mut engine, &event(1, 40), 0).alerts.is_empty());
        assert!(judge(&mut engine, &event(1, 40), 120).alerts.is_empty());
        assert_eq!(judge(&mut engine, &event(1, 41), 121).alerts.len(), 1);
    }

    #[test]
    fn an_alert_as_severe_as_its_event_grows_with_it() {
        let mut engine = engine([rule("by risk")]);
        let alert = judge(&mut engine, &event(1, 40), 0).alerts.remove(0);
        let verdict = judge(&mut engine, &event(1, 85), 5);
        assert_eq!(verdict.raised, [(alert.id, RiskLevel::Critical)]);
        assert_eq!(judge(&mut engine, &event(1, 86), 6).raised, []);
    }

    #[test]
    fn the_same_alert_is_not_repeated_within_its_cooldown() {
        let mut engine = engine([cooling(300)]);
        assert_eq!(judge(&mut engine, &event(1, 40), 0).alerts.len(), 1);
        assert!(judge(&mut engine, &event(2, 40), 299).alerts.is_empty());
        assert_eq!(judge(&mut engine, &event(3, 40), 300).alerts.len(), 1);
        // Another camera has another key.
        let door = Event { camera: "door".parse().unwrap(), ..event(4, 40) };
        assert_eq!(judge(&mut engine, &door, 301).alerts.len(), 1);
    }

    #[test]
    fn a_cooldown_of_zero_is_none() {
        let mut engine = engine([cooling(0)]);
        let raised: usize =
            (1..=5).map(|id| judge(&mut engine, &event(id, 40), 0).alerts.len()).sum();
        assert_eq!(raised, 5);
    }

    #[test]
    fn what_an_earlier_run_raised_is_cooling_and_not_raised_again() {
        let rule = cooling(300);
        let mut before = engine([rule.clone()]);
        let alert = judge(&mut before, &event(1, 40), 0).alerts.remove(0);
        let mut after = engine([rule]);
        after.note(&alert);
        assert!(judge(&mut after, &event(2, 40), 299).alerts.is_empty(), "cooling");
        assert!(judge(&mut after, &event(1, 90), 900).alerts.is_empty(), "the same event");
        assert_eq!(judge(&mut after, &event(3, 40), 900).alerts.len(), 1);
    }

    #[test]
    fn a_clock_set_back_by_years_does_not_silence_a_rule_for_years() {
        let mut engine = engine([cooling(300)]);
        let later = NOON.after(Duration::from_secs(86_400 * 400));
        assert_eq!(engine.judge(&event(1, 40), when(later, later, None)).alerts.len(), 1);
        assert_eq!(judge(&mut engine, &event(2, 40), 0).alerts.len(), 1);
    }

    #[test]
    fn a_missed_event_is_judged_by_the_rules_of_its_time_as_of_its_time() {
        let new = AlertRule { updated_at: NOON.after(Duration::from_secs(1)), ..rule("new") };
        let old = cooling(300);
        let mut engine = engine([new, old.clone()]);
        let when = when(NOON, NOON.after(Duration::from_secs(9999)), None);
        let alerts = engine.judge_missed(&event(1, 40), when).alerts;
        assert_eq!(alerts.iter().map(|alert| alert.rule).collect::<Vec<_>>(), [Some(old.id)]);
        assert_eq!(alerts[0].created_at, when.now);
    }

    /// A rule that asks the motion sensor, and a box that has one.
    struct Guarded {
        engine: Engine,
        log: MotionLog,
    }

    impl Guarded {
        fn new(rule: AlertRule) -> Self {
            let motion_within = Some(Duration::from_secs(30));
            let log = MotionLog::new(Duration::ZERO);
            Self { engine: engine([AlertRule { motion_within, ..rule }]), log }
        }

        /// Events that raise an alert so long after noon.
        fn judge(&mut self, event: &Event, after_s: u64) -> Vec<u64> {
            let at = NOON.after(Duration::from_secs(after_s));
            ids(&[self.engine.judge(event, when(at, at, Some(&self.log)))])
        }

        /// And when the sensor sees something for a second.
        fn sense(&mut self, after_s: u64) -> Vec<u64> {
            let at = NOON.after(Duration::from_secs(after_s));
            let monotonic = Duration::from_secs(1000 + after_s);
            self.log.note(true, monotonic);
            let verdicts = self.engine.judge_waiting(when(at, at, Some(&self.log)));
            self.log.note(false, monotonic + Duration::from_secs(1));
            ids(&verdicts)
        }
    }

    fn ids(verdicts: &[Verdict]) -> Vec<u64> {
        verdicts.iter().flat_map(|it| &it.alerts).map(|alert| alert.event.0).collect()
    }

    fn ended(id: u64, after_s: u64) -> Event {
        Event { ended_at: Some(NOON.after(Duration::from_secs(after_s))), ..event(id, 40) }
    }

    #[test]
    fn who_comes_after_the_sensor_has_seen_something_raises_the_alert_at_once() {
        let mut guarded = Guarded::new(rule("guarded"));
        assert_eq!(guarded.sense(0), [0; 0]);
        let at = |after_s| NOON.after(Duration::from_secs(after_s));
        let late = Event { started_at: at(32), ..event(1, 40) };
        assert_eq!(guarded.judge(&late, 32), [0; 0], "too long ago");
        let soon = Event { started_at: at(31), ..event(2, 40) };
        assert_eq!(guarded.judge(&soon, 32), [2]);
    }

    #[test]
    fn who_was_there_before_the_sensor_saw_something_raises_the_alert_then_and_once() {
        let mut guarded = Guarded::new(rule("guarded"));
        assert_eq!(guarded.judge(&event(1, 40), 0), [0; 0]);
        assert_eq!(guarded.judge(&event(2, 40), 0), [0; 0]);
        assert_eq!(guarded.judge(&ended(2, 5), 5), [0; 0]);
        assert_eq!(guarded.sense(36), [1], "the other one has been gone for 31 s");
        assert_eq!(guarded.sense(40), [0; 0]);
    }

    #[test]
    fn who_was_there_just_before_the_sensor_saw_something_raises_the_alert_as_well() {
        let mut guarded = Guarded::new(rule("guarded"));
        assert_eq!(guarded.judge(&event(1, 40), 0), [0; 0]);
        assert_eq!(guarded.judge(&ended(1, 5), 5), [0; 0]);
        assert_eq!(guarded.sense(35), [1]);
    }

    #[test]
    fn the_sensor_asks_only_rules_that_ask_it_and_all_else_must_hold() {
        let mut guarded = Guarded::new(AlertRule { risk_threshold: Some(60), ..rule("guarded") });
        guarded.engine.set_rule(cooling(300));
        assert_eq!(guarded.judge(&event(1, 40), 0), [1], "by the other rule");
        assert_eq!(guarded.judge(&event(2, 40), 1), [0; 0], "which is cooling");
        assert_eq!(guarded.sense(400), [0; 0], "and is not asked again");
        assert_eq!(guarded.judge(&event(2, 60), 401), [2, 2], "both hold now");
    }

    #[test]
    fn a_rule_that_is_switched_off_lets_nobody_wait() {
        let mut guarded = Guarded::new(AlertRule { is_enabled: false, ..rule("guarded") });
        assert_eq!(guarded.judge(&event(1, 40), 0), [0; 0]);
        assert_eq!(guarded.engine.waiting.take().len(), 0);
        assert_eq!(guarded.sense(1), [0; 0]);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut engine = engine([cooling(0)]);
        for id in 0..REMEMBERED as u64 + 100 {
            judge(&mut engine, &event(id, 40), 0);
        }
        assert_eq!((engine.raised.len(), engine.order.len()), (REMEMBERED, REMEMBERED));
        assert_eq!((engine.running.len(), engine.cooling.len()), (RUNNING, 1));
    }
}
