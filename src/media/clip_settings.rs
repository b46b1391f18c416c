//! What is kept of a camera's video, and how much of all.

use std::time::Duration;

/// When video of a camera is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RecordMode {
    /// Of each event.
    #[default]
    Events,
    /// Always, and of each event.
    Continuous,
    /// Never.
    Off,
}

/// What is kept of one camera's video.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordSettings {
    /// When.
    pub mode: RecordMode,
    /// So long before the event; the clip begins on the keyframe before that.
    pub pre_roll: Duration,
    /// And so long after it.
    pub post_roll: Duration,
}

impl Default for RecordSettings {
    fn default() -> Self {
        Self {
            mode: RecordMode::Events,
            pre_roll: Duration::from_secs(5),
            post_roll: Duration::from_secs(10),
        }
    }
}

/// How much video is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClipLimits {
    /// The oldest clips are removed beyond this many bytes.
    pub bytes: u64,
    /// Nothing is kept longer than this, if set.
    pub age: Option<Duration>,
    /// Space left to the system.
    pub min_free_bytes: u64,
}

/// How much of what is recorded all the time is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordingLimits {
    /// The oldest segments are removed beyond this many bytes.
    pub bytes: u64,
    /// Nothing is kept longer than this, if set.
    pub age: Option<Duration>,
    /// Space left to the system.
    pub min_free_bytes: u64,
}
