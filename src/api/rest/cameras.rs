//! Cameras: one list for both contracts.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::sdk;
use crate::api::wire::records::{CameraData, Pagination};
use crate::capture::CameraEntry;

/// `cameras` is the camera SDK's name for the list, `items` the realtime API's.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct CameraList<'a> {
    success: bool,
    message: String,
    cameras: &'a [CameraData],
    items: &'a [CameraData],
    pagination: Pagination,
}

/// `GET /api/cameras[?status=]`: all cameras; there are too few to page.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let status = request.query.get("status");
    let is_wanted =
        |camera: &CameraEntry| status.is_none_or(|status| camera.state.as_str() == status);
    let data = |camera: CameraEntry| {
        let is_connected = sdk::is_connected(&request.ctx, &camera);
        CameraData::new(camera, is_connected)
    };
    let cameras: Vec<CameraData> =
        request.ctx.cameras.list().into_iter().filter(is_wanted).map(data).collect();
    let pagination = Pagination {
        total: Some(cameras.len()),
        limit: super::LIMIT_MAX,
        offset: Some(0),
        cursor: None,
        next_cursor: None,
        has_more: false,
    };
    let message = format!("{} camera(s)", cameras.len());
    let (cameras, items) = (cameras.as_slice(), cameras.as_slice());
    Ok(response::json(&CameraList { success: true, message, cameras, items, pagination }))
}

/// `GET /api/cameras/{camera_id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    let id = request.camera_id()?;
    let camera = request.ctx.cameras.get(&id).ok_or_else(no_such_camera)?;
    let is_connected = sdk::is_connected(&request.ctx, &camera);
    Ok(response::json(&CameraData::new(camera, is_connected)))
}

/// 404, in the words of the camera SDK contract.
pub(in crate::api) fn no_such_camera() -> ApiError {
    ApiError::not_found("Camera not found").hint("GET /api/cameras lists the ids")
}
