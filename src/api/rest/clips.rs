//! The video of events.

use std::time::Duration;

use hyper::header::{HeaderName, HeaderValue};

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::file::{self, WholeFile};
use crate::api::request::Request;
use crate::api::response::Response;
use crate::api::wire::records::{ClipStatus, EventData};
use crate::domain::{Clip, Event, EventId};
use crate::media::ClipState;

/// How much video there is so far, in milliseconds.
const SO_FAR: HeaderName = HeaderName::from_static("clip-length-ms");

/// `GET /api/events/{id}/clip[?length_ms=]`: whole, or the part that `Range` asks for;
/// of a clip that is being recorded what there is so far, or the first `length_ms` of
/// it, which stay the same while it grows.
pub(in crate::api) async fn of_event(request: Request) -> Result<Response, ApiError> {
    let event = super::events::find(&request.ctx, EventId(request.id()?)).await?;
    let Some(clip) = event.clip else { return Err(none(&request.ctx, &event)) };
    let length = request.query.parsed::<u64>("length_ms")?.map(Duration::from_millis);
    let clips = request.ctx.clips.clone();
    let loaded = match length {
        Some(_) => None,
        None => request.ctx.blocking(move || clips.load(clip.file)).await??,
    };
    let Some((file, bytes)) = loaded else { return so_far(request, event, clip, length).await };
    let etag = format!("\"clip-{}-{bytes}\"", clip.file);
    let file = Box::new(file);
    file::answer(request, WholeFile { file, bytes, content_type: "video/mp4", etag })
}

async fn so_far(
    request: Request,
    event: Event,
    clip: Clip,
    length: Option<Duration>,
) -> Result<Response, ApiError> {
    let clips = request.ctx.clips.clone();
    let length = length.unwrap_or(Duration::MAX);
    let played = request.ctx.blocking(move || clips.play(clip.file, length)).await??;
    let Some(playback) = played else { return Err(away(&event, clip)) };
    let (bytes, length_ms) = (playback.bytes(), playback.length().as_millis() as u64);
    let etag = format!("\"clip-{}-{:08x}-{bytes}\"", clip.file, playback.checksum());
    let whole = WholeFile { file: Box::new(playback), bytes, content_type: "video/mp4", etag };
    let mut answer = file::answer(request, whole)?;
    answer.headers_mut().insert(SO_FAR, HeaderValue::from(length_ms));
    Ok(answer)
}

/// The event as lists and answers show it: with a clip that has been removed since.
pub(in crate::api) fn shown<'a>(ctx: &ApiContext, event: &'a Event) -> EventData<'a> {
    let mut data = EventData::from(event);
    if let Some(clip) = event.clip.filter(|clip| clip.size.is_some())
        && !ctx.clips.is_kept(clip.file)
    {
        data.set_clip_status(ClipStatus::Removed);
    }
    data
}

fn away(event: &Event, clip: Clip) -> ApiError {
    let id = event.id;
    match clip.size {
        Some(_) => ApiError::not_found(format!("the clip of event {id} was removed"))
            .hint("the oldest clips go first; clips_max and clips_max_age say when"),
        None => ApiError::not_found(format!("the clip of event {id} has only just begun"))
            .hint("its first seconds are there in a moment"),
    }
}

fn none(ctx: &ApiContext, event: &Event) -> ApiError {
    let error = ApiError::not_found(format!("there is no clip of event {}", event.id));
    error.hint(match ctx.clips.recording(&event.camera) {
        ClipState::Events => "its camera sent no video when it began, or it could not be kept",
        ClipState::Off => "its camera is not recorded: record.mode is off, or it was removed",
        ClipState::NoVideo => {
            "its camera sends no encoded video (H.264 or H.265); it has snapshots only"
        }
    })
}
