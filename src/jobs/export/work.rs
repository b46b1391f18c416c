//! The work of an export: count, write, and for ZIP add the pictures.

use std::io;
use std::sync::Arc;

use super::columns::{self, Column};
use super::table::Table;
use super::{Content, ExportRequest, FileFormat};
use crate::domain::{Detection, Event, JobLogLevel, JobResult};
use crate::jobs::archive::{Archive, broken};
use crate::jobs::pages::{count, for_each};
use crate::jobs::shelf::{Part, Shelf};
use crate::jobs::{Desk, JobError, Work, WorkError};
use crate::media::Snapshots;
use crate::store::{DetectionQuery, EventQuery, Page, Range, Reader, StoreError};

/// An export that is to be made.
pub struct ExportWork {
    rows: Rows,
    format: FileFormat,
    reader: Arc<dyn Reader>,
    snapshots: Snapshots,
    shelf: Shelf,
}

enum Rows {
    Events(EventQuery, Vec<Column<Event>>),
    Detections(DetectionQuery, Vec<Column<Detection>>),
}

impl ExportWork {
    /// Checks the request.
    pub fn new(
        request: ExportRequest,
        reader: Arc<dyn Reader>,
        snapshots: Snapshots,
        shelf: Shelf,
    ) -> Result<Self, JobError> {
        let ExportRequest { content, format, columns: names } = request;
        let rows = match content {
            Content::Events(query) => Rows::Events(query, columns::chosen(columns::EVENT, &names)?),
            Content::Detections(_) if format == FileFormat::Zip => {
                let reason = "a zip is made of events; export detections as csv or json";
                return Err(JobError::Invalid(reason.to_owned()));
            }
            Content::Detections(query) => {
                Rows::Detections(query, columns::chosen(columns::DETECTION, &names)?)
            }
        };
        Ok(Self { rows, format, reader, snapshots, shelf })
    }

    fn events(&self, query: &EventQuery, range: Range) -> Result<Page<Event>, StoreError> {
        self.reader.events(&EventQuery { range, ..query.clone() })
    }

    fn detections(
        &self,
        query: &DetectionQuery,
        range: Range,
    ) -> Result<Page<Detection>, StoreError> {
        self.reader.detections(&DetectionQuery { range, ..query.clone() })
    }

    /// All records of a kind into one table.
    fn export<T>(
        &self,
        desk: &Desk<'_>,
        (range, columns): (&Range, &[Column<T>]),
        fetch: impl Fn(Range) -> Result<Page<T>, StoreError>,
    ) -> Result<(u64, Part), WorkError> {
        let total = count(desk, range, &fetch)?;
        desk.say(JobLogLevel::Info, format!("{total} records to export"), &[("records", total)]);
        let name = format!("{}.{}", self.name(), self.format.as_str());
        let part = self.shelf.create(desk.id(), &name)?;
        let table = match self.format {
            FileFormat::Json => Table::json(part),
            _ => Table::csv(part, columns),
        };
        let (table, written) = write_rows(desk, (range, columns), &fetch, table, Some(total))?;
        Ok((written, table.end().map_err(broken)?))
    }

    /// The table and the pictures of its events.
    fn export_zip(
        &self,
        desk: &Desk<'_>,
        query: &EventQuery,
        columns: &[Column<Event>],
    ) -> Result<(u64, Part), WorkError> {
        let (range, fetch) = (&query.range, |range| self.events(query, range));
        let total = count(desk, range, &fetch)?;
        desk.say(JobLogLevel::Info, format!("{total} events to export"), &[("records", total)]);
        let mut archive = Archive::new(self.shelf.create(desk.id(), "events.zip")?);
        // The pictures are nearly all of the work: progress is theirs.
        let table = Table::csv(archive.file("events.csv")?, columns);
        let (table, written) = write_rows(desk, (range, columns), &fetch, table, None)?;
        table.end().map_err(broken)?;
        archive.add_pictures(desk, &self.snapshots, (range, &fetch), total)?;
        Ok((written, archive.finish()?))
    }

    fn name(&self) -> &'static str {
        match self.rows {
            Rows::Events(..) => "events",
            Rows::Detections(..) => "detections",
        }
    }
}

impl Work for ExportWork {
    fn run(self: Box<Self>, desk: &Desk<'_>) -> Result<JobResult, WorkError> {
        let (records, part) = match &self.rows {
            Rows::Events(query, columns) if self.format == FileFormat::Zip => {
                self.export_zip(desk, query, columns)?
            }
            Rows::Events(query, columns) => {
                let fetch = |range| self.events(query, range);
                self.export(desk, (&query.range, columns.as_slice()), fetch)?
            }
            Rows::Detections(query, columns) => {
                let fetch = |range| self.detections(query, range);
                self.export(desk, (&query.range, columns.as_slice()), fetch)?
            }
        };
        let bytes = part.keep()?;
        Ok(JobResult {
            message: format!("{records} {} exported.", self.name()),
            records,
            file_name: Some(format!("watchpost-{}.{}", self.name(), self.format.as_str())),
            file_bytes: Some(bytes),
            findings: Vec::new(),
        })
    }
}

fn write_rows<T, W: io::Write>(
    desk: &Desk<'_>,
    (range, columns): (&Range, &[Column<T>]),
    fetch: &impl Fn(Range) -> Result<Page<T>, StoreError>,
    table: io::Result<Table<W>>,
    total: Option<u64>,
) -> Result<(Table<W>, u64), WorkError> {
    let mut table = table.map_err(broken)?;
    let mut written = 0;
    for_each(desk, range, fetch, |record| {
        written += 1;
        if let Some(total) = total {
            desk.progress(written, total);
        }
        table.row(columns, record).map_err(broken)
    })?;
    Ok((table, written))
}
