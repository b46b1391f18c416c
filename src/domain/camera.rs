//! A camera as the rest of the box sees it: its name, its state, its notices.

use serde::{Deserialize, Serialize};

use super::{CameraId, Timestamp};

/// Whether a camera delivers pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    /// Not yet tried.
    Unknown,
    /// Frames arrive.
    Online,
    /// No frames; the box keeps trying by itself.
    Offline,
    /// No frames, and only a person can change that (wrong password, wrong
    /// format); the box tries again now and then.
    Error,
}

impl CameraState {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Error => "error",
        }
    }
}

/// A change of a camera's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraStatus {
    /// Which camera.
    pub camera: CameraId,
    /// Its name for people.
    pub name: String,
    /// The new state.
    pub state: CameraState,
    /// The state before.
    pub previous: CameraState,
    /// Why, in words; absent when all is well.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Asynchronous message about the connection of a camera, as the camera SDK
/// event stream tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraNotice {
    /// A session began.
    Connected {
        /// What the camera calls itself, or what its source is.
        model: String,
    },
    /// A session ended.
    Disconnected {
        /// SDK error code; 0 when it ended on purpose.
        code: u32,
        /// Why, in words.
        reason: String,
    },
    /// A fault of the driver that is not tied to a request.
    Error {
        /// SDK error code.
        code: u32,
        /// What failed, in words.
        message: String,
    },
}
