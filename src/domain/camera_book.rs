//! Cameras as somebody has set them while the box ran, beside the configuration file.
//!
//! The file stays the truth for the cameras it names: of those only the name can be
//! changed here, and whether they run. Others are here as a whole, but for their
//! passwords, which are kept apart from all records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::CameraId;

/// The key of the [`Setting`](super::Setting) whose value is the JSON text of a
/// [`CameraBook`].
pub const CAMERA_BOOK: &str = "system.cameras";

/// What was set, by camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CameraBook(pub BTreeMap<CameraId, CameraNote>);

/// What was set about one camera.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CameraNote {
    /// The camera's keys, as the configuration file would have them, without `id` and
    /// `password`; absent for a camera of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub definition: Option<Map<String, Value>>,
    /// Name for people, instead of the file's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// It is not to run.
    pub is_off: bool,
}

impl CameraBook {
    /// The book in a setting; one that cannot be read is empty.
    pub fn read(setting: Option<&super::Setting>) -> Self {
        setting.and_then(|setting| serde_json::from_str(&setting.value).ok()).unwrap_or_default()
    }

    /// The cameras that are here as a whole.
    pub fn defined(&self) -> impl Iterator<Item = (&CameraId, &Map<String, Value>, bool)> {
        self.0.iter().filter_map(|(id, note)| Some((id, note.definition.as_ref()?, note.is_off)))
    }
}
