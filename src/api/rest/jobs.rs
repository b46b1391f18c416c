//! Jobs: what runs, what it says, and how to stop it.

use std::collections::BTreeMap;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::jobs::{JobData, LogData};
use crate::api::wire::records::List;
use crate::domain::{Job, JobId, JobLogLevel, JobLogLine, JobState, JobType, Timestamp};
use crate::jobs::JobError;

impl From<JobError> for ApiError {
    fn from(error: JobError) -> Self {
        let detail = error.to_string();
        match error {
            JobError::Busy => Self::unavailable("jobs_busy", detail),
            JobError::Unknown => Self::not_found(detail),
            JobError::Finished(_) => Self::new(StatusCode::CONFLICT, "job_finished", detail),
            JobError::Invalid(_) => Self::invalid(detail),
        }
    }
}

/// `GET /api/jobs[?job_type=&status=]`, newest first.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let job_type =
        choice(&request, "job_type", JobType::from_wire, &JobType::ALL.map(JobType::as_str))?;
    page(&request, job_type)
}

/// The jobs of a type as a page.
pub(super) fn page(request: &Request, job_type: Option<JobType>) -> Result<Response, ApiError> {
    let states = JobState::ALL.map(JobState::as_str);
    let state = choice(request, "status", JobState::from_wire, &states)?;
    let is_wanted = |job: &Job| {
        job_type.is_none_or(|wanted| job.job_type == wanted)
            && state.is_none_or(|wanted| job.state == wanted)
    };
    let jobs: Vec<_> = request.ctx.jobs.list().into_iter().filter(is_wanted).collect();
    let (page, pagination) = super::part(&request.query, &jobs)?;
    Ok(response::json(&List { items: page.iter().map(JobData::from).collect(), pagination }))
}

/// What can be started.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct JobTypes {
    job_types: Vec<JobTypeData>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobType")]
struct JobTypeData {
    name: &'static str,
    description: &'static str,
    /// Where one is started.
    start: &'static str,
}

/// `GET /api/jobs/types`.
pub(in crate::api) async fn types(_: Request) -> Result<Response, ApiError> {
    let of = |job_type: JobType| {
        let (description, start) = match job_type {
            JobType::Export => ("Records as a file, with pictures if wanted", "POST /api/exports"),
            JobType::Backup => ("All records and pictures in one archive", "POST /api/jobs"),
            JobType::StoreCheck => ("Reads the whole store and reports damage", "POST /api/jobs"),
        };
        JobTypeData { name: job_type.as_str(), description, start }
    };
    Ok(response::json(&JobTypes { job_types: JobType::ALL.map(of).into() }))
}

/// The jobs that are remembered, counted.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct JobStats {
    total_jobs: usize,
    by_status: BTreeMap<&'static str, usize>,
    by_type: BTreeMap<&'static str, usize>,
    oldest_pending_at: Option<Timestamp>,
}

/// `GET /api/jobs/stats`: of the jobs that `GET /api/jobs` lists.
pub(in crate::api) async fn stats(request: Request) -> Result<Response, ApiError> {
    let jobs = request.ctx.jobs.list();
    let (mut by_status, mut by_type) = (BTreeMap::new(), BTreeMap::new());
    by_status.extend(JobState::ALL.map(|state| (state.as_str(), 0)));
    by_type.extend(JobType::ALL.map(|job_type| (job_type.as_str(), 0)));
    for job in &jobs {
        *by_status.entry(job.state.as_str()).or_default() += 1;
        *by_type.entry(job.job_type.as_str()).or_default() += 1;
    }
    let pending = jobs.iter().filter(|job| job.state == JobState::Pending);
    let oldest_pending_at = pending.map(|job| job.created_at).min();
    let total_jobs = jobs.len();
    Ok(response::json(&JobStats { total_jobs, by_status, by_type, oldest_pending_at }))
}

/// A job that is to be started.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct NewJob {
    #[schemars(extend("enum" = ["store_check", "backup"]))]
    job_type: String,
}

/// `POST /api/jobs` with `{"job_type": "store_check"}` or `"backup"`. Exports are
/// started at `/api/exports`.
pub(in crate::api) async fn start(mut request: Request) -> Result<Response, ApiError> {
    let new: NewJob = request.json().await?;
    let job = match JobType::from_wire(&new.job_type) {
        Some(JobType::Backup) => request.ctx.exports.start_backup()?,
        Some(JobType::StoreCheck) => {
            request.ctx.jobs.submit(JobType::StoreCheck, (request.ctx.store_check)())?
        }
        Some(JobType::Export) | None => {
            return Err(ApiError::invalid("job_type must be store_check or backup")
                .hint("exports are started with POST /api/exports"));
        }
    };
    accepted(&job)
}

/// 202 for a job that waits now.
pub(super) fn accepted(job: &Job) -> Result<Response, ApiError> {
    let message = format!("follow it at /api/jobs/{0} or /ws/jobs/{0}/logs", job.id);
    let accepted = Accepted { job_id: job.id.to_string(), status: job.state.as_str(), message };
    Ok(response::json_with(StatusCode::ACCEPTED, &accepted))
}

/// A job that waits for its turn.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Accepted {
    job_id: String,
    status: &'static str,
    /// Where to follow it.
    message: String,
}

/// `GET /api/jobs/{id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    Ok(response::json(&JobData::from(&find(&request)?)))
}

/// `POST /api/jobs/{id}/cancel`.
pub(in crate::api) async fn cancel(request: Request) -> Result<Response, ApiError> {
    let job = request.ctx.jobs.cancel(id(&request)?)?;
    Ok(response::json(&JobData::from(&job)))
}

/// `GET /api/jobs/{id}/logs[?level=&since=&limit=&offset=]`, oldest first: lines of at
/// least this level, from this moment on.
pub(in crate::api) async fn logs(request: Request) -> Result<Response, ApiError> {
    let levels = JobLogLevel::ALL.map(JobLogLevel::as_str);
    let level = choice(&request, "level", JobLogLevel::from_wire, &levels)?;
    let since = request.query.time_from("since")?;
    let lines = request.ctx.jobs.log(id(&request)?).ok_or(JobError::Unknown)?;
    let is_wanted = |line: &JobLogLine| {
        level.is_none_or(|least| line.level >= least) && since.is_none_or(|since| line.at >= since)
    };
    let wanted: Vec<_> = lines.iter().filter(|line| is_wanted(line)).collect();
    let (page, pagination) = super::part(&request.query, &wanted)?;
    let items: Vec<_> = page.iter().map(|line| LogData::from(line.as_ref())).collect();
    Ok(response::json(&List { items, pagination }))
}

/// The id in the path.
pub(super) fn id(request: &Request) -> Result<JobId, ApiError> {
    request.param("id").parse().map_err(|_| ApiError::invalid("the id in the path is not a UUID"))
}

/// The job of the path, or 404.
pub(super) fn find(request: &Request) -> Result<Job, ApiError> {
    Ok(request.ctx.jobs.get(id(request)?).ok_or(JobError::Unknown)?)
}

/// A parameter that takes one of some words.
fn choice<T>(
    request: &Request,
    name: &str,
    parse: fn(&str) -> Option<T>,
    words: &[&str],
) -> Result<Option<T>, ApiError> {
    let Some(word) = request.query.get(name) else { return Ok(None) };
    let wrong = || ApiError::invalid(format!("{name} must be one of {}", words.join(", ")));
    parse(word).map(Some).ok_or_else(wrong)
}
