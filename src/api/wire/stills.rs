//! Stills on the wire.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::{CameraId, Timestamp};
use crate::media::Still;

/// A still: a photograph, or a picture that a shutter kept.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Still")]
pub struct StillData<'a> {
    /// 24 letters and digits.
    id: String,
    camera_id: &'a str,
    /// Such as `DSC00001.JPG`.
    name: &'a str,
    content_type: &'static str,
    size_bytes: u64,
    written_at: Timestamp,
    /// Where the file is, below the box's address.
    url: String,
}

impl<'a> StillData<'a> {
    /// A still of this camera.
    pub fn new(camera: &'a CameraId, still: &'a Still) -> Self {
        let id = still.id();
        Self {
            url: format!("/api/cameras/{camera}/stills/{id}"),
            id,
            camera_id: camera.as_str(),
            name: &still.name,
            content_type: still.content_type(),
            size_bytes: still.bytes,
            written_at: still.written_at,
        }
    }
}
