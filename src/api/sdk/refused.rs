//! What only the vendor's SDK can do: the body's keys, touch, files of settings,
//! look-up tables. Refused in words, never with a status that is tried again.

use serde_json::json;

use super::body;
use super::camera::Target;
use super::focus;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::Response;

/// `POST /api/cameras/{camera_id}/actions/button`.
pub(in crate::api) async fn button(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let because = |error: &str| json!({"error": error});
    if body::text(&members, "button").ok().flatten().is_none() {
        let missing = target.invalid("Missing required field: button");
        return Err(missing.member("data", because("missing_button")));
    }
    let action = body::text(&members, "action").ok().flatten().unwrap_or("press");
    if !["press", "down", "up"].contains(&action) {
        let invalid = target.invalid("Invalid action; use press, down or up");
        return Err(invalid.member("data", because("invalid_action")));
    }
    target.connected()?;
    let refused = target.unsupported("the keys of this camera cannot be pressed from outside");
    Err(refused.member("data", json!({"supported_buttons": ""})))
}

/// `POST /api/cameras/{camera_id}/actions/touch`.
pub(in crate::api) async fn touch(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    focus::point(&members).map_err(|error| target.named(error))?;
    target.connected()?;
    Err(target.unsupported("touching the screen of this camera is not supported; set the AF area"))
}

/// `POST /api/cameras/{camera_id}/actions/touch-cancel`.
pub(in crate::api) async fn touch_cancel(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.connected()?;
    Err(target.unsupported("touching the screen of this camera is not supported"))
}

/// `POST /api/cameras/{camera_id}/settings/download` and `/upload`.
pub(in crate::api) async fn settings_file(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    body::text(&members, "filename").map_err(|error| target.named(error))?;
    target.connected()?;
    Err(target.unsupported("files of settings can only be moved by the vendor's SDK"))
}

/// `POST /api/cameras/{camera_id}/lut/import`.
pub(in crate::api) async fn lut(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    body::required(&members, "filePath").map_err(|error| target.named(error))?;
    target.connected()?;
    Err(target.unsupported("look-up tables can only be imported by the vendor's SDK"))
}
