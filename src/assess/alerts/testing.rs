//! Events and rules for the tests of this folder.

use std::time::Duration;

use crate::domain::{
    AlertRule, BBox, BatchId, Event, EventId, RiskScore, RuleId, Timestamp, TrackId, examples,
};

/// 2026-01-15T12:00:00Z, a Thursday.
pub const NOON: Timestamp = Timestamp::from_unix_ms(1_768_478_400_000);

/// A rule without conditions.
pub fn rule(name: &str) -> AlertRule {
    AlertRule {
        id: RuleId::fresh(),
        revision: 0,
        name: name.into(),
        description: None,
        is_enabled: true,
        severity: None,
        risk_threshold: None,
        object_types: Vec::new(),
        cameras: Vec::new(),
        zones: Vec::new(),
        min_confidence: None,
        schedule: None,
        motion_within: None,
        dedup_key_template: super::TEMPLATE_DEFAULT.into(),
        cooldown: Duration::ZERO,
        channels: Vec::new(),
        created_at: NOON,
        updated_at: NOON,
    }
}

/// A person on the porch of the yard.
pub fn event(id: u64, risk: i32) -> Event {
    Event {
        id: EventId(id),
        camera: "yard".parse().unwrap(),
        batch: BatchId::new("batch-1"),
        track: TrackId(id),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        risk: RiskScore::new(risk),
        summary: "A person in the yard.".into(),
        reasoning: "Base 40.".into(),
        detection_count: 9,
        started_at: NOON,
        updated_at: NOON,
        ..examples::event()
    }
}
