//! Single records out of the journal, each after its checksum.

use std::io;
use std::path::PathBuf;

use super::Record;
use super::disk::{Disk, DiskFile, read_range};
use super::frame::{FRAME_HEADER, Head};
use super::journal::{Place, segment_path};
use super::keys::Pointer;
use super::stored::{self, Body};

/// Reads records from the journal, keeping the last file and frame at hand:
/// neighbours in time are neighbours on the disk.
pub(super) struct Records<'a> {
    disk: &'a dyn Disk,
    dir: PathBuf,
    file: Option<(u64, Box<dyn DiskFile>)>,
    frame: Option<(Place, Vec<u8>)>,
}

/// Why a record cannot be read.
pub(super) enum Unreadable {
    /// Its segment was dropped by retention.
    SegmentGone,
    /// The place does not hold what it should.
    Damaged,
}

impl From<io::Error> for Unreadable {
    fn from(_: io::Error) -> Self {
        Self::Damaged
    }
}

impl<'a> Records<'a> {
    /// Over the journal in `dir`.
    pub fn new(disk: &'a dyn Disk, dir: PathBuf) -> Self {
        Self { disk, dir, file: None, frame: None }
    }

    /// The record at `pointer`, after its checksum.
    pub fn read(&mut self, pointer: Pointer) -> Result<Record, Unreadable> {
        if self.frame.as_ref().is_none_or(|(place, _)| *place != pointer.place) {
            let body = self.read_frame(pointer.place)?;
            self.frame = Some((pointer.place, body));
        }
        let Some((_, body)) = &self.frame else { return Err(Unreadable::Damaged) };
        let Body::Commit(mut records) = stored::decode(body) else {
            return Err(Unreadable::Damaged);
        };
        records.nth(usize::from(pointer.number)).flatten().ok_or(Unreadable::Damaged)
    }

    fn read_frame(&mut self, place: Place) -> Result<Vec<u8>, Unreadable> {
        let file = self.open(place.segment)?;
        let offset = u64::from(place.offset);
        let head = read_range(file, offset, FRAME_HEADER as u64)?;
        let head = Head::read(&head, place.segment, place.offset).ok_or(Unreadable::Damaged)?;
        let body = read_range(file, offset + FRAME_HEADER as u64, head.body_len as u64)?;
        if head.matches(&body) { Ok(body) } else { Err(Unreadable::Damaged) }
    }

    fn open(&mut self, segment: u64) -> Result<&dyn DiskFile, Unreadable> {
        let kept = self.file.take().filter(|(number, _)| *number == segment);
        let (_, file) = match kept {
            Some(kept) => self.file.insert(kept),
            None => match self.disk.open(&segment_path(&self.dir, segment)) {
                Ok(file) => self.file.insert((segment, file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Err(Unreadable::SegmentGone);
                }
                Err(error) => return Err(error.into()),
            },
        };
        Ok(&**file)
    }
}
