//! Reads stretches of journal segments, each frame after its checksum.
//!
//! Memory: one stretch (32 KiB, or a frame of 1 MiB).

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::Record;
use super::clock_shifts::ClockShifts;
use super::disk::{Disk, DiskFile, read_range};
use super::frame::{Found, Scan};
use super::journal::{Place, segment_path};
use super::keys::Pointer;
use super::outline::Stretch;
use super::stored::{self, Body};
use crate::domain::Detection;
use crate::health::Counter;

/// Over one journal, keeping the last file open.
pub(super) struct Stretches<'a> {
    disk: &'a dyn Disk,
    dir: PathBuf,
    /// Counts what cannot be read.
    unreadable: &'a Counter,
    /// For those that were made before the clock was set.
    shifts: Arc<ClockShifts>,
    file: Option<(u64, Box<dyn DiskFile>)>,
}

impl<'a> Stretches<'a> {
    /// Over the journal in `dir`.
    pub fn new(
        disk: &'a dyn Disk,
        dir: PathBuf,
        unreadable: &'a Counter,
        shifts: Arc<ClockShifts>,
    ) -> Self {
        Self { disk, dir, unreadable, shifts, file: None }
    }

    /// Shows every detection of a stretch, in the order of the journal. What is
    /// damaged is passed over and counted; a segment that retention has dropped
    /// has none.
    pub fn visit(
        &mut self,
        segment: u64,
        stretch: &Stretch,
        mut show: impl FnMut(Pointer, Detection),
    ) {
        let bytes = match self.read(segment, stretch) {
            Ok(bytes) => bytes,
            Err(error) => {
                if error.kind() != io::ErrorKind::NotFound {
                    self.unreadable.inc();
                }
                return;
            }
        };
        if bytes.len() < (stretch.end - stretch.offset) as usize {
            self.unreadable.inc();
        }
        for found in Scan::part(&bytes, segment, stretch.offset) {
            let Found::Frame { offset, body } = found else {
                self.unreadable.inc();
                continue;
            };
            let Body::Commit(records) = stored::decode(body) else { continue };
            for (number, record) in (0_u16..).zip(records) {
                if let Some(Record::Detection(detection)) = record {
                    let detection = self.shifts.date(detection);
                    show(Pointer { place: Place { segment, offset }, number }, detection);
                }
            }
        }
    }

    fn read(&mut self, segment: u64, stretch: &Stretch) -> io::Result<Vec<u8>> {
        let kept = self.file.take().filter(|(number, _)| *number == segment);
        let file = match kept {
            Some((_, file)) => file,
            None => self.disk.open(&segment_path(&self.dir, segment))?,
        };
        let len = u64::from(stretch.end - stretch.offset);
        let bytes = read_range(file.as_ref(), u64::from(stretch.offset), len);
        self.file = Some((segment, file));
        bytes
    }
}
