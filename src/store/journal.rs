//! The journal: segment files that only ever grow at their end.
//!
//! `journal/<20 digits>.wpj`. One writer. Nothing is rewritten in place: after a
//! failed write, a torn tail or damage the writing goes on in a new segment. A
//! segment is closed at 4 MiB ([`Ground::segment_bytes`]); its directory entry is synced before
//! the first record in it.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use super::disk::{Disk, DiskFile, Ground, read_range, sync_way_to};
use super::frame::{
    BODY_MAX, FRAME_HEADER, Found, Header, NextIds, SEGMENT_HEADER, Scan, push_frame,
    read_segment_header, segment_header,
};
use super::stored::{self, Body};
use super::{Record, StoreError};

/// Most of a segment file that is read: what the last frame may add to one of
/// the usual size, and no more.
pub(super) const SEGMENT_READ_MAX: u64 = (4 << 20) + (BODY_MAX + FRAME_HEADER) as u64;
const EXTENSION: &str = "wpj";

/// Where a frame begins, or where the next one will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub segment: u64,
    pub offset: u32,
}

/// The journal, open for writing.
pub(super) struct Journal {
    ground: Ground,
    dir: PathBuf,
    file: Box<dyn DiskFile>,
    place: Place,
    /// Bytes of every segment, the current one included.
    segments: BTreeMap<u64, u64>,
    /// A write failed; what it left at the end of the segment is unknown.
    is_soiled: bool,
}

/// What was found when the journal was opened.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Condition {
    /// Places that are no frames.
    pub damaged: u64,
    /// Half written ends.
    pub torn: u64,
    /// Bytes of both.
    pub lost_bytes: u64,
    /// Bytes of frames that hold what a later version of the program wrote.
    pub unknown_bytes: u64,
    /// Segments of such a version; nothing is added to them.
    pub later_segments: u64,
    /// There was no journal before.
    pub is_new: bool,
    /// The last run ended in good order.
    pub was_closed: bool,
}

impl Journal {
    /// Opens the journal in `dir`, creating it if needed. Also says where ids
    /// continue: above every id in any frame that can be read.
    pub fn open(ground: &Ground, dir: &Path) -> Result<(Self, NextIds, Condition), StoreError> {
        let failed = |what: &str| io_error(format!("{what} {}", dir.display()));
        let disk = ground.disk.as_ref();
        if !disk.is_dir(dir) {
            disk.create_dirs(dir).map_err(failed("create"))?;
        }
        sync_way_to(disk, dir).map_err(failed("sync the directories above"))?;
        let segments = list(disk, dir).map_err(failed("list"))?;
        let (next, condition) = survey(disk, dir, &segments)?;
        let last = segments.last_key_value().map(|(number, bytes)| (*number, *bytes));
        let is_clean =
            condition.damaged == 0 && condition.torn == 0 && condition.later_segments == 0;
        let reusable =
            last.filter(|(_, bytes)| is_clean && *bytes < u64::from(ground.segment_bytes));
        let (file, place) = match reusable {
            Some((segment, bytes)) => {
                let path = segment_path(dir, segment);
                let file = disk.append(&path);
                // Whoever made it may have ended before its name was synced.
                disk.sync_dir(dir).map_err(failed("sync"))?;
                let file = file.map_err(io_error(format!("open {}", path.display())))?;
                (file, Place { segment, offset: bytes as u32 })
            }
            None => create_segment(disk, dir, last.map_or(1, |(number, _)| number + 1), next)?,
        };
        let (ground, dir) = (ground.clone(), dir.to_owned());
        let mut journal = Self { ground, dir, file, place, segments, is_soiled: false };
        journal.segments.insert(place.segment, u64::from(place.offset));
        Ok((journal, next, condition))
    }

    /// Writes `bodies`, one frame each, and says where they begin. When this
    /// fails, none counts as written.
    pub fn append(&mut self, bodies: &[&[u8]], next: NextIds) -> Result<Vec<Place>, StoreError> {
        let mut places = Vec::with_capacity(bodies.len());
        let mut bytes = Vec::new();
        for body in bodies {
            let end = self.place.offset + bytes.len() as u32;
            if self.is_soiled || end >= self.ground.segment_bytes {
                self.write(&std::mem::take(&mut bytes))?;
                self.rotate(next)?;
            }
            let segment = self.place.segment;
            let offset = self.place.offset + bytes.len() as u32;
            places.push(Place { segment, offset });
            push_frame(&mut bytes, segment, offset, body);
        }
        self.write(&bytes)?;
        Ok(places)
    }

    fn write(&mut self, frames: &[u8]) -> Result<(), StoreError> {
        if frames.is_empty() {
            return Ok(());
        }
        self.is_soiled = true;
        self.file.write_all(frames).map_err(io_error(format!("write to {}", self.name())))?;
        self.is_soiled = false;
        self.place.offset += frames.len() as u32;
        self.segments.insert(self.place.segment, u64::from(self.place.offset));
        Ok(())
    }

    /// Makes everything written so far survive a power cut.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.file.sync().map_err(|error| {
            // The kernel has forgotten which pages failed; this file cannot be
            // trusted with more.
            self.is_soiled = true;
            io_error(format!("sync {}", self.name()))(error)
        })
    }

    /// Continues in a new segment.
    fn rotate(&mut self, next: NextIds) -> Result<(), StoreError> {
        let synced = self.file.sync();
        if !self.is_soiled {
            synced.map_err(io_error(format!("sync {}", self.name())))?;
        }
        let (file, place) = create_segment(self.disk(), &self.dir, self.place.segment + 1, next)?;
        (self.file, self.place, self.is_soiled) = (file, place, false);
        self.segments.insert(place.segment, u64::from(place.offset));
        Ok(())
    }

    /// Whether the file being written is the one that its name leads to. It is
    /// not when the state directory was deleted, replaced or mounted over: what
    /// is written then goes nowhere.
    pub fn is_in_place(&self) -> bool {
        self.file.is_at(&segment_path(&self.dir, self.place.segment))
    }

    /// The disk it lies on.
    pub fn disk(&self) -> &dyn Disk {
        self.ground.disk.as_ref()
    }

    /// A whole closed segment, or the current one as far as it is written.
    pub fn read(&self, segment: u64) -> io::Result<Vec<u8>> {
        let mut bytes = read_segment(self.disk(), &segment_path(&self.dir, segment))?;
        if segment == self.place.segment {
            bytes.truncate(self.place.offset as usize);
        }
        Ok(bytes)
    }

    /// Where the next frame will begin.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The segments and their sizes, oldest first, the current one last.
    pub fn segments(&self) -> &BTreeMap<u64, u64> {
        &self.segments
    }

    /// Bytes of all segments.
    pub fn bytes(&self) -> u64 {
        self.segments.values().sum()
    }

    /// Removes a closed segment. Removing it twice is no error.
    pub fn remove(&mut self, segment: u64) -> Result<(), StoreError> {
        debug_assert_ne!(segment, self.place.segment, "the current segment stays");
        let path = segment_path(&self.dir, segment);
        match self.disk().remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(format!("remove {}", path.display()))(error))
            }
            _ => {
                self.segments.remove(&segment);
                // It is gone for this run. A power cut may bring it back; then
                // it goes again.
                if let Err(error) = self.disk().sync_dir(&self.dir) {
                    log::warn!(error:%, segment; "The removal of a segment could not be synced.");
                }
                Ok(())
            }
        }
    }

    fn name(&self) -> String {
        segment_path(&self.dir, self.place.segment).display().to_string()
    }
}

/// Looks through the last segments: back to the first whose header can be read,
/// because that header says where the ids stood when it was begun.
fn survey(
    disk: &dyn Disk,
    dir: &Path,
    segments: &BTreeMap<u64, u64>,
) -> Result<(NextIds, Condition), StoreError> {
    let mut next = NextIds { detection: 1, event: 1 };
    let mut condition = Condition { is_new: segments.is_empty(), ..Condition::default() };
    let mut unreadable = None;
    for (step, (number, size)) in segments.iter().rev().enumerate() {
        let path = segment_path(dir, *number);
        let bytes = match read_segment(disk, &path) {
            Ok(bytes) => bytes,
            Err(error) => {
                log::warn!(error:%, segment = *number; "A segment cannot be read.");
                condition.damaged += 1;
                condition.lost_bytes += size;
                unreadable = Some(io_error(format!("read {}", path.display()))(error));
                continue;
            }
        };
        let header = read_segment_header(*number, &bytes);
        if let Header::Later(ids) = header {
            condition.later_segments += 1;
            condition.unknown_bytes += size;
            return Ok((next.max(ids), condition));
        }
        for found in Scan::new(&bytes, *number, SEGMENT_HEADER as u32) {
            condition.note(&found, step == 0, &mut next);
        }
        if let Header::Ours(ids) = header {
            return Ok((next.max(ids), condition));
        }
        condition.damaged += 1;
    }
    // Without any header the ids of segments that retention has dropped are not
    // known; frames tell them, but not those that cannot be read.
    unreadable.map_or(Ok((next, condition)), Err)
}

impl Condition {
    fn note(&mut self, found: &Found<'_>, is_last_segment: bool, next: &mut NextIds) {
        match *found {
            Found::Frame { body, .. } => {
                let ids = ids_after(body);
                *next = next.max(ids.next);
                self.unknown_bytes += ids.unknown_bytes;
                if is_last_segment {
                    self.was_closed = ids.is_closing;
                }
            }
            Found::Damaged { len, .. } => {
                self.damaged += 1;
                self.lost_bytes += u64::from(len);
            }
            Found::Torn { len, .. } => {
                self.torn += 1;
                self.lost_bytes += u64::from(len);
                self.was_closed &= !is_last_segment;
            }
        }
    }
}

/// What a frame says of ids.
pub(super) struct IdsAfter {
    /// Above all in this frame.
    pub next: NextIds,
    /// It closes a run.
    pub is_closing: bool,
    /// Its bytes, if there is something in it that cannot be read.
    pub unknown_bytes: u64,
}

/// What the frame with this body says of ids.
pub(super) fn ids_after(body: &[u8]) -> IdsAfter {
    let next = NextIds { detection: 1, event: 1 };
    let mut ids = IdsAfter { next, is_closing: false, unknown_bytes: 0 };
    match stored::decode(body) {
        Body::Closed(next) => return IdsAfter { next, is_closing: true, ..ids },
        Body::Continued(next) => return IdsAfter { next, ..ids },
        Body::Unknown => ids.unknown_bytes = body.len() as u64,
        Body::Commit(records) => {
            for record in records {
                match record {
                    Some(Record::Detection(d)) => {
                        ids.next.detection = ids.next.detection.max(d.id.0 + 1);
                    }
                    Some(Record::Event(e)) => ids.next.event = ids.next.event.max(e.id.0 + 1),
                    Some(Record::SceneChange(c)) => {
                        ids.next.event = ids.next.event.max(c.id.0 + 1);
                    }
                    // These have ids that nobody counts.
                    Some(
                        Record::Alert(_)
                        | Record::AlertRule(_)
                        | Record::Setting(_)
                        | Record::Removed(_),
                    ) => {}
                    None => ids.unknown_bytes = body.len() as u64,
                }
            }
        }
    }
    ids
}

fn create_segment(
    disk: &dyn Disk,
    dir: &Path,
    number: u64,
    next: NextIds,
) -> Result<(Box<dyn DiskFile>, Place), StoreError> {
    let path = segment_path(dir, number);
    let create = || {
        let mut file = disk.create(&path)?;
        let written = file.write_all(&segment_header(number, next)).and_then(|()| file.sync());
        if let Err(error) = written.and_then(|()| disk.sync_dir(dir)) {
            // It holds no record. If it cannot be removed either, the number is
            // taken and the next try fails with a clear reason.
            let _ = disk.remove(&path);
            return Err(error);
        }
        Ok(file)
    };
    let file = create().map_err(io_error(format!("create {}", path.display())))?;
    Ok((file, Place { segment: number, offset: SEGMENT_HEADER as u32 }))
}

/// The path of a segment.
pub(super) fn segment_path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:020}.{EXTENSION}"))
}

/// Numbers and sizes of the segments in `dir`; other files are not looked at.
pub(super) fn list(disk: &dyn Disk, dir: &Path) -> io::Result<BTreeMap<u64, u64>> {
    let files = disk.list(dir)?.into_iter();
    let numbered = files.filter_map(|(name, bytes)| {
        let stem = name.strip_suffix(EXTENSION)?.strip_suffix('.')?;
        Some((stem.parse().ok()?, bytes))
    });
    Ok(numbered.collect())
}

/// A whole segment, at most [`SEGMENT_READ_MAX`] of it.
pub(super) fn read_segment(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    read_range(disk.open(path)?.as_ref(), 0, SEGMENT_READ_MAX)
}

/// Turns an error of the system into one of the store; lack of space has its own.
pub(super) fn io_error(what: impl Into<String>) -> impl FnOnce(io::Error) -> StoreError {
    let what = what.into();
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full,
        _ => StoreError::Io { what, reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{detection, event};
    use std::fs;

    use super::*;

    const START: NextIds = NextIds { detection: 1, event: 1 };

    fn commit(records: &[Record]) -> Vec<u8> {
        stored::encode_commit(records).unwrap()
    }

    #[test]
    fn ids_continue_above_the_highest_record_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(&Ground::default(), dir.path()).unwrap();
        assert_eq!(next, START);
        let body = commit(&[Record::Detection(detection(41, 1)), Record::Event(event(7, 0, 1))]);
        journal.append(&[&body], next).unwrap();
        let (_, next, condition) = Journal::open(&Ground::default(), dir.path()).unwrap();
        assert_eq!(next, NextIds { detection: 42, event: 8 });
        assert_eq!(condition, Condition::default());
    }

    #[test]
    fn after_a_torn_tail_writing_goes_on_in_a_new_segment_and_the_tail_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(&Ground::default(), dir.path()).unwrap();
        let body = commit(&[Record::Detection(detection(1, 1))]);
        journal.append(&[&body, &body], next).unwrap();
        let path = segment_path(dir.path(), 1);
        let torn = fs::read(&path).unwrap();
        fs::write(&path, &torn[..torn.len() - 3]).unwrap();
        let (journal, _, condition) = Journal::open(&Ground::default(), dir.path()).unwrap();
        assert_eq!((condition.torn, condition.damaged), (1, 0));
        assert_eq!(journal.place().segment, 2);
        assert_eq!(fs::read(&path).unwrap().len(), torn.len() - 3);
    }

    #[test]
    fn a_full_segment_is_followed_by_another_that_says_where_ids_stand() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _, _) = Journal::open(&Ground::default(), dir.path()).unwrap();
        let large = vec![9; BODY_MAX];
        for _ in 0..5 {
            journal.append(&[&large], NextIds { detection: 500, event: 60 }).unwrap();
        }
        assert_eq!(journal.segments().len(), 2);
        let (_, next, _) = Journal::open(&Ground::default(), dir.path()).unwrap();
        assert_eq!(next, NextIds { detection: 500, event: 60 });
    }

    #[test]
    fn one_large_group_is_spread_over_segments_that_can_each_be_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(&Ground::default(), dir.path()).unwrap();
        let large = vec![9; BODY_MAX];
        let places = journal.append(&[large.as_slice(); 12], next).unwrap();
        assert_eq!(places.last().map(|place| place.segment), Some(3));
        for bytes in journal.segments().values() {
            assert!(*bytes <= SEGMENT_READ_MAX, "{bytes}");
        }
    }

    #[test]
    fn a_damaged_segment_header_costs_no_record_and_no_id() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(&Ground::default(), dir.path()).unwrap();
        journal.append(&[&commit(&[Record::Event(event(7, 0, 1))])], next).unwrap();
        let path = segment_path(dir.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (_, next, condition) = Journal::open(&Ground::default(), dir.path()).unwrap();
        assert_eq!((next.event, condition.damaged), (8, 1));
    }
}
