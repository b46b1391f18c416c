//! Jobs: long work that somebody asked for, with progress, a log, and a stop.
//!
//! One job runs at a time, on a thread of its own, behind what the box is there
//! for; at most [`WAITING_MAX`] wait. A job that is done is remembered for an hour,
//! its file for longer (see [`Exports`]). Jobs do not survive a restart: what was
//! not finished is asked for again.

mod archive;
mod backup;
mod book;
mod export;
mod pages;
mod runner;
mod shelf;

pub use backup::WriteRecords;
pub use export::{Content, ExportContext, ExportRequest, Exports, FileFormat};
pub use runner::{Desk, Jobs, JobsContext, Work, WorkError};
pub use shelf::Download;

use crate::domain::JobState;

#[cfg(test)]
mod tests;

/// Most jobs waiting.
pub const WAITING_MAX: usize = 8;

/// Why a job could not be taken or stopped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobError {
    /// The queue is full.
    #[error("{WAITING_MAX} jobs wait already; try again when one is done")]
    Busy,
    /// Nobody knows this job (any more).
    #[error("there is no such job; finished jobs are forgotten after an hour")]
    Unknown,
    /// It is over.
    #[error("the job is {} already", .0.as_str())]
    Finished(JobState),
    /// The request cannot be carried out.
    #[error("{0}")]
    Invalid(String),
}
