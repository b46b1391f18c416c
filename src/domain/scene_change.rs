//! The view of a camera is not what it was.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{CameraId, Timestamp};

/// One scene change. Counted together with events, so that it is unique on this
/// box for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SceneChangeId(pub u64);

impl fmt::Display for SceneChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A scene change.
#[derive(Clone, Debug, PartialEq)]
pub struct SceneChange {
    /// Unique on this box for ever.
    pub id: SceneChangeId,
    /// 0 when created, one more with each change.
    pub revision: u32,
    /// Which camera.
    pub camera: CameraId,
    /// When.
    pub detected_at: Timestamp,
    /// What seems to have happened.
    pub change: SceneChangeType,
    /// How much the view still is as it was, 0..=1.
    pub similarity: f32,
    /// When somebody acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// False when the clock had not been set.
    pub clock_trusted: bool,
}

/// What seems to have happened to the view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SceneChangeType {
    /// Something is in front of the camera.
    ViewBlocked,
    /// The camera was turned.
    AngleChanged,
    /// Somebody may have interfered.
    ViewTampered,
    /// Something else.
    Unknown,
}

impl SceneChangeType {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ViewBlocked, Self::AngleChanged, Self::ViewTampered, Self::Unknown];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ViewBlocked => "view_blocked",
            Self::AngleChanged => "angle_changed",
            Self::ViewTampered => "view_tampered",
            Self::Unknown => "unknown",
        }
    }

    /// The type of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|change| change.as_str() == word)
    }
}
