//! The daemon itself: the camera SDK's server status, and metrics.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::sdk;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ServerStatus")]
pub(in crate::api) struct Status {
    success: bool,
    message: &'static str,
    server: Server,
    cameras: Cameras,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Server {
    version: &'static str,
    sdk_version: &'static str,
    /// Whole seconds: the published client refuses a fraction.
    uptime: u64,
    platform: &'static str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CamerasConnected")]
struct Cameras {
    connected: usize,
    discovered: usize,
}

/// `GET /api/server/status`. Answered from memory: probes poll it.
pub(in crate::api) async fn status(request: Request) -> Result<Response, ApiError> {
    let cameras = request.ctx.cameras.list();
    let connected = cameras.iter().filter(|camera| sdk::is_connected(&request.ctx, camera)).count();
    Ok(response::json(&Status {
        success: true,
        message: "Server is running",
        server: Server {
            version: request.ctx.version,
            // No vendor SDK is linked.
            sdk_version: "none",
            uptime: request.ctx.uptime().as_secs(),
            platform: PLATFORM,
        },
        cameras: Cameras { connected, discovered: cameras.len() },
    }))
}

/// The contract's words for platforms.
const PLATFORM: &str = if cfg!(target_arch = "aarch64") {
    "linux-arm64"
} else if cfg!(target_arch = "x86_64") {
    "linux-x64"
} else if cfg!(target_arch = "arm") {
    "linux-arm"
} else {
    "unknown"
};

/// `GET /metrics`, `GET /api/metrics`.
pub(in crate::api) async fn metrics(request: Request) -> Result<Response, ApiError> {
    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    Ok(response::answer(StatusCode::OK, TEXT, request.ctx.metrics.render()))
}
