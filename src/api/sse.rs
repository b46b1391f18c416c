//! The camera SDK event stream, and the choice between it and a list.
//!
//! Two documents claim `GET /api/events`. A client that accepts
//! `application/json` (and not `text/event-stream`) gets the list of security
//! events; anyone else (curl, EventSource) gets the stream. The same holds for
//! `GET /api/cameras/{id}/events`.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::ApiError;
use super::request::Request;
use super::response::{self, Response};
use super::rest::events;
use super::wire::CAMERA_SDK;
use super::wire::camera_sdk::{self, ALL_CAMERAS, KEEPALIVE};
use crate::domain::CameraId;
use crate::live::{LiveMessage, Subscriber};
use crate::rt::Stop;

/// `GET /api/events`.
pub(super) async fn of_all(request: Request) -> Result<Response, ApiError> {
    if request.wants_json() {
        return events::list(request, None).await;
    }
    Ok(stream_of(&request, None))
}

/// `GET /api/cameras/{camera_id}/events`. As in the reference server, the stream
/// of a camera that does not exist (yet) is a stream.
pub(super) async fn of_camera(request: Request) -> Result<Response, ApiError> {
    let camera = request.camera_id()?;
    if request.wants_json() {
        return events::list(request, Some(camera)).await;
    }
    Ok(stream_of(&request, Some(camera)))
}

fn stream_of(request: &Request, camera: Option<CameraId>) -> Response {
    let handshake = camera_sdk::handshake(camera.as_ref().map_or(ALL_CAMERAS, CameraId::as_str));
    let subscriber = request.ctx.hub.subscribe("camera_sdk", CAMERA_SDK, notices_of(camera));
    let keepalive = request.ctx.settings.load().sse_keepalive;
    let stream =
        EventStream::new(handshake, subscriber, keepalive, request.connection.stop.clone());
    let body = StreamBody::new(stream.into_frames()).boxed_unsync();
    let mut response = Response::new(body);
    response::set(&mut response, CONTENT_TYPE, "text/event-stream");
    response::set(&mut response, CACHE_CONTROL, "no-cache");
    response::set(&mut response, hyper::header::CONNECTION, "keep-alive");
    response
}

fn notices_of(camera: Option<CameraId>) -> crate::live::Filter {
    Box::new(move |message| match message {
        LiveMessage::Notice { camera: id, .. } => camera.as_ref().is_none_or(|only| only == id),
        _ => false,
    })
}

/// A timer cannot tick faster, and not at all at zero.
const TICK_MIN: Duration = Duration::from_millis(1);

/// What one client of the stream gets.
struct EventStream {
    handshake: Option<Bytes>,
    subscriber: Subscriber,
    /// Counted from the subscription; traffic does not postpone it.
    keepalive: Interval,
    stop: Stop,
}

impl EventStream {
    fn new(handshake: Bytes, subscriber: Subscriber, keepalive: Duration, stop: Stop) -> Self {
        let mut ticks = interval(keepalive.max(TICK_MIN));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.reset();
        Self { handshake: Some(handshake), subscriber, keepalive: ticks, stop }
    }

    fn into_frames(self) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
        stream::unfold(self, |mut stream| async move {
            let bytes = stream.next().await?;
            Some((Ok(Frame::data(bytes)), stream))
        })
    }

    /// What to send next; nothing more when the box stops.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(handshake) = self.handshake.take() {
            return Some(handshake);
        }
        tokio::select! {
            biased;
            () = self.stop.stopped() => None,
            batch = self.subscriber.next_batch() => {
                let mut frames = BytesMut::new();
                batch.iter().for_each(|delivery| frames.extend_from_slice(&delivery.text));
                Some(frames.freeze())
            }
            _ = self.keepalive.tick() => Some(Bytes::from_static(KEEPALIVE.as_bytes())),
        }
    }
}
