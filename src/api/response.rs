//! Answers: bodies, headers, and what every answer carries.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use serde::Serialize;

use super::error::ApiError;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// An answer.
pub type Response = hyper::Response<Body>;

/// What the dashboard may load: its own files, and pictures it made itself.
const CONTENT_POLICY: &str = "default-src 'self'; img-src 'self' blob: data:; object-src 'none'; \
                              base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// A value as JSON text.
pub(super) fn json_text(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("wire types have string keys and no failing parts")
}

/// Bytes as a body.
pub(super) fn full(bytes: impl Into<Bytes>) -> Body {
    Full::new(bytes.into()).boxed_unsync()
}

/// An answer with a content type.
pub(super) fn answer(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Bytes>,
) -> Response {
    let mut response = Response::new(full(body));
    *response.status_mut() = status;
    set(&mut response, CONTENT_TYPE, content_type);
    response
}

/// 200 with JSON.
pub(super) fn json(value: &impl Serialize) -> Response {
    json_with(StatusCode::OK, value)
}

/// JSON with a status. What is live is not to be cached.
pub(super) fn json_with(status: StatusCode, value: &impl Serialize) -> Response {
    let mut response = answer(status, "application/json", json_text(value));
    set(&mut response, CACHE_CONTROL, "no-store");
    response
}

/// 204, nothing to say.
pub(super) fn no_content() -> Response {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// The answer to a failed request.
pub(super) fn failure(error: &ApiError) -> Response {
    let mut response = answer(error.status, "application/json", error.body());
    set(&mut response, CACHE_CONTROL, "no-store");
    if let Some((name, value)) = error.header.as_deref() {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

/// A file that its `etag` identifies: 304 when the client has it already.
pub(super) fn tagged(
    if_none_match: Option<&HeaderValue>,
    content_type: &'static str,
    cache: &'static str,
    etag: &str,
    bytes: impl Into<Bytes>,
) -> Response {
    let known = if_none_match.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_known = known
        .split(',')
        .any(|tag| matches!(tag.trim().trim_start_matches("W/"), t if t == etag || t == "*"));
    let mut response = if is_known {
        let mut response = Response::new(full(Bytes::new()));
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        answer(StatusCode::OK, content_type, bytes)
    };
    set(&mut response, CACHE_CONTROL, cache);
    if let Ok(etag) = HeaderValue::from_str(etag) {
        response.headers_mut().insert(ETAG, etag);
    }
    response
}

/// What every answer carries.
pub(super) fn harden(response: &mut Response) {
    set(response, CONTENT_SECURITY_POLICY, CONTENT_POLICY);
    set(response, X_CONTENT_TYPE_OPTIONS, "nosniff");
    // A key in a query must not travel to another site.
    set(response, REFERRER_POLICY, "no-referrer");
}

pub(super) fn set(response: &mut Response, name: HeaderName, value: &'static str) {
    response.headers_mut().insert(name, HeaderValue::from_static(value));
}
