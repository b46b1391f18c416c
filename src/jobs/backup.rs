//! Backup: all records and pictures in one archive.
//!
//! `records.jsonl` holds what `watchpost store import` takes; `pictures/` the best
//! picture of every event.

use std::io::{self, Write};
use std::sync::Arc;

use super::archive::Archive;
use super::pages::count;
use super::shelf::Shelf;
use super::{Desk, Work, WorkError};
use crate::domain::{JobLogLevel, JobResult};
use crate::media::Snapshots;
use crate::store::{EventQuery, Range, Reader};

/// Writes every record as a line; returns how many, or why not.
pub type WriteRecords = Arc<dyn Fn(&mut dyn Write) -> Result<u64, String> + Send + Sync>;

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
        let mut to = Stoppable { to: archive.file("records.jsonl")?, desk };
        let records = (self.records)(&mut to).map_err(|reason| {
            // Whoever stopped it knows why it could not be written.
            desk.go_on().err().unwrap_or(WorkError::Failed(reason))
        })?;
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

/// Takes nothing more once the job is to end.
struct Stoppable<'a, 'b, W> {
    to: &'a mut W,
    desk: &'a Desk<'b>,
}

impl<W: Write> Write for Stoppable<'_, '_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.desk.go_on().map_err(io::Error::other)?;
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
