//! The server itself, in the camera SDK's words: its log, and its end.

use std::time::Duration;

use hyper::StatusCode;
use log::{Level, warn};

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::camera_sdk_rest::{LogEntry, ServerLogs, ShuttingDown};
use crate::health::{LOG_LINES_MAX, LogLine};

/// Lines in an answer, unless the client says otherwise.
const LINES_DEFAULT: i64 = 100;

/// The answer has gone out before the stop begins (contract section 2).
const SHUTDOWN_DELAY: Duration = Duration::from_millis(500);

/// `GET /api/server/logs[?lines=&level=]`: the last lines, newest first. What
/// cannot be read counts as not given.
pub(in crate::api) async fn logs(request: Request) -> Result<Response, ApiError> {
    let lines = request.query.get("lines").and_then(|text| text.parse().ok());
    // The clamped number is small and positive.
    let lines = lines.unwrap_or(LINES_DEFAULT).clamp(1, LOG_LINES_MAX as i64) as usize;
    let level = match request.query.get("level") {
        Some("debug") => Level::Debug,
        Some("warn") => Level::Warn,
        Some("error") => Level::Error,
        _ => Level::Info,
    };
    let logs = request.ctx.logs.newest(level, lines).into_iter().map(entry).collect::<Vec<_>>();
    let (total, returned) = (request.ctx.logs.len(), logs.len());
    Ok(response::json(&ServerLogs { success: true, logs, total, returned }))
}

/// `POST /api/server/shutdown`: 403 unless the configuration allows it.
pub(in crate::api) async fn shutdown(request: Request) -> Result<Response, ApiError> {
    if !request.ctx.settings.load().allow_shutdown {
        let detail = "stopping this box over the network is switched off";
        let error = ApiError::new(StatusCode::FORBIDDEN, "shutdown_not_allowed", detail);
        return Err(error.hint("set allow_shutdown = true in the configuration"));
    }
    let client = request.connection.ip;
    warn!(client:%; "A client asked the daemon to stop.");
    let shutdown = request.ctx.shutdown.clone();
    tokio::spawn(async move {
        tokio::time::sleep(SHUTDOWN_DELAY).await;
        shutdown();
    });
    Ok(response::json(&ShuttingDown { success: true, message: "Server is shutting down" }))
}

fn entry(line: LogLine) -> LogEntry {
    let level = match line.level {
        Level::Error => "error",
        Level::Warn => "warn",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    };
    LogEntry { timestamp: line.at, level, message: line.message, camera_id: line.camera }
}
