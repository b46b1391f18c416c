//! Stills: what there is of each camera, and the files.
//!
//! A client names a still by its id; no text of a client becomes part of a path. A
//! camera that has been removed shows what is left of it.

use crate::api::error::ApiError;
use crate::api::file::{self, WholeFile};
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::stills::StillData;
use crate::domain::CameraId;
use crate::media::Still;

/// `GET /api/cameras/{camera_id}/stills`, the latest first.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let (camera, stills) = of_camera(&request).await?;
    let (page, pagination) = super::part(&request.query, &stills)?;
    let items: Vec<_> = page.iter().map(|still| StillData::new(&camera, still)).collect();
    super::listed(&request.query, items, pagination)
}

/// `GET /api/cameras/{camera_id}/stills/{still_id}`: whole, or the part that `Range`
/// asks for.
pub(in crate::api) async fn file(request: Request) -> Result<Response, ApiError> {
    let (camera, still) = named(&request).await?;
    let (kept, known) = (request.ctx.stills.clone(), still.clone());
    let opened = request.ctx.blocking(move || kept.load(&known)).await??;
    let Some(opened) = opened else { return Err(missing(&camera)) };
    let content_type = still.content_type();
    let (bytes, at) = (still.bytes, still.written_at.unix_ms());
    let etag = format!("\"still-{}-{bytes}-{at}\"", still.id());
    file::answer(request, WholeFile { file: Box::new(opened), bytes, content_type, etag })
}

/// `DELETE /api/cameras/{camera_id}/stills/{still_id}`: 204.
pub(in crate::api) async fn remove(request: Request) -> Result<Response, ApiError> {
    let (camera, still) = named(&request).await?;
    let kept = request.ctx.stills.clone();
    let was_there = request.ctx.blocking(move || kept.remove(&still)).await??;
    if was_there { Ok(response::no_content()) } else { Err(missing(&camera)) }
}

/// The still that the path names.
async fn named(request: &Request) -> Result<(CameraId, Still), ApiError> {
    let (camera, stills) = of_camera(request).await?;
    let id = request.param("still_id");
    let still = stills.into_iter().find(|still| still.id() == id);
    let still = still.ok_or_else(|| missing(&camera))?;
    Ok((camera, still))
}

/// 404 for a camera that is neither there nor has left anything.
async fn of_camera(request: &Request) -> Result<(CameraId, Vec<Still>), ApiError> {
    let camera = request.camera_id()?;
    let (kept, id) = (request.ctx.stills.clone(), camera.clone());
    let chosen = request.ctx.desk.still_directory(&camera);
    let stills = request.ctx.blocking(move || kept.of_camera(&id, chosen)).await??;
    if stills.is_empty() && request.ctx.cameras.get(&camera).is_none() {
        return Err(ApiError::not_found(format!("there is no camera {camera}")));
    }
    Ok((camera, stills))
}

fn missing(camera: &CameraId) -> ApiError {
    ApiError::not_found(format!("there is no such still of {camera}"))
        .hint("the oldest stills go first; stills_max and stills_max_age say when")
}
