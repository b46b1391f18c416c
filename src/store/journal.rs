//! The journal: segment files that only ever grow at their end.
//!
//! `journal/<20 digits>.wpj`. One writer. Nothing is rewritten in place: after a
//! failed write, a torn tail or damage the writing goes on in a new segment. A
//! segment is closed at [`SEGMENT_BYTES`]; its directory entry is synced before
//! the first record in it.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::frame::{
    BODY_MAX, FRAME_HEADER, Found, NextIds, SEGMENT_HEADER, Scan, push_frame, read_segment_header,
    segment_header,
};
use super::stored::{self, Body};
use super::{Record, StoreError};

/// Size at which a segment is closed: retention removes this much at a time, and
/// a reader of a whole segment needs this much memory.
pub(super) const SEGMENT_BYTES: u64 = 4 << 20;
/// Most of a segment file that is read: what the last frame may add, and no more.
const SEGMENT_READ_MAX: u64 = SEGMENT_BYTES + (BODY_MAX + FRAME_HEADER) as u64;
const EXTENSION: &str = "wpj";

/// Where a frame begins, or where the next one will.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub segment: u64,
    pub offset: u32,
}

/// The journal, open for writing.
pub(super) struct Journal {
    dir: PathBuf,
    file: File,
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
    /// There was no journal before.
    pub is_new: bool,
    /// The last run ended in good order.
    pub was_closed: bool,
}

impl Journal {
    /// Opens the journal in `dir`, creating it if needed. Also says where ids
    /// continue: above every id in any frame that can be read.
    pub fn open(dir: &Path) -> Result<(Self, NextIds, Condition), StoreError> {
        let failed = |what: &str| io_error(format!("{what} {}", dir.display()));
        if !dir.is_dir() {
            fs::create_dir_all(dir).map_err(failed("create"))?;
            if let Some(parent) = dir.parent() {
                sync_dir(parent).map_err(failed("sync the parent of"))?;
            }
        }
        let segments = list(dir).map_err(failed("list"))?;
        let (next, condition) = survey(dir, &segments)?;
        let last = segments.last_key_value().map(|(number, bytes)| (*number, *bytes));
        let is_clean = condition.damaged == 0 && condition.torn == 0;
        let reusable = last.filter(|(_, bytes)| is_clean && *bytes < SEGMENT_BYTES);
        let (file, place) = match reusable {
            Some((segment, bytes)) => {
                let path = segment_path(dir, segment);
                let file = OpenOptions::new().append(true).open(&path);
                let file = file.map_err(io_error(format!("open {}", path.display())))?;
                (file, Place { segment, offset: bytes as u32 })
            }
            None => create_segment(dir, last.map_or(1, |(number, _)| number + 1), next)?,
        };
        let mut journal = Self { dir: dir.to_owned(), file, place, segments, is_soiled: false };
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
            if self.is_soiled || u64::from(end) >= SEGMENT_BYTES {
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
        self.file.sync_data().map_err(|error| {
            // The kernel has forgotten which pages failed; this file cannot be
            // trusted with more.
            self.is_soiled = true;
            io_error(format!("sync {}", self.name()))(error)
        })
    }

    /// Continues in a new segment.
    fn rotate(&mut self, next: NextIds) -> Result<(), StoreError> {
        let synced = self.file.sync_data();
        if !self.is_soiled {
            synced.map_err(io_error(format!("sync {}", self.name())))?;
        }
        let (file, place) = create_segment(&self.dir, self.place.segment + 1, next)?;
        (self.file, self.place, self.is_soiled) = (file, place, false);
        self.segments.insert(place.segment, u64::from(place.offset));
        Ok(())
    }

    /// Whether the file being written is the one that its name leads to. It is
    /// not when the state directory was deleted, replaced or mounted over: what
    /// is written then goes nowhere.
    pub fn is_in_place(&self) -> bool {
        let named = fs::metadata(segment_path(&self.dir, self.place.segment));
        match (named, self.file.metadata()) {
            (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
            (Err(error), _) => {
                !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
            // Says nothing about where the file is; writing will tell.
            (_, Err(_)) => true,
        }
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
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(io_error(format!("remove {}", path.display()))(error))
            }
            _ => {
                self.segments.remove(&segment);
                sync_dir(&self.dir).map_err(io_error(format!("sync {}", self.dir.display())))
            }
        }
    }

    fn name(&self) -> String {
        segment_path(&self.dir, self.place.segment).display().to_string()
    }
}

/// Looks through the last segments: back to the first whose header can be read,
/// because that header says where the ids stood when it was begun.
fn survey(dir: &Path, segments: &BTreeMap<u64, u64>) -> Result<(NextIds, Condition), StoreError> {
    let mut next = NextIds { detection: 1, event: 1 };
    let mut condition = Condition { is_new: segments.is_empty(), ..Condition::default() };
    for (step, number) in segments.keys().rev().enumerate() {
        let path = segment_path(dir, *number);
        let bytes = read_segment(&path).map_err(io_error(format!("read {}", path.display())))?;
        for found in Scan::new(&bytes, *number, SEGMENT_HEADER as u32) {
            let is_last = step == 0;
            match found {
                Found::Frame { body, .. } => {
                    let (ids, is_closing) = ids_after(body);
                    next = next.max(ids);
                    condition.was_closed = if is_last { is_closing } else { condition.was_closed };
                }
                Found::Damaged { len, .. } => {
                    condition.damaged += 1;
                    condition.lost_bytes += u64::from(len);
                }
                Found::Torn { len, .. } => {
                    condition.torn += 1;
                    condition.lost_bytes += u64::from(len);
                    condition.was_closed &= !is_last;
                }
            }
        }
        if let Some(ids) = read_segment_header(*number, &bytes) {
            return Ok((next.max(ids), condition));
        }
        condition.damaged += 1;
    }
    Ok((next, condition))
}

/// The ids above all in this frame, and whether it closes a run.
fn ids_after(body: &[u8]) -> (NextIds, bool) {
    let mut next = NextIds { detection: 1, event: 1 };
    match stored::decode(body) {
        Body::Closed(ids) => return (ids, true),
        Body::Unknown => {}
        Body::Commit(records) => {
            for record in records.flatten() {
                match record {
                    Record::Detection(d) => next.detection = next.detection.max(d.id.0 + 1),
                    Record::Event(e) => next.event = next.event.max(e.id.0 + 1),
                }
            }
        }
    }
    (next, false)
}

fn create_segment(dir: &Path, number: u64, next: NextIds) -> Result<(File, Place), StoreError> {
    let path = segment_path(dir, number);
    let create = || {
        let mut file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        let written = file.write_all(&segment_header(number, next)).and_then(|()| file.sync_all());
        if let Err(error) = written.and_then(|()| sync_dir(dir)) {
            // It holds no record. If it cannot be removed either, the number is
            // taken and the next try fails with a clear reason.
            let _ = fs::remove_file(&path);
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
pub(super) fn list(dir: &Path) -> io::Result<BTreeMap<u64, u64>> {
    let mut segments = BTreeMap::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = entry.path();
        if path.extension().is_some_and(|ext| ext == EXTENSION) {
            let number = path.file_stem().and_then(|stem| stem.to_str()).map(str::parse);
            if let Some(Ok(number)) = number {
                segments.insert(number, entry.metadata()?.len());
            }
        }
    }
    Ok(segments)
}

/// A whole segment, at most [`SEGMENT_READ_MAX`] of it.
pub(super) fn read_segment(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(SEGMENT_READ_MAX).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Makes the names in `dir` survive a power cut.
pub(super) fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
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
    use super::*;

    const START: NextIds = NextIds { detection: 1, event: 1 };

    fn commit(records: &[Record]) -> Vec<u8> {
        stored::encode_commit(records).unwrap()
    }

    #[test]
    fn ids_continue_above_the_highest_record_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(dir.path()).unwrap();
        assert_eq!(next, START);
        let body = commit(&[Record::Detection(detection(41, 1)), Record::Event(event(7, 0, 1))]);
        journal.append(&[&body], next).unwrap();
        let (_, next, condition) = Journal::open(dir.path()).unwrap();
        assert_eq!(next, NextIds { detection: 42, event: 8 });
        assert_eq!(condition, Condition::default());
    }

    #[test]
    fn after_a_torn_tail_writing_goes_on_in_a_new_segment_and_the_tail_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(dir.path()).unwrap();
        let body = commit(&[Record::Detection(detection(1, 1))]);
        journal.append(&[&body, &body], next).unwrap();
        let path = segment_path(dir.path(), 1);
        let torn = fs::read(&path).unwrap();
        fs::write(&path, &torn[..torn.len() - 3]).unwrap();
        let (journal, _, condition) = Journal::open(dir.path()).unwrap();
        assert_eq!((condition.torn, condition.damaged), (1, 0));
        assert_eq!(journal.place().segment, 2);
        assert_eq!(fs::read(&path).unwrap().len(), torn.len() - 3);
    }

    #[test]
    fn a_full_segment_is_followed_by_another_that_says_where_ids_stand() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, _, _) = Journal::open(dir.path()).unwrap();
        let large = vec![9; BODY_MAX];
        for _ in 0..5 {
            journal.append(&[&large], NextIds { detection: 500, event: 60 }).unwrap();
        }
        assert_eq!(journal.segments().len(), 2);
        let (_, next, _) = Journal::open(dir.path()).unwrap();
        assert_eq!(next, NextIds { detection: 500, event: 60 });
    }

    #[test]
    fn one_large_group_is_spread_over_segments_that_can_each_be_read_whole() {
        let dir = tempfile::tempdir().unwrap();
        let (mut journal, next, _) = Journal::open(dir.path()).unwrap();
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
        let (mut journal, next, _) = Journal::open(dir.path()).unwrap();
        journal.append(&[&commit(&[Record::Event(event(7, 0, 1))])], next).unwrap();
        let path = segment_path(dir.path(), 1);
        let mut bytes = fs::read(&path).unwrap();
        bytes[3] ^= 1;
        fs::write(&path, bytes).unwrap();
        let (_, next, condition) = Journal::open(dir.path()).unwrap();
        assert_eq!((next.event, condition.damaged), (8, 1));
    }
}
