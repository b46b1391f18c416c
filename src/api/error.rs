//! What a client is told when a request fails.
//!
//! One body for both families of clients: `success` and `message` for the
//! camera SDK's, `detail` for the realtime API's, and `error` with a code, the
//! same sentence and what to do about it.

use hyper::StatusCode;
use hyper::header::{HeaderName, HeaderValue};
use log::debug;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::media::{MediaError, PlayError};
use crate::store::StoreError;

/// Seconds after which a refused client may try again.
pub(super) const RETRY_AFTER_S: u64 = 5;

/// Reasons may name files of the box: they are for its operator.
const SEE_HEALTH: &str = "GET /api/system/health with a key tells the reason";

/// A failed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
    pub(super) hint: Option<String>,
    /// Boxed, because failing is rare and every handler's result has this size.
    pub(super) header: Option<Box<(HeaderName, HeaderValue)>>,
    /// More members of the body. Boxed as well.
    pub(super) members: Option<Box<Map<String, Value>>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Error")]
pub(super) struct Body<'a> {
    success: bool,
    message: &'a str,
    error: Cause<'a>,
    detail: &'a str,
    /// Of the camera SDK: `camera`, `data`, `retryable`.
    #[serde(flatten)]
    #[schemars(skip)]
    members: Option<&'a Map<String, Value>>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ErrorCause")]
struct Cause<'a> {
    code: &'a str,
    detail: &'a str,
    hint: Option<&'a str>,
}

impl ApiError {
    /// An error with a code for programs and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { status, code, detail, hint: None, header: None, members: None }
    }

    /// What the caller can do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// A header that belongs to the refusal.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some(Box::new((name, value)));
        self
    }

    /// One more member of the body.
    pub fn member(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.get_or_insert_default().insert(name.to_owned(), value.into());
        self
    }

    /// 400: a parameter or body is wrong.
    pub fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid_request", detail)
    }

    /// 404: there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", detail)
    }

    /// 503: not now; try again.
    pub fn unavailable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, code, detail)
            .header(hyper::header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S))
    }

    /// The JSON body.
    pub fn body(&self) -> String {
        let hint = self.hint.as_deref();
        let error = Cause { code: self.code, detail: &self.detail, hint };
        let (message, members) = (self.detail.as_str(), self.members.as_deref());
        let body = Body { success: false, message, error, detail: message, members };
        super::response::json_text(&body)
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let detail = error.to_string();
        match error {
            StoreError::BadCursor => Self::invalid(detail),
            StoreError::Unavailable(_) => {
                Self::unavailable("store_unavailable", "the store is not available")
                    .hint(SEE_HEALTH)
            }
            StoreError::Full => Self::unavailable("store_full", detail)
                .hint("free space in the state directory or lower the store's limits"),
            StoreError::Overloaded => Self::unavailable("store_overloaded", detail),
            StoreError::Io { .. } => {
                debug!(error = detail.as_str(); "A request failed on the store.");
                Self::unavailable("store_failed", "the store failed").hint(SEE_HEALTH)
            }
        }
    }
}

impl From<PlayError> for ApiError {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::TooMany => Self::unavailable("too_many_playbacks", error.to_string())
                .hint("close one and try again"),
            PlayError::Read { source, .. } => {
                debug!(error = source.to_string().as_str(); "A recording could not be read.");
                Self::unavailable("media_failed", "the recording cannot be read").hint(SEE_HEALTH)
            }
        }
    }
}

impl From<MediaError> for ApiError {
    fn from(error: MediaError) -> Self {
        let detail = error.to_string();
        match error {
            MediaError::TooManyViewers(_) => Self::unavailable("too_many_viewers", detail),
            MediaError::Encode(_) => Self::unavailable("encoding_failed", detail),
            MediaError::Overloaded => Self::unavailable("media_overloaded", detail),
            MediaError::Io { .. } => {
                debug!(error = detail.as_str(); "A picture could not be read.");
                Self::unavailable("media_failed", "the picture cannot be read").hint(SEE_HEALTH)
            }
        }
    }
}
