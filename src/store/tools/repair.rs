//! Gives damaged segments a sound form, so that a check is quiet again.
//!
//! What is readable of a damaged segment is copied into a new one of the same
//! number; the original goes to `quarantine-journal` first, as it is. The new
//! segment takes its place in one rename: killed at any step, the store opens
//! with all that could be read before. Torn tails are no damage, and segments of
//! a later version of the program are left alone. The index points into the old
//! segments and must be gone before ([`remove_index`]).

use std::io;
use std::path::{Path, PathBuf};

use super::{OnProgress, Progress};
use crate::store::disk::{Disk, RealDisk};
use crate::store::frame::{
    Found, Header, NextIds, SEGMENT_HEADER, Scan, push_frame, read_segment_header, segment_header,
};
use crate::store::journal::{SEGMENT_READ_MAX, ids_after, io_error, list, segment_path};
use crate::store::{StoreError, index_files, stored};

const QUARANTINE: &str = "quarantine-journal";
/// Ends the name of a segment that is being written.
const UNFINISHED: &str = "repair";
/// Bytes read at once: one bad place of a card costs no more than this.
const BLOCK: usize = 4096;

/// What a repair did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepairReport {
    /// Segments looked at.
    pub segments: u64,
    /// Numbers of the segments that were damaged and are sound now.
    pub repaired: Vec<u64>,
    /// Frames that were carried over.
    pub kept_frames: u64,
    /// Bytes that could not be.
    pub lost_bytes: u64,
    /// Segments of a later version of the program, left alone.
    pub later_segments: u64,
    /// Where the originals are, if anything was repaired.
    pub quarantine: Option<PathBuf>,
}

/// Removes the index of the store in `dir`; it is built again from the journal at
/// the next opening.
///
/// # Errors
/// The system's.
pub fn remove_index(dir: &Path) -> Result<(), StoreError> {
    index_files::remove_all(dir).map_err(io_error(format!("remove the index in {}", dir.display())))
}

/// Repairs the journal of the store in `dir`, which nobody else may have open.
///
/// # Errors
/// When a segment cannot be opened or written; what was repaired so far stays.
pub fn repair(dir: &Path, on_progress: OnProgress<'_>) -> Result<RepairReport, StoreError> {
    remove_index(dir)?;
    repair_on(&RealDisk, dir, on_progress)
}

/// [`repair`] on another disk, without its index.
///
/// # Errors
/// As [`repair`].
pub fn repair_on(
    disk: &dyn Disk,
    dir: &Path,
    on_progress: OnProgress<'_>,
) -> Result<RepairReport, StoreError> {
    let journal = dir.join("journal");
    let failed = |what: &str| io_error(format!("{what} {}", journal.display()));
    remove_unfinished(disk, &journal).map_err(failed("tidy up"))?;
    let segments = list(disk, &journal).map_err(failed("list"))?;
    let mut progress = Progress { done_bytes: 0, all_bytes: segments.values().sum() };
    let mut report = RepairReport::default();
    let mut next = NextIds { detection: 1, event: 1 };
    for (number, size) in segments {
        if on_progress(progress).is_break() {
            return Ok(report);
        }
        let path = segment_path(&journal, number);
        let named = |what: &str| io_error(format!("{what} {}", path.display()));
        let bytes = salvage(disk, &path).map_err(named("read"))?;
        report.segments += 1;
        let header = read_segment_header(number, &bytes);
        if let Header::Later(ids) = header {
            report.later_segments += 1;
            next = next.max(ids).plus(size);
        } else {
            let contents = Contents::of(number, &bytes);
            let began_at = if let Header::Ours(ids) = header { ids } else { next };
            next = next.max(began_at).max(contents.next);
            if contents.is_damaged || header == Header::Damaged {
                next = next.plus(contents.lost_bytes);
                let sound = contents.rewritten(number, began_at, next);
                let quarantine = dir.join(QUARANTINE);
                keep_original(disk, &quarantine, number, &bytes)
                    .map_err(named("keep a copy of"))?;
                replace(disk, &journal, number, &sound).map_err(named("replace"))?;
                report.repaired.push(number);
                report.kept_frames += contents.bodies.len() as u64;
                report.lost_bytes += contents.lost_bytes;
                report.quarantine = Some(quarantine);
            }
        }
        progress.done_bytes += size;
    }
    // Everything is done: there is nothing left to stop.
    let _ = on_progress(progress);
    Ok(report)
}

/// A segment's bytes, with zeros where the disk does not give them.
fn salvage(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let size = file.size()?.min(SEGMENT_READ_MAX);
    let mut bytes = vec![0; usize::try_from(size).map_err(io::Error::other)?];
    let mut offset = 0;
    for block in bytes.chunks_mut(BLOCK) {
        if file.read_at(block, offset).is_err() {
            block.fill(0);
        }
        offset += block.len() as u64;
    }
    Ok(bytes)
}

/// What is in a segment.
struct Contents<'a> {
    bodies: Vec<&'a [u8]>,
    next: NextIds,
    is_damaged: bool,
    lost_bytes: u64,
}

impl<'a> Contents<'a> {
    fn of(number: u64, bytes: &'a [u8]) -> Self {
        let next = NextIds { detection: 1, event: 1 };
        let mut contents = Self { bodies: Vec::new(), next, is_damaged: false, lost_bytes: 0 };
        for found in Scan::new(bytes, number, SEGMENT_HEADER as u32) {
            match found {
                Found::Frame { body, .. } => {
                    contents.next = contents.next.max(ids_after(body).next);
                    contents.bodies.push(body);
                }
                Found::Damaged { len, .. } => {
                    contents.is_damaged = true;
                    contents.lost_bytes += u64::from(len);
                }
                Found::Torn { len, .. } => contents.lost_bytes += u64::from(len),
            }
        }
        contents
    }

    /// A sound segment with the same frames, which says that ids continue at
    /// `next`: a record takes more than one byte, so the lost bytes bound the
    /// lost ids.
    fn rewritten(&self, number: u64, began_at: NextIds, next: NextIds) -> Vec<u8> {
        let mut bytes = segment_header(number, began_at);
        let continued = stored::encode_continued(next);
        for body in self.bodies.iter().copied().chain([continued.as_slice()]) {
            let offset = bytes.len() as u32;
            push_frame(&mut bytes, number, offset, body);
        }
        bytes
    }
}

/// Writes down the original, durably, under a name that is not taken.
fn keep_original(disk: &dyn Disk, dir: &Path, number: u64, bytes: &[u8]) -> io::Result<()> {
    if !disk.is_dir(dir) {
        disk.create_dirs(dir)?;
    }
    if let Some(parent) = dir.parent() {
        disk.sync_dir(parent)?;
    }
    remove_unfinished(disk, dir)?;
    let unfinished = dir.join(format!("{number:020}.{UNFINISHED}"));
    write_new(disk, &unfinished, bytes)?;
    let taken = disk.list(dir)?;
    let name = (0..)
        .map(|try_| format!("{number:020}-{try_}.wpj"))
        .find(|name| taken.iter().all(|(other, _)| other != name));
    // More names than a directory can hold.
    let name = name.ok_or(io::ErrorKind::AlreadyExists)?;
    disk.rename(&unfinished, &dir.join(name))?;
    disk.sync_dir(dir)
}

/// Puts `bytes` in the place of a segment, in one step.
fn replace(disk: &dyn Disk, journal: &Path, number: u64, bytes: &[u8]) -> io::Result<()> {
    let unfinished = journal.join(format!("{number:020}.{UNFINISHED}"));
    write_new(disk, &unfinished, bytes)?;
    disk.rename(&unfinished, &segment_path(journal, number))?;
    disk.sync_dir(journal)
}

fn write_new(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = disk.create(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync());
    if written.is_err() {
        // It is in nobody's way, and the next repair removes it.
        let _ = disk.remove(path);
    }
    written
}

fn remove_unfinished(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    let suffix = format!(".{UNFINISHED}");
    let left = disk.list(dir)?.into_iter().filter(|(name, _)| name.ends_with(&suffix));
    left.into_iter().try_for_each(|(name, _)| disk.remove(&dir.join(name)))
}
