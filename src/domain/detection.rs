//! What the detector saw: one object in one frame.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{BBox, BatchId, CameraId, DetectionId, EventId, Timestamp, TrackId};

/// The class of an object, as the network's label file names it (`person`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Label(Arc<str>);

impl Label {
    /// A label from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The label as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What the network proposes in one frame, before tracking.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Class of the object.
    pub label: Label,
    /// Score, 0..=1.
    pub confidence: f32,
    /// Where it is.
    pub bbox: BBox,
}

/// One object in one frame, as it is stored and announced.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Counter, unique on this box for ever.
    pub id: DetectionId,
    /// Which camera.
    pub camera: CameraId,
    /// The object it belongs to.
    pub track: TrackId,
    /// The batch it is assessed with.
    pub batch: BatchId,
    /// The event of its track.
    pub event: EventId,
    /// Class of the object.
    pub label: Label,
    /// Score, 0..=1.
    pub confidence: f32,
    /// Where it is.
    pub bbox: BBox,
    /// Width of the frame, pixels.
    pub frame_width_px: u32,
    /// Height of the frame, pixels.
    pub frame_height_px: u32,
    /// Number of the frame within its session; for footage the index in the file.
    pub frame_sequence: u64,
    /// When the picture was taken.
    pub captured_at: Timestamp,
}
