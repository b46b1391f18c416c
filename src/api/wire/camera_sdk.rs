//! The camera SDK event stream: `event: NAME`, `data: ONE-LINE-JSON`, an empty
//! line. LF only, no `id:`, no `retry:`, no replay; a client that asks for ids gets
//! an `id:` line before each frame, and can resume.
//!
//! Payloads begin with the documented fields; `cameraId`, and `id` where the
//! manager library reads it, follow as additions that every known reader
//! accepts. A real `connected` differs from the handshake by its `model`.

use bytes::Bytes;
use serde::Serialize;

use crate::api::response::json_text;
use crate::domain::{AfState, CameraId, CameraNotice, DownloadKind, TransferStatus};
use crate::live::{Cursor, LiveMessage, Resynced, Stamp, Wire};

/// The comment that shows that the stream lives.
pub const KEEPALIVE: &str = ": keepalive\n\n";

/// The SDK's number for "the result of a transfer from the card" (event page,
/// `transferProgress`).
const TRANSFER_RESULT: &str = "0x20093";

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
struct Coded<'a> {
    code: String,
    message: &'a str,
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PropertyChanged<'a> {
    codes: Vec<String>,
    count: usize,
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AfStatus<'a> {
    state: &'static str,
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DownloadComplete<'a> {
    filename: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TransferProgress<'a> {
    percent: u8,
    notify: &'static str,
    filename: &'a str,
    camera_id: &'a str,
    content_id: u64,
    file_id: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    saved_path: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContentsTransfer<'a> {
    status: &'static str,
    handle: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FocusResult<'a> {
    success: bool,
    camera_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Resumed<'a> {
    camera_id: &'a str,
    replayed: usize,
    complete: bool,
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
        | LiveMessage::CameraChanged(_)
        | LiveMessage::EventDropped(_)
        | LiveMessage::JobLog(_) => None,
    }
}

/// [`frame`], with room for an id before it.
pub fn frame_with_id(message: &LiveMessage) -> Option<Wire> {
    match message {
        LiveMessage::Notice { camera, notice } => {
            Some(Wire::stamped("", notice_frame(camera, notice)))
        }
        _ => None,
    }
}

/// What a client sends back as `Last-Event-ID`.
pub fn id_line(stamp: &Stamp) -> String {
    id(stamp.cursor)
}

/// The id of the position `cursor`, as a line.
pub fn id(cursor: Cursor) -> String {
    format!("id: {cursor}\n")
}

/// The end of a replay: what a client missed has been sent, or is lost in part.
/// Only for clients that asked for ids.
pub fn resumed(camera: &str, outcome: &Resynced) -> Bytes {
    let (replayed, complete) = (outcome.replayed, !outcome.is_too_old);
    sse("resumed", &Resumed { camera_id: camera, replayed, complete }).into()
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
            sse("error", &Coded { code: hex(*code), message, camera_id })
        }
        CameraNotice::PropertyChanged { codes } => {
            let codes: Vec<_> = codes.iter().map(|code| short_hex(*code)).collect();
            let count = codes.len();
            sse("propertyChanged", &PropertyChanged { codes, count, camera_id })
        }
        CameraNotice::Warning { code, message } => {
            sse("warning", &Coded { code: short_hex(*code), message, camera_id })
        }
        CameraNotice::AfStatus(state) => {
            sse("afStatus", &AfStatus { state: af_state(*state), camera_id })
        }
        CameraNotice::DownloadComplete { path, kind } => {
            let kind = download_kind(*kind);
            sse("downloadComplete", &DownloadComplete { filename: path, kind, camera_id })
        }
        CameraNotice::TransferProgress { percent, content, file, filename, saved_path } => {
            let progress = TransferProgress {
                percent: *percent,
                notify: TRANSFER_RESULT,
                filename: saved_path.as_deref().unwrap_or(filename),
                camera_id,
                content_id: *content,
                file_id: *file,
                saved_path: saved_path.as_deref(),
            };
            sse("transferProgress", &progress)
        }
        CameraNotice::ContentsTransfer { status, handle, filename } => {
            let status = transfer_status(*status);
            let (handle, filename) = (hex(*handle), filename.as_deref());
            sse("contentsTransfer", &ContentsTransfer { status, handle, filename, camera_id })
        }
        CameraNotice::Reconnecting => sse("reconnecting", &Handshake { camera_id }),
        CameraNotice::Reconnected => sse("reconnected", &Handshake { camera_id }),
        CameraNotice::FocusResult { is_success } => {
            sse("focusResult", &FocusResult { success: *is_success, camera_id })
        }
    }
}

fn af_state(state: AfState) -> &'static str {
    match state {
        AfState::Focused => "focused",
        AfState::Unlocked => "unlocked",
        AfState::Tracking => "tracking",
    }
}

fn download_kind(kind: DownloadKind) -> &'static str {
    match kind {
        DownloadKind::Image => "image",
        DownloadKind::Settings => "settings",
    }
}

fn transfer_status(status: TransferStatus) -> &'static str {
    match status {
        TransferStatus::Started => "started",
        TransferStatus::Complete => "complete",
        TransferStatus::Error => "error",
    }
}

fn sse(name: &str, data: &impl Serialize) -> String {
    // JSON text has no raw line breaks, whatever a camera calls itself.
    format!("event: {name}\ndata: {}\n\n", json_text(data))
}

/// As error codes and handles are written.
fn hex(code: u32) -> String {
    format!("0x{code:08x}")
}

/// As property and warning codes are written.
fn short_hex(code: u32) -> String {
    format!("0x{code:x}")
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
