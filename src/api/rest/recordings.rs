//! What is recorded of a camera all the time: when, and the video itself.

use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;

use super::cameras;
use crate::api::error::ApiError;
use crate::api::file::{self, Source, WholeFile};
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::{CameraId, Timestamp};
use crate::media::{PLAYBACK_MAX, Playback, RecordedSpan};

/// What is looked at when nothing is said.
const SPANS_DEFAULT: Duration = Duration::from_secs(24 * 60 * 60);

/// Pictures are dated half a second ahead of the clock at most.
const AHEAD: Duration = Duration::from_secs(1);

/// Spans in one answer.
const SPANS_MAX: usize = 1000;

/// When the first picture of a playback was taken.
const START: HeaderName = HeaderName::from_static("recording-start");

/// When a camera was recorded.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecordedSpans")]
pub(in crate::api) struct Spans {
    camera_id: String,
    /// What was looked at.
    start: Timestamp,
    end: Timestamp,
    /// Whether the camera is being recorded.
    recording: bool,
    /// Stretches without a gap, in the order in which they were taken. One that is
    /// being written ends with what can be played.
    spans: Vec<Span>,
    /// More spans begin at this time; ask from it on.
    next_start: Option<Timestamp>,
    /// The first picture of the camera that is kept; null when nothing is.
    oldest: Option<Timestamp>,
    /// Bytes of everything that is kept of the camera.
    size_bytes: u64,
}

/// A stretch without a gap.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RecordedSpan")]
struct Span {
    start: Timestamp,
    end: Timestamp,
    duration_ms: u64,
    /// Bytes of its files, also where it is only a part of one.
    size_bytes: u64,
}

impl From<RecordedSpan> for Span {
    fn from(span: RecordedSpan) -> Self {
        let RecordedSpan { start, end, bytes } = span;
        let duration_ms = u64::try_from(end.since(start).as_millis()).unwrap_or(u64::MAX);
        Self { start, end, duration_ms, size_bytes: bytes }
    }
}

/// `GET /api/cameras/{camera_id}/recording/spans`.
pub(in crate::api) async fn spans(request: Request) -> Result<Response, ApiError> {
    let camera = known_camera(&request)?;
    let ctx = &request.ctx;
    let end = request.query.time_until("end")?.unwrap_or_else(|| ctx.clock.now().after(AHEAD));
    let start = request.query.time_from("start")?.unwrap_or_else(|| end.before(SPANS_DEFAULT));
    check_order(start, end)?;
    let (recordings, name) = (ctx.recordings.clone(), camera.clone());
    let look = move || (recordings.spans(&name, start, end), recordings.extent(&name));
    let (mut spans, extent) = ctx.blocking(look).await?;
    let next_start = spans.get(SPANS_MAX).map(|next| next.start);
    spans.truncate(SPANS_MAX);
    Ok(response::json(&Spans {
        camera_id: camera.to_string(),
        start,
        end,
        recording: ctx.recordings.is_recording(&camera),
        spans: spans.into_iter().map(Span::from).collect(),
        next_start,
        oldest: extent.map(|(oldest, _)| oldest),
        size_bytes: extent.map_or(0, |(_, bytes)| bytes),
    }))
}

/// `GET /api/cameras/{camera_id}/recording`: whole, or the part that `Range` asks for.
pub(in crate::api) async fn play(request: Request) -> Result<Response, ApiError> {
    let camera = known_camera(&request)?;
    let missing = |name| ApiError::invalid(format!("{name} is missing"));
    let start = request.query.time_from("start")?.ok_or_else(|| missing("start"))?;
    // The instant itself does not belong to it, so that stretches can follow each other.
    let end = request.query.time_from("end")?.ok_or_else(|| missing("end"))?;
    check_order(start, end)?;
    if end.since(start) > PLAYBACK_MAX {
        let hint = format!("ask for at most {} s at once", PLAYBACK_MAX.as_secs());
        return Err(ApiError::invalid("start and end are too far apart").hint(hint));
    }
    let recordings = request.ctx.recordings.clone();
    let name = camera.clone();
    let opened = request.ctx.blocking(move || recordings.play(&name, start, end)).await??;
    let Some(playback) = opened else { return Err(nothing(&camera, start, end)) };
    let (begin, bytes) = (playback.start(), playback.bytes());
    let etag = format!("\"recording-{}-{:08x}-{bytes}\"", begin.unix_ms(), playback.checksum());
    let file = Box::new(playback);
    let whole = WholeFile { file, bytes, content_type: "video/mp4", etag };
    let mut answer = file::answer(request, whole)?;
    if let Ok(begin) = HeaderValue::from_str(&begin.to_string()) {
        answer.headers_mut().insert(START, begin);
    }
    Ok(answer)
}

impl Source for Playback {
    fn read(&self, at: u64, count: u64) -> Option<Bytes> {
        let chunk = self.read_at(at, usize::try_from(count).unwrap_or(usize::MAX)).ok()?;
        (!chunk.is_empty()).then(|| chunk.into())
    }
}

/// A camera there is, or there was when it was recorded.
fn known_camera(request: &Request) -> Result<CameraId, ApiError> {
    let camera = request.camera_id()?;
    match cameras::shown(&request.ctx, &camera) {
        Err(unknown) if request.ctx.recordings.extent(&camera).is_none() => Err(unknown),
        _ => Ok(camera),
    }
}

fn check_order(start: Timestamp, end: Timestamp) -> Result<(), ApiError> {
    if start < end { Ok(()) } else { Err(ApiError::invalid("end is not after start")) }
}

fn nothing(camera: &CameraId, start: Timestamp, end: Timestamp) -> ApiError {
    let detail = format!("nothing of camera {camera} is recorded from {start} until {end}");
    ApiError::not_found(detail).hint(format!(
        "GET /api/cameras/{camera}/recording/spans tells when it was; record.mode = \"continuous\" \
         records it, the oldest goes first"
    ))
}
