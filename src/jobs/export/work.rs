//! The work of an export: count, write, and for ZIP add the pictures.

use std::io::{self, Write as _};
use std::sync::Arc;

use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};
use zip::{CompressionMethod, result::ZipError};

use super::columns::{self, Column};
use super::table::Table;
use super::{Content, ExportRequest, FileFormat};
use crate::domain::{Detection, Event, JobLogLevel, JobResult};
use crate::jobs::shelf::{Part, Shelf};
use crate::jobs::{Desk, JobError, Work, WorkError};
use crate::media::{SnapshotSize, Snapshots};
use crate::store::{DetectionQuery, EventQuery, Page, Range, Reader, StoreError};

/// Records read at a time.
const PAGE: usize = 200;

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
        let mut zip = ZipWriter::new_stream(self.shelf.create(desk.id(), "events.zip")?);
        let packed = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
        zip.start_file("events.csv", packed).map_err(broken_zip)?;
        // The pictures are nearly all of the work: progress is theirs.
        let table = Table::csv(&mut zip, columns);
        let (table, written) = write_rows(desk, (range, columns), &fetch, table, None)?;
        table.end().map_err(broken)?;
        let pictures = self.add_pictures(desk, query, &mut zip, total)?;
        let message = format!("{pictures} pictures added");
        desk.say(JobLogLevel::Info, message, &[("pictures", pictures)]);
        Ok((written, zip.finish().map_err(broken_zip)?.into_inner()))
    }

    fn add_pictures(
        &self,
        desk: &Desk<'_>,
        query: &EventQuery,
        zip: &mut ZipWriter<StreamWriter<Part>>,
        total: u64,
    ) -> Result<u64, WorkError> {
        // A JPEG does not get smaller.
        let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        let (mut pictures, mut done) = (0, 0);
        for_each(desk, &query.range, &|range| self.events(query, range), |event| {
            done += 1;
            desk.progress(done, total);
            desk.go_on()?;
            match self.snapshots.load(event.id, SnapshotSize::Full) {
                Ok(Some(jpeg)) => {
                    let name = format!("pictures/{}.jpg", event.id);
                    zip.start_file(name, stored).map_err(broken_zip)?;
                    zip.write_all(&jpeg).map_err(broken)?;
                    pictures += 1;
                }
                Ok(None) => {}
                Err(reason) => {
                    let message =
                        format!("the picture of event {} is left out: {reason}", event.id);
                    desk.say(JobLogLevel::Warning, message, &[]);
                }
            }
            Ok(())
        })?;
        Ok(pictures)
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

/// Calls `each` for every record in `range`.
fn for_each<T>(
    desk: &Desk<'_>,
    range: &Range,
    fetch: &impl Fn(Range) -> Result<Page<T>, StoreError>,
    mut each: impl FnMut(&T) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let mut next = Range { cursor: None, limit: PAGE, ..range.clone() };
    loop {
        desk.go_on()?;
        let page = fetch(next.clone()).map_err(|error| WorkError::Failed(error.to_string()))?;
        page.items.iter().try_for_each(&mut each)?;
        match page.next_cursor {
            Some(cursor) => next.cursor = Some(cursor),
            None => return Ok(()),
        }
    }
}

fn count<T>(
    desk: &Desk<'_>,
    range: &Range,
    fetch: &impl Fn(Range) -> Result<Page<T>, StoreError>,
) -> Result<u64, WorkError> {
    let mut count = 0;
    for_each(desk, range, fetch, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
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

fn broken(error: io::Error) -> WorkError {
    WorkError::Failed(format!("cannot write the file: {error}"))
}

fn broken_zip(error: ZipError) -> WorkError {
    match error {
        ZipError::Io(error) => broken(error),
        other => WorkError::Failed(format!("cannot write the archive: {other}")),
    }
}
