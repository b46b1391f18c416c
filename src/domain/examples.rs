//! One record of each common kind: the examples of the API's papers, and what tests
//! change one field of.

use std::time::Duration;

use super::{
    BBox, BatchId, CameraId, Detection, DetectionId, Event, EventId, FrameMeta, Label, RiskScore,
    SessionId, Timestamp, TrackId,
};

/// 2026-01-15T10:30:00.120Z
pub const MORNING: Timestamp = Timestamp::from_unix_ms(1_768_473_000_120);

/// The camera of all examples.
pub fn camera() -> CameraId {
    "front_door".parse().expect("a constant that is an id")
}

/// A person at the front door, still there.
pub fn event() -> Event {
    Event {
        id: EventId(12),
        revision: 0,
        camera: camera(),
        batch: BatchId::new("batch_abc123"),
        track: TrackId(7),
        label: Label::new("person"),
        confidence: 0.83,
        bbox: BBox::from_corners(0.5, 0.25, 0.625, 0.75),
        zones: vec!["porch".into()],
        risk: RiskScore::new(75),
        summary: "Person detected at front door".into(),
        reasoning: "person +40, zone porch +35".into(),
        detection_count: 3,
        started_at: MORNING,
        updated_at: MORNING.after(Duration::from_secs(2)),
        ended_at: None,
        has_snapshot: true,
        clip: None,
        clock_trusted: true,
        reviewed: false,
        notes: String::new(),
        snooze_until: None,
    }
}

/// What goes with the first frame of a camera `yard`.
pub fn frame_meta() -> FrameMeta {
    FrameMeta {
        camera: "yard".parse().expect("a constant that is an id"),
        session: SessionId(1),
        sequence: 0,
        captured_at: Timestamp::default(),
        captured_mono: Duration::ZERO,
    }
}

/// A detection of that person.
pub fn detection() -> Detection {
    Detection {
        id: DetectionId(12345),
        camera: camera(),
        track: TrackId(7),
        batch: BatchId::new("batch_abc123"),
        event: EventId(12),
        label: Label::new("person"),
        confidence: 0.95,
        bbox: BBox::from_corners(0.5, 0.25, 0.625, 0.75),
        frame_width_px: 768,
        frame_height_px: 576,
        frame_sequence: 41,
        captured_at: MORNING,
    }
}
