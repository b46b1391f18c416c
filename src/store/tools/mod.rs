//! Looks after a store: for the command line and for support.
//!
//! Reads one segment at a time, so memory is bounded by a segment (5 MiB). Only
//! [`repair`] and [`Import`] change anything, and they are for a store that
//! nobody else has open. The others do not disturb a running daemon; its half
//! written last frame may then show as a torn tail.

mod check;
mod export;
mod import;
mod repair;
mod stats;

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

pub use check::{CheckReport, FINDINGS_MAX, check, check_on, check_with};
pub use export::{Exported, export};
pub use import::{FAULTS_MAX, Import, Imported};
pub use repair::{RepairReport, remove_index, repair, repair_on};
pub use stats::{StoreStats, stats, stats_with};

use super::disk::Disk;
use super::frame::{Found, SEGMENT_HEADER, Scan};
use super::journal::{io_error, list, read_segment, segment_path};
use super::stored::{self, Body};
use super::{Record, StoreError};

/// How far a tool has come, bytes of the journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Looked at.
    pub done_bytes: u64,
    /// In all.
    pub all_bytes: u64,
}

/// Told after each segment, and says whether to go on. A tool that is not to ends
/// with what it has done so far.
pub type OnProgress<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// For who does not care how far a tool is.
pub fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

/// Whether there is a store in `dir`.
pub fn is_store(disk: &dyn Disk, dir: &Path) -> bool {
    disk.is_dir(&dir.join("journal"))
}

/// Shows every undamaged record in the journal of the store in `dir`, oldest
/// first, with its segment; those of one commit come together.
///
/// # Errors
/// When the journal cannot be listed or a segment cannot be read.
pub fn for_each_commit(
    disk: &dyn Disk,
    dir: &Path,
    mut visit: impl FnMut(u64, Vec<Record>),
) -> Result<(), StoreError> {
    for_each_segment(disk, dir, &mut go_on, |segment| {
        for found in segment.scan() {
            if let Found::Frame { body, .. } = found
                && let Body::Commit(records) = stored::decode(body)
            {
                visit(segment.number, records.flatten().collect());
            }
        }
        Ok(())
    })
}

/// One segment as a whole.
struct Segment<'a> {
    path: &'a Path,
    number: u64,
    bytes: &'a [u8],
}

impl<'a> Segment<'a> {
    fn scan(&self) -> Scan<'a> {
        Scan::new(self.bytes, self.number, SEGMENT_HEADER as u32)
    }
}

fn for_each_segment(
    disk: &dyn Disk,
    dir: &Path,
    on_progress: OnProgress<'_>,
    mut visit: impl FnMut(&Segment<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let journal = dir.join("journal");
    let segments = list(disk, &journal).map_err(io_error(format!("list {}", journal.display())))?;
    let mut progress = Progress { done_bytes: 0, all_bytes: segments.values().sum() };
    for (number, size) in segments {
        if on_progress(progress).is_break() {
            return Ok(());
        }
        let path = segment_path(&journal, number);
        match read_segment(disk, &path) {
            Ok(bytes) => visit(&Segment { path: &path, number, bytes: &bytes })?,
            // Retention of a running daemon came first.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(format!("read {}", path.display()))(error)),
        }
        progress.done_bytes += size;
    }
    // Everything is done: there is nothing left to stop.
    let _ = on_progress(progress);
    Ok(())
}
