//! Detections.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::records::DetectionData;
use crate::domain::{Detection, DetectionId, EventId};
use crate::store::{DetectionQuery, Reader, StoreError};

/// `GET /api/detections`, newest first. A rare thing may take several pages to find:
/// one with few items, or none, and `has_more` goes on at `next_cursor`.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    page(&request, query(&request)?).await
}

/// The detections that a request asks for.
pub(super) fn query(request: &Request) -> Result<DetectionQuery, ApiError> {
    Ok(DetectionQuery {
        camera: request.query.parsed("camera_id")?,
        label: request.query.get("object_type").map(str::to_owned),
        event: request.query.parsed("event_id")?.map(EventId),
        min_confidence: super::fraction(&request.query, "min_confidence")?,
        range: super::range(&request.query)?,
    })
}

/// `GET /api/detections/{id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    let detection = find(&request.ctx, DetectionId(request.id()?)).await?;
    let pictures = pictures_of(&request.ctx, vec![detection.event]).await?;
    Ok(response::json(&data(&detection, &pictures)))
}

/// One detection, or 404.
pub(in crate::api) async fn find(ctx: &ApiContext, id: DetectionId) -> Result<Detection, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    let found = ctx.blocking(move || reader.detection(id)).await??;
    found.ok_or_else(|| ApiError::not_found(format!("there is no detection {id}")))
}

/// A page of detections.
pub(super) async fn page(request: &Request, query: DetectionQuery) -> Result<Response, ApiError> {
    let (ctx, range) = (&request.ctx, query.range.clone());
    let read = move |reader: &dyn Reader, range| {
        reader.detections(&DetectionQuery { range, ..query.clone() })
    };
    let page = super::search(ctx, range.clone(), read).await?;
    let pictures = pictures_of(ctx, page.items.iter().map(|item| item.event).collect()).await?;
    let items = page.items.iter().map(|item| data(item, &pictures)).collect();
    super::listed(&request.query, items, super::pagination(range, &page))
}

fn data<'a>(detection: &'a Detection, pictures: &BTreeMap<EventId, bool>) -> DetectionData<'a> {
    DetectionData::new(detection, pictures.get(&detection.event).copied().unwrap_or(false))
}

/// Which of these events have pictures. A page has few events, many detections.
async fn pictures_of(
    ctx: &ApiContext,
    events: Vec<EventId>,
) -> Result<BTreeMap<EventId, bool>, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    Ok(ctx.blocking(move || look_up(reader.as_ref(), events)).await??)
}

fn look_up(
    reader: &dyn Reader,
    events: Vec<EventId>,
) -> Result<BTreeMap<EventId, bool>, StoreError> {
    let mut pictures = BTreeMap::new();
    for id in events {
        if let Entry::Vacant(entry) = pictures.entry(id) {
            entry.insert(reader.event(id)?.is_some_and(|event| event.has_snapshot));
        }
    }
    Ok(pictures)
}
