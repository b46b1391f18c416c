//! The pipeline: from frames to detections and events.
//!
//! Every camera has a [`LaneSettings`] and a lane: the latest frame not yet
//! looked at, the motion gate, the tracker and the open batch. A fixed set of
//! workers takes fair turns over the lanes. What a frame gave goes to the
//! [`Output`]; the pipeline knows nothing behind it.

mod assign;
mod batch;
mod board;
mod clip_records;
mod incident;
mod kalman;
mod lane;
mod motion;
mod pace;
mod recorder;
mod regulars;
mod scene_changes;
mod shrink;
mod still_files;
mod stream_controls;
mod track;
mod tracker;
mod view;
mod workers;

#[cfg(test)]
mod testing;

pub use batch::OpenBatch;
pub use recorder::{OnEvent, Recorder, RecorderContext};
pub use stream_controls::{StreamControlContext, StreamControls};
pub use workers::{Pipeline, Surroundings};

use std::sync::Arc;
use std::time::Duration;

use lane::Lane;

use crate::domain::{
    BBox, BatchId, CameraId, Detection, DetectionId, Event, EventId, Frame, Label, Mask,
    SceneChange, TrackId, Zone,
};

/// How one camera's frames are looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct LaneSettings {
    /// Which camera.
    pub camera: CameraId,
    /// Its name for people, used in summaries.
    pub camera_name: String,
    /// Most frames a second that are looked at.
    pub detect_fps: f32,
    /// Classes that matter; empty means all.
    pub classes: Vec<String>,
    /// Least score that confirms a track, 0..=1.
    pub min_confidence: f32,
    /// Share of the picture that must change before the network is asked, 0..=1.
    pub motion_threshold: f32,
    /// Without motion the network is asked this often all the same, so that what
    /// stands still is not forgotten.
    pub idle_interval: Duration,
    /// Areas with rules of their own.
    pub zones: Vec<Zone>,
    /// Areas that are not looked at.
    pub masks: Vec<Mask>,
    /// Likeness to what the camera usually sees below which its view has changed
    /// (covered, turned), 0..=1; 0 switches the comparison off.
    pub view_threshold: f32,
    /// A batch closes so long after its first detection.
    pub batch_window: Duration,
    /// And so long after its latest.
    pub batch_idle: Duration,
    /// Footage: nothing is dropped, the pipeline sets the pace.
    pub is_paced: bool,
}

impl LaneSettings {
    /// The defaults for a camera.
    pub fn new(camera: CameraId, camera_name: String) -> Self {
        Self {
            camera,
            camera_name,
            // People need about five looks a second to be followed safely.
            detect_fps: 5.0,
            classes: Vec::new(),
            min_confidence: 0.5,
            // A person of 15 x 45 px in 768 x 576.
            motion_threshold: 0.0015,
            idle_interval: Duration::from_secs(2),
            zones: Vec::new(),
            masks: Vec::new(),
            view_threshold: 0.5,
            // Realtime contract 3.2.
            batch_window: Duration::from_secs(90),
            batch_idle: Duration::from_secs(30),
            is_paced: false,
        }
    }
}

/// Where results go. Calls come from the workers, for one camera at a time and
/// in the order of its frames; none may block.
pub trait Output: Send + Sync {
    /// The next unused id of a detection.
    fn next_detection_id(&self) -> DetectionId;

    /// The next unused id of an event.
    fn next_event_id(&self) -> EventId;

    /// A frame has been looked at.
    fn frame_done(&self, outcome: FrameOutcome);
}

/// What one frame gave.
#[derive(Debug)]
pub struct FrameOutcome {
    /// The frame; absent when only time has passed (a track ended because its
    /// camera is silent).
    pub frame: Option<Arc<Frame>>,
    /// Which camera.
    pub camera: CameraId,
    /// All confirmed tracks now, for the overlay.
    pub tracks: Vec<TrackView>,
    /// One detection per confirmed track that was updated by this frame.
    pub detections: Vec<Detection>,
    /// The open batch, when `detections` is not empty.
    pub batch: Option<BatchId>,
    /// Events created, updated or ended by this frame.
    pub events: Vec<Event>,
    /// Events for which this frame is the best picture so far; a subset of
    /// `events`, or empty.
    pub snapshots: Vec<EventId>,
    /// The camera no longer sees what it used to, or does again.
    pub view: Option<ViewNews>,
}

/// What became of the view of a camera.
#[derive(Clone, Debug, PartialEq)]
pub enum ViewNews {
    /// It is not what it was.
    Changed(SceneChange),
    /// It is what it was, or what it is has become usual.
    Usual,
    /// Nobody looks any more: the camera was removed, its lane starts over, or the
    /// comparison was switched off.
    Unwatched,
}

/// A track as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct TrackView {
    /// Which.
    pub id: TrackId,
    /// Class of the object.
    pub label: Label,
    /// Latest score, 0..=1.
    pub confidence: f32,
    /// Where it is.
    pub bbox: BBox,
    /// How long it has been followed.
    pub dwell: Duration,
    /// It has not moved for a while.
    pub is_stationary: bool,
}
