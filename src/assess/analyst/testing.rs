//! An event as tests of the analyst use it.

use std::time::Duration;

use crate::domain::{BBox, BatchId, Event, EventId, Label, RiskScore, Timestamp, TrackId};

/// A person that was there for so many seconds, of risk 75.
pub fn event(seconds: u64) -> Event {
    let began = Timestamp::from_unix_ms(1_768_473_000_120);
    let ended = began.after(Duration::from_secs(seconds));
    Event {
        id: EventId(12),
        revision: 3,
        camera: "front_door".parse().unwrap(),
        batch: BatchId::new("batch_abc123"),
        track: TrackId(7),
        label: Label::new("person"),
        confidence: 0.83,
        bbox: BBox::from_corners(0.5, 0.25, 0.625, 0.75),
        zones: Vec::new(),
        risk: RiskScore::new(75),
        summary: "Person at Front door".into(),
        reasoning: "person +25; in zone porch +50".into(),
        detection_count: 3,
        started_at: began,
        updated_at: ended,
        ended_at: Some(ended),
        has_snapshot: true,
        clip: None,
        clock_trusted: true,
        reviewed: false,
        notes: String::new(),
        snooze_until: None,
    }
}
