//! Cameras, events and other records as tests use them.

use std::time::Duration;

use bytes::Bytes;
use watchpost::capture::{CameraEntry, Decoding};
use watchpost::domain::{
    Alert, AlertStatus, CameraState, ColorSpace, Detection, DetectionId, Event, EventId, Frame,
    FrameMeta, PixelFormat, Plane, RiskLevel, SessionId, Timestamp, examples,
};
use watchpost::health::State;
use watchpost::live::SystemStatus;

use super::MORNING;

pub fn camera() -> CameraEntry {
    CameraEntry {
        id: "front_door".parse().unwrap(),
        name: "Front door".into(),
        model: "RTSP stream".into(),
        connection_type: "Network",
        source: "rtsp://camera.local/stream1".into(),
        state: CameraState::Online,
        reason: None,
        size_px: Some((768, 576)),
        fps: 9.97,
        decoding: Some(decoding()),
        created_at: Timestamp::from_unix_ms(1_768_472_000_000),
        last_seen_at: Some(MORNING),
    }
}

fn decoding() -> Decoding {
    Decoding { element: "v4l2h264dec".into(), is_hardware: true, failed: None }
}

pub fn event(id: u64, revision: u32) -> Event {
    Event {
        id: EventId(id),
        revision,
        summary: "Person at Front door, in porch".into(),
        started_at: MORNING,
        updated_at: MORNING.after(Duration::from_secs(2)),
        ..examples::event()
    }
}

pub fn detection(id: u64) -> Detection {
    Detection {
        id: DetectionId(id),
        confidence: 0.83,
        captured_at: MORNING,
        ..examples::detection()
    }
}

pub fn system_status() -> SystemStatus {
    SystemStatus {
        inference_busy_percent: 45.54,
        inference_fps: 9.96,
        memory_used_mb: 112,
        memory_total_mb: 512,
        temperature_celsius: Some(51.25),
        cameras_active: 1,
        cameras_total: 2,
        queue_pending: 2,
        queue_processing: 1,
        health: State::Degraded,
        at: MORNING,
    }
}

/// A gray picture.
pub fn frame() -> Frame {
    let meta = FrameMeta {
        camera: "front_door".parse().unwrap(),
        session: SessionId(1),
        sequence: 0,
        captured_at: MORNING,
        captured_mono: Duration::ZERO,
    };
    let planes = [(0, 64), (64 * 48, 32), (64 * 48 + 32 * 24, 32)]
        .map(|(offset, stride)| Plane { offset, stride });
    let data = Bytes::from(vec![128; 64 * 48 * 3 / 2]);
    Frame::new(meta, (64, 48), PixelFormat::I420, ColorSpace::Bt601Full, &planes, data).unwrap()
}

/// An alert for event 12.
pub fn alert() -> Alert {
    Alert {
        id: "550e8400-e29b-41d4-a716-446655440000".parse().unwrap(),
        revision: 0,
        event: EventId(12),
        camera: "front_door".parse().unwrap(),
        rule: "550e8400-e29b-41d4-a716-446655440001".parse().ok(),
        severity: RiskLevel::High,
        status: AlertStatus::Pending,
        dedup_key: "front_door:person:rule1".into(),
        created_at: MORNING,
        updated_at: MORNING,
        acknowledged_at: None,
        dismissed_at: None,
        clock_trusted: true,
    }
}
