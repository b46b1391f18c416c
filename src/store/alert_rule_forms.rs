//! Alert rules as they are stored.
//!
//! The second form is the first, and what is asked of the motion sensor. Rules that
//! ask nothing of it keep the first, which every version reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Record;
use super::rare_stored::{HeadV1, LEVELS, code, time, value};
use crate::domain::{AlertRule, CameraId, RuleId, Schedule, TimeOfDay, Weekday};

// The place in the list is what is stored.
const DAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

#[derive(Serialize, Deserialize)]
pub(super) struct AlertRuleV1 {
    name: String,
    description: Option<String>,
    is_enabled: bool,
    severity: Option<u8>,
    risk_threshold: Option<u8>,
    object_types: Vec<String>,
    cameras: Vec<CameraId>,
    zones: Vec<String>,
    min_confidence: Option<f32>,
    schedule: Option<ScheduleV1>,
    dedup_key_template: String,
    cooldown_ms: u64,
    channels: Vec<String>,
    updated_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
struct ScheduleV1 {
    days: Vec<u8>,
    start_minute: Option<u16>,
    end_minute: Option<u16>,
    timezone: String,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AlertRuleV2 {
    rule: AlertRuleV1,
    motion_within_ms: Option<u64>,
}

impl AlertRuleV2 {
    /// Whether the first form cannot hold the rule.
    pub fn is_needed(rule: &AlertRule) -> bool {
        rule.motion_within.is_some()
    }
}

impl From<&AlertRule> for AlertRuleV1 {
    fn from(r: &AlertRule) -> Self {
        let schedule = r.schedule.as_ref().map(|schedule| ScheduleV1 {
            days: schedule.days.iter().map(|day| code(&DAYS, day)).collect(),
            start_minute: schedule.start.map(TimeOfDay::minutes),
            end_minute: schedule.end.map(TimeOfDay::minutes),
            timezone: schedule.timezone.clone(),
        });
        Self {
            name: r.name.clone(),
            description: r.description.clone(),
            is_enabled: r.is_enabled,
            severity: r.severity.map(|severity| code(&LEVELS, &severity)),
            risk_threshold: r.risk_threshold,
            object_types: r.object_types.clone(),
            cameras: r.cameras.clone(),
            zones: r.zones.clone(),
            min_confidence: r.min_confidence,
            schedule,
            dedup_key_template: r.dedup_key_template.clone(),
            cooldown_ms: ms(r.cooldown),
            channels: r.channels.clone(),
            updated_at_ms: r.updated_at.unix_ms(),
        }
    }
}

impl From<&AlertRule> for AlertRuleV2 {
    fn from(rule: &AlertRule) -> Self {
        Self { rule: rule.into(), motion_within_ms: rule.motion_within.map(ms) }
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The record of the first form; `None` when a value is none of its kind.
pub(super) fn alert_rule_v1(head: &HeadV1, s: AlertRuleV1) -> Option<Record> {
    rule(head, s).map(Record::AlertRule)
}

/// The record of the second form.
pub(super) fn alert_rule_v2(head: &HeadV1, s: AlertRuleV2) -> Option<Record> {
    let motion_within = s.motion_within_ms.map(Duration::from_millis);
    Some(Record::AlertRule(AlertRule { motion_within, ..rule(head, s.rule)? }))
}

fn rule(head: &HeadV1, s: AlertRuleV1) -> Option<AlertRule> {
    Some(AlertRule {
        id: RuleId(Uuid::from_bytes(head.id)),
        revision: head.revision,
        name: s.name,
        description: s.description,
        is_enabled: s.is_enabled,
        severity: s.severity.map(|code| value(&LEVELS, code).ok_or(())).transpose().ok()?,
        risk_threshold: s.risk_threshold,
        object_types: s.object_types,
        cameras: s.cameras,
        zones: s.zones,
        min_confidence: s.min_confidence,
        schedule: s.schedule.map(|s| schedule(s).ok_or(())).transpose().ok()?,
        motion_within: None,
        dedup_key_template: s.dedup_key_template,
        cooldown: Duration::from_millis(s.cooldown_ms),
        channels: s.channels,
        created_at: time(head.at_ms),
        updated_at: time(s.updated_at_ms),
    })
}

fn schedule(s: ScheduleV1) -> Option<Schedule> {
    let minute = |minute: Option<u16>| {
        minute.map(|minute| TimeOfDay::from_minutes(minute).ok_or(())).transpose().ok()
    };
    Some(Schedule {
        days: s.days.into_iter().map(|code| value(&DAYS, code)).collect::<Option<_>>()?,
        start: minute(s.start_minute)?,
        end: minute(s.end_minute)?,
        timezone: s.timezone,
    })
}

#[cfg(test)]
mod tests {
    use super::super::rare_stored::{decode, encode};
    use super::super::testing::alert_rule;
    use super::*;

    fn stored(rule: &AlertRule) -> (u8, Vec<u8>) {
        let (tag, bytes) = encode(&Record::AlertRule(rule.clone())).unwrap();
        (tag, bytes.unwrap())
    }

    /// The first form is pinned; the second is pinned by what it adds.
    #[test]
    fn the_second_form_is_the_first_and_the_motion_sensor_behind_it() {
        let plain = alert_rule(5, 1, 800);
        let asking = AlertRule { motion_within: Some(Duration::from_secs(30)), ..plain.clone() };
        let ((first_tag, first), (tag, second)) = (stored(&plain), stored(&asking));
        assert_eq!((first_tag, tag), (17, 20));
        // 30000 as postcard writes it.
        assert_eq!(second, [&first[..], &[1, 0xb0, 0xea, 1]].concat());
        assert_eq!(decode(tag, &second), Some(Record::AlertRule(asking)));
        assert_eq!(decode(first_tag, &first), Some(Record::AlertRule(plain)));
    }
}
