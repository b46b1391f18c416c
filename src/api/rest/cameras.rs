//! Cameras: one list for both contracts.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::sdk;
use crate::api::wire::records::{CameraData, Pagination};
use crate::capture::CameraEntry;
use crate::domain::CameraId;

/// `cameras` is the camera SDK's name for the list, `items` the realtime API's.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct CameraList<'a> {
    success: bool,
    message: String,
    cameras: &'a [CameraData],
    items: &'a [CameraData],
    pagination: Pagination,
}

/// `GET /api/cameras[?status=]`: all cameras, those that are switched off included;
/// there are too few to page. With `fields`, `items` alone.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let status = request.query.get("status");
    let is_wanted =
        |camera: &CameraEntry| status.is_none_or(|status| camera.state.as_str() == status);
    let wanted = all(&request.ctx).into_iter().filter(|(camera, _)| is_wanted(camera));
    let cameras: Vec<CameraData> = wanted.map(|camera| data(&request.ctx, camera)).collect();
    let pagination = Pagination {
        total: Some(cameras.len()),
        limit: super::LIMIT_MAX,
        offset: Some(0),
        cursor: None,
        next_cursor: None,
        has_more: false,
    };
    let message = format!("{} camera(s)", cameras.len());
    if request.query.get("fields").is_some() {
        return super::listed(&request.query, cameras, pagination);
    }
    let (cameras, items) = (cameras.as_slice(), cameras.as_slice());
    Ok(response::json(&CameraList { success: true, message, cameras, items, pagination }))
}

/// `GET /api/cameras/{camera_id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    Ok(response::json(&shown(&request.ctx, &request.camera_id()?)?))
}

/// One camera, or 404.
pub(super) fn shown(ctx: &ApiContext, id: &CameraId) -> Result<CameraData, ApiError> {
    let camera = all(ctx).into_iter().find(|(camera, _)| camera.id == *id);
    camera.map(|camera| data(ctx, camera)).ok_or_else(no_such_camera)
}

/// A camera, and whether it is to run.
pub(super) fn data(ctx: &ApiContext, (camera, is_on): (CameraEntry, bool)) -> CameraData {
    let is_connected = sdk::is_connected(ctx, &camera);
    let clips = ctx.clips.recording(&camera.id);
    let recordings = &ctx.recordings;
    let recording = match (recordings.is_on(&camera.id), recordings.is_recording(&camera.id)) {
        (false, _) => "off",
        (true, true) => "continuous",
        (true, false) => "no_video",
    };
    CameraData::new(camera, is_connected, is_on, clips, recording)
}

/// Every camera and whether it is to run, by id: those that run as they are, the others
/// as they are set. A name that was just changed is the new one.
fn all(ctx: &ApiContext) -> Vec<(CameraEntry, bool)> {
    let mut cameras: BTreeMap<_, _> =
        ctx.cameras.list().into_iter().map(|camera| (camera.id.clone(), (camera, true))).collect();
    for (set, is_on) in ctx.camera_desk.listed() {
        match cameras.get_mut(&set.id) {
            Some((running, enabled)) => (running.name, *enabled) = (set.name, is_on),
            None => drop(cameras.insert(set.id.clone(), (set, is_on))),
        }
    }
    cameras.into_values().collect()
}

/// 404, in the words of the camera SDK contract.
pub(in crate::api) fn no_such_camera() -> ApiError {
    ApiError::not_found("Camera not found").hint("GET /api/cameras lists the ids")
}
