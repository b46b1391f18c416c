//! The realtime API's WebSockets: handshake, what each endpoint carries, and
//! refusal after the handshake, so that a browser sees the close code.

mod client_message;
mod session;
mod subscription;

use futures_util::SinkExt as _;
use hyper::header::{
    CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper::{Method, StatusCode, Version};
use hyper_util::rt::TokioIo;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use self::session::Session;
use super::auth;
use super::error::ApiError;
use super::request::Request;
use super::response::{self, Response};
use super::wire::realtime;
use crate::domain::JobId;
use crate::live::LiveMessage;

/// Largest message and frame from a client, bytes (realtime contract 1.1).
/// Decided from the frame's head, before anything is buffered.
const MESSAGE_MAX_BYTES: usize = 64 << 10;

/// The library's default of 128 KiB a client is zeroed at every wake-up; what clients
/// send is shorter than this.
const READ_BUFFER_BYTES: usize = 512;

/// Messages of one batch gather up to this before they are written.
const WRITE_BUFFER_BYTES: usize = 4 << 10;

/// Unsent bytes of one client; the library's default is unlimited.
const WRITE_BUFFER_MAX_BYTES: usize = 256 << 10;

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// One of the WebSocket endpoints.
struct Endpoint {
    /// Its name in the metrics.
    channel: &'static str,
    /// What it carries for clients that have not subscribed to anything.
    carries: fn(&LiveMessage) -> bool,
    /// Patterns that clients begin with; none means all it carries.
    patterns: &'static [&'static str],
    /// Whether the figures of the box are sent at once.
    greets_with_status: bool,
}

static EVENTS: Endpoint = Endpoint {
    channel: "events",
    carries: |message| {
        matches!(
            message,
            LiveMessage::Event(_)
                | LiveMessage::Alert(_)
                | LiveMessage::Camera(_)
                | LiveMessage::CameraChanged(_)
                | LiveMessage::CameraSwitched(_)
                | LiveMessage::SceneChange(_)
                | LiveMessage::Job(..)
        )
    },
    patterns: &[],
    greets_with_status: false,
};

static SYSTEM: Endpoint = Endpoint {
    channel: "system",
    carries: |message| {
        matches!(
            message,
            LiveMessage::System(_)
                | LiveMessage::Service(_)
                | LiveMessage::Health(_)
                | LiveMessage::Job(..)
        )
    },
    patterns: &[],
    greets_with_status: true,
};

static DETECTIONS: Endpoint = Endpoint {
    channel: "detections",
    carries: |message| {
        matches!(message, LiveMessage::Detection(_) | LiveMessage::DetectionBatch(_))
    },
    patterns: &["detection.*"],
    greets_with_status: false,
};

static JOB_LOGS: Endpoint = Endpoint {
    channel: "job-logs",
    carries: |message| matches!(message, LiveMessage::JobLog(_)),
    patterns: &[],
    greets_with_status: false,
};

/// `/ws/events`.
pub(super) async fn events(request: Request) -> Result<Response, ApiError> {
    open(request, &EVENTS)
}

/// `/ws/system`.
pub(super) async fn system(request: Request) -> Result<Response, ApiError> {
    open(request, &SYSTEM)
}

/// `/ws/detections`.
pub(super) async fn detections(request: Request) -> Result<Response, ApiError> {
    open(request, &DETECTIONS)
}

/// `/ws/jobs/{job_id}/logs`: what the job has said, then what it says, until it is
/// over. An unknown id is told once and closed with 1000, because clients of the
/// contract would come back for ever after any other code.
pub(super) async fn job_logs(mut request: Request) -> Result<Response, ApiError> {
    let (response, upgrade) = handshake(&mut request)?;
    let job = request.param("job_id").parse::<JobId>().ok();
    let (ctx, stop) = (request.ctx, request.connection.stop.clone());
    request.connection.after_http(async move {
        let Some(mut socket) = socket(upgrade).await else { return };
        let followed = job.and_then(|job| session::follow(job, &ctx));
        if let Some(followed) = followed {
            Session::following(socket, followed, ctx, stop).run().await;
        } else {
            let details = serde_json::json!({ "validation_errors": ["unknown job"] });
            let answer = realtime::error("validation_error", "There is no such job", details);
            // A client that is gone needs no answer.
            let _ = socket.send(Message::text(answer)).await;
            session::close(socket, CloseCode::Normal, "unknown job").await;
        }
    });
    Ok(response)
}

fn open(mut request: Request, endpoint: &'static Endpoint) -> Result<Response, ApiError> {
    let (response, upgrade) = handshake(&mut request)?;
    let (ctx, stop) = (request.ctx, request.connection.stop.clone());
    request.connection.after_http(async move {
        if let Some(socket) = socket(upgrade).await {
            Session::new(socket, endpoint, ctx, stop).run().await;
        }
    });
    Ok(response)
}

/// Why a WebSocket is refused: no valid key or token.
pub(super) const NOT_ALLOWED: &str = "authentication failed";

/// Why a WebSocket is refused: its address opened too many.
pub(super) const TOO_MANY: &str = "too many connection attempts";

/// Shakes hands and closes with 1008. Nothing else is set up for the client.
pub(super) fn refuse(mut request: Request, reason: &'static str) -> Result<Response, ApiError> {
    let (response, upgrade) = handshake(&mut request)?;
    request.connection.after_http(async move {
        if let Some(socket) = socket(upgrade).await {
            session::close(socket, CloseCode::Policy, reason).await;
        }
    });
    Ok(response)
}

async fn socket(upgrade: OnUpgrade) -> Option<Socket> {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_write_buffer_size(WRITE_BUFFER_MAX_BYTES)
        .max_message_size(Some(MESSAGE_MAX_BYTES))
        .max_frame_size(Some(MESSAGE_MAX_BYTES));
    // The client went away between its request and our answer.
    let io = TokioIo::new(upgrade.await.ok()?);
    Some(WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await)
}

/// The answer that opens a WebSocket (RFC 6455 section 4.2.2).
fn handshake(request: &mut Request) -> Result<(Response, OnUpgrade), ApiError> {
    let is_websocket = request.head.method == Method::GET
        && request.head.version == Version::HTTP_11
        && request.header(&UPGRADE).is_some_and(|name| name.eq_ignore_ascii_case("websocket"))
        && request.header(&SEC_WEBSOCKET_VERSION) == Some("13");
    let key = request.header(&SEC_WEBSOCKET_KEY).map(|key| derive_accept_key(key.as_bytes()));
    let accept = key.and_then(|key| HeaderValue::from_str(&key).ok()).filter(|_| is_websocket);
    let upgrade = request.head.extensions.remove::<OnUpgrade>();
    let (Some(accept), Some(upgrade)) = (accept, upgrade) else { return Err(not_a_websocket()) };
    let mut response = response::no_content();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    response::set(&mut response, CONNECTION, "Upgrade");
    response::set(&mut response, UPGRADE, "websocket");
    response.headers_mut().insert(SEC_WEBSOCKET_ACCEPT, accept);
    let protocol = auth::key_subprotocol(&request.head.headers);
    if let Some(Ok(protocol)) = protocol.map(HeaderValue::from_str) {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    Ok((response, upgrade))
}

fn not_a_websocket() -> ApiError {
    let detail = "this path speaks WebSocket, version 13";
    ApiError::new(StatusCode::UPGRADE_REQUIRED, "websocket_required", detail)
        .header(UPGRADE, HeaderValue::from_static("websocket"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::catalog::{self, Stream};
    use crate::api::wire::{REALTIME, samples};
    use crate::live::{Cursor, Stamp};

    #[test]
    fn what_is_sent_is_what_the_catalog_says() {
        let catalog = catalog::all();
        let stamp = Stamp { seq: 42, cursor: Cursor::new(0x5f3c_9a01, 0x2f), is_replay: false };
        for message in samples::messages() {
            let text = REALTIME.text(&message, &stamp).unwrap();
            let sent: serde_json::Value = serde_json::from_slice(&text).unwrap();
            let wire = sent["type"].as_str().unwrap();
            let entry = catalog.iter().find(|entry| entry.wire == wire).unwrap();
            if !wire.starts_with("event") {
                assert_eq!(sent["data"], (entry.example)(), "{wire}");
            }
            assert_eq!(sent.get("timestamp").is_some(), entry.is_timed, "{wire}");
            for name in realtime::names(&message).iter().filter(|name| **name != wire) {
                assert!(entry.names.contains(name), "{wire} is {name} too");
            }
            for (stream, endpoint) in [
                (Stream::Events, &EVENTS),
                (Stream::System, &SYSTEM),
                (Stream::Detections, &DETECTIONS),
            ] {
                assert_eq!((endpoint.carries)(&message), entry.on.contains(&stream), "{wire}");
            }
        }
    }
}
