//! At the start: the outlines of closed segments come back from the index. Those
//! that are not in it (the last one's never is) or make no sense are made anew
//! from the journal, a slice at a time, newest first.
//!
//! Holds one segment in memory at most (4 MiB and one frame).

use std::collections::{BTreeMap, BTreeSet};

use log::{info, warn};

use super::Record;
use super::frame::{FRAME_HEADER, Found, SEGMENT_HEADER, Scan};
use super::index::{Changes, Index, IndexError};
use super::journal::{Journal, Place};
use super::keys::{outline_key, segment_of_key};
use super::outline::Outline;
use super::shared::StoreMetrics;
use super::stored::{self, Body};

/// Frames in one slice: some milliseconds, so that records do not wait.
const SLICE_FRAMES: usize = 64;

/// What is still to be made anew.
pub(super) struct Restoring {
    /// Segments and how far they are in the index; the next one last.
    waiting: Vec<Place>,
    current: Option<Making>,
}

struct Making {
    end: Place,
    bytes: Vec<u8>,
    position: u32,
    outline: Outline,
}

impl Restoring {
    /// Takes what can be taken from `index`, to which the journal is applied up to
    /// `applied`.
    pub fn begin(index: &Index, journal: &Journal, applied: Place) -> Result<Self, IndexError> {
        let segments = journal.segments();
        let missing = load(index, segments, applied.segment)?;
        let mut waiting: Vec<_> =
            missing.into_iter().map(|segment| Place { segment, offset: u32::MAX }).collect();
        if !waiting.is_empty() {
            info!(segments = waiting.len(); "Some detections are found again after a new look.");
        }
        if applied.offset > SEGMENT_HEADER as u32 && segments.contains_key(&applied.segment) {
            waiting.push(applied);
        }
        Ok(Self { waiting, current: None })
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.waiting.is_empty() && self.current.is_none()
    }

    /// Does a slice.
    pub fn step(&mut self, index: &Index, metrics: &StoreMetrics, journal: &Journal) {
        let begun = || Making::begin(self.waiting.pop()?, metrics, journal);
        let Some(mut making) = self.current.take().or_else(begun) else { return };
        if !journal.segments().contains_key(&making.end.segment) {
            return;
        }
        if making.step(index.outlines().stretch_bytes()) {
            // A closed one is written with the next changes.
            index.outlines().put(making.end.segment, making.outline);
        } else {
            self.current = Some(making);
        }
    }
}

impl Making {
    fn begin(end: Place, metrics: &StoreMetrics, journal: &Journal) -> Option<Self> {
        match journal.read(end.segment) {
            Ok(bytes) => {
                let position = SEGMENT_HEADER as u32;
                Some(Self { end, bytes, position, outline: Outline::default() })
            }
            Err(error) => {
                let segment = end.segment;
                warn!(error:%, segment; "A segment cannot be read; its detections are not found.");
                metrics.damaged.inc();
                None
            }
        }
    }

    /// Adds the next slice; true at the end. Damage was counted when the journal
    /// was applied.
    fn step(&mut self, stretch_bytes: u32) -> bool {
        let before = self.position;
        for found in Scan::new(&self.bytes, self.end.segment, before).take(SLICE_FRAMES) {
            let (offset, len) = match found {
                Found::Frame { offset, .. } if offset >= self.end.offset => return true,
                Found::Frame { offset, body } => {
                    let records = records_of(body);
                    self.outline.add_frame(offset, body.len(), &records, stretch_bytes);
                    (offset, (FRAME_HEADER + body.len()) as u32)
                }
                Found::Damaged { offset, len } | Found::Torn { offset, len } => (offset, len),
            };
            self.position = offset + len;
        }
        self.position == before
    }
}

fn records_of(body: &[u8]) -> Vec<Record> {
    match stored::decode(body) {
        Body::Commit(records) => records.flatten().collect(),
        Body::Closed(_) | Body::Continued(_) | Body::Unknown => Vec::new(),
    }
}

/// Loads the outlines of the segments before `end`; what is missing. Others are
/// removed from the index.
fn load(
    index: &Index,
    segments: &BTreeMap<u64, u64>,
    end: u64,
) -> Result<BTreeSet<u64>, IndexError> {
    let mut missing: BTreeSet<_> = segments.range(..end).map(|(segment, _)| *segment).collect();
    let mut changes = Changes::new(index);
    let (lower, upper) = (outline_key(0).to_vec(), outline_key(u64::MAX).to_vec());
    for item in index.newest_first(lower, upper) {
        let (key, value) = item?;
        let Some(segment) = segment_of_key(&key) else { continue };
        let bytes = segments.get(&segment).filter(|_| missing.contains(&segment));
        match bytes.and_then(|bytes| Outline::from_bytes(&value, *bytes)) {
            Some(outline) => {
                index.outlines().put_saved(segment, outline);
                missing.remove(&segment);
            }
            None => changes.forget_segment(segment),
        }
    }
    changes.apply(None)?;
    Ok(missing)
}
