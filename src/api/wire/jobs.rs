//! Jobs as the realtime API shows them: in lists and in messages.
//!
//! The contract has three messages; the registry's `job.started` and
//! `job.cancelled` are sent beside them in its dotted form. A cancelled job is told
//! as `job_failed` too.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::realtime::stamped;
use crate::domain::{Job, JobChange, JobLogLine, JobResult, Timestamp};
use crate::live::Wire;

/// A job in lists and single answers.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Job")]
pub struct JobData {
    job_id: String,
    /// The same, as clients of the export routes call it.
    id: String,
    job_type: &'static str,
    #[schemars(extend("enum" = ["pending", "running", "completed", "failed", "cancelled"]))]
    status: &'static str,
    progress: Progress,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    completed_at: Option<Timestamp>,
    result: Option<ResultData>,
    error: Option<String>,
}

/// How far it is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobProgressFigures")]
struct Progress {
    total: Option<u64>,
    processed: u64,
    #[schemars(range(max = 100))]
    percent: u8,
}

/// What came of a job.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobResult")]
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
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Log")]
pub struct LogData<'a> {
    timestamp: Timestamp,
    #[schemars(extend("enum" = ["DEBUG", "INFO", "WARNING", "ERROR"]))]
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
    match change {
        JobChange::Started => {
            let data = Started::from(job);
            stamped("job.started", &data, Some(data.started_at))
        }
        JobChange::Progress => stamped("job_progress", &ProgressMessage::from(job), None),
        JobChange::Completed => stamped("job_completed", &Completed::from(job), None),
        JobChange::Failed => stamped("job_failed", &Failed::from(job), None),
        JobChange::Cancelled => {
            let data = Cancelled::from(job);
            stamped("job.cancelled", &data, Some(data.cancelled_at))
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
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobStarted")]
pub(super) struct Started {
    job_id: String,
    job_type: &'static str,
    started_at: Timestamp,
}

/// `job_progress`, sent with each tenth.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobProgress")]
pub(super) struct ProgressMessage {
    job_id: String,
    job_type: &'static str,
    /// Percent.
    #[schemars(range(max = 100))]
    progress: u8,
    #[schemars(extend("enum" = ["pending", "running", "completed", "failed", "cancelled"]))]
    status: &'static str,
}

/// `job_completed`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobCompleted")]
pub(super) struct Completed {
    job_id: String,
    job_type: &'static str,
    result: Option<ResultData>,
}

/// `job_failed`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobFailed")]
pub(super) struct Failed {
    job_id: String,
    job_type: &'static str,
    error: String,
}

/// `job.cancelled`.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "JobCancelled")]
pub(super) struct Cancelled {
    job_id: String,
    job_type: &'static str,
    cancelled_at: Timestamp,
    reason: String,
}

impl From<&Job> for Started {
    fn from(job: &Job) -> Self {
        let started_at = job.started_at.unwrap_or(job.created_at);
        Self { job_id: job.id.to_string(), job_type: job.job_type.as_str(), started_at }
    }
}

impl From<&Job> for ProgressMessage {
    fn from(job: &Job) -> Self {
        Self {
            job_id: job.id.to_string(),
            job_type: job.job_type.as_str(),
            progress: job.progress,
            status: job.state.as_str(),
        }
    }
}

impl From<&Job> for Completed {
    fn from(job: &Job) -> Self {
        let result = job.result.as_ref().map(|result| ResultData::new(job, result));
        Self { job_id: job.id.to_string(), job_type: job.job_type.as_str(), result }
    }
}

impl From<&Job> for Failed {
    fn from(job: &Job) -> Self {
        let error = job.error.clone().unwrap_or_default();
        Self { job_id: job.id.to_string(), job_type: job.job_type.as_str(), error }
    }
}

impl From<&Job> for Cancelled {
    fn from(job: &Job) -> Self {
        Self {
            job_id: job.id.to_string(),
            job_type: job.job_type.as_str(),
            cancelled_at: job.finished_at.unwrap_or(job.created_at),
            reason: job.error.clone().unwrap_or_default(),
        }
    }
}
