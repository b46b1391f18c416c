//! Sessions: begin, end, ask. And the fingerprint, which no camera here has.

use serde_json::{Map, Value};

use super::body;
use super::camera::Target;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{Answer, FingerprintData, ModeData};
use crate::capture::{Command, ConnectionMode};
use crate::domain::CameraNotice;
use crate::live::LiveMessage;

/// `POST /api/cameras/{camera_id}/connection`. The mode is judged first, whatever
/// else is wrong; with a session already there, it stays as it is.
pub(in crate::api) async fn connect(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let mode = mode_of(&members).map_err(|error| target.named(error))?;
    check_auth(&members).map_err(|error| target.named(error))?;
    let is_kept = is_kept(&members).map_err(|error| target.named(error))?;
    let control = match (target.entry.as_ref(), target.control()) {
        (Some(_), Some(control)) => control,
        _ => return Err(target.invalid("Camera not found").hint("GET /api/cameras lists the ids")),
    };
    let was_connected = target.is_connected();
    target.ask_anyway(control, |reply| Command::Connect { mode, is_kept, reply }).await?;
    if was_connected {
        announce_again(&request, &target);
    } else {
        request.ctx.desk.write(&target.id, |notes| notes.is_live_view_enabled = None);
        super::settings::renew_naming(&request, &target).await;
    }
    let message = if was_connected { "Camera already connected" } else { "Camera connected" };
    let mode = control.status().mode.unwrap_or(mode);
    Ok(target.answer(message, ModeData { mode: mode_word(mode) }))
}

/// `GET /api/cameras/{camera_id}/connection`: 200 whatever the id.
pub(in crate::api) async fn status(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    let mode = target.control().and_then(|control| control.status().mode);
    Ok(match mode.filter(|_| target.is_connected()) {
        Some(mode) => target.answer("Camera is connected", ModeData { mode: mode_word(mode) }),
        None => target.done("Camera is not connected"),
    })
}

/// `DELETE /api/cameras/{camera_id}/connection`: 200 also when there was none.
pub(in crate::api) async fn disconnect(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    if let Some(control) = target.control() {
        target.ask_anyway(control, Command::Disconnect).await?;
        request.ctx.desk.write(&target.id, |notes| notes.is_live_view_enabled = None);
    }
    Ok(target.done("Camera disconnected"))
}

/// `GET /api/cameras/{camera_id}/fingerprint`: works before a session begins.
pub(in crate::api) async fn fingerprint(request: Request) -> Result<Response, ApiError> {
    let target = Target::or_404(&request)?;
    if target.entry.is_none() {
        let missing = ApiError::not_found("Camera not found");
        return Err(target.named(missing.hint("GET /api/cameras lists the ids")));
    }
    let message = "This box does not speak the camera's tunnel; no fingerprint is needed";
    let data = Some(FingerprintData { ssh_supported: false });
    Ok(response::json(&Answer { success: true, message, camera: None, data }))
}

/// Clients wait for the event after each connect; the camera tells only of those
/// that begin a session.
fn announce_again(request: &Request, target: &Target) {
    let model = target.summary().model;
    let (camera, notice) = (target.id.clone(), CameraNotice::Connected { model });
    request.ctx.hub.publish(LiveMessage::Notice { camera, notice });
}

pub(super) fn mode_word(mode: ConnectionMode) -> &'static str {
    match mode {
        ConnectionMode::Remote => "remote",
        ConnectionMode::RemoteTransfer => "remote-transfer",
        ConnectionMode::Contents => "contents",
    }
}

/// `remote`, unless the client says otherwise.
fn mode_of(members: &Map<String, Value>) -> Result<ConnectionMode, ApiError> {
    const MODES: [ConnectionMode; 3] =
        [ConnectionMode::Remote, ConnectionMode::RemoteTransfer, ConnectionMode::Contents];
    let wrong = || ApiError::invalid("Invalid mode; use remote, remote-transfer or contents");
    let word = body::text(members, "mode").map_err(|_| wrong())?;
    let Some(word) = word else { return Ok(ConnectionMode::default()) };
    MODES.into_iter().find(|mode| mode_word(*mode) == word).ok_or_else(wrong)
}

/// Access authentication is a tunnel inside the vendor's SDK.
fn check_auth(members: &Map<String, Value>) -> Result<(), ApiError> {
    let is_given = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(members) => members.values().any(|value| !value.is_null()),
        _ => true,
    };
    if ["auth", "username", "password"].iter().any(|name| members.get(*name).is_some_and(is_given))
    {
        let why = "access authentication is not supported; switch it off in the camera's menu";
        return Err(ApiError::invalid(why));
    }
    Ok(())
}

/// A lost session is begun again unless the client says `off`.
fn is_kept(members: &Map<String, Value>) -> Result<bool, ApiError> {
    match members.get("reconnecting") {
        None | Some(Value::Null) => Ok(true),
        Some(Value::Bool(is_kept)) => Ok(*is_kept),
        Some(Value::String(word)) if word == "on" => Ok(true),
        Some(Value::String(word)) if word == "off" => Ok(false),
        Some(_) => Err(ApiError::invalid("Invalid reconnecting; use on or off")),
    }
}
