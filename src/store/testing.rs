//! Records for the tests of this room and of those above it.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::{
    Alert, AlertId, AlertRule, AlertStatus, BBox, BatchId, Detection, DetectionId, Event, EventId,
    RiskLevel, RiskScore, RuleId, SceneChange, SceneChangeId, SceneChangeType, Schedule, Setting,
    TimeOfDay, Timestamp, TrackId, Weekday, examples,
};

/// A detection of the camera `yard` at `at_ms`.
pub(crate) fn detection(id: u64, at_ms: i64) -> Detection {
    Detection {
        id: DetectionId(id),
        camera: "yard".parse().unwrap(),
        track: TrackId(4),
        batch: BatchId::new("batch-1"),
        event: EventId(3),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        frame_sequence: 11,
        captured_at: Timestamp::from_unix_ms(at_ms),
        ..examples::detection()
    }
}

/// An event of the camera `yard` that began at `at_ms`.
pub(super) fn event(id: u64, revision: u32, at_ms: i64) -> Event {
    Event {
        id: EventId(id),
        revision,
        camera: "yard".parse().unwrap(),
        batch: BatchId::new("batch-1"),
        track: TrackId(4),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        risk: RiskScore::new(40),
        summary: "A person in the yard.".into(),
        reasoning: "Base 40.".into(),
        detection_count: 9,
        started_at: Timestamp::from_unix_ms(at_ms),
        updated_at: Timestamp::from_unix_ms(at_ms + 50),
        ..examples::event()
    }
}

/// An alert of the camera `yard`, created at `at_ms`.
pub(super) fn alert(id: u128, revision: u32, at_ms: i64) -> Alert {
    Alert {
        id: AlertId(Uuid::from_u128(id)),
        revision,
        event: EventId(3),
        camera: "yard".parse().unwrap(),
        rule: Some(RuleId(Uuid::from_u128(5))),
        severity: RiskLevel::High,
        status: AlertStatus::Acknowledged,
        dedup_key: "yard:person".into(),
        created_at: Timestamp::from_unix_ms(at_ms),
        updated_at: Timestamp::from_unix_ms(at_ms + 50),
        acknowledged_at: Some(Timestamp::from_unix_ms(at_ms + 50)),
        dismissed_at: None,
        clock_trusted: true,
    }
}

/// A rule with every field of the first form in use.
pub(super) fn alert_rule(id: u128, revision: u32, at_ms: i64) -> AlertRule {
    AlertRule {
        id: RuleId(Uuid::from_u128(id)),
        revision,
        name: "Night".into(),
        description: Some("Persons at night.".into()),
        is_enabled: true,
        severity: Some(RiskLevel::Critical),
        risk_threshold: Some(60),
        object_types: vec!["person".into()],
        cameras: vec!["yard".parse().unwrap()],
        zones: vec!["porch".into()],
        min_confidence: Some(0.5),
        schedule: Some(Schedule {
            days: vec![Weekday::Friday, Weekday::Saturday],
            start: TimeOfDay::new(22, 0),
            end: TimeOfDay::new(6, 30),
            timezone: "Europe/Berlin".into(),
        }),
        motion_within: None,
        dedup_key_template: "{camera_id}:{rule_id}".into(),
        cooldown: Duration::from_secs(300),
        channels: vec!["siren".into()],
        created_at: Timestamp::from_unix_ms(at_ms),
        updated_at: Timestamp::from_unix_ms(at_ms + 50),
    }
}

/// A scene change of the camera `yard`.
pub(super) fn scene_change(id: u64, revision: u32, at_ms: i64) -> SceneChange {
    SceneChange {
        id: SceneChangeId(id),
        revision,
        camera: "yard".parse().unwrap(),
        detected_at: Timestamp::from_unix_ms(at_ms),
        change: SceneChangeType::ViewBlocked,
        similarity: 0.25,
        acknowledged_at: Some(Timestamp::from_unix_ms(at_ms + 50)),
        clock_trusted: true,
    }
}

/// A setting.
pub(super) fn setting(key: &str, revision: u32) -> Setting {
    let updated_at = Timestamp::from_unix_ms(600);
    Setting { key: key.into(), revision, value: "true".into(), updated_at }
}
