//! The camera SDK event stream, and the choice between it and a list.
//!
//! Two documents claim `GET /api/events`. A client that accepts
//! `application/json` (and not `text/event-stream`) gets the list of security
//! events; anyone else (curl, EventSource) gets the stream. The same holds for
//! `GET /api/cameras/{id}/events`.
//!
//! Bounded by the hub's backlog. A client that falls behind so far that a message
//! of its stream is lost is cut off, so that it knows: it comes back, and with
//! `ids=1` and `Last-Event-ID` it gets what it has missed.

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use log::debug;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::error::ApiError;
use super::request::Request;
use super::response::{self, Response};
use super::rest::events;
use super::wire::camera_sdk::{self, ALL_CAMERAS, KEEPALIVE};
use super::wire::{CAMERA_SDK, CAMERA_SDK_WITH_IDS};
use crate::domain::CameraId;
use crate::live::{Delivery, LiveMessage, Since, Subscriber};
use crate::rt::Stop;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// `GET /api/events`.
pub(super) async fn of_all(request: Request) -> Result<Response, ApiError> {
    if request.wants_json() {
        return events::list(request, None).await;
    }
    stream_of(&request, None)
}

/// `GET /api/cameras/{camera_id}/events`. As in the reference server, the stream
/// of a camera that does not exist (yet) is a stream.
pub(super) async fn of_camera(request: Request) -> Result<Response, ApiError> {
    let camera = request.camera_id()?;
    if request.wants_json() {
        return events::list(request, Some(camera)).await;
    }
    stream_of(&request, Some(camera))
}

fn stream_of(request: &Request, camera: Option<CameraId>) -> Result<Response, ApiError> {
    let has_ids = request.query.flag("ids")?.unwrap_or(false);
    let name = camera.as_ref().map_or(ALL_CAMERAS, CameraId::as_str).to_owned();
    let form = if has_ids { CAMERA_SDK_WITH_IDS } else { CAMERA_SDK };
    let subscriber = request.ctx.hub.subscribe("camera_sdk", form, notices_of(camera));
    let handshake = match has_ids {
        true => greet(&subscriber, &name, request.header(&LAST_EVENT_ID)),
        false => camera_sdk::handshake(&name),
    };
    let keepalive = request.ctx.settings.load().sse_keepalive;
    let stop = request.connection.stop.clone();
    let stream = EventStream::new(name, handshake, subscriber, keepalive, stop);
    let body = StreamBody::new(stream.into_frames()).boxed_unsync();
    let mut response = Response::new(body);
    response::set(&mut response, CONTENT_TYPE, "text/event-stream");
    response::set(&mut response, CACHE_CONTROL, "no-cache");
    response::set(&mut response, hyper::header::CONNECTION, "keep-alive");
    Ok(response)
}

/// The handshake of a stream with ids. To a client that comes back it has none:
/// what it has is still right until the replay has reached it.
fn greet(subscriber: &Subscriber, name: &str, last: Option<&str>) -> Bytes {
    let handshake = camera_sdk::handshake(name);
    if let Some(last) = last {
        let since = Since::Cursor(last.trim().parse().ok());
        subscriber.resync(since, |outcome| camera_sdk::resumed(name, outcome));
        return handshake;
    }
    let Some(cursor) = subscriber.caught_up() else { return handshake };
    [camera_sdk::id(cursor).as_bytes(), &handshake].concat().into()
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
    name: String,
    handshake: Option<Bytes>,
    subscriber: Subscriber,
    /// Number of the message that was sent last.
    sent: u64,
    /// Something is missing after it.
    is_cut: bool,
    /// Counted from the subscription; traffic does not postpone it.
    keepalive: Interval,
    stop: Stop,
}

impl EventStream {
    fn new(
        name: String,
        handshake: Bytes,
        subscriber: Subscriber,
        keepalive: Duration,
        stop: Stop,
    ) -> Self {
        let mut ticks = interval(keepalive.max(TICK_MIN));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks.reset();
        let handshake = Some(handshake);
        Self { name, handshake, subscriber, sent: 0, is_cut: false, keepalive: ticks, stop }
    }

    fn into_frames(self) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> + Send {
        stream::unfold(self, |mut stream| async move {
            let bytes = stream.next().await?;
            Some((Ok(Frame::data(bytes)), stream))
        })
    }

    /// What to send next; nothing more when the box stops, or when something is
    /// missing in between.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(handshake) = self.handshake.take() {
            return Some(handshake);
        }
        if self.is_cut {
            let stream = self.name.as_str();
            debug!(stream; "A client of the camera events was cut off: it was too slow.");
            return None;
        }
        let batch = tokio::select! {
            biased;
            () = self.stop.stopped() => return None,
            _ = self.keepalive.tick() => {
                return Some(Bytes::from_static(KEEPALIVE.as_bytes()));
            }
            batch = self.subscriber.next_batch() => batch,
        };
        Some(self.frames(&batch))
    }

    /// The batch up to the first gap in its numbers.
    fn frames(&mut self, batch: &[Delivery]) -> Bytes {
        let mut frames = BytesMut::new();
        for delivery in batch {
            // The end of a replay has the number of the message before it.
            if delivery.seq > self.sent + 1 {
                self.is_cut = true;
                break;
            }
            self.sent = delivery.seq;
            frames.extend_from_slice(&delivery.text);
        }
        frames.freeze()
    }
}
