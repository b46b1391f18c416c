//! The service's papers about itself: OpenAPI, AsyncAPI and the registry of event
//! types, generated from the routes and the wire types, once, at first request.
//!
//! Tests fail when a route or a message is missing from them.

mod asyncapi;
mod figures;
mod openapi;
mod operation;
mod operations;
mod operations_sdk;
mod parameters;
mod registry;

use std::sync::LazyLock;

use bytes::Bytes;
use hyper::header::IF_NONE_MATCH;
use serde_json::Value;

use super::error::ApiError;
use super::request::Request;
use super::response::{self, Response, json_text};

/// A document as it is sent.
struct Paper {
    etag: String,
    text: Bytes,
}

static OPENAPI: LazyLock<Paper> = LazyLock::new(|| Paper::new(&openapi::document()));
static ASYNCAPI: LazyLock<Paper> = LazyLock::new(|| Paper::new(&asyncapi::document()));
static REGISTRY: LazyLock<Paper> = LazyLock::new(|| {
    let registry = serde_json::to_value(registry::registry());
    Paper::new(&registry.expect("wire types have string keys and no failing parts"))
});

impl Paper {
    fn new(document: &Value) -> Self {
        let text = Bytes::from(json_text(document));
        Self { etag: format!("\"{:08x}\"", crc32fast::hash(&text)), text }
    }

    fn answer(&self, request: &Request) -> Response {
        let known = request.head.headers.get(IF_NONE_MATCH);
        response::tagged(known, "application/json", "no-cache", &self.etag, self.text.clone())
    }
}

/// `GET /api/openapi.json`.
pub(super) async fn openapi(request: Request) -> Result<Response, ApiError> {
    Ok(OPENAPI.answer(&request))
}

/// `GET /api/asyncapi.json`.
pub(super) async fn asyncapi(request: Request) -> Result<Response, ApiError> {
    Ok(ASYNCAPI.answer(&request))
}

/// `GET /api/system/websocket/events`.
pub(super) async fn websocket_events(request: Request) -> Result<Response, ApiError> {
    Ok(REGISTRY.answer(&request))
}
