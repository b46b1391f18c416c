//! The camera that a request is about, and how its refusals are told.

use std::time::Duration;

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{Answer, CameraSummary, NoData};
use crate::capture::{CameraEntry, Command, Control, ControlError, Reply};
use crate::domain::{CameraId, CameraState};

/// Longest wait for a camera. Clients give up after 60 s, and would repeat the
/// request then.
const ANSWER_MAX: Duration = Duration::from_secs(50);

/// A camera as one request sees it.
pub(super) struct Target {
    pub(super) id: CameraId,
    pub(super) entry: Option<CameraEntry>,
    control: Option<Control>,
    /// What is answered when there is no session.
    missing: StatusCode,
}

/// Whether there is a session with a camera. One of a stream needs pictures too.
pub(in crate::api) fn is_connected(ctx: &ApiContext, entry: &CameraEntry) -> bool {
    let is_online = entry.state == CameraState::Online;
    ctx.controls.get(&entry.id).map_or(is_online, |control| has_session(&control, is_online))
}

fn has_session(control: &Control, is_online: bool) -> bool {
    let status = control.status();
    status.is_connected() && (status.has_shutter || is_online)
}

/// Whether the path has nothing where the id of a camera belongs.
pub(in crate::api) fn is_without_id(path: &str) -> bool {
    path.starts_with("/api/cameras//")
}

/// 400: the id is a placeholder, or none.
pub(in crate::api) fn no_such_id() -> ApiError {
    ApiError::invalid("the camera id in the path is not one")
        .hint("GET /api/cameras lists the ids; use one in place of {cameraId}")
}

impl Target {
    /// The camera of the path. Without a session, its operations answer 400.
    pub(super) fn of(request: &Request) -> Result<Self, ApiError> {
        Self::or(request, StatusCode::BAD_REQUEST)
    }

    /// The camera of the path. Without a session, its operations answer 404.
    pub(super) fn or_404(request: &Request) -> Result<Self, ApiError> {
        Self::or(request, StatusCode::NOT_FOUND)
    }

    fn or(request: &Request, missing: StatusCode) -> Result<Self, ApiError> {
        let id = request.camera_id()?;
        let entry = request.ctx.cameras.get(&id);
        let control = request.ctx.controls.get(&id);
        Ok(Self { id, entry, control, missing })
    }

    pub(super) fn control(&self) -> Option<&Control> {
        self.control.as_ref()
    }

    pub(super) fn is_connected(&self) -> bool {
        let is_online = self.entry.as_ref().is_some_and(|e| e.state == CameraState::Online);
        self.control.as_ref().is_some_and(|control| has_session(control, is_online))
    }

    /// The control of a camera with a session.
    pub(super) fn connected(&self) -> Result<&Control, ApiError> {
        let control = self.control.as_ref().filter(|_| self.is_connected());
        control.ok_or_else(|| self.refuse(ControlError::NotConnected))
    }

    /// Asks a camera with a session.
    pub(super) async fn ask<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, ApiError> {
        let control = self.connected()?;
        self.ask_anyway(control, command).await
    }

    /// Asks a camera whether or not there is a session.
    pub(super) async fn ask_anyway<T>(
        &self,
        control: &Control,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, ApiError> {
        let answer = tokio::time::timeout(ANSWER_MAX, control.ask(command)).await;
        answer.unwrap_or_else(|_| Err(silent())).map_err(|error| self.refuse(error))
    }

    pub(super) fn summary(&self) -> CameraSummary {
        let model = self.entry.as_ref().map(|entry| entry.model.clone()).unwrap_or_default();
        CameraSummary { connected: self.is_connected(), model, id: self.id.as_str().to_owned() }
    }

    /// 200 with data.
    pub(super) fn answer<T: serde::Serialize>(&self, message: &'static str, data: T) -> Response {
        let camera = Some(self.summary());
        response::json(&Answer { success: true, message, camera, data: Some(data) })
    }

    /// 200 without.
    pub(super) fn done(&self, message: &'static str) -> Response {
        let camera = Some(self.summary());
        response::json(&Answer::<NoData> { success: true, message, camera, data: None })
    }

    /// 400, in our own words.
    pub(super) fn invalid(&self, message: impl Into<String>) -> ApiError {
        self.named(ApiError::invalid(message))
    }

    /// 400 for what this box cannot do with any camera.
    pub(super) fn unsupported(&self, message: &str) -> ApiError {
        self.refuse(ControlError::Unsupported(message.to_owned()))
    }

    /// What a camera's refusal is to a client.
    pub(super) fn refuse(&self, error: ControlError) -> ApiError {
        self.named(refusal(error, self.missing))
    }

    /// An error that says which camera it is about.
    pub(super) fn named(&self, error: ApiError) -> ApiError {
        let CameraSummary { connected, model, id } = self.summary();
        error.member("camera", json!({"connected": connected, "model": model, "id": id}))
    }
}

fn silent() -> ControlError {
    let message = format!(
        "the camera did not answer within {} s; it may still do what it was asked",
        ANSWER_MAX.as_secs()
    );
    ControlError::Refused { code: TIMEOUT, message }
}

/// "Timeout" among the SDK's connection errors, as in `capture::error`.
const TIMEOUT: u32 = 0x8204;

fn refusal(error: ControlError, missing: StatusCode) -> ApiError {
    let bad = |code, detail| ApiError::new(StatusCode::BAD_REQUEST, code, detail);
    let with =
        |error: ApiError, name: &str, value: Value| error.member("data", json!({name: value}));
    let detail = error.to_string();
    match error {
        ControlError::NotConnected if missing == StatusCode::NOT_FOUND => {
            ApiError::not_found("Camera not found").hint("GET /api/cameras lists the ids")
        }
        ControlError::NotConnected => {
            bad("not_connected", detail).hint("POST /api/cameras/{cameraId}/connection connects it")
        }
        // The one refusal that a client may repeat by itself: nothing has begun.
        ControlError::TransferBusy => {
            ApiError::new(StatusCode::CONFLICT, "transfer_busy", detail).member("retryable", true)
        }
        ControlError::Busy => bad("camera_busy", detail),
        ControlError::Gone => bad("camera_gone", detail),
        ControlError::Unsupported(_) => bad("unsupported", detail),
        ControlError::Unknown(_) => bad("unknown_to_camera", detail),
        ControlError::NotWritable(_) => {
            with(bad("not_writable", detail), "retryable", "true".into())
        }
        ControlError::NotAvailable(_) => {
            with(bad("not_available", detail), "retryable", "true".into())
        }
        ControlError::ManualFocus => {
            with(bad("manual_focus", detail), "error", "focus_mode_not_af".into())
        }
        ControlError::Refused { code, .. } => {
            with(bad("camera_refused", detail), "error_code", format!("0x{code:08x}").into())
        }
        ControlError::Disk(_) => bad("disk_failed", detail),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_busy_transfer_may_make_a_client_try_again() {
        let text = String::new;
        for error in [
            ControlError::NotConnected,
            ControlError::Busy,
            ControlError::Gone,
            ControlError::Unsupported(text()),
            ControlError::Unknown(text()),
            ControlError::NotWritable(text()),
            ControlError::NotAvailable(text()),
            ControlError::ManualFocus,
            ControlError::Refused { code: 0x8215, message: text() },
            ControlError::Disk(text()),
            silent(),
        ] {
            let shown = format!("{error:?}");
            assert_eq!(refusal(error, StatusCode::BAD_REQUEST).status, 400, "{shown}");
        }
        assert_eq!(refusal(ControlError::TransferBusy, StatusCode::BAD_REQUEST).status, 409);
        assert_eq!(refusal(ControlError::NotConnected, StatusCode::NOT_FOUND).status, 404);
    }
}
