//! Jobs as the realtime API shows them: in lists and in messages.
//!
//! The contract has three messages; the registry's `job.started` and
//! `job.cancelled` are sent beside them in its dotted form. A cancelled job is told
//! as `job_failed` too.

use std::collections::BTreeMap;

use serde::Serialize;

use super::realtime::stamped;
use crate::domain::{Job, JobChange, JobLogLine, JobResult, Timestamp};
use crate::live::Wire;

/// A job in lists and single answers.
#[derive(Serialize)]
pub struct JobData {
    job_id: String,
    /// The same, as clients of the export routes call it.
    id: String,
    job_type: &'static str,
    status: &'static str,
    progress: Progress,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    result: Option<ResultData>,
    error: Option<String>,
}

#[derive(Serialize)]
struct Progress {
    total: Option<u64>,
    processed: u64,
    percent: u8,
}

/// What came of a job.
#[derive(Serialize)]
pub struct ResultData {
    message: String,
    records: u64,
    /// Name of the file; it is fetched from `download_url`.
    file_path: Option<String>,
    file_bytes: Option<u64>,
    download_url: Option<String>,
    findings: Vec<String>,
}

impl ResultData {
    fn new(job: &Job, result: &JobResult) -> Self {
        let download_url = || format!("/api/exports/{}/download", job.id);
        Self {
            message: result.message.clone(),
            records: result.records,
            file_path: result.file_name.clone(),
            file_bytes: result.file_bytes,
            download_url: result.file_name.as_ref().map(|_| download_url()),
            findings: result.findings.clone(),
        }
    }
}

impl From<&Job> for JobData {
    fn from(job: &Job) -> Self {
        Self {
            job_id: job.id.to_string(),
            id: job.id.to_string(),
            job_type: job.job_type.as_str(),
            status: job.state.as_str(),
            progress: Progress {
                total: job.total,
                processed: job.processed,
                percent: job.progress,
            },
            created_at: job.created_at,
            started_at: job.started_at,
            completed_at: job.finished_at,
            result: job.result.as_ref().map(|result| ResultData::new(job, result)),
            error: job.error.clone(),
        }
    }
}

/// A line of a job's log.
#[derive(Serialize)]
pub struct LogData<'a> {
    timestamp: Timestamp,
    level: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<BTreeMap<&'static str, u64>>,
}

impl<'a> From<&'a JobLogLine> for LogData<'a> {
    fn from(line: &'a JobLogLine) -> Self {
        let context = (!line.context.is_empty()).then(|| line.context.iter().copied().collect());
        let (timestamp, level) = (line.at, line.level.as_str());
        Self { timestamp, level, message: &line.message, context }
    }
}

/// What has happened to a job, as it is sent.
pub fn message(job: &Job, change: JobChange) -> Wire {
    let (job_id, job_type) = (job.id.to_string(), job.job_type.as_str());
    let error = || job.error.clone().unwrap_or_default();
    match change {
        JobChange::Started => {
            let started_at = job.started_at.unwrap_or(job.created_at);
            stamped("job.started", &Started { job_id, job_type, started_at }, Some(started_at))
        }
        JobChange::Progress => {
            let (progress, status) = (job.progress, job.state.as_str());
            stamped("job_progress", &ProgressMessage { job_id, job_type, progress, status }, None)
        }
        JobChange::Completed => {
            let result = job.result.as_ref().map(|result| ResultData::new(job, result));
            stamped("job_completed", &Completed { job_id, job_type, result }, None)
        }
        JobChange::Failed => {
            stamped("job_failed", &Failed { job_id, job_type, error: error() }, None)
        }
        JobChange::Cancelled => {
            let cancelled_at = job.finished_at.unwrap_or(job.created_at);
            let data = Cancelled { job_id, job_type, cancelled_at, reason: error() };
            stamped("job.cancelled", &data, Some(cancelled_at))
        }
    }
}

/// A line of a job's log, as it is sent.
pub fn log(line: &JobLogLine) -> Wire {
    stamped("log", &LogData::from(line), None)
}

/// The names by which a client may subscribe to a change.
pub fn names(change: JobChange) -> &'static [&'static str] {
    match change {
        JobChange::Started => &["job.started"],
        JobChange::Progress => &["job_progress", "job.progress"],
        JobChange::Completed => &["job_completed", "job.completed"],
        JobChange::Failed => &["job_failed", "job.failed"],
        JobChange::Cancelled => &["job.cancelled"],
    }
}

/// `job.started`.
#[derive(Serialize)]
pub struct Started {
    job_id: String,
    job_type: &'static str,
    started_at: Timestamp,
}

/// `job_progress`, sent with each tenth.
#[derive(Serialize)]
pub struct ProgressMessage {
    job_id: String,
    job_type: &'static str,
    progress: u8,
    status: &'static str,
}

/// `job_completed`.
#[derive(Serialize)]
pub struct Completed {
    job_id: String,
    job_type: &'static str,
    result: Option<ResultData>,
}

/// `job_failed`.
#[derive(Serialize)]
pub struct Failed {
    job_id: String,
    job_type: &'static str,
    error: String,
}

/// `job.cancelled`.
#[derive(Serialize)]
pub struct Cancelled {
    job_id: String,
    job_type: &'static str,
    cancelled_at: Timestamp,
    reason: String,
}
