//! Security events.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use tokio::sync::oneshot;

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::{CameraId, Event, EventId, NOTES_MAX, RiskLevel, Timestamp};
use crate::live::LiveMessage;
use crate::store::{DetectionQuery, Durability, EventQuery, Reader};

/// `GET /api/events` as a list, newest first; of one camera if `camera` is given.
/// Pages may have few items and go on, as those of detections.
pub(in crate::api) async fn list(
    request: Request,
    camera: Option<CameraId>,
) -> Result<Response, ApiError> {
    let mut query = query(&request)?;
    query.camera = camera.or(query.camera);
    let range = query.range.clone();
    super::check_span(&range)?;
    let (snoozed, now) = (request.query.flag("snoozed")?, request.ctx.clock.now());
    let read = move |reader: &dyn Reader, range| {
        let mut page = reader.events(&EventQuery { range, ..query.clone() })?;
        let is_snoozed = |event: &Event| event.snooze_until.is_some_and(|until| until > now);
        page.items.retain(|event| snoozed.is_none_or(|wanted| wanted == is_snoozed(event)));
        Ok(page)
    };
    let page = super::search(&request.ctx, range.clone(), read).await?;
    let items = page.items.iter().map(|event| super::clips::shown(&request.ctx, event)).collect();
    super::listed(&request.query, items, super::pagination(range, &page))
}

/// The events that a request asks for.
pub(super) fn query(request: &Request) -> Result<EventQuery, ApiError> {
    Ok(EventQuery {
        camera: request.query.parsed("camera_id")?,
        label: request.query.get("object_type").map(str::to_owned),
        level: request.query.get("risk_level").map(risk_level).transpose()?,
        reviewed: request.query.flag("reviewed")?,
        range: super::range(&request.query)?,
    })
}

/// `GET /api/events/{id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    let event = find(&request.ctx, EventId(request.id()?)).await?;
    Ok(response::json(&super::clips::shown(&request.ctx, &event)))
}

/// `GET /api/events/{id}/detections`.
pub(in crate::api) async fn detections(request: Request) -> Result<Response, ApiError> {
    let event = find(&request.ctx, EventId(request.id()?)).await?;
    let range = super::range(&request.query)?;
    let query = DetectionQuery { event: Some(event.id), range, ..DetectionQuery::default() };
    super::detections::page(&request, query).await
}

/// What may be changed about an event.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "EventChange")]
pub(in crate::api) struct Change {
    reviewed: Option<bool>,
    /// At most 1000 characters; null removes what was there.
    #[serde(default, deserialize_with = "given")]
    notes: Option<Option<String>>,
    /// Until when clients should not show it; null shows it again.
    #[serde(default, deserialize_with = "given")]
    snooze_until: Option<Option<Timestamp>>,
}

/// A field that is given, if only as null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl Change {
    fn check(&self) -> Result<(), ApiError> {
        if self.reviewed.is_none() && self.notes.is_none() && self.snooze_until.is_none() {
            return Err(ApiError::invalid("give reviewed, notes or snooze_until"));
        }
        let notes = self.notes.iter().flatten();
        if notes.map(|text| text.chars().count()).any(|count| count > NOTES_MAX) {
            let detail = format!("notes is longer than {NOTES_MAX} characters");
            return Err(ApiError::invalid(detail));
        }
        Ok(())
    }

    /// The event with this change; `None` when it is so already.
    fn of(self, known: Event) -> Option<Event> {
        let changed = Event {
            reviewed: self.reviewed.unwrap_or(known.reviewed),
            notes: self.notes.map_or(known.notes.clone(), Option::unwrap_or_default),
            snooze_until: self.snooze_until.unwrap_or(known.snooze_until),
            ..known.clone()
        };
        (changed != known).then_some(changed)
    }
}

/// `PATCH /api/events/{id}`: what is not given stays. The answer comes when the
/// change is safe on disk.
pub(in crate::api) async fn change(mut request: Request) -> Result<Response, ApiError> {
    let id = EventId(request.id()?);
    let change: Change = request.json().await?;
    change.check()?;
    let ctx = Arc::clone(&request.ctx);
    // A client that goes away must not leave a change half announced.
    let done = tokio::spawn(async move { apply(&ctx, id, change).await }).await;
    let event =
        done.map_err(|_| ApiError::unavailable("failed", "the change ended unexpectedly"))??;
    Ok(response::json(&super::clips::shown(&request.ctx, &event)))
}

async fn apply(ctx: &ApiContext, id: EventId, change: Change) -> Result<Event, ApiError> {
    let (tx, rx) = oneshot::channel();
    let hub = ctx.hub.clone();
    let amend = move |known: Option<Event>| known.and_then(|event| change.of(event));
    let done = move |outcome: Result<Option<Event>, _>| {
        // Announced here, on the writer's thread, so that revisions keep their order.
        if let Ok(Some(event)) = &outcome {
            hub.publish(LiveMessage::Event(Arc::new(event.clone())));
        }
        // A receiver that is gone has given up waiting.
        drop(tx.send(outcome));
    };
    ctx.writer.amend_event(id, Box::new(amend), Durability::Synced, Box::new(done));
    let stopped = |_| ApiError::unavailable("store_unavailable", "the store has stopped");
    match rx.await.map_err(stopped)?? {
        Some(event) => Ok(event),
        // It was so already, or there is no such event.
        None => find(ctx, id).await,
    }
}

/// One event, or 404.
pub(in crate::api) async fn find(ctx: &ApiContext, id: EventId) -> Result<Event, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    let found = ctx.blocking(move || reader.event(id)).await??;
    found.ok_or_else(|| ApiError::not_found(format!("there is no event {id}")))
}

fn risk_level(word: &str) -> Result<RiskLevel, ApiError> {
    RiskLevel::from_wire(&word.to_ascii_lowercase())
        .ok_or_else(|| ApiError::invalid("risk_level must be low, medium, high or critical"))
}
