//! The realtime API's WebSocket messages.
//!
//! A data message is `{"type", "seq", "cursor", "data"}`, some with `timestamp`;
//! `seq` counts per connection, `cursor` is the place in the stream of all
//! messages, and `"replay":true` marks what comes from the history. Control
//! messages (pong, ping, acknowledgements, errors) carry no `seq`. Choices where the contract is silent or disagrees with
//! itself:
//!
//! - An event's first revision is `event`; later ones are `event.updated`, in
//!   the dotted form of the registry, which clients of the contract ignore.
//!   `updated_fields` names what a revision may change.
//! - `service_status.status` keeps to the documented words: a degraded component
//!   is `unhealthy` there, and `state` says `degraded`.
//! - Without a GPU the `gpu` block reports the inference engine.

use serde::Serialize;
use serde_json::Value;

use super::jobs;
use super::records::{DetectionData, EventData};
use crate::api::response::json_text;
use crate::domain::{CameraState, CameraStatus, Timestamp};
use crate::health::{Report, State};
use crate::live::{Cursor, DetectionBatchSeen, LiveMessage, Resynced, Stamp, SystemStatus, Wire};

/// What a later revision of an event may change.
const UPDATED_FIELDS: [&str; 10] = [
    "risk_score",
    "risk_level",
    "summary",
    "reasoning",
    "updated_at",
    "ended_at",
    "confidence",
    "zones",
    "detection_count",
    "reviewed",
];

/// A message as it is sent, if the realtime API knows it.
pub fn message(message: &LiveMessage) -> Option<Wire> {
    let wire = match message {
        LiveMessage::Event(event) if event.revision == 0 => {
            stamped("event", &EventData::from(event.as_ref()), None)
        }
        LiveMessage::Event(event) => {
            let data = Updated { event: event.as_ref().into(), updated_fields: &UPDATED_FIELDS };
            stamped("event.updated", &data, Some(event.updated_at))
        }
        LiveMessage::Detection(detection) => {
            // Pictures of an event are written after its first detections.
            stamped("detection", &DetectionData::new(detection, false), None)
        }
        LiveMessage::DetectionBatch(batch) => {
            stamped("detection.batch", &Batch::from(batch.as_ref()), None)
        }
        LiveMessage::Camera(status) => {
            stamped("camera_status", &CameraData::from(status.as_ref()), None)
        }
        LiveMessage::System(status) => {
            stamped("system_status", &SystemData::from(status.as_ref()), Some(status.at))
        }
        LiveMessage::Service(report) => {
            stamped("service_status", &ServiceData::from(report.as_ref()), Some(report.since))
        }
        LiveMessage::Job(job, change) => jobs::message(job, *change),
        LiveMessage::JobLog(line) => jobs::log(line),
        LiveMessage::Notice { .. } => return None,
    };
    Some(wire)
}

/// The names by which a client may subscribe to a message: its wire type, and
/// the dotted names of the registry.
pub fn names(message: &LiveMessage) -> &'static [&'static str] {
    match message {
        LiveMessage::Event(event) if event.revision == 0 => &["event", "event.created"],
        LiveMessage::Event(_) => &["event.updated"],
        LiveMessage::Detection(_) => &["detection", "detection.new"],
        LiveMessage::DetectionBatch(_) => &["detection.batch"],
        LiveMessage::Camera(status) => match event_type(status) {
            "camera.online" => &["camera_status", "camera.status_changed", "camera.online"],
            "camera.offline" => &["camera_status", "camera.status_changed", "camera.offline"],
            "camera.error" => &["camera_status", "camera.status_changed", "camera.error"],
            _ => &[
                "camera_status",
                "camera.status_changed",
                "camera.updated",
                "camera.config_updated",
            ],
        },
        LiveMessage::System(_) => &["system_status", "system.status"],
        LiveMessage::Service(_) => &["service_status", "service.status_changed"],
        LiveMessage::Job(_, change) => jobs::names(*change),
        LiveMessage::JobLog(_) => &["log"],
        LiveMessage::Notice { .. } => &[],
    }
}

/// The answer to a ping.
pub const PONG: &str = r#"{"type":"pong"}"#;

/// The heartbeat. `last_seq` lets a client notice what it has missed; `cursor`
/// is there when it has been sent all that came before.
pub fn ping(last_seq: u64, cursor: Option<Cursor>) -> String {
    let cursor = cursor.map_or_else(String::new, |cursor| format!(r#","cursor":"{cursor}""#));
    format!(r#"{{"type":"ping","lastSeq":{last_seq}{cursor}}}"#)
}

/// The answer to `resync`, after what was replayed. `last_sequence` repeats the
/// client's; after a resync by cursor it is the number given last.
pub fn resync_ack(channel: &str, last_sequence: Option<u64>, resynced: &Resynced) -> String {
    #[derive(Serialize)]
    struct Acknowledgement<'a> {
        r#type: &'static str,
        channel: &'a str,
        last_sequence: u64,
        replayed_count: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        gap_too_old: Option<bool>,
        #[serde(skip_serializing_if = "Option::is_none")]
        oldest_available: Option<String>,
    }
    let oldest = resynced.oldest.filter(|_| resynced.is_too_old);
    json_text(&Acknowledgement {
        r#type: "resync_ack",
        channel,
        last_sequence: last_sequence.unwrap_or(resynced.last_seq),
        replayed_count: resynced.replayed,
        gap_too_old: resynced.is_too_old.then_some(true),
        oldest_available: oldest.map(|cursor| cursor.to_string()),
    })
}

/// The answer to `subscribe` or `unsubscribe`.
pub fn subscription(action: &str, events: &[String]) -> String {
    #[derive(Serialize)]
    struct Acknowledgement<'a> {
        action: &'a str,
        events: &'a [String],
    }
    json_text(&Acknowledgement { action, events })
}

/// What is wrong with a client's message. The connection goes on.
pub fn error(code: &str, message: &str, details: Value) -> String {
    #[derive(Serialize)]
    struct Error<'a> {
        r#type: &'static str,
        error: &'a str,
        message: &'a str,
        details: Value,
    }
    json_text(&Error { r#type: "error", error: code, message, details })
}

/// What stands between `"seq":` and `,"data"`.
pub fn stamp(stamp: &Stamp) -> String {
    let replay = if stamp.is_replay { r#","replay":true"# } else { "" };
    format!(r#"{},"cursor":"{}"{replay}"#, stamp.seq, stamp.cursor)
}

/// `{"type":…,"seq":` stamp `,"data":…[,"timestamp":…]}`.
pub(super) fn stamped(name: &str, data: &impl Serialize, at: Option<Timestamp>) -> Wire {
    let timestamp = at.map_or_else(String::new, |at| format!(r#","timestamp":"{at}""#));
    Wire::stamped(
        format!(r#"{{"type":"{name}","seq":"#),
        format!(r#","data":{}{timestamp}}}"#, json_text(data)),
    )
}

#[derive(Serialize)]
struct Updated<'a> {
    #[serde(flatten)]
    event: EventData<'a>,
    updated_fields: &'a [&'static str],
}

#[derive(Serialize)]
struct Batch<'a> {
    batch_id: &'a str,
    camera_id: &'a str,
    detection_count: usize,
    detection_ids: Vec<u64>,
    timestamp: Timestamp,
}

impl<'a> From<&'a DetectionBatchSeen> for Batch<'a> {
    fn from(batch: &'a DetectionBatchSeen) -> Self {
        Self {
            batch_id: batch.batch.as_str(),
            camera_id: batch.camera.as_str(),
            detection_count: batch.detections.len(),
            detection_ids: batch.detections.iter().map(|id| id.0).collect(),
            timestamp: batch.at,
        }
    }
}

#[derive(Serialize)]
struct CameraData<'a> {
    event_type: &'static str,
    camera_id: &'a str,
    camera_name: &'a str,
    status: &'static str,
    timestamp: Timestamp,
    previous_status: &'static str,
    reason: Option<&'a str>,
    details: Option<Value>,
}

impl<'a> From<&'a CameraStatus> for CameraData<'a> {
    fn from(status: &'a CameraStatus) -> Self {
        Self {
            event_type: event_type(status),
            camera_id: status.camera.as_str(),
            camera_name: &status.name,
            status: status.state.as_str(),
            timestamp: status.at,
            previous_status: status.previous.as_str(),
            reason: status.reason.as_deref(),
            details: None,
        }
    }
}

fn event_type(status: &CameraStatus) -> &'static str {
    match status.state {
        state if state == status.previous => "camera.updated",
        CameraState::Online => "camera.online",
        CameraState::Offline => "camera.offline",
        CameraState::Error => "camera.error",
        CameraState::Unknown => "camera.updated",
    }
}

/// Figures of the box, as `system_status` carries them.
#[derive(Serialize)]
pub struct SystemData {
    gpu: Gpu,
    cameras: Cameras,
    queue: Queue,
    health: &'static str,
}

#[derive(Serialize)]
struct Gpu {
    utilization: f64,
    memory_used: u64,
    memory_total: u64,
    temperature: Option<f64>,
    inference_fps: f64,
}

#[derive(Serialize)]
struct Cameras {
    active: usize,
    total: usize,
}

#[derive(Serialize)]
struct Queue {
    pending: usize,
    processing: usize,
}

impl From<&SystemStatus> for SystemData {
    fn from(status: &SystemStatus) -> Self {
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        Self {
            gpu: Gpu {
                utilization: tenths(status.inference_busy_percent),
                memory_used: status.memory_used_mb,
                memory_total: status.memory_total_mb,
                temperature: status.temperature_celsius.map(tenths),
                inference_fps: tenths(status.inference_fps),
            },
            cameras: Cameras { active: status.cameras_active, total: status.cameras_total },
            queue: Queue { pending: status.queue_pending, processing: status.queue_processing },
            health: status.health.as_str(),
        }
    }
}

#[derive(Serialize)]
struct ServiceData<'a> {
    service: &'a str,
    status: &'static str,
    message: &'a str,
    state: &'static str,
    next_step: Option<&'a str>,
}

impl<'a> From<&'a Report> for ServiceData<'a> {
    fn from(report: &'a Report) -> Self {
        Self {
            service: &report.component,
            status: match report.state {
                State::Healthy => "healthy",
                State::Degraded | State::Unhealthy => "unhealthy",
            },
            message: &report.message,
            state: report.state.as_str(),
            next_step: report.next_step.as_deref(),
        }
    }
}
