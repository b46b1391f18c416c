//! A request that has passed the choke point: host, origin, role.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{ACCEPT, HeaderName};
use hyper::http::request::Parts;
use serde::de::DeserializeOwned;

use super::ApiContext;
use super::auth::Caller;
use super::connection::Connection;
use super::error::ApiError;
use super::query::Query;
use super::sdk;
use crate::domain::CameraId;

/// A body must arrive within this time; slower is an attack or a dead link.
const BODY_TIMEOUT: Duration = Duration::from_secs(15);

/// One request, on its way to its handler.
pub(super) struct Request {
    pub(super) ctx: Arc<ApiContext>,
    pub(super) head: Parts,
    pub(super) query: Query,
    pub(super) caller: Caller,
    pub(super) connection: Connection,
    pub(super) params: Vec<(String, String)>,
    pub(super) body: Option<Incoming>,
}

impl Request {
    /// A header as text; absent when it is not text.
    pub(super) fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok()
    }

    /// Whether the client asked for JSON rather than for an event stream.
    pub(super) fn wants_json(&self) -> bool {
        let accept = self.header(&ACCEPT).unwrap_or_default().to_ascii_lowercase();
        accept.contains("application/json") && !accept.contains("text/event-stream")
    }

    /// The text that stands for `{name}` in the route's pattern.
    pub(super) fn param(&self, name: &str) -> &str {
        let found = self.params.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value)
    }

    /// The camera id in the path.
    pub(super) fn camera_id(&self) -> Result<CameraId, ApiError> {
        self.param("camera_id").parse().map_err(|_| sdk::no_such_id())
    }

    /// The number in the path.
    pub(super) fn id(&self) -> Result<u64, ApiError> {
        u64::from_str(self.param("id"))
            .map_err(|_| ApiError::invalid("the id in the path is not a number"))
    }

    /// The body, no longer than the configured limit.
    pub(super) async fn bytes(&mut self) -> Result<Bytes, ApiError> {
        let Some(body) = self.body.take() else { return Ok(Bytes::new()) };
        let limit = self.ctx.settings.load().body_max_bytes;
        let read = Limited::new(body, limit).collect();
        match tokio::time::timeout(BODY_TIMEOUT, read).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(ApiError::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "body_too_large",
                format!("the body is longer than {limit} bytes"),
            )),
            Ok(Err(_)) => Err(ApiError::invalid("the body did not arrive whole")),
            Err(_) => Err(ApiError::new(
                StatusCode::REQUEST_TIMEOUT,
                "body_timeout",
                format!("the body did not arrive within {BODY_TIMEOUT:?}"),
            )),
        }
    }

    /// The body as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        let bytes = self.bytes().await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::invalid(format!("the body is not as expected: {error}")))
    }
}
