//! What the service asks the box about disk and pipeline. Both may block: the
//! disk is looked at, and a camera's worker is waited for.

use std::sync::Arc;
use std::time::Duration;

use crate::domain::{BatchId, CameraId};
use crate::health::SpanFigures;

/// Room on the disk, asked for when it is sent.
pub type StorageSource = Arc<dyn Fn() -> StorageFigures + Send + Sync>;

/// How the pipeline does, asked for when it is sent.
pub type PipelineSource = Arc<dyn Fn() -> PipelineFigures + Send + Sync>;

/// Room on the disk, in bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageFigures {
    /// The journal.
    pub journal_bytes: u64,
    /// The index.
    pub index_bytes: u64,
    /// Clips.
    pub clips_bytes: u64,
    /// Stills.
    pub stills_bytes: u64,
    /// Recordings.
    pub recordings_bytes: u64,
    /// Snapshots.
    pub media_bytes: u64,
    /// Exports.
    pub exports_bytes: u64,
    /// Size of the file system of the state directory.
    pub disk_total_bytes: Option<u64>,
    /// What is free there.
    pub disk_free_bytes: Option<u64>,
    /// The journal may have so much.
    pub journal_max_bytes: u64,
    /// Clips may have so much.
    pub clips_max_bytes: u64,
    /// Stills may have so much.
    pub stills_max_bytes: u64,
    /// Recordings may have so much.
    pub recordings_max_bytes: u64,
    /// Snapshots may have so much.
    pub media_max_bytes: u64,
    /// Nothing is kept longer.
    pub max_age: Option<Duration>,
    /// So much is left to the system.
    pub min_free_bytes: u64,
}

/// How the pipeline does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PipelineFigures {
    /// Frames that wait for a worker.
    pub frames_waiting: usize,
    /// Frames in work.
    pub frames_in_work: usize,
    /// One run of the network.
    pub detect: SpanFigures,
    /// From the exposure of a frame until what it gave is handed on to be stored.
    pub frame: SpanFigures,
    /// Batches that take more detections.
    pub batches: Vec<OpenBatch>,
}

/// A batch that takes more detections.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenBatch {
    /// Which camera.
    pub camera: CameraId,
    /// Which batch.
    pub id: BatchId,
    /// Detections so far.
    pub detections: usize,
    /// Since its first detection.
    pub age: Duration,
}

/// What the configuration says where nothing was set at run time.
#[derive(Clone, Debug, Default)]
pub struct Configured {
    /// The cameras that are to run.
    pub cameras: Vec<ConfiguredCamera>,
    /// How long anything is kept, if age counts.
    pub max_age: Option<Duration>,
}

/// How the pictures of one camera are looked at.
#[derive(Clone, Debug)]
pub struct ConfiguredCamera {
    /// Which camera.
    pub camera: CameraId,
    /// Least score that makes an object an event, 0..=1.
    pub confidence_threshold: f32,
    /// Share of the picture that must change, 0..=1.
    pub motion_threshold: f32,
    /// Most frames looked at per second.
    pub fps: f32,
    /// A batch closes so long after its first detection.
    pub batch_window: Duration,
    /// And so long after its latest.
    pub batch_idle: Duration,
}

/// Tells it as it is now.
pub type ConfiguredSource = Arc<dyn Fn() -> Configured + Send + Sync>;
