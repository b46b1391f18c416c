//! Media: pictures for people, live and kept.

mod clip_files;
mod clip_lane;
mod clip_settings;
#[cfg(test)]
mod clip_testing;
mod clip_writer;
mod clips;
mod fmp4;
pub mod jpeg;
mod live_view;
mod overlay;
mod pre_roll;
mod recording;
mod snapshot_files;
mod snapshots;
mod still_files;
mod stills;
#[cfg(test)]
mod testing;
mod yuv;

use bytes::Bytes;

pub use clip_lane::ClipState;
pub use clip_settings::{ClipLimits, RecordMode, RecordSettings, RecordingLimits};
pub use clips::{ClipFilesView, ClipNews, Clips, ClipsContext, OnClip};
pub use live_view::{LiveView, LiveViews, Viewer};
pub use recording::{
    PLAYBACK_MAX, PLAYBACKS_MAX, PlayError, Playback, RecordedSpan, Recordings, RecordingsContext,
};
pub use snapshots::{SaveDone, Snapshots};
pub use still_files::Still;
pub use stills::{StillLimits, Stills, StillsContext};

use crate::domain::{BBox, Label, Timestamp, TrackId};

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
    /// The disk is too slow; this picture gave way to a newer one.
    #[error("the disk is too slow; the picture was not kept")]
    Overloaded,
    /// The disk failed.
    #[error("cannot {what}: {reason}")]
    Io {
        /// What was attempted, on which file.
        what: String,
        /// The system's reason.
        reason: String,
    },
}
