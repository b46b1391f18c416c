//! Pictures: the latest of a camera, live ones, and those kept with events.
//!
//! A kept picture may be replaced by a better one while its event lasts, so
//! browsers keep it but ask each time (`ETag`, 304).

use std::convert::Infallible;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, IF_NONE_MATCH};

use super::cameras::no_such_camera;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::{DetectionId, EventId};
use crate::media::{LiveJpeg, SnapshotSize, Viewer};
use crate::rt::Stop;

const JPEG: &str = "image/jpeg";
const ASK_EACH_TIME: &str = "private, no-cache";

/// Between the pictures of a live stream. A browser shows a picture when it has
/// seen the boundary after it, so each part ends with one.
const BOUNDARY: &str = "--frame\r\n";

/// `GET /api/cameras/{camera_id}/snapshot[?boxes=1]`: the latest picture.
pub(in crate::api) async fn latest(request: Request) -> Result<Response, ApiError> {
    let boxes = request.query.flag("boxes")?.unwrap_or(false);
    let picture = latest_of(&request, boxes).await?;
    let etag = format!("\"{}-{}\"", picture.captured_at.unix_ms(), u8::from(boxes));
    let known = request.head.headers.get(IF_NONE_MATCH);
    Ok(response::tagged(known, JPEG, ASK_EACH_TIME, &etag, picture.bytes))
}

/// `GET /api/cameras/{camera_id}/stream.mjpeg[?boxes=1]`: pictures as they come.
/// A client that is slow skips pictures; it never gets old ones.
pub(in crate::api) async fn stream(request: Request) -> Result<Response, ApiError> {
    let boxes = request.query.flag("boxes")?.unwrap_or(false);
    let camera = request.camera_id()?;
    let view = request.ctx.live_views.get(&camera).ok_or_else(no_such_camera)?;
    let viewer = view.watch(boxes)?;
    let parts = Parts { viewer, has_begun: false, stop: request.connection.stop.clone() };
    let parts = stream::unfold(parts, |mut parts| async move {
        let part = parts.next().await?;
        Some((Ok::<_, Infallible>(Frame::data(part)), parts))
    });
    let mut response = Response::new(StreamBody::new(parts).boxed_unsync());
    response::set(&mut response, CONTENT_TYPE, "multipart/x-mixed-replace; boundary=frame");
    response::set(&mut response, CACHE_CONTROL, "no-store");
    Ok(response)
}

/// `GET /api/events/{id}/snapshot`.
pub(in crate::api) async fn event_snapshot(request: Request) -> Result<Response, ApiError> {
    let event = EventId(request.id()?);
    kept(&request, event, SnapshotSize::Full).await
}

/// `GET /api/events/{id}/thumbnail`.
pub(in crate::api) async fn event_thumbnail(request: Request) -> Result<Response, ApiError> {
    let event = EventId(request.id()?);
    kept(&request, event, SnapshotSize::Thumbnail).await
}

/// `GET /api/detections/{id}/image`: the picture of its event.
pub(in crate::api) async fn detection_image(request: Request) -> Result<Response, ApiError> {
    of_detection(&request, SnapshotSize::Full).await
}

/// `GET /api/detections/{id}/thumbnail`.
pub(in crate::api) async fn detection_thumbnail(request: Request) -> Result<Response, ApiError> {
    of_detection(&request, SnapshotSize::Thumbnail).await
}

async fn of_detection(request: &Request, size: SnapshotSize) -> Result<Response, ApiError> {
    let detection = super::detections::find(&request.ctx, DetectionId(request.id()?)).await?;
    kept(request, detection.event, size).await
}

async fn kept(request: &Request, event: EventId, size: SnapshotSize) -> Result<Response, ApiError> {
    let snapshots = request.ctx.snapshots.clone();
    let picture = request.ctx.blocking(move || snapshots.load(event, size)).await??;
    let picture = picture.ok_or_else(|| {
        ApiError::not_found(format!("there is no picture of event {event}"))
            .hint("pictures come a moment after the event and go before it when space is short")
    })?;
    let etag = format!("\"{:08x}-{}\"", crc32fast::hash(&picture), picture.len());
    let known = request.head.headers.get(IF_NONE_MATCH);
    Ok(response::tagged(known, JPEG, ASK_EACH_TIME, &etag, picture))
}

async fn latest_of(request: &Request, boxes: bool) -> Result<LiveJpeg, ApiError> {
    let camera = request.camera_id()?;
    let view = request.ctx.live_views.get(&camera).ok_or_else(no_such_camera)?;
    let picture = request.ctx.blocking(move || view.latest_jpeg(boxes)).await??;
    picture.ok_or_else(|| {
        ApiError::not_found("no picture has arrived from this camera yet").hint("try again soon")
    })
}

/// What one viewer gets.
struct Parts {
    viewer: Viewer,
    has_begun: bool,
    stop: Stop,
}

impl Parts {
    /// The next part; nothing more when the box stops or the camera is removed.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.has_begun {
            self.has_begun = true;
            return Some(Bytes::from_static(BOUNDARY.as_bytes()));
        }
        tokio::select! {
            biased;
            () = self.stop.stopped() => None,
            picture = self.viewer.next() => picture.map(|picture| part(&picture)),
        }
    }
}

fn part(picture: &LiveJpeg) -> Bytes {
    let len = picture.bytes.len();
    let head = format!("Content-Type: {JPEG}\r\nContent-Length: {len}\r\n\r\n");
    let mut part = BytesMut::with_capacity(head.len() + len + 2 + BOUNDARY.len());
    part.put_slice(head.as_bytes());
    part.put_slice(&picture.bytes);
    part.put_slice(b"\r\n");
    part.put_slice(BOUNDARY.as_bytes());
    part.freeze()
}
