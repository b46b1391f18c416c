//! The video of an event, as its record tells of it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::EventId;

/// Where the video of an event is. Events of one camera that overlap share one
/// file, which holds the pre-roll of the first and the post-roll of the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clip {
    /// The event that the file was begun for; names the file.
    pub file: EventId,
    /// From the first picture of the file to the beginning of this event.
    pub event_at: Duration,
    /// What the file became; absent while it is recorded.
    pub size: Option<ClipSize>,
}

/// What a finished clip measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClipSize {
    /// From its first picture to the end of its last.
    pub length: Duration,
    /// Bytes of the file.
    pub bytes: u64,
}
