//! The box in figures: totals, disk, pipeline.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::figures::{OpenBatch, PipelineFigures, StorageFigures};
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::{CameraState, Timestamp};
use crate::health::SpanFigures;

/// Totals.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct SystemStats {
    total_cameras: usize,
    active_cameras: usize,
    /// Events that are kept; null when there are more than 100,000.
    total_events: Option<usize>,
    /// Detections that are kept.
    total_detections: u64,
    uptime_seconds: u64,
    version: &'static str,
    timestamp: Timestamp,
}

/// `GET /api/system/stats`.
pub(in crate::api) async fn stats(request: Request) -> Result<Response, ApiError> {
    let ctx = &request.ctx;
    let total_events = super::counts::total_events(ctx).await?;
    let reader = Arc::clone(&ctx.reader);
    let total_detections = ctx.blocking(move || reader.count_detections()).await??;
    let cameras = ctx.cameras.list();
    let is_active = |camera: &&crate::capture::CameraEntry| camera.state == CameraState::Online;
    Ok(response::json(&SystemStats {
        total_cameras: cameras.len(),
        active_cameras: cameras.iter().filter(is_active).count(),
        total_events,
        total_detections,
        uptime_seconds: ctx.uptime().as_secs(),
        version: ctx.version,
        timestamp: ctx.clock.now(),
    }))
}

/// Room on the disk.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemStorage")]
pub(in crate::api) struct Storage {
    journal: Kept,
    index: Kept,
    /// Video of events.
    clips: Kept,
    /// Photographs, and pictures that a shutter kept.
    stills: Kept,
    /// Video of cameras that are recorded all the time.
    recordings: Kept,
    /// Snapshots.
    media: Kept,
    exports: Kept,
    disk: Disk,
    /// Nothing is kept longer; null where only sizes count.
    max_age_seconds: Option<u64>,
    timestamp: Timestamp,
}

/// Files of one kind.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StorageKept")]
struct Kept {
    size_bytes: u64,
    /// The oldest go beyond it; null where nothing is bounded by size.
    limit_bytes: Option<u64>,
}

/// The file system of the state directory; null where it cannot be asked.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StorageDisk")]
struct Disk {
    total_bytes: Option<u64>,
    free_bytes: Option<u64>,
    /// So much is left to the system.
    min_free_bytes: u64,
}

/// `GET /api/system/storage`.
pub(in crate::api) async fn storage(request: Request) -> Result<Response, ApiError> {
    let source = Arc::clone(&request.ctx.storage);
    let figures: StorageFigures = request.ctx.blocking(move || source()).await?;
    let kept = |size_bytes, limit_bytes| Kept { size_bytes, limit_bytes };
    Ok(response::json(&Storage {
        journal: kept(figures.journal_bytes, Some(figures.journal_max_bytes)),
        index: kept(figures.index_bytes, None),
        clips: kept(figures.clips_bytes, Some(figures.clips_max_bytes)),
        stills: kept(figures.stills_bytes, Some(figures.stills_max_bytes)),
        recordings: kept(figures.recordings_bytes, Some(figures.recordings_max_bytes)),
        media: kept(figures.media_bytes, Some(figures.media_max_bytes)),
        exports: kept(figures.exports_bytes, None),
        disk: Disk {
            total_bytes: figures.disk_total_bytes,
            free_bytes: figures.disk_free_bytes,
            min_free_bytes: figures.min_free_bytes,
        },
        max_age_seconds: figures.max_age.map(|age| age.as_secs()),
        timestamp: request.ctx.clock.now(),
    }))
}

/// How the pipeline does.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemPipeline")]
pub(in crate::api) struct Pipeline {
    queues: Queues,
    /// `detect`: one run of the network. `frame`: from the exposure of a frame until
    /// what it gave is handed on to be stored. Since the start of the daemon.
    latencies: BTreeMap<&'static str, Latency>,
    open_batches: Vec<Batch>,
    timestamp: Timestamp,
}

/// Frames on their way.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FrameQueues")]
struct Queues {
    /// Frames that wait for a worker, at most one for each camera.
    detection_queue: usize,
    /// Frames in work.
    processing: usize,
}

/// How long something takes, in milliseconds. Percentiles are at most 19 % too
/// high.
#[derive(Serialize, JsonSchema)]
struct Latency {
    sample_count: u64,
    avg_ms: f64,
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    max_ms: f64,
}

impl From<SpanFigures> for Latency {
    fn from(figures: SpanFigures) -> Self {
        let ms = |span: Duration| (span.as_secs_f64() * 10_000.0).round() / 10.0;
        Self {
            sample_count: figures.count,
            avg_ms: ms(figures.mean),
            p50_ms: ms(figures.p50),
            p95_ms: ms(figures.p95),
            p99_ms: ms(figures.p99),
            max_ms: ms(figures.longest),
        }
    }
}

/// A batch that takes more detections.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OpenBatch")]
struct Batch {
    batch_id: String,
    camera_id: String,
    detection_count: usize,
    age_seconds: u64,
}

impl From<OpenBatch> for Batch {
    fn from(batch: OpenBatch) -> Self {
        Self {
            batch_id: batch.id.as_str().to_owned(),
            camera_id: batch.camera.to_string(),
            detection_count: batch.detections,
            age_seconds: batch.age.as_secs(),
        }
    }
}

/// `GET /api/system/pipeline`, `GET /api/system/telemetry`.
pub(in crate::api) async fn pipeline(request: Request) -> Result<Response, ApiError> {
    let source = Arc::clone(&request.ctx.pipeline);
    let figures: PipelineFigures = request.ctx.blocking(move || source()).await?;
    Ok(response::json(&Pipeline {
        queues: Queues {
            detection_queue: figures.frames_waiting,
            processing: figures.frames_in_work,
        },
        latencies: [("detect", figures.detect.into()), ("frame", figures.frame.into())].into(),
        open_batches: figures.batches.into_iter().map(Batch::from).collect(),
        timestamp: request.ctx.clock.now(),
    }))
}
