//! Exports: chosen records as a file.

use hyper::StatusCode;
use hyper::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue,
};
use schemars::JsonSchema;
use serde::Deserialize;

use super::jobs;
use crate::api::error::ApiError;
use crate::api::file;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::{CameraId, EventId, JobState, JobType, RiskLevel, Timestamp};
use crate::jobs::{Content, ExportRequest, FileFormat};
use crate::store::{DetectionQuery, EventQuery, Range};

/// An export that somebody wants. All conditions must hold; none means all records.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewExport {
    #[schemars(extend("enum" = ["csv", "json", "zip"]))]
    format: String,
    /// `events` (the default) or `detections`.
    content: Option<String>,
    #[schemars(with = "Option<String>")]
    camera_id: Option<CameraId>,
    object_type: Option<String>,
    risk_level: Option<String>,
    reviewed: Option<bool>,
    min_confidence: Option<f32>,
    event_id: Option<u64>,
    start_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
    /// Names of columns, in this order; all when there are none.
    #[serde(default)]
    columns: Vec<String>,
}

impl NewExport {
    fn request(self) -> Result<ExportRequest, ApiError> {
        let format = FileFormat::from_wire(&self.format)
            .ok_or_else(|| ApiError::invalid("format must be csv, json or zip"))?;
        let content = match self.content.as_deref() {
            None | Some("events") => Content::Events(self.events()?),
            Some("detections") => Content::Detections(self.detections()?),
            Some(_) => return Err(ApiError::invalid("content must be events or detections")),
        };
        Ok(ExportRequest { content, format, columns: self.columns })
    }

    fn events(&self) -> Result<EventQuery, ApiError> {
        refuse("min_confidence", "detections", self.min_confidence.is_some())?;
        refuse("event_id", "detections", self.event_id.is_some())?;
        let level = |word: &String| {
            RiskLevel::from_wire(&word.to_ascii_lowercase()).ok_or_else(|| {
                ApiError::invalid("risk_level must be low, medium, high or critical")
            })
        };
        Ok(EventQuery {
            camera: self.camera_id.clone(),
            label: self.object_type.clone(),
            level: self.risk_level.as_ref().map(level).transpose()?,
            reviewed: self.reviewed,
            range: self.range()?,
        })
    }

    fn detections(&self) -> Result<DetectionQuery, ApiError> {
        refuse("risk_level", "events", self.risk_level.is_some())?;
        refuse("reviewed", "events", self.reviewed.is_some())?;
        Ok(DetectionQuery {
            camera: self.camera_id.clone(),
            label: self.object_type.clone(),
            event: self.event_id.map(EventId),
            min_confidence: self.min_confidence,
            range: self.range()?,
        })
    }

    fn range(&self) -> Result<Range, ApiError> {
        if let (Some(from), Some(until)) = (self.start_date, self.end_date)
            && from >= until
        {
            return Err(ApiError::invalid("start_date must be before end_date"));
        }
        Ok(Range { from: self.start_date, until: self.end_date, ..Range::default() })
    }
}

/// A condition that the other kind of record has.
fn refuse(name: &str, content: &str, is_given: bool) -> Result<(), ApiError> {
    if !is_given {
        return Ok(());
    }
    Err(ApiError::invalid(format!("{name} goes with content {content} only")))
}

/// `POST /api/exports`. The body is bounded by the request limit.
pub(in crate::api) async fn start(mut request: Request) -> Result<Response, ApiError> {
    let export = request.json::<NewExport>().await?.request()?;
    jobs::accepted(&request.ctx.exports.start(export)?)
}

/// `GET /api/exports[?status=]`, newest first.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    jobs::page(&request, Some(JobType::Export))
}

/// `DELETE /api/exports/{id}`: stops it if it runs, removes its file if there is one.
pub(in crate::api) async fn remove(request: Request) -> Result<Response, ApiError> {
    let id = jobs::id(&request)?;
    let exports = request.ctx.exports.clone();
    if request.ctx.blocking(move || exports.remove(id)).await? {
        return Ok(response::no_content());
    }
    request.ctx.jobs.cancel(id)?;
    Ok(response::no_content())
}

/// `GET /api/exports/{id}/download`.
pub(in crate::api) async fn download(request: Request) -> Result<Response, ApiError> {
    let id = jobs::id(&request)?;
    let exports = request.ctx.exports.clone();
    let Some(download) = request.ctx.blocking(move || exports.download(id)).await? else {
        return Err(not_there(&request));
    };
    let kind = match download.name.rsplit('.').next() {
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        _ => "application/zip",
    };
    let disposition = format!("attachment; filename=\"{}\"", download.name);
    let bytes = download.bytes;
    let mut response = Response::new(file::body(request, Box::new(download.file), 0, bytes));
    response::set(&mut response, CONTENT_TYPE, kind);
    response::set(&mut response, CACHE_CONTROL, "private, no-store");
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        response.headers_mut().insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// 400 while it is being made, 404 when it never comes.
fn not_there(request: &Request) -> ApiError {
    match jobs::find(request).map(|job| job.state) {
        Ok(state @ (JobState::Pending | JobState::Running)) => ApiError::invalid(format!(
            "the export is {}; its file is not there yet",
            state.as_str()
        ))
        .hint("try again when it is completed"),
        Ok(_) => ApiError::new(StatusCode::NOT_FOUND, "no_file", "this export has no file")
            .hint("it failed, or its file was removed; make the export again"),
        Err(error) => error,
    }
}
