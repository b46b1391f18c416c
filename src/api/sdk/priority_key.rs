//! Who has the say over a camera: its dials or the box.

use super::body;
use super::camera::Target;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::Response;
use crate::api::wire::camera_sdk_rest::PriorityKeyData;
use crate::capture::{Command, PriorityKey};

/// `GET /api/cameras/{camera_id}/priority-key`.
pub(in crate::api) async fn show(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    let key = target.ask(Command::PriorityKey).await?;
    let (setting, raw_value) = words(key);
    let data = PriorityKeyData { setting, raw_value: Some(raw_value) };
    Ok(target.answer("Priority key retrieved", data))
}

/// `PUT /api/cameras/{camera_id}/priority-key`.
pub(in crate::api) async fn set(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let word = body::required(&members, "setting").map_err(|error| target.named(error))?;
    let keys = [PriorityKey::PcRemote, PriorityKey::CameraPosition];
    let Some(key) = keys.into_iter().find(|key| words(*key).0 == word) else {
        return Err(target.invalid("Invalid setting; use pc-remote or camera-position"));
    };
    target.ask(|reply| Command::SetPriorityKey(key, reply)).await?;
    let data = PriorityKeyData { setting: words(key).0, raw_value: None };
    Ok(target.answer("Priority key set", data))
}

/// The word, and the SDK's number (`CrPriorityKeySettings`).
fn words(key: PriorityKey) -> (&'static str, &'static str) {
    match key {
        PriorityKey::CameraPosition => ("camera-position", "0x1"),
        PriorityKey::PcRemote => ("pc-remote", "0x2"),
    }
}
