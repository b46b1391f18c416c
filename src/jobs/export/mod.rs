//! Export: chosen records as a file that a person can open or hand on.
//!
//! CSV (RFC 4180, with a header), JSON (one array of objects), or ZIP (the CSV and
//! the pictures of its events). Memory is bounded by a page of records.

mod columns;
mod table;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

use self::work::ExportWork;
use super::backup::{BackupWork, WriteRecords};
use super::shelf::{Download, Shelf};
use super::{JobError, Jobs};
use crate::domain::{Job, JobId, JobType};
use crate::media::Snapshots;
use crate::rt::FreeBytes;
use crate::store::{DetectionQuery, EventQuery, Reader};

/// What is to be exported. Of the query's range, cursor and limit do not count.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Events, newest first.
    Events(EventQuery),
    /// Detections, newest first.
    Detections(DetectionQuery),
}

/// The form of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON array.
    Json,
    /// The CSV with pictures.
    Zip,
}

impl FileFormat {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Json, Self::Zip];

    /// The wire word, which is also the extension of the file.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::Zip => "zip",
        }
    }

    /// The format of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.as_str() == word)
    }
}

/// An export that somebody wants.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportRequest {
    /// Which records.
    pub content: Content,
    /// In which form.
    pub format: FileFormat,
    /// Which columns, in this order; empty means all.
    pub columns: Vec<String>,
}

/// What exports are made of.
pub struct ExportContext {
    /// Where they are worked on.
    pub jobs: Jobs,
    /// Finds records.
    pub reader: Arc<dyn Reader>,
    /// Finds pictures.
    pub snapshots: Snapshots,
    /// Writes all records, for backups.
    pub records: WriteRecords,
    /// Where the files are kept.
    pub dir: PathBuf,
    /// Free bytes of that disk.
    pub free_bytes: FreeBytes,
    /// So much is left to the system.
    pub min_free_bytes: u64,
}

/// Exports of this box. Cheap to clone.
#[derive(Clone)]
pub struct Exports {
    jobs: Jobs,
    reader: Arc<dyn Reader>,
    snapshots: Snapshots,
    records: WriteRecords,
    shelf: Shelf,
}

impl Exports {
    /// Exports into `context.dir`. Never fails: what is wrong with the directory is
    /// the reason of the next job's failure.
    pub fn open(context: ExportContext) -> Self {
        let shelf = Shelf::open(context.dir, context.free_bytes, context.min_free_bytes);
        let ExportContext { jobs, reader, snapshots, records, .. } = context;
        Self { jobs, reader, snapshots, records, shelf }
    }

    /// Starts a backup: an archive of all records and pictures.
    ///
    /// # Errors
    /// When too many jobs wait.
    pub fn start_backup(&self) -> Result<Job, JobError> {
        let work = BackupWork {
            records: Arc::clone(&self.records),
            reader: Arc::clone(&self.reader),
            snapshots: self.snapshots.clone(),
            shelf: self.shelf.clone(),
        };
        self.jobs.submit(JobType::Backup, Box::new(work))
    }

    /// Starts an export.
    ///
    /// # Errors
    /// When a column is unknown, the form does not fit, or too many jobs wait.
    pub fn start(&self, request: ExportRequest) -> Result<Job, JobError> {
        let work = ExportWork::new(
            request,
            Arc::clone(&self.reader),
            self.snapshots.clone(),
            self.shelf.clone(),
        )?;
        self.jobs.submit(JobType::Export, Box::new(work))
    }

    /// The finished file of a job, also of one from before the last restart. Reads
    /// the disk.
    pub fn download(&self, job: JobId) -> Option<Download> {
        self.shelf.find(job)
    }

    /// Removes the file of a job; false when there is none.
    pub fn remove(&self, job: JobId) -> bool {
        self.shelf.remove(job)
    }
}
