//! The video of events.

use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::file::{self, WholeFile};
use crate::api::request::Request;
use crate::api::response::Response;
use crate::api::wire::records::{ClipStatus, EventData};
use crate::domain::{Clip, Event, EventId};
use crate::media::ClipState;

/// `GET /api/events/{id}/clip`: whole, or the part that `Range` asks for.
pub(in crate::api) async fn of_event(request: Request) -> Result<Response, ApiError> {
    let event = super::events::find(&request.ctx, EventId(request.id()?)).await?;
    let Some(clip) = event.clip else { return Err(none(&request.ctx, &event)) };
    let clips = request.ctx.clips.clone();
    let loaded = request.ctx.blocking(move || clips.load(clip.file)).await??;
    let Some((file, bytes)) = loaded else { return Err(away(&event, clip)) };
    let etag = format!("\"clip-{}-{bytes}\"", clip.file);
    let file = Box::new(file);
    file::answer(request, WholeFile { file, bytes, content_type: "video/mp4", etag })
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
        None => ApiError::not_found(format!("the clip of event {id} is still being recorded"))
            .hint(
                "it is there when nothing more goes into it: after the last event in it, or when \
                 it is two minutes long",
            ),
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
