//! Scene changes: found and acknowledged.

use std::sync::Arc;

use tokio::sync::oneshot;

use super::alerts::answered;
use super::cameras::no_such_camera;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::records::List;
use crate::api::wire::scene::SceneChangeRecord;
use crate::domain::{SceneChange, SceneChangeId};
use crate::store::{Durability, SceneChangeQuery};

/// `GET /api/cameras/{camera_id}/scene-changes[?acknowledged=]`, newest first. Also
/// of a camera that is no longer configured.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let query = SceneChangeQuery {
        camera: Some(request.camera_id()?),
        acknowledged: request.query.flag("acknowledged")?,
        range: super::range(&request.query)?,
    };
    let reader = Arc::clone(&request.ctx.reader);
    let range = query.range.clone();
    let page = request.ctx.blocking(move || reader.scene_changes(&query)).await??;
    let items = page.items.iter().map(SceneChangeRecord::from).collect();
    Ok(response::json(&List { items, pagination: super::pagination(range, &page) }))
}

/// `POST /api/cameras/{camera_id}/scene-changes/{id}/acknowledge`: the answer comes
/// when it is safe on disk. A second time changes nothing.
pub(in crate::api) async fn acknowledge(request: Request) -> Result<Response, ApiError> {
    let camera = request.camera_id()?;
    let id = SceneChangeId(request.id()?);
    let now = request.ctx.clock.now();
    let (tx, rx) = oneshot::channel();
    let change = move |known: Option<SceneChange>| {
        let known = known.filter(|it| it.camera == camera && it.acknowledged_at.is_none())?;
        Some(SceneChange { acknowledged_at: Some(now), ..known })
    };
    let done = Box::new(move |kept| drop(tx.send(kept)));
    request.ctx.writer.amend_scene_change(id, Box::new(change), Durability::Synced, done);
    let kept = match answered(rx).await? {
        Some(kept) => kept,
        None => find(&request, id).await?,
    };
    Ok(response::json(&SceneChangeRecord::from(&kept)))
}

/// The scene change of the path, or 404.
async fn find(request: &Request, id: SceneChangeId) -> Result<SceneChange, ApiError> {
    let camera = request.camera_id()?;
    let reader = Arc::clone(&request.ctx.reader);
    let found = request.ctx.blocking(move || reader.scene_change(id)).await??;
    match found {
        Some(found) if found.camera == camera => Ok(found),
        Some(_) => Err(no_such_camera()),
        None => Err(ApiError::not_found(format!("there is no scene change {id}"))),
    }
}
