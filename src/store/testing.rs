//! Records for the tests of this room.

use crate::domain::{
    BBox, BatchId, Detection, DetectionId, Event, EventId, Label, RiskScore, Timestamp, TrackId,
};

/// A detection of the camera `yard` at `at_ms`.
pub(super) fn detection(id: u64, at_ms: i64) -> Detection {
    Detection {
        id: DetectionId(id),
        camera: "yard".parse().unwrap(),
        track: TrackId(4),
        batch: BatchId::new("batch-1"),
        event: EventId(3),
        label: Label::new("person"),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        frame_width_px: 768,
        frame_height_px: 576,
        frame_sequence: 11,
        captured_at: Timestamp::from_unix_ms(at_ms),
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
        label: Label::new("person"),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        zones: vec!["porch".into()],
        risk: RiskScore::new(40),
        summary: "A person in the yard.".into(),
        reasoning: "Base 40.".into(),
        detection_count: 9,
        started_at: Timestamp::from_unix_ms(at_ms),
        updated_at: Timestamp::from_unix_ms(at_ms + 50),
        ended_at: None,
        has_snapshot: true,
        clock_trusted: true,
        reviewed: false,
    }
}
