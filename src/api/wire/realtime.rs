//! The realtime API's WebSocket messages.
//!
//! A data message is `{"type", "seq", "cursor", "data"}`, some with `timestamp`;
//! `seq` counts per connection, `cursor` is the place in the stream of all
//! messages, and `"replay":true` marks what comes from the history. Control
//! messages (`control`) carry none of these. Choices where the contract is silent
//! or disagrees with itself:
//!
//! - An event's first revision is `event`; later ones are `event.updated`, in
//!   the dotted form of the registry, which clients of the contract ignore.
//!   `updated_fields` names what a revision may change.
//! - `service_status.status` keeps to the documented words: a degraded component
//!   is `unhealthy` there, and `state` says `degraded`.
//! - Without a GPU the `gpu` block reports the inference engine.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

pub use super::control::{PONG, error, ping, resync_ack, subscription};
use super::records::{DetectionData, EventData};
use super::{alerts, cameras, jobs, scene};
use crate::api::response::json_text;
use crate::domain::{Event, Timestamp};
use crate::health::{Report, State};
use crate::live::{
    DetectionBatchSeen, EventDropped, HealthChanged, LiveMessage, Stamp, SystemStatus, Wire,
};

/// What a later revision of an event may change.
const UPDATED_FIELDS: [&str; 12] = [
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
    "notes",
    "snooze_until",
];

/// The words for the state of a component, or of the box.
const HEALTH_STATES: [&str; 3] = ["healthy", "degraded", "unhealthy"];

/// A message as it is sent, if the realtime API knows it.
pub fn message(message: &LiveMessage) -> Option<Wire> {
    let wire = match message {
        LiveMessage::Event(event) if event.revision == 0 => {
            stamped("event", &EventData::from(event.as_ref()), None)
        }
        LiveMessage::Event(event) => {
            stamped("event.updated", &Updated::from(event.as_ref()), Some(event.updated_at))
        }
        LiveMessage::Alert(news) => {
            let (name, data, at) = alerts::message(news);
            stamped_text(name, &data, at)
        }
        LiveMessage::Detection(detection) => {
            // Pictures of an event are written after its first detections.
            stamped("detection", &DetectionData::new(detection, false), None)
        }
        LiveMessage::DetectionBatch(batch) => {
            stamped("detection.batch", &Batch::from(batch.as_ref()), None)
        }
        LiveMessage::Camera(status) => cameras::status(status),
        LiveMessage::CameraChanged(changed) => cameras::changed(changed),
        LiveMessage::CameraSwitched(switched) => cameras::switched(switched),
        LiveMessage::EventDropped(dropped) => {
            stamped("event.deleted", &EventDeleted::from(dropped.as_ref()), Some(dropped.at))
        }
        LiveMessage::System(status) => {
            stamped("system_status", &SystemData::from(status.as_ref()), Some(status.at))
        }
        LiveMessage::Service(report) => {
            stamped("service_status", &ServiceData::from(report.as_ref()), Some(report.since))
        }
        LiveMessage::Health(changed) => {
            let data = HealthData::from(changed.as_ref());
            stamped("system.health_changed", &data, Some(changed.at))
        }
        LiveMessage::Gpu(status) => {
            stamped("gpu.stats_updated", &Gpu::from(status.as_ref()), Some(status.at))
        }
        LiveMessage::SceneChange(change) => scene::message(change),
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
        LiveMessage::Alert(news) => alerts::names(news.change),
        LiveMessage::Detection(_) => &["detection", "detection.new"],
        LiveMessage::DetectionBatch(_) => &["detection.batch"],
        LiveMessage::Camera(status) => cameras::names(status),
        LiveMessage::CameraChanged(_) => cameras::CHANGED,
        LiveMessage::EventDropped(_) => &["event.deleted"],
        LiveMessage::System(_) => &["system_status", "system.status"],
        LiveMessage::Service(_) => &["service_status", "service.status_changed"],
        LiveMessage::Health(_) => &["system.health_changed"],
        LiveMessage::Gpu(_) => &["gpu.stats_updated"],
        LiveMessage::CameraSwitched(switched) if switched.is_enabled => &["camera.enabled"],
        LiveMessage::CameraSwitched(_) => &["camera.disabled"],
        LiveMessage::SceneChange(_) => scene::NAMES,
        LiveMessage::Job(_, change) => jobs::names(*change),
        LiveMessage::JobLog(_) => &["log"],
        LiveMessage::Notice { .. } => &[],
    }
}

/// What stands between `"seq":` and `,"data"`.
pub fn stamp(stamp: &Stamp) -> String {
    let replay = if stamp.is_replay { r#","replay":true"# } else { "" };
    format!(r#"{},"cursor":"{}"{replay}"#, stamp.seq, stamp.cursor)
}

/// `{"type":…,"seq":` stamp `,"data":…[,"timestamp":…]}`.
pub(super) fn stamped(name: &str, data: &impl Serialize, at: Option<Timestamp>) -> Wire {
    stamped_text(name, &json_text(data), at)
}

fn stamped_text(name: &str, data: &str, at: Option<Timestamp>) -> Wire {
    let timestamp = at.map_or_else(String::new, |at| format!(r#","timestamp":"{at}""#));
    Wire::stamped(format!(r#"{{"type":"{name}","seq":"#), format!(r#","data":{data}{timestamp}}}"#))
}

/// A later revision of an event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventUpdated")]
pub(super) struct Updated<'a> {
    #[serde(flatten)]
    event: EventData<'a>,
    /// What a revision may change.
    updated_fields: &'a [&'static str],
}

/// An event is no longer kept.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventDeleted<'a> {
    id: u64,
    /// In words.
    reason: Option<&'a str>,
}

impl From<&EventDropped> for EventDeleted<'static> {
    fn from(dropped: &EventDropped) -> Self {
        Self { id: dropped.event.0, reason: Some(dropped.reason) }
    }
}

/// Several objects in one frame.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DetectionBatch")]
pub(super) struct Batch<'a> {
    batch_id: &'a str,
    camera_id: &'a str,
    detection_count: usize,
    detection_ids: Vec<u64>,
    timestamp: Timestamp,
}

impl<'a> From<&'a Event> for Updated<'a> {
    fn from(event: &'a Event) -> Self {
        Self { event: event.into(), updated_fields: &UPDATED_FIELDS }
    }
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

/// Figures of the box, as `system_status` carries them.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemStatus")]
pub struct SystemData {
    gpu: Gpu,
    cameras: Cameras,
    queue: Queue,
    #[schemars(extend("enum" = HEALTH_STATES))]
    health: &'static str,
}

/// Where there is no GPU: the inference engine.
#[derive(Serialize, JsonSchema)]
pub(super) struct Gpu {
    /// Share of the inference workers' time spent in the network, percent.
    #[schemars(range(min = 0, max = 100))]
    utilization: f64,
    /// Resident memory of the daemon, MB.
    memory_used: u64,
    /// Memory it may use, MB.
    memory_total: u64,
    /// Of the SoC, Celsius; null where there is no sensor.
    temperature: Option<f64>,
    /// Inferences a second.
    inference_fps: f64,
}

/// How many cameras there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CameraCounts")]
struct Cameras {
    /// Those that deliver.
    active: usize,
    /// Those configured.
    total: usize,
}

/// Frames on their way through the network.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "QueueCounts")]
struct Queue {
    /// Frames waiting for a worker.
    pending: usize,
    /// Frames in work.
    processing: usize,
}

impl From<&SystemStatus> for Gpu {
    fn from(status: &SystemStatus) -> Self {
        let tenths = |value: f64| (value * 10.0).round() / 10.0;
        Self {
            utilization: tenths(status.inference_busy_percent),
            memory_used: status.memory_used_mb,
            memory_total: status.memory_total_mb,
            temperature: status.temperature_celsius.map(tenths),
            inference_fps: tenths(status.inference_fps),
        }
    }
}

impl From<&SystemStatus> for SystemData {
    fn from(status: &SystemStatus) -> Self {
        Self {
            gpu: Gpu::from(status),
            cameras: Cameras { active: status.cameras_active, total: status.cameras_total },
            queue: Queue { pending: status.queue_pending, processing: status.queue_processing },
            health: status.health.as_str(),
        }
    }
}

/// A component's state changed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServiceStatus")]
pub(super) struct ServiceData<'a> {
    /// Which component, such as `store` or `camera.front_door`.
    service: &'a str,
    #[schemars(extend("enum" = [
        "healthy", "unhealthy", "restarting", "restart_failed", "failed"
    ]))]
    status: &'static str,
    /// Why, in one sentence.
    message: &'a str,
    /// Finer than `status`, whose words the contract fixes.
    #[schemars(extend("enum" = HEALTH_STATES))]
    state: &'static str,
    /// What a person should do, if anything.
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

/// The state of the whole box changed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HealthChanged")]
pub(super) struct HealthData<'a> {
    #[schemars(extend("enum" = HEALTH_STATES))]
    health: &'static str,
    #[schemars(extend("enum" = HEALTH_STATES))]
    previous_health: &'static str,
    /// Each component and its state.
    components: BTreeMap<&'a str, &'static str>,
}

impl<'a> From<&'a HealthChanged> for HealthData<'a> {
    fn from(changed: &'a HealthChanged) -> Self {
        let component = |(name, state): &'a (String, State)| (name.as_str(), state.as_str());
        Self {
            health: changed.health.as_str(),
            previous_health: changed.previous.as_str(),
            components: changed.components.iter().map(component).collect(),
        }
    }
}
