//! ZIP archives: written as a stream, so that memory stays bounded.

use std::io::{self, Write};

use zip::CompressionMethod;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};

use super::pages::for_each;
use super::shelf::Part;
use super::{Desk, WorkError};
use crate::domain::{Event, JobLogLevel};
use crate::media::{SnapshotSize, Snapshots};
use crate::store::{Page, Range, StoreError};

/// An archive in the making.
pub(super) struct Archive(ZipWriter<StreamWriter<Part>>);

impl Archive {
    /// An empty one.
    pub fn new(part: Part) -> Self {
        Self(ZipWriter::new_stream(part))
    }

    /// Begins a file that is compressed.
    pub fn file(&mut self, name: &str) -> Result<&mut impl Write, WorkError> {
        self.begin(name, CompressionMethod::Deflated)
    }

    fn begin(
        &mut self,
        name: &str,
        method: CompressionMethod,
    ) -> Result<&mut ZipWriter<StreamWriter<Part>>, WorkError> {
        let options = SimpleFileOptions::default().compression_method(method);
        self.0.start_file(name, options).map_err(broken_zip)?;
        Ok(&mut self.0)
    }

    /// Adds the pictures of events as `pictures/<id>.jpg`. One that cannot be read is
    /// named in the log and left out.
    pub fn add_pictures(
        &mut self,
        desk: &Desk<'_>,
        snapshots: &Snapshots,
        (range, fetch): (&Range, &impl Fn(Range) -> Result<Page<Event>, StoreError>),
        total: u64,
    ) -> Result<(), WorkError> {
        let (mut pictures, mut done) = (0, 0);
        for_each(desk, range, fetch, |event| {
            done += 1;
            desk.progress(done, total);
            desk.go_on()?;
            match snapshots.load(event.id, SnapshotSize::Full) {
                Ok(Some(jpeg)) => {
                    pictures += 1;
                    let name = format!("pictures/{}.jpg", event.id);
                    // A JPEG does not get smaller.
                    let file = self.begin(&name, CompressionMethod::Stored)?;
                    file.write_all(&jpeg).map_err(broken)?;
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
        let message = format!("{pictures} pictures added");
        desk.say(JobLogLevel::Info, message, &[("pictures", pictures)]);
        Ok(())
    }

    /// Ends the archive.
    pub fn finish(self) -> Result<Part, WorkError> {
        Ok(self.0.finish().map_err(broken_zip)?.into_inner())
    }
}

/// What is said when the file cannot be written.
pub(super) fn broken(error: io::Error) -> WorkError {
    WorkError::Failed(format!("cannot write the file: {error}"))
}

fn broken_zip(error: ZipError) -> WorkError {
    match error {
        ZipError::Io(error) => broken(error),
        other => WorkError::Failed(format!("cannot write the archive: {other}")),
    }
}
