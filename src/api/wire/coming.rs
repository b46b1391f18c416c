//! Messages of rooms that are not built yet, in the form of the contract: what
//! the registry and the papers promise, and what those rooms will send.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::domain::Timestamp;

/// The view of a camera is not what it was.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SceneChange")]
pub(super) struct SceneChangeData<'a> {
    pub(super) id: u64,
    pub(super) camera_id: &'a str,
    pub(super) detected_at: Timestamp,
    #[schemars(extend("enum" = ["view_blocked", "angle_changed", "view_tampered", "unknown"]))]
    pub(super) change_type: &'static str,
    /// How much the view is like it was, 1 for the same.
    #[schemars(range(min = 0, max = 1))]
    pub(super) similarity_score: f64,
}

/// An event that is gone.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventDeleted<'a> {
    pub(super) id: u64,
    pub(super) reason: Option<&'a str>,
}

/// The work of a job began.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobStarted<'a> {
    pub(super) job_id: &'a str,
    pub(super) job_type: &'a str,
    pub(super) started_at: Timestamp,
}

/// Another tenth of a job is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobProgress<'a> {
    pub(super) job_id: &'a str,
    pub(super) job_type: &'a str,
    /// Percent.
    #[schemars(range(max = 100))]
    pub(super) progress: u8,
    #[schemars(extend("enum" = ["pending", "running", "completed", "failed", "cancelled"]))]
    pub(super) status: &'static str,
}

/// A job is done.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobCompleted<'a> {
    pub(super) job_id: &'a str,
    pub(super) job_type: &'a str,
    /// What came of it; differs from type to type.
    pub(super) result: Value,
}

/// A job could not be done.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobFailed<'a> {
    pub(super) job_id: &'a str,
    pub(super) job_type: &'a str,
    /// Why, in words.
    pub(super) error: &'a str,
}

/// Somebody stopped a job. `job_failed` is sent as well.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobCancelled<'a> {
    pub(super) job_id: &'a str,
    pub(super) job_type: &'a str,
    pub(super) cancelled_at: Timestamp,
}

/// A line of a job's log.
#[derive(Serialize, JsonSchema)]
pub(super) struct Log<'a> {
    pub(super) timestamp: Timestamp,
    #[schemars(extend("enum" = ["DEBUG", "INFO", "WARNING", "ERROR"]))]
    pub(super) level: &'static str,
    pub(super) message: &'a str,
    /// What belongs to the line; differs from line to line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) context: Option<Value>,
}
