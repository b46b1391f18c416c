//! Alerts and alert rules on the wire.
//!
//! The three alert messages of the realtime contract carry all eight fields. What
//! the registry names beside them goes out in the dotted form: `alert.updated` when
//! an alert grows more severe with its event, `alert.resolved` beside
//! `alert_dismissed`.

use super::records::{Pagination, score};
use crate::api::response::json_text;
use crate::assess::Check;
use crate::domain::{Alert, AlertRule, Event, Schedule, TimeOfDay, Timestamp};
use crate::live::{AlertChange, AlertNews};
use schemars::JsonSchema;
use serde::Serialize;

/// An alert as live messages carry it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Alert")]
pub(super) struct AlertData<'a> {
    /// A UUID.
    id: String,
    /// The event that a rule was about.
    event_id: u64,
    /// The rule, a UUID; it may be gone by now.
    rule_id: Option<String>,
    #[schemars(extend("enum" = ["low", "medium", "high", "critical"]))]
    severity: &'static str,
    #[schemars(extend("enum" = ["pending", "delivered", "acknowledged", "dismissed"]))]
    status: &'static str,
    /// Alerts with the same key are told once in a cooldown.
    dedup_key: &'a str,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl<'a> From<&'a Alert> for AlertData<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            event_id: alert.event.0,
            rule_id: alert.rule.map(|rule| rule.to_string()),
            severity: alert.severity.as_str(),
            status: alert.status.as_str(),
            dedup_key: &alert.dedup_key,
            created_at: alert.created_at,
            updated_at: alert.updated_at,
        }
    }
}

/// An alert as REST shows it: the message's fields and more.
#[derive(Serialize, JsonSchema)]
pub struct AlertRecord<'a> {
    #[serde(flatten)]
    alert: AlertData<'a>,
    camera_id: &'a str,
    acknowledged_at: Option<Timestamp>,
    dismissed_at: Option<Timestamp>,
    clock_trusted: bool,
}

impl<'a> From<&'a Alert> for AlertRecord<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self {
            alert: alert.into(),
            camera_id: alert.camera.as_str(),
            acknowledged_at: alert.acknowledged_at,
            dismissed_at: alert.dismissed_at,
            clock_trusted: alert.clock_trusted,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlertUpdated")]
pub(super) struct Updated<'a> {
    #[serde(flatten)]
    alert: AlertData<'a>,
    updated_fields: [&'static str; 2],
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlertResolved")]
pub(super) struct Resolved<'a> {
    #[serde(flatten)]
    alert: AlertData<'a>,
    resolved_at: Timestamp,
    resolution_notes: Option<&'a str>,
}

impl<'a> From<&'a Alert> for Updated<'a> {
    fn from(alert: &'a Alert) -> Self {
        Self { alert: alert.into(), updated_fields: ["severity", "updated_at"] }
    }
}

impl<'a> From<&'a Alert> for Resolved<'a> {
    fn from(alert: &'a Alert) -> Self {
        let resolved_at = alert.dismissed_at.unwrap_or(alert.updated_at);
        Self { alert: alert.into(), resolved_at, resolution_notes: None }
    }
}

/// Type, data and time of a message; the documented ones have no time beside them.
pub(super) fn message(news: &AlertNews) -> (&'static str, String, Option<Timestamp>) {
    let (alert, at) = (&news.alert, news.alert.updated_at);
    match news.change {
        AlertChange::Created => ("alert_created", json_text(&AlertData::from(alert)), None),
        AlertChange::Acknowledged => {
            ("alert_acknowledged", json_text(&AlertData::from(alert)), None)
        }
        AlertChange::Dismissed => ("alert_dismissed", json_text(&AlertData::from(alert)), None),
        AlertChange::SeverityRaised => {
            ("alert.updated", json_text(&Updated::from(alert)), Some(at))
        }
        AlertChange::Resolved => ("alert.resolved", json_text(&Resolved::from(alert)), Some(at)),
    }
}

/// Names by which a client may subscribe to it.
pub(super) fn names(change: AlertChange) -> &'static [&'static str] {
    match change {
        AlertChange::Created => &["alert_created", "alert.created"],
        AlertChange::SeverityRaised => &["alert.updated"],
        AlertChange::Acknowledged => &["alert_acknowledged", "alert.acknowledged"],
        AlertChange::Dismissed => &["alert_dismissed", "alert.dismissed"],
        AlertChange::Resolved => &["alert.resolved"],
    }
}

/// An alert rule.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlertRule")]
pub struct RuleData<'a> {
    id: String,
    name: &'a str,
    description: Option<&'a str>,
    enabled: bool,
    /// Absent: as severe as the event's risk level.
    severity: Option<&'static str>,
    risk_threshold: Option<u8>,
    object_types: &'a [String],
    camera_ids: Vec<&'a str>,
    /// Names of zones.
    zone_ids: &'a [String],
    min_confidence: Option<f64>,
    schedule: Option<ScheduleData<'a>>,
    motion_sensor: Option<MotionData>,
    dedup_key_template: &'a str,
    cooldown_seconds: u64,
    channels: &'a [String],
    created_at: Timestamp,
    updated_at: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Schedule")]
struct ScheduleData<'a> {
    days: Vec<&'static str>,
    start_time: Option<String>,
    end_time: Option<String>,
    timezone: &'a str,
}

/// What is asked of the motion sensor.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MotionCondition")]
struct MotionData {
    /// It must have seen something while the event lasted, or no more than so long
    /// before it began or after it ended.
    within_seconds: u64,
}

impl<'a> From<&'a Schedule> for ScheduleData<'a> {
    fn from(schedule: &'a Schedule) -> Self {
        let text = |time: &Option<TimeOfDay>| time.map(|time| time.to_string());
        Self {
            days: schedule.days.iter().map(|day| day.as_str()).collect(),
            start_time: text(&schedule.start),
            end_time: text(&schedule.end),
            timezone: &schedule.timezone,
        }
    }
}

impl<'a> From<&'a AlertRule> for RuleData<'a> {
    fn from(rule: &'a AlertRule) -> Self {
        Self {
            id: rule.id.to_string(),
            name: &rule.name,
            description: rule.description.as_deref(),
            enabled: rule.is_enabled,
            severity: rule.severity.map(|severity| severity.as_str()),
            risk_threshold: rule.risk_threshold,
            object_types: &rule.object_types,
            camera_ids: rule.cameras.iter().map(|camera| camera.as_str()).collect(),
            zone_ids: &rule.zones,
            min_confidence: rule.min_confidence.map(score),
            schedule: rule.schedule.as_ref().map(Into::into),
            motion_sensor: rule
                .motion_within
                .map(|within| MotionData { within_seconds: within.as_secs() }),
            dedup_key_template: &rule.dedup_key_template,
            cooldown_seconds: rule.cooldown.as_secs(),
            channels: &rule.channels,
            created_at: rule.created_at,
            updated_at: rule.updated_at,
        }
    }
}

/// The list of rules: the contract's own names and the envelope of other lists.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AlertRules")]
pub struct RuleList<'a> {
    /// The rules of this page.
    pub rules: &'a [RuleData<'a>],
    /// How many there are on all pages.
    pub count: usize,
    /// The rules of this page.
    pub items: &'a [RuleData<'a>],
    /// The page.
    pub pagination: Pagination,
}

/// What a rule would have done.
#[derive(Serialize, JsonSchema)]
pub struct DryRun<'a> {
    rule_id: String,
    rule_name: &'a str,
    events_tested: usize,
    events_matched: usize,
    /// Share of the tested events, 0 to 1.
    match_rate: f64,
    results: Vec<DryRunResult<'a>>,
}

#[derive(Serialize, JsonSchema)]
struct DryRunResult<'a> {
    event_id: u64,
    camera_id: &'a str,
    risk_score: u8,
    object_types: [&'a str; 1],
    tested_at: Timestamp,
    matches: bool,
    matched_conditions: Vec<String>,
    failed_conditions: Vec<String>,
}

impl<'a> DryRun<'a> {
    /// The answer for events with the checks of each and the time they are for.
    pub fn new(rule: &'a AlertRule, tested: Vec<(&'a Event, Timestamp, Vec<Check>)>) -> Self {
        let results: Vec<_> = tested
            .into_iter()
            .map(|(event, at, checks)| DryRunResult::new(event, at, checks))
            .collect();
        let matched = results.iter().filter(|result| result.matches).count();
        let rate = if results.is_empty() { 0.0 } else { matched as f64 / results.len() as f64 };
        Self {
            rule_id: rule.id.to_string(),
            rule_name: &rule.name,
            events_tested: results.len(),
            events_matched: matched,
            match_rate: (rate * 1000.0).round() / 1000.0,
            results,
        }
    }
}

impl<'a> DryRunResult<'a> {
    fn new(event: &'a Event, at: Timestamp, checks: Vec<Check>) -> Self {
        let (held, failed): (Vec<_>, Vec<_>) = checks.into_iter().partition(|check| check.holds);
        let words = |checks: Vec<Check>| checks.into_iter().map(|check| check.words).collect();
        Self {
            event_id: event.id.0,
            camera_id: event.camera.as_str(),
            risk_score: event.risk.value(),
            object_types: [event.label.as_str()],
            tested_at: at,
            matches: failed.is_empty(),
            matched_conditions: words(held),
            failed_conditions: words(failed),
        }
    }
}

/// What a client sends to make or change a rule. All conditions that are given must
/// hold; none makes a rule that always holds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; the body is read field by field")]
pub struct NewRule {
    /// 1 to 255 characters; needed for a new rule.
    #[schemars(length(min = 1, max = 255))]
    name: Option<String>,
    description: Option<String>,
    enabled: Option<bool>,
    /// Null for as severe as the event's risk level.
    #[schemars(extend("enum" = ["low", "medium", "high", "critical", null]))]
    severity: Option<String>,
    #[schemars(range(max = 100))]
    risk_threshold: Option<u8>,
    object_types: Option<Vec<String>>,
    camera_ids: Option<Vec<String>>,
    /// Names of zones.
    zone_ids: Option<Vec<String>>,
    #[schemars(range(min = 0, max = 1))]
    min_confidence: Option<f64>,
    schedule: Option<NewSchedule>,
    /// Refused by a box without a motion sensor.
    motion_sensor: Option<NewMotion>,
    /// Of `{camera_id}`, `{rule_id}` and `{object_type}`.
    #[schemars(length(max = 255))]
    dedup_key_template: Option<String>,
    cooldown_seconds: Option<u64>,
    channels: Option<Vec<String>>,
}

/// What is asked of the motion sensor.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; the body is read field by field")]
struct NewMotion {
    /// 30 unless told. It must have seen something while the event lasted, or no more
    /// than so long before it began or after it ended.
    #[schemars(range(max = 600))]
    within_seconds: Option<u64>,
}

/// When a rule holds.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; the body is read field by field")]
struct NewSchedule {
    /// `monday` to `sunday`; every day when there are none.
    days: Option<Vec<String>>,
    /// `HH:MM`. A span that ends before it starts goes over midnight.
    start_time: Option<String>,
    end_time: Option<String>,
    /// A name of the IANA time zone database; UTC unless told.
    timezone: Option<String>,
}
