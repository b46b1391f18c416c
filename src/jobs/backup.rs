//! Backup: all records and pictures in one archive.
//!
//! `records.jsonl` holds what `watchpost store import` takes; `pictures/` the best
//! picture of every event.

use std::io::Write;
use std::sync::Arc;

use super::archive::Archive;
use super::pages::count;
use super::shelf::Shelf;
use super::{Desk, Work, WorkError};
use crate::domain::{JobLogLevel, JobResult};
use crate::media::Snapshots;
use crate::store::{EventQuery, Range, Reader};

/// Writes every record as a line, for as long as the job is to go on; returns how
/// many, or why not.
pub type WriteRecords = Arc<dyn Fn(&mut dyn Write, &Desk<'_>) -> Result<u64, String> + Send + Sync>;

/// A backup that is to be made.
pub(super) struct BackupWork {
    pub records: WriteRecords,
    pub reader: Arc<dyn Reader>,
    pub snapshots: Snapshots,
    pub shelf: Shelf,
}

impl Work for BackupWork {
    fn run(self: Box<Self>, desk: &Desk<'_>) -> Result<JobResult, WorkError> {
        let mut archive = Archive::new(self.shelf.create(desk.id(), "backup.zip")?);
        let records = archive.file("records.jsonl")?;
        let records = (self.records)(records, desk).map_err(WorkError::Failed)?;
        desk.go_on()?;
        let message = format!("{records} records written");
        desk.say(JobLogLevel::Info, message, &[("records", records)]);
        let range = Range::default();
        let fetch = |range| self.reader.events(&EventQuery { range, ..EventQuery::default() });
        let events = count(desk, &range, &fetch)?;
        archive.add_pictures(desk, &self.snapshots, (&range, &fetch), events)?;
        let bytes = archive.finish()?.keep()?;
        Ok(JobResult {
            message: format!("{records} records are in the backup."),
            records,
            file_name: Some("watchpost-backup.zip".into()),
            file_bytes: Some(bytes),
            findings: Vec::new(),
        })
    }
}
