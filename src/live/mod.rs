//! Live: what happens, told to everyone who listens, in this process.
//!
//! The [`Hub`] takes each [`LiveMessage`] once and offers it to every
//! [`Subscriber`]. Whoever serves clients brings the [`Form`] in which they read;
//! a message is written once per form, however many listen. Publishing never
//! waits: a subscriber that is behind loses its oldest messages, counted, and
//! sees a gap in the numbers. Nobody else notices. What was published lately is
//! kept, within bounds, and replayed to whoever asks for what it has missed.

mod backlog;
mod history;
mod hub;
mod numbers;
mod resync;
mod subscriber;
mod wire;

pub use backlog::{BACKLOG_MAX_AGE, BACKLOG_MAX_BYTES};
pub use history::{Cursor, HistoryBounds, InvalidCursor};
pub use hub::Hub;
pub use resync::{Resynced, Since};
pub use subscriber::{Delivery, Filter, Subscriber};
pub use wire::{Form, Stamp, Wire};

use std::sync::Arc;

use crate::domain::{
    Alert, BatchId, CameraId, CameraNotice, CameraStatus, Detection, DetectionId, Event, EventId,
    Job, JobChange, JobLogLine, SceneChange, Timestamp,
};
use crate::health::{Report, State};

/// What the hub fans out. Records are stored before they come here.
#[derive(Clone, Debug)]
pub enum LiveMessage {
    /// An event was created (`revision` 0) or updated.
    Event(Arc<Event>),
    /// An object was seen.
    Detection(Arc<Detection>),
    /// Several objects were seen in one frame.
    DetectionBatch(Arc<DetectionBatchSeen>),
    /// A camera's state changed.
    Camera(Arc<CameraStatus>),
    /// The camera SDK would have called back.
    Notice {
        /// Which camera.
        camera: CameraId,
        /// What happened.
        notice: CameraNotice,
    },
    /// Something about an alert.
    Alert(Arc<AlertNews>),
    /// Figures of the whole box, every few seconds.
    System(Arc<SystemStatus>),
    /// The state of a component changed.
    Service(Arc<Report>),
    /// The state of the whole box changed.
    Health(Arc<HealthChanged>),
    /// The figures of the inference engine alone.
    Gpu(Arc<SystemStatus>),
    /// A camera came into the configuration, or left it.
    CameraSwitched(Arc<CameraSwitched>),
    /// Somebody has set up a camera otherwise than before.
    CameraChanged(Arc<CameraChanged>),
    /// An event is no longer kept.
    EventDropped(Arc<EventDropped>),
    /// The view of a camera is not what it was.
    SceneChange(Arc<SceneChange>),
    /// A job began, came on, or ended.
    Job(Arc<Job>, JobChange),
    /// A job says something.
    JobLog(Arc<JobLogLine>),
}

/// The whole box changed its state.
#[derive(Clone, Debug, PartialEq)]
pub struct HealthChanged {
    /// The state now.
    pub health: State,
    /// The state before.
    pub previous: State,
    /// Each component and its state.
    pub components: Vec<(String, State)>,
    /// When.
    pub at: Timestamp,
}

/// A camera came into the configuration, or left it.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSwitched {
    /// Which camera.
    pub camera: CameraId,
    /// Whether it came.
    pub is_enabled: bool,
    /// Why, in words.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// Somebody has set up a camera otherwise than before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CameraChanged {
    /// The camera, whose state is what it was.
    pub status: CameraStatus,
    /// What was changed: `capture`, `detect`, `name`, `zones`, `masks`.
    pub fields: Vec<&'static str>,
}

/// An event is no longer kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDropped {
    /// Which event.
    pub event: EventId,
    /// Why, in words.
    pub reason: &'static str,
    /// When.
    pub at: Timestamp,
}

/// Something about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertNews {
    /// What.
    pub change: AlertChange,
    /// The alert as it is now.
    pub alert: Alert,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertChange {
    /// A rule raised it.
    Created,
    /// It matters more than before, because its event does.
    SeverityRaised,
    /// Somebody has seen it.
    Acknowledged,
    /// Somebody has closed it.
    Dismissed,
    /// It is closed: told beside [`Self::Dismissed`], under the registry's other
    /// name for it.
    Resolved,
}

/// Several objects in one frame.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectionBatchSeen {
    /// The open batch of the camera.
    pub batch: BatchId,
    /// Which camera.
    pub camera: CameraId,
    /// The detections of this frame.
    pub detections: Vec<DetectionId>,
    /// When the picture was taken.
    pub at: Timestamp,
}

/// Figures of the whole box. Where the contract says GPU, a board without one
/// reports the inference engine.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemStatus {
    /// Share of the inference workers' time spent in the network, percent.
    pub inference_busy_percent: f64,
    /// Inferences per second.
    pub inference_fps: f64,
    /// Resident memory of the daemon, MB.
    pub memory_used_mb: u64,
    /// Memory it may use: its cgroup's limit, or the machine's, MB.
    pub memory_total_mb: u64,
    /// SoC temperature, Celsius; absent where there is no sensor.
    pub temperature_celsius: Option<f64>,
    /// Cameras that deliver.
    pub cameras_active: usize,
    /// Cameras configured.
    pub cameras_total: usize,
    /// Frames waiting for a worker.
    pub queue_pending: usize,
    /// Frames in work.
    pub queue_processing: usize,
    /// The whole box.
    pub health: State,
    /// When.
    pub at: Timestamp,
}
