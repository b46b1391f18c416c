//! By how much the records of a run were off whose clock was set late: a small
//! file beside the journal, written anew as a whole.
//!
//! Detections are never written again; they are read with their shift. Events get
//! a revision with the right times, and the shift notes when all of them have.
//! Holds at most [`SHIFTS_MAX`]; a run has one, seldom more.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::warn;
use serde::{Deserialize, Serialize};

use super::clock_watch::Shift;
use super::disk::{Disk, read_whole};
use super::journal::io_error;
use super::outline::Stretch;
use super::outlines::OfSegment;
use super::{Record, StoreError};
use crate::domain::{Detection, Timestamp};
use crate::rt::Clock;

const NAME: &str = "clock-shifts";
const UNFINISHED: &str = "clock-shifts.new";
const VERSION: u8 = 1;
/// Beyond that the oldest go: their records have long been dropped on a box whose
/// clock is set late at every boot, or are of some years ago on others.
const SHIFTS_MAX: usize = 1024;

/// One shift, as it is stored and exported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClockShiftV1 {
    pub first_detection: u64,
    /// The first that is none of them.
    pub end_detection: u64,
    pub first_event: u64,
    /// The first that is none of them.
    pub end_event: u64,
    pub shift_ms: i64,
    pub set_at_ms: i64,
    pub are_events_done: bool,
}

impl From<Shift> for ClockShiftV1 {
    fn from(shift: Shift) -> Self {
        Self {
            first_detection: shift.first.detection,
            end_detection: shift.end.detection,
            first_event: shift.first.event,
            end_event: shift.end.event,
            shift_ms: shift.shift_ms,
            set_at_ms: shift.set_at.unix_ms(),
            are_events_done: false,
        }
    }
}

/// All shifts, oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ClockShifts(pub Vec<ClockShiftV1>);

impl ClockShifts {
    /// Those of the store in `dir`. A file that makes no sense is none: its
    /// detections show the time that their clock showed.
    pub fn load(disk: &dyn Disk, dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(NAME);
        match read_whole(disk, &path) {
            Ok(bytes) => Ok(decode(&bytes).unwrap_or_else(|| {
                warn!("The file {NAME} is damaged; some detections keep a wrong time.");
                Self::default()
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(io_error(format!("read {}", path.display()))(error)),
        }
    }

    /// Takes the place of what is stored, durably and in one step.
    pub fn save(&self, disk: &dyn Disk, dir: &Path) -> Result<(), StoreError> {
        let path = dir.join(NAME);
        self.write(disk, dir, &path).map_err(io_error(format!("write {}", path.display())))
    }

    fn write(&self, disk: &dyn Disk, dir: &Path, path: &Path) -> io::Result<()> {
        let unfinished: PathBuf = dir.join(UNFINISHED);
        match disk.remove(&unfinished) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = disk.create(&unfinished)?;
        file.write_all(&self.encode()?)?;
        file.sync()?;
        disk.rename(&unfinished, path)?;
        disk.sync_dir(dir)
    }

    fn encode(&self) -> io::Result<Vec<u8>> {
        let newest = &self.0[self.0.len().saturating_sub(SHIFTS_MAX)..];
        let fields = postcard::to_allocvec(newest).map_err(io::Error::other)?;
        let mut bytes = vec![VERSION];
        bytes.extend(crc32fast::hash(&fields).to_le_bytes());
        bytes.extend(fields);
        Ok(bytes)
    }

    /// The outlines, with the times at which the detections were made among those
    /// that they may have.
    pub fn widened(&self, outlines: Vec<OfSegment>) -> Vec<OfSegment> {
        if self.0.is_empty() {
            return outlines;
        }
        let widened = |(segment, outline): OfSegment| {
            let is_of = |whole: &Stretch| self.shifts_of(whole).next().is_some();
            if !outline.whole().is_some_and(is_of) {
                return (segment, outline);
            }
            let wide = outline.with_times(|stretch| {
                let mut span = stretch.captured_ms;
                for shift in self.shifts_of(stretch) {
                    span.least = span.least.min(span.least.saturating_add(shift.shift_ms));
                    span.greatest = span.greatest.max(span.greatest.saturating_add(shift.shift_ms));
                }
                span
            });
            (segment, Arc::new(wide))
        };
        outlines.into_iter().map(widened).collect()
    }

    /// Those that are for detections of this stretch made while the clock was not
    /// set.
    fn shifts_of(&self, stretch: &Stretch) -> impl Iterator<Item = &ClockShiftV1> {
        let (ids, least) = (stretch.ids, Timestamp::from_unix_ms(stretch.captured_ms.least));
        self.0.iter().filter(move |shift| {
            !Clock::is_plausible(least)
                && shift.first_detection <= ids.greatest
                && ids.least < shift.end_detection
        })
    }

    /// The record with the time at which it was made, where that is not in it.
    pub fn dated(&self, record: Record) -> Record {
        match record {
            Record::Detection(detection) => Record::Detection(self.date(detection)),
            other => other,
        }
    }

    /// The detection with the time at which it was made.
    pub fn date(&self, mut detection: Detection) -> Detection {
        let id = detection.id.0;
        let is_of =
            |shift: &&ClockShiftV1| (shift.first_detection..shift.end_detection).contains(&id);
        // One that came when the clock was right already may have an id among them.
        if !Clock::is_plausible(detection.captured_at)
            && let Some(shift) = self.0.iter().rev().find(is_of)
        {
            detection.captured_at = shifted(detection.captured_at, shift.shift_ms);
        }
        detection
    }
}

/// A time moved by so many milliseconds.
pub(super) fn shifted(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(at.unix_ms().saturating_add(ms))
}

fn decode(bytes: &[u8]) -> Option<ClockShifts> {
    let ([VERSION, crc @ ..], fields) = bytes.split_first_chunk::<5>()? else { return None };
    let is_whole = crc32fast::hash(fields) == u32::from_le_bytes(*crc);
    is_whole.then(|| postcard::from_bytes(fields).ok().map(ClockShifts)).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::disk::sim::SimDisk;
    use super::super::testing::detection;
    use super::*;

    fn shift(first: u64, end: u64, shift_ms: i64) -> ClockShiftV1 {
        ClockShiftV1 {
            first_detection: first,
            end_detection: end,
            first_event: 1,
            end_event: 2,
            shift_ms,
            set_at_ms: 1_800_000_000_000,
            are_events_done: false,
        }
    }

    #[test]
    fn after_a_cut_at_any_step_the_file_is_the_old_one_or_the_new_one() {
        let dir = Path::new("/state");
        let (old, new) =
            (ClockShifts(vec![shift(1, 5, 7)]), ClockShifts(vec![shift(1, 9, 8); 300]));
        for seed in 0..300 {
            let disk = SimDisk::new(seed, 1 << 20);
            disk.create_dirs(dir).unwrap();
            disk.sync_dir(Path::new("/")).unwrap();
            old.save(&disk, dir).unwrap();
            disk.cut_after(seed % 8);
            let saved = new.save(&disk, dir);
            disk.reboot();
            let found = ClockShifts::load(&disk, dir).unwrap();
            assert!(found == new || (saved.is_err() && found == old), "seed {seed}: {found:?}");
            new.save(&disk, dir).unwrap();
        }
    }

    #[test]
    fn a_damaged_file_is_none() {
        let bytes = ClockShifts(vec![shift(1, 5, 7)]).encode().unwrap();
        assert!(decode(&bytes).is_some());
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 4;
            assert_eq!(decode(&wrong), None, "byte {at}");
            assert_eq!(decode(&bytes[..at]), None, "cut at {at}");
        }
    }

    #[test]
    fn only_detections_of_the_unset_clock_are_dated_anew() {
        let shifts = ClockShifts(vec![shift(5, 9, 1_800_000_000_000)]);
        let at = |id, ms| shifts.date(detection(id, ms)).captured_at.unix_ms();
        assert_eq!(at(5, 3), 1_800_000_000_003);
        assert_eq!((at(4, 3), at(9, 3)), (3, 3), "ids of others");
        assert_eq!(at(8, 1_799_999_999_999), 1_799_999_999_999, "dated by the set clock");
    }
}
