//! The camera SDK event stream: `event: NAME`, `data: ONE-LINE-JSON`, an empty
//! line. LF only, no `id:`, no `retry:`, no replay.
//!
//! Payloads begin with the documented fields; `cameraId`, and `id` where the
//! manager library reads it, follow as additions that every known reader
//! accepts. A real `connected` differs from the handshake by its `model`.

use bytes::Bytes;
use serde::Serialize;

use crate::api::response::json_text;
use crate::domain::{CameraId, CameraNotice};
use crate::live::{LiveMessage, Wire};

/// The comment that shows that the stream lives.
pub const KEEPALIVE: &str = ": keepalive\n\n";

/// The camera id that means all cameras.
pub const ALL_CAMERAS: &str = "*";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Handshake<'a> {
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Connected<'a> {
    camera_id: &'a str,
    id: &'a str,
    model: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Disconnected<'a> {
    error: String,
    camera_id: &'a str,
    id: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Error<'a> {
    code: String,
    message: &'a str,
    camera_id: &'a str,
}

/// The first frame of a stream about `camera`, an id or [`ALL_CAMERAS`].
pub fn handshake(camera: &str) -> Bytes {
    sse("connected", &Handshake { camera_id: camera }).into()
}

/// A message as a frame, if the camera SDK knows it.
pub fn frame(message: &LiveMessage) -> Option<Wire> {
    match message {
        LiveMessage::Notice { camera, notice } => Some(Wire::plain(notice_frame(camera, notice))),
        LiveMessage::Event(_)
        | LiveMessage::Detection(_)
        | LiveMessage::DetectionBatch(_)
        | LiveMessage::Camera(_)
        | LiveMessage::Alert(_)
        | LiveMessage::System(_)
        | LiveMessage::Gpu(_)
        | LiveMessage::Health(_)
        | LiveMessage::CameraSwitched(_)
        | LiveMessage::Service(_)
        | LiveMessage::SceneChange(_)
        | LiveMessage::Job(..)
        | LiveMessage::JobLog(_) => None,
    }
}

fn notice_frame(camera: &CameraId, notice: &CameraNotice) -> String {
    let camera_id = camera.as_str();
    match notice {
        CameraNotice::Connected { model } => {
            sse("connected", &Connected { camera_id, id: camera_id, model })
        }
        CameraNotice::Disconnected { code, reason } => {
            let error = hex(*code);
            sse("disconnected", &Disconnected { error, camera_id, id: camera_id, reason })
        }
        CameraNotice::Error { code, message } => {
            sse("error", &Error { code: hex(*code), message, camera_id })
        }
    }
}

fn sse(name: &str, data: &impl Serialize) -> String {
    // JSON text has no raw line breaks, whatever a camera calls itself.
    format!("event: {name}\ndata: {}\n\n", json_text(data))
}

fn hex(code: u32) -> String {
    format!("0x{code:08x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_in_a_model_cannot_forge_a_frame() {
        let camera = "yard".parse().unwrap();
        let notice = CameraNotice::Connected { model: "x\n\nevent: error\r\ndata: {}".into() };
        let frame = notice_frame(&camera, &notice);
        assert_eq!(frame.lines().count(), 3);
    }
}
