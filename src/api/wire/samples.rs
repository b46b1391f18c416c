//! Records for examples in the papers, beside those of [`examples`](crate::domain::examples).

use uuid::Uuid;

pub(super) use crate::domain::examples::{MORNING, camera, detection, event};
use crate::domain::{
    Alert, AlertId, AlertStatus, BatchId, CameraState, CameraStatus, DetectionId, EventId, Job,
    JobId, JobLogLevel, JobLogLine, JobResult, JobState, JobType, RiskLevel, RuleId, SceneChange,
    SceneChangeId, SceneChangeType,
};
use crate::health::{Report, State};
use crate::live::{CameraSwitched, DetectionBatchSeen, EventDropped, HealthChanged, SystemStatus};

pub(super) fn event_dropped() -> EventDropped {
    EventDropped { event: EventId(12), reason: "dropped by retention", at: MORNING }
}

pub(super) fn batch() -> DetectionBatchSeen {
    DetectionBatchSeen {
        batch: BatchId::new("batch_abc123"),
        camera: camera(),
        detections: vec![DetectionId(12345), DetectionId(12346), DetectionId(12347)],
        at: MORNING,
    }
}

pub(super) fn camera_status() -> CameraStatus {
    CameraStatus {
        camera: camera(),
        name: "Front Door Camera".into(),
        state: CameraState::Offline,
        previous: CameraState::Online,
        reason: Some("no frame for 5s".into()),
        at: MORNING,
    }
}

pub(super) fn camera_switched(is_enabled: bool) -> CameraSwitched {
    let reason = if is_enabled { "added to" } else { "removed from" };
    let reason = format!("{reason} the configuration");
    CameraSwitched { camera: camera(), is_enabled, reason, at: MORNING }
}

pub(super) fn system() -> SystemStatus {
    SystemStatus {
        inference_busy_percent: 45.5,
        inference_fps: 9.9,
        memory_used_mb: 112,
        memory_total_mb: 512,
        temperature_celsius: Some(51.3),
        cameras_active: 4,
        cameras_total: 6,
        queue_pending: 2,
        queue_processing: 1,
        health: State::Healthy,
        at: MORNING,
    }
}

pub(super) fn health_changed() -> HealthChanged {
    HealthChanged {
        health: State::Degraded,
        previous: State::Healthy,
        components: vec![
            ("camera.yard".into(), State::Unhealthy),
            ("store".into(), State::Healthy),
        ],
        at: MORNING,
    }
}

pub(super) fn report() -> Report {
    Report {
        component: "store".into(),
        state: State::Degraded,
        message: "the disk is slow".into(),
        next_step: Some("replace the card".into()),
        since: MORNING,
    }
}

/// A message of each kind that the box sends by now.
#[cfg(test)]
pub(in crate::api) fn messages() -> Vec<crate::live::LiveMessage> {
    use std::sync::Arc;

    use crate::live::LiveMessage as Message;

    vec![
        Message::Event(Arc::new(event())),
        Message::Event(Arc::new(crate::domain::Event { revision: 1, ..event() })),
        Message::EventDropped(Arc::new(event_dropped())),
        Message::Detection(Arc::new(detection())),
        Message::DetectionBatch(Arc::new(batch())),
        Message::Camera(Arc::new(camera_status())),
        Message::System(Arc::new(system())),
        Message::Gpu(Arc::new(system())),
        Message::Health(Arc::new(health_changed())),
        Message::Service(Arc::new(report())),
        Message::CameraSwitched(Arc::new(camera_switched(true))),
        Message::CameraSwitched(Arc::new(camera_switched(false))),
    ]
}

/// The example of RFC 4122.
const UUID: Uuid = Uuid::from_u128(0x550e_8400_e29b_41d4_a716_4466_5544_0000);

pub(super) fn alert(status: AlertStatus) -> Alert {
    let since = |least: AlertStatus| (status >= least).then_some(MORNING);
    Alert {
        id: AlertId(UUID),
        revision: 0,
        event: EventId(12),
        camera: camera(),
        rule: Some(RuleId(Uuid::from_u128(UUID.as_u128() + 1))),
        severity: RiskLevel::High,
        status,
        dedup_key: "front_door:person:rule1".into(),
        created_at: MORNING,
        updated_at: MORNING,
        acknowledged_at: since(AlertStatus::Acknowledged),
        dismissed_at: since(AlertStatus::Dismissed),
        clock_trusted: true,
    }
}

pub(super) fn scene_change() -> SceneChange {
    SceneChange {
        id: SceneChangeId(1),
        revision: 0,
        camera: camera(),
        detected_at: MORNING,
        change: SceneChangeType::ViewBlocked,
        similarity: 0.23,
        acknowledged_at: None,
        clock_trusted: true,
    }
}

pub(super) fn job(state: JobState) -> Job {
    let is_over = state.is_final();
    Job {
        id: JobId(UUID),
        job_type: JobType::Export,
        state,
        progress: if state == JobState::Completed { 100 } else { 50 },
        processed: 60,
        total: Some(120),
        created_at: MORNING,
        started_at: Some(MORNING),
        finished_at: is_over.then_some(MORNING),
        result: (state == JobState::Completed).then(|| JobResult {
            message: "120 events exported.".into(),
            records: 120,
            file_name: Some("watchpost-events.csv".into()),
            file_bytes: Some(35_120),
            findings: Vec::new(),
        }),
        error: (is_over && state != JobState::Completed).then(|| "cancelled by user".into()),
    }
}

pub(super) fn job_log() -> JobLogLine {
    JobLogLine {
        job: JobId(UUID),
        at: MORNING,
        level: JobLogLevel::Info,
        message: "50 % done".into(),
        context: vec![("processed", 60), ("total", 120)],
    }
}
