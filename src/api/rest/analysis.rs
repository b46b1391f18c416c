//! `GET /api/events/analyze/{batch_id}/stream`: why an event was judged as it was.
//!
//! The rules judge before the event is announced, so the stream tells what is stored
//! and ends; asking twice changes nothing. Where an analyst is configured and has not
//! judged an event that is over, the stream asks it, or follows the question that is
//! under way, and shows its reasoning as it comes; when it fails, `error` says so and
//! the verdict of the rules follows. A client that goes withdraws the question, unless
//! somebody else waits for it. A batch is looked for
//! among the newest [`EVENTS_MAX`] events, of one camera if `camera_id` is given.
//! An unknown batch is told within the stream, where an EventSource can read it.

use std::collections::BTreeSet;
use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};

use crate::api::error::ApiError;
use crate::api::query::Query;
use crate::api::request::Request;
use crate::api::response::{self, Body, Response};
use crate::api::wire::analysis;
use crate::assess::{AnalystError, Stage, Watch};
use crate::domain::{CameraId, DetectionId, Event, EventId};
use crate::rt::Stop;
use crate::store::{EventQuery, Range, Reader, StoreError};

/// Events looked at for one answer, in pages of [`PAGE`]. The store has no index
/// by batch, and a stream is asked for while its batch is news.
const EVENTS_MAX: usize = 2000;
const PAGE: usize = 200;

/// Detections that may be named: as many as a batch holds, twice.
const DETECTIONS_MAX: usize = 100;

/// Bytes of reasoning worth a part of their own: each part repeats what came before.
const PART_MIN: usize = 12;

/// Whose assessment is asked for.
struct Asked {
    batch: String,
    camera: Option<CameraId>,
    detections: Vec<DetectionId>,
}

/// What was found.
enum Found {
    Event(Box<Event>),
    NoBatch,
    NoDetections,
}

/// Streams the assessment of a batch.
pub(in crate::api) async fn stream(request: Request) -> Result<Response, ApiError> {
    let asked = Asked {
        batch: request.param("batch_id").to_owned(),
        camera: request.query.parsed("camera_id")?,
        detections: detection_ids(&request.query)?,
    };
    let reader = std::sync::Arc::clone(&request.ctx.reader);
    let found = request.ctx.blocking(move || find(reader.as_ref(), &asked)).await?;
    let body = match found {
        Ok(Found::Event(event)) => {
            let analyst = request.ctx.analyst.as_ref();
            match analyst.and_then(|analyst| analyst.follow(&event)) {
                Some(watch) => return Ok(live(*event, watch, request.connection.stop.clone())),
                None => analysis::complete(&event),
            }
        }
        Ok(Found::NoBatch) => {
            analysis::failed("BATCH_NOT_FOUND", "there is no event of this batch", false)
        }
        Ok(Found::NoDetections) => {
            let message = "none of these detections belongs to the batch";
            analysis::failed("NO_DETECTIONS", message, false)
        }
        Err(error) => analysis::failed("INTERNAL_ERROR", &ApiError::from(error).detail, false),
    };
    Ok(event_stream(response::full(body)))
}

fn event_stream(body: Body) -> Response {
    let mut response = Response::new(body);
    response::set(&mut response, CONTENT_TYPE, "text/event-stream");
    response::set(&mut response, CACHE_CONTROL, "no-cache");
    response
}

/// The stream of an analysis that is under way; `event` is as the rules have judged.
fn live(event: Event, watch: Watch, stop: Stop) -> Response {
    let parts = LiveParts { event, watch: Some(watch), told: 0, stop };
    let blocks = stream::unfold(parts, |mut parts| async move {
        let block = parts.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(Bytes::from(block))), parts))
    });
    event_stream(StreamBody::new(blocks).boxed_unsync())
}

/// What one client follows.
struct LiveParts {
    event: Event,
    /// Gone after the last part.
    watch: Option<Watch>,
    /// Bytes of the reasoning that were sent.
    told: usize,
    stop: Stop,
}

impl LiveParts {
    async fn next(&mut self) -> Option<String> {
        loop {
            let watch = self.watch.as_mut()?;
            let stage = tokio::select! {
                biased;
                () = self.stop.stopped() => Some(Stage::Failed(AnalystError::Stopping)),
                stage = watch.next() => stage,
            };
            match stage {
                Some(Stage::Thinking(text)) if text.len() >= self.told + PART_MIN => {
                    let part = analysis::progress(&text, self.told);
                    self.told = text.len();
                    return Some(part);
                }
                Some(Stage::Thinking(_)) => {}
                Some(Stage::Done(event)) => return self.end(analysis::verdict(&event)),
                Some(Stage::Failed(error)) => {
                    let failed = analysis::failed(error.code(), &error.to_string(), true);
                    let by_rules = analysis::verdict(&self.event);
                    return self.end(failed + &by_rules);
                }
                None => return self.end(analysis::verdict(&self.event)),
            }
        }
    }

    fn end(&mut self, last: String) -> Option<String> {
        self.watch = None;
        Some(last)
    }
}

fn detection_ids(query: &Query) -> Result<Vec<DetectionId>, ApiError> {
    let Some(text) = query.get("detection_ids") else { return Ok(Vec::new()) };
    let invalid = || {
        ApiError::invalid(format!(
            "detection_ids must be up to {DETECTIONS_MAX} numbers with commas between them"
        ))
    };
    let ids: Result<Vec<_>, _> =
        text.split(',').map(|id| id.trim().parse().map(DetectionId)).collect();
    ids.ok().filter(|ids| ids.len() <= DETECTIONS_MAX).ok_or_else(invalid)
}

/// The gravest event of the batch, the newest of equals.
fn find(reader: &dyn Reader, asked: &Asked) -> Result<Found, StoreError> {
    let events = of_batch(reader, asked)?;
    if events.is_empty() {
        return Ok(Found::NoBatch);
    }
    let wanted = events_of(reader, &asked.detections)?;
    let is_wanted = |event: &Event| asked.detections.is_empty() || wanted.contains(&event.id);
    let gravest =
        events.into_iter().filter(is_wanted).max_by_key(|event| (event.risk.value(), event.id));
    Ok(gravest.map_or(Found::NoDetections, |event| Found::Event(Box::new(event))))
}

/// The events of the batch. They follow each other closely, so the search ends
/// at the first page without any after one with some.
fn of_batch(reader: &dyn Reader, asked: &Asked) -> Result<Vec<Event>, StoreError> {
    let mut found = Vec::new();
    let range = Range { limit: PAGE, ..Range::default() };
    let mut query = EventQuery { camera: asked.camera.clone(), range, ..EventQuery::default() };
    for _ in 0..EVENTS_MAX / PAGE {
        let page = reader.events(&query)?;
        let known = found.len();
        let is_asked = |event: &Event| event.batch.as_str() == asked.batch;
        found.extend(page.items.into_iter().filter(is_asked));
        let is_past = known > 0 && found.len() == known;
        match page.next_cursor {
            Some(cursor) if !is_past => query.range.cursor = Some(cursor),
            _ => break,
        }
    }
    Ok(found)
}

fn events_of(
    reader: &dyn Reader,
    detections: &[DetectionId],
) -> Result<BTreeSet<EventId>, StoreError> {
    let mut events = BTreeSet::new();
    for &id in detections {
        events.extend(reader.detection(id)?.map(|detection| detection.event));
    }
    Ok(events)
}
