//! Media: pictures for people, live and kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::domain::{BBox, CameraId, Label, Timestamp, TrackId};

/// A box drawn over a live picture or a snapshot.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlayBox {
    /// The object.
    pub track: TrackId,
    /// Its class.
    pub label: Label,
    /// Its latest score.
    pub confidence: f32,
    /// Where it is.
    pub bbox: BBox,
}

/// One live picture.
#[derive(Clone, Debug)]
pub struct LiveJpeg {
    /// The JPEG file.
    pub bytes: Bytes,
    /// When it was taken.
    pub captured_at: Timestamp,
}

/// Which picture of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotSize {
    /// As large as the camera's stream.
    Full,
    /// At most 320 px wide.
    Thumbnail,
}

/// Why there is no picture.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MediaError {
    /// The viewers' limit of this camera is reached.
    #[error("this camera already has {0} viewers, its limit; close one and try again")]
    TooManyViewers(usize),
    /// The JPEG library refused the picture.
    #[error("cannot encode a picture: {0}")]
    Encode(String),
    /// The disk failed.
    #[error("cannot {what}: {reason}")]
    Io {
        /// What was attempted, on which file.
        what: String,
        /// The system's reason.
        reason: String,
    },
}

/// The live views of all cameras. Cheap to clone; clones share the list.
#[derive(Clone, Default)]
pub struct LiveViews(Arc<Mutex<BTreeMap<CameraId, Arc<LiveView>>>>);

impl LiveViews {
    /// The live view of a camera.
    pub fn get(&self, camera: &CameraId) -> Option<Arc<LiveView>> {
        self.lock().get(camera).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<CameraId, Arc<LiveView>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Live pictures of one camera. A picture is encoded only while somebody looks,
/// and once however many look.
pub struct LiveView {}
