//! Live view by single pictures, as the contract's clients poll it, and the
//! on-screen display: the same with the detector's boxes.
//!
//! A picture is encoded once per frame however many poll it (`media::LiveView`).
//! Who asks before a picture is there gets 404, which these clients take as "try
//! again".

use hyper::StatusCode;
use hyper::header::CACHE_CONTROL;

use super::camera::Target;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{LiveViewData, OsdData};
use crate::capture::{Command, Control};

/// `POST /api/cameras/{camera_id}/live-view/enable`.
pub(in crate::api) async fn enable(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.connected()?;
    request.ctx.desk.write(&target.id, |notes| notes.is_live_view_enabled = Some(true));
    Ok(target.done("Live view enabled"))
}

/// `POST /api/cameras/{camera_id}/live-view/disable`: also stops.
pub(in crate::api) async fn disable(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.ask(|reply| Command::LiveView(false, reply)).await?;
    request.ctx.desk.write(&target.id, |notes| notes.is_live_view_enabled = Some(false));
    Ok(target.done("Live view disabled"))
}

/// `POST /api/cameras/{camera_id}/live-view/start`: enables it if need be.
pub(in crate::api) async fn start(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.ask(|reply| Command::LiveView(true, reply)).await?;
    request.ctx.desk.write(&target.id, |notes| notes.is_live_view_enabled = Some(true));
    Ok(target.done("Live view started"))
}

/// `POST /api/cameras/{camera_id}/live-view/stop`: leaves it enabled.
pub(in crate::api) async fn stop(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.ask(|reply| Command::LiveView(false, reply)).await?;
    Ok(target.done("Live view stopped"))
}

/// `GET /api/cameras/{camera_id}/live-view/status`.
pub(in crate::api) async fn status(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    let data = state(&request, &target, target.connected()?);
    Ok(target.answer("Live view status retrieved", data))
}

/// `GET /api/cameras/{camera_id}/live-view/frame`: the newest picture.
pub(in crate::api) async fn frame(request: Request) -> Result<Response, ApiError> {
    picture(&request, false).await
}

/// `POST /api/cameras/{camera_id}/live-view/osd-enable`.
pub(in crate::api) async fn osd_enable(request: Request) -> Result<Response, ApiError> {
    set_osd(&request, true, "On-screen display enabled")
}

/// `POST /api/cameras/{camera_id}/live-view/osd-disable`.
pub(in crate::api) async fn osd_disable(request: Request) -> Result<Response, ApiError> {
    set_osd(&request, false, "On-screen display disabled")
}

/// `GET /api/cameras/{camera_id}/live-view/osd-status`.
pub(in crate::api) async fn osd_status(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    target.connected()?;
    let enabled = request.ctx.desk.read(&target.id).is_osd_enabled;
    Ok(target.answer("On-screen display status retrieved", OsdData { supported: true, enabled }))
}

/// `GET /api/cameras/{camera_id}/live-view/osd-frame`: the newest picture with the
/// detector's boxes.
pub(in crate::api) async fn osd_frame(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    if !request.ctx.desk.read(&target.id).is_osd_enabled {
        return Err(target.named(ApiError::not_found("On-screen display is not enabled")));
    }
    picture(&request, true).await
}

fn set_osd(
    request: &Request,
    is_enabled: bool,
    message: &'static str,
) -> Result<Response, ApiError> {
    let target = Target::of(request)?;
    target.connected()?;
    request.ctx.desk.write(&target.id, |notes| notes.is_osd_enabled = is_enabled);
    Ok(target.done(message))
}

fn state(request: &Request, target: &Target, control: &Control) -> LiveViewData {
    let status = control.status();
    let chosen = request.ctx.desk.read(&target.id).is_live_view_enabled;
    let streaming = status.is_live_view_streaming;
    LiveViewData { enabled: streaming || chosen.unwrap_or(status.is_live_view_enabled), streaming }
}

async fn picture(request: &Request, with_boxes: bool) -> Result<Response, ApiError> {
    let target = Target::of(request)?;
    let not_yet = |why: &str| target.named(ApiError::not_found(why));
    let control = target.connected().map_err(|_| not_yet("Camera not connected"))?;
    if !control.status().is_live_view_streaming {
        return Err(not_yet("Live view is not running; start it first"));
    }
    let view = request.ctx.live_views.get(&target.id);
    let view = view.ok_or_else(|| not_yet("No picture is available yet"))?;
    let made = request.ctx.blocking(move || view.latest_jpeg(with_boxes)).await?;
    let picture = made?.ok_or_else(|| not_yet("No picture is available yet"))?;
    let mut response = response::answer(StatusCode::OK, "image/jpeg", picture.bytes);
    response::set(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}
