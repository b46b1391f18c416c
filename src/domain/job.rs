//! Jobs: long work that somebody asked for and can watch, stop and fetch.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use super::Timestamp;

/// One job; a UUID on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub Uuid);

impl JobId {
    /// An id that nobody has had before.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for JobId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// What kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobType {
    /// Chosen records as a file.
    Export,
    /// All records and pictures as a file.
    Backup,
    /// Every record in the store is read and checked.
    StoreCheck,
}

impl JobType {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Export, Self::Backup, Self::StoreCheck];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Export => "export",
            Self::Backup => "backup",
            Self::StoreCheck => "store_check",
        }
    }

    /// The type of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Others are before it.
    Pending,
    /// It is worked on.
    Running,
    /// Done; there is a result.
    Completed,
    /// It could not be done; there is a reason.
    Failed,
    /// Somebody stopped it.
    Cancelled,
}

impl JobState {
    /// All of them, in the order in which they follow each other.
    pub const ALL: [Self; 5] =
        [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Cancelled];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }

    /// Nothing comes after it.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Cancelled)
    }
}

/// A job as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Unique for ever.
    pub id: JobId,
    /// What kind of work.
    pub job_type: JobType,
    /// How far it is.
    pub state: JobState,
    /// The same in percent, 0..=100.
    pub progress: u8,
    /// Items done, such as records.
    pub processed: u64,
    /// Items there are, once that is known.
    pub total: Option<u64>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When the work began.
    pub started_at: Option<Timestamp>,
    /// When it reached its final state.
    pub finished_at: Option<Timestamp>,
    /// What came of it, when it is completed.
    pub result: Option<JobResult>,
    /// Why there is no result, when it failed or was cancelled.
    pub error: Option<String>,
}

/// What came of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct JobResult {
    /// In one sentence.
    pub message: String,
    /// Items that were worked on.
    pub records: u64,
    /// Name of the file that can be fetched.
    pub file_name: Option<String>,
    /// Its size.
    pub file_bytes: Option<u64>,
    /// What was found, one sentence each; empty when all is well.
    pub findings: Vec<String>,
}

/// What has just happened to a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobChange {
    /// The work began.
    Started,
    /// Another tenth is done.
    Progress,
    /// There is a result.
    Completed,
    /// There will be none: it failed, or somebody stopped it.
    Failed,
    /// Somebody stopped it; follows [`JobChange::Failed`], the only word that older
    /// clients know.
    Cancelled,
}

/// How much a line of a job's log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum JobLogLevel {
    /// For those who look for a fault.
    Debug,
    /// What is being done.
    Info,
    /// Something was left out.
    Warning,
    /// Why it failed.
    Error,
}

impl JobLogLevel {
    /// All of them, least first.
    pub const ALL: [Self; 4] = [Self::Debug, Self::Info, Self::Warning, Self::Error];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }

    /// The level of a wire word, in any case.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str().eq_ignore_ascii_case(word))
    }
}

/// A line of a job's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobLogLine {
    /// Which job.
    pub job: JobId,
    /// When.
    pub at: Timestamp,
    /// How much it matters.
    pub level: JobLogLevel,
    /// One sentence.
    pub message: String,
    /// Figures that belong to it.
    pub context: Vec<(&'static str, u64)>,
}
