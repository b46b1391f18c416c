//! Scene changes on the wire.

use schemars::JsonSchema;
use serde::Serialize;

use super::realtime::stamped;
use super::records::score;
use crate::domain::{SceneChange, Timestamp};
use crate::live::Wire;

/// Names by which a client may subscribe to it.
pub(super) const NAMES: &[&str] = &["scene_change", "scene_change.detected"];

/// The view of a camera is not what it was.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SceneChange")]
pub struct SceneChangeData<'a> {
    id: u64,
    camera_id: &'a str,
    detected_at: Timestamp,
    #[schemars(extend("enum" = ["view_blocked", "angle_changed", "view_tampered", "unknown"]))]
    change_type: &'static str,
    /// How much the view is like it was, 1 for the same.
    #[schemars(range(min = 0, max = 1))]
    similarity_score: f64,
}

impl<'a> From<&'a SceneChange> for SceneChangeData<'a> {
    fn from(change: &'a SceneChange) -> Self {
        Self {
            id: change.id.0,
            camera_id: change.camera.as_str(),
            detected_at: change.detected_at,
            change_type: change.change.as_str(),
            similarity_score: score(change.similarity),
        }
    }
}

/// A scene change as REST shows it: the message's fields and more.
#[derive(Serialize, JsonSchema)]
pub struct SceneChangeRecord<'a> {
    #[serde(flatten)]
    change: SceneChangeData<'a>,
    acknowledged: bool,
    acknowledged_at: Option<Timestamp>,
    /// False when the clock had not been set.
    clock_trusted: bool,
}

impl<'a> From<&'a SceneChange> for SceneChangeRecord<'a> {
    fn from(change: &'a SceneChange) -> Self {
        Self {
            change: change.into(),
            acknowledged: change.acknowledged_at.is_some(),
            acknowledged_at: change.acknowledged_at,
            clock_trusted: change.clock_trusted,
        }
    }
}

/// The message.
pub(super) fn message(change: &SceneChange) -> Wire {
    stamped("scene_change", &SceneChangeData::from(change), None)
}
