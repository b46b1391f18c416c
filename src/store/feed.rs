//! The journal from one end to the other, for whoever hands records on.
//!
//! [`Feed`] shows records in the order in which they were written, once they are
//! synced: what is handed on is never taken back by a power cut, and a place never
//! holds another record later. [`Keeper`] is whoever has not handed on everything
//! yet: retention asks before it removes a segment for its age, and tells before it
//! removes one for lack of space. Memory: one stretch of the journal
//! ([`READ_BYTES`], or a frame of 1 MiB).

use std::fmt;
use std::io;
use std::path::Path;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::watch;
use uuid::Uuid;

use super::clock_shifts::ClockShifts;
use super::disk::{Disk, read_range};
use super::frame::{BODY_MAX, FRAME_HEADER, Found, SEGMENT_HEADER, Scan};
use super::journal::{Place, io_error, list, segment_path};
use super::stored::{self, Body};
use super::{Record, StoreError};

/// Journal read at once.
const READ_BYTES: u64 = 256 << 10;

/// A place in the journal, between two records. Marks of one journal are ordered as
/// its records are. The text is `segment-offset-number`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mark {
    segment: u64,
    offset: u32,
    number: u16,
}

impl Mark {
    /// Before every record of every journal.
    pub const START: Self = Self { segment: 0, offset: 0, number: 0 };

    pub(super) fn of(place: Place) -> Self {
        Self { segment: place.segment, offset: place.offset, number: 0 }
    }

    /// Which segment; segments are counted from 1.
    pub fn segment(self) -> u64 {
        self.segment
    }

    /// Bytes of journal from here to `later`, when segments have `segment_bytes`.
    pub fn bytes_until(self, later: Self, segment_bytes: u64) -> u64 {
        let whole = later.segment.saturating_sub(self.segment) * segment_bytes;
        (whole + u64::from(later.offset)).saturating_sub(u64::from(self.offset))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}-{}", self.segment, self.offset, self.number)
    }
}

/// The text is not a mark.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a place in the journal such as 3-4096-0")]
pub struct InvalidMark;

impl FromStr for Mark {
    type Err = InvalidMark;

    fn from_str(text: &str) -> Result<Self, InvalidMark> {
        let mut parts = text.splitn(3, '-');
        let mut part = || parts.next().ok_or(InvalidMark);
        Ok(Self {
            segment: part()?.parse().map_err(|_| InvalidMark)?,
            offset: part()?.parse().map_err(|_| InvalidMark)?,
            number: part()?.parse().map_err(|_| InvalidMark)?,
        })
    }
}

impl Serialize for Mark {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mark {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// One record, shown in passing.
#[derive(Clone, Debug, PartialEq)]
pub struct Fed {
    /// Where it stands.
    pub at: Mark,
    /// Where the next one stands: whoever goes on here does not see it again.
    pub behind: Mark,
    /// Bytes of its stored form.
    pub bytes: u32,
    /// The record, dated as it is known to be right.
    pub record: Record,
}

/// Whether to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Show the next one.
    On,
    /// That was enough.
    Stop,
}

/// Shows the journal in order.
pub trait Feed: Send + Sync {
    /// Which journal it is; another one begins with other marks and other ids.
    /// `None` while that is not known: the store is not open, or could not keep it.
    fn journal(&self) -> Option<Uuid>;

    /// The end of what is synced; changes whenever there is more.
    fn end(&self) -> watch::Receiver<Mark>;

    /// Shows some records from `from` on, and says where to go on. That is `from`
    /// itself only at the end; otherwise call again, whether anything was shown or
    /// not. What is damaged or was removed is passed over. Reads the disk.
    ///
    /// # Errors
    /// When the disk fails.
    fn read_on(&self, from: Mark, show: &mut dyn FnMut(Fed) -> Step) -> Result<Mark, StoreError>;
}

/// Somebody who still needs part of the journal.
pub trait Keeper: Send + Sync {
    /// Before this nothing is needed any more; `None` when nothing at all is.
    fn needs_from(&self) -> Option<Mark>;

    /// The records of a segment go although some may be needed, because there is no
    /// room. On the writer's thread: must not block.
    fn lose(&self, records: &[Fed]);
}

/// [`Feed::read_on`] over the journal in `dir`, which is synced as far as `end`.
pub(super) fn read_on(
    disk: &dyn Disk,
    dir: &Path,
    shifts: &ClockShifts,
    from: Mark,
    end: Mark,
    show: &mut dyn FnMut(Fed) -> Step,
) -> Result<Mark, StoreError> {
    if from.segment > end.segment || from >= end {
        return Ok(from);
    }
    let path = segment_path(dir, from.segment);
    let failed = || io_error(format!("read {}", path.display()));
    let file = match disk.open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return next_segment(disk, dir, from.segment, end);
        }
        Err(error) => return Err(failed()(error)),
    };
    let size = file.size().map_err(failed())?.min(u64::from(u32::MAX));
    let limit = if from.segment == end.segment { u64::from(end.offset).min(size) } else { size };
    let offset = u64::from(from.offset.max(SEGMENT_HEADER as u32));
    if offset >= limit {
        return match from.segment == end.segment {
            true => Ok(end),
            false => next_segment(disk, dir, from.segment, end),
        };
    }
    let begin = Mark { offset: offset as u32, ..from };
    for wanted in [READ_BYTES, (BODY_MAX + FRAME_HEADER) as u64] {
        let len = wanted.min(limit - offset);
        let bytes = read_range(file.as_ref(), offset, len).map_err(failed())?;
        let is_rest = offset + len == limit;
        if let Some(next) = walk(&bytes, begin, is_rest, shifts, show) {
            return Ok(next);
        }
    }
    // No frame is longer than that: damage, passed over up to where a head may begin.
    Ok(Mark { offset: begin.offset + BODY_MAX as u32, number: 0, ..begin })
}

/// Shows what lies in `bytes`, which begin at `begin`, and says where to go on.
/// `None` when they are not the rest of the segment and hold no whole frame.
fn walk(
    bytes: &[u8],
    begin: Mark,
    is_rest: bool,
    shifts: &ClockShifts,
    show: &mut dyn FnMut(Fed) -> Step,
) -> Option<Mark> {
    let mut next = begin;
    for found in Scan::part(bytes, begin.segment, begin.offset) {
        let (offset, len) = match found {
            Found::Frame { offset, body } => {
                if let Some(stopped) =
                    show_frame(Mark { offset, number: 0, ..begin }, body, begin, shifts, show)
                {
                    return Some(stopped);
                }
                (offset, (FRAME_HEADER + body.len()) as u32)
            }
            Found::Torn { offset, .. } if !is_rest => {
                return (offset > begin.offset).then_some(next);
            }
            Found::Damaged { offset, len } | Found::Torn { offset, len } => (offset, len),
        };
        next = Mark { offset: offset.saturating_add(len), number: 0, ..begin };
    }
    Some(next)
}

/// Shows the records of a frame that stand at `from` or later; where to go on if
/// that was enough.
fn show_frame(
    frame: Mark,
    body: &[u8],
    from: Mark,
    shifts: &ClockShifts,
    show: &mut dyn FnMut(Fed) -> Step,
) -> Option<Mark> {
    let Body::Commit(mut records) = stored::decode(body) else { return None };
    for number in 0.. {
        let before = records.bytes_left();
        let record = records.next()?;
        let (at, behind) = (Mark { number, ..frame }, Mark { number: number + 1, ..frame });
        let Some(record) = record.filter(|_| at >= from) else { continue };
        let bytes = (before - records.bytes_left()) as u32;
        if show(Fed { at, behind, bytes, record: shifts.dated(record) }) == Step::Stop {
            return Some(behind);
        }
    }
    None
}

/// All records of a closed segment whose content is `bytes`.
pub(super) fn all_of(segment: u64, bytes: &[u8], shifts: &ClockShifts) -> Vec<Fed> {
    let mut records = Vec::new();
    let begin = Mark { segment, offset: SEGMENT_HEADER as u32, number: 0 };
    let bytes = bytes.get(SEGMENT_HEADER..).unwrap_or_default();
    walk(bytes, begin, true, shifts, &mut |fed| {
        records.push(fed);
        Step::On
    });
    records
}

/// The beginning of the first segment after `segment` that is there; the end when
/// there is none.
fn next_segment(disk: &dyn Disk, dir: &Path, segment: u64, end: Mark) -> Result<Mark, StoreError> {
    let segments = list(disk, dir).map_err(io_error(format!("list {}", dir.display())))?;
    let next = segments.range(segment + 1..).next().map(|(number, _)| *number);
    Ok(next.map_or(end, |segment| Mark { segment, ..Mark::START }).min(end))
}

#[cfg(test)]
mod tests {
    use super::super::disk::Ground;
    use super::super::journal::Journal;
    use super::super::testing::{detection, event};
    use super::*;
    use crate::store::frame::NextIds;

    const IDS: NextIds = NextIds { detection: 1, event: 1 };

    fn journal(dir: &Path, segment_bytes: u32) -> Journal {
        let ground = Ground { segment_bytes, ..Ground::default() };
        Journal::open(&ground, dir).unwrap().0
    }

    fn write(journal: &mut Journal, records: &[Record]) {
        let body = stored::encode_commit(records).unwrap();
        journal.append(&[&body], IDS).unwrap();
    }

    /// Ids of all detections from `from` on, and where they end.
    fn ids(journal: &Journal, dir: &Path, from: Mark) -> (Vec<u64>, Mark) {
        let (mut found, mut at, end) = (Vec::new(), from, Mark::of(journal.place()));
        loop {
            let next = read_on(journal.disk(), dir, &ClockShifts::default(), at, end, &mut |fed| {
                if let Record::Detection(detection) = fed.record {
                    found.push(detection.id.0);
                }
                Step::On
            })
            .unwrap();
            if next == at {
                return (found, at);
            }
            at = next;
        }
    }

    #[test]
    fn every_record_is_shown_once_and_in_order_over_many_segments() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path(), 4096);
        for id in 1..=500 {
            let pair = [detection(2 * id - 1, 5), detection(2 * id, 5)].map(Record::Detection);
            write(&mut journal, &pair);
        }
        assert!(journal.segments().len() > 3);
        let (found, end) = ids(&journal, dir.path(), Mark::START);
        assert_eq!(found, (1..=1000).collect::<Vec<_>>());
        assert_eq!(end, Mark::of(journal.place()));
        assert!(ids(&journal, dir.path(), end).0.is_empty());
    }

    #[test]
    fn who_stopped_goes_on_with_the_next_record_of_the_same_frame() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path(), 4 << 20);
        let three = [1, 2, 3].map(|id| Record::Detection(detection(id, 5)));
        write(&mut journal, &three);
        let end = Mark::of(journal.place());
        let mut seen = Vec::new();
        let mut stop = |fed: Fed| {
            seen.push(fed);
            Step::Stop
        };
        let (shifts, from) = (ClockShifts::default(), Mark { segment: 1, ..Mark::START });
        let next = read_on(journal.disk(), dir.path(), &shifts, from, end, &mut stop).unwrap();
        assert_eq!(next, seen[0].behind);
        assert!(seen[0].bytes > 40);
        assert_eq!(ids(&journal, dir.path(), next).0, [2, 3]);
        let text: Mark = next.to_string().parse().unwrap();
        assert_eq!(text, next);
    }

    #[test]
    fn a_frame_longer_than_one_read_is_shown_and_what_is_not_synced_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path(), 4 << 20);
        let mut large = event(1, 0, 5);
        large.notes = "x".repeat(700_000);
        write(&mut journal, &[Record::Event(large)]);
        write(&mut journal, &[Record::Detection(detection(7, 5))]);
        let (place, dir) = (journal.place(), dir.path());
        write(&mut journal, &[Record::Detection(detection(8, 5))]);
        let mut shown = 0;
        let mut at = Mark::START;
        for _ in 0..10 {
            let mut count = |_| {
                shown += 1;
                Step::On
            };
            let shifts = ClockShifts::default();
            at = read_on(journal.disk(), dir, &shifts, at, Mark::of(place), &mut count).unwrap();
        }
        assert_eq!((shown, at), (2, Mark::of(place)));
    }

    #[test]
    fn damage_and_removed_segments_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = journal(dir.path(), 4096);
        for id in 1..=200 {
            write(&mut journal, &[Record::Detection(detection(id, 5))]);
        }
        let path = segment_path(dir.path(), 2);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[200..300].fill(0xA5);
        std::fs::write(&path, bytes).unwrap();
        journal.remove(1).unwrap();
        let (found, _) = ids(&journal, dir.path(), Mark::START);
        assert_eq!(found.last(), Some(&200));
        let all = list(journal.disk(), dir.path()).unwrap();
        let whole: usize = all
            .keys()
            .map(|number| {
                all_of(*number, &journal.read(*number).unwrap(), &ClockShifts::default()).len()
            })
            .sum();
        assert_eq!(found.len(), whole);
        assert!((100..200).contains(&whole), "{whole}");
    }

    #[test]
    fn other_texts_are_no_marks() {
        for text in ["", "1", "1-2", "1-2-3-4", "-1-2-3", "1-2-70000", "a-b-c"] {
            assert_eq!(text.parse::<Mark>(), Err(InvalidMark), "{text}");
        }
    }
}
