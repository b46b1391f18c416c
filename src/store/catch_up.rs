//! Brings the index up to date from the journal, a slice at a time.
//!
//! Holds one segment in memory at most (4 MiB and one frame).

use std::io;

use super::frame::{FRAME_HEADER, Found, SEGMENT_HEADER, Scan};
use super::index::{Changes, Index, IndexError};
use super::journal::{Journal, Place};
use super::restoring::Restoring;
use super::shared::StoreMetrics;

/// Frames in one slice: some milliseconds, so that records do not wait.
const SLICE_FRAMES: usize = 64;

/// Where the index stands in the journal.
pub(super) struct CatchUp {
    restoring: Restoring,
    /// Everything before is in the index.
    position: Place,
    loaded: Option<(u64, Vec<u8>)>,
}

/// How an index and the journal fit together.
pub(super) enum Start {
    /// Everything before this place is in the index.
    At(Box<CatchUp>),
    /// The index has seen frames that the journal does not have: a power cut took
    /// them. Revisions they replaced cannot be told from them, so it is rebuilt.
    Ahead,
}

impl CatchUp {
    /// Where to begin with `index`.
    pub fn after(index: &Index, journal: &Journal) -> Result<Start, IndexError> {
        let position = match index.applied()? {
            None => start_of(0),
            Some(applied) if is_ahead(applied, journal) => return Ok(Start::Ahead),
            Some(applied) => applied,
        };
        let restoring = Restoring::begin(index, journal, position)?;
        Ok(Start::At(Box::new(Self { restoring, position, loaded: None })))
    }

    /// Whether nothing is left.
    pub fn is_done(&self, journal: &Journal) -> bool {
        self.restoring.is_done() && self.position >= journal.place()
    }

    /// Adds the next slice; true when nothing is left.
    pub fn step(
        &mut self,
        index: &Index,
        metrics: &StoreMetrics,
        journal: &Journal,
    ) -> Result<bool, IndexError> {
        if !self.restoring.is_done() {
            self.restoring.step(index, metrics, journal);
            return Ok(self.is_done(journal));
        }
        let end = journal.place();
        if self.position >= end {
            return Ok(true);
        }
        if !journal.segments().contains_key(&self.position.segment) {
            return Ok(!self.go_to_next_segment(journal));
        }
        if let Err(error) = self.load(journal) {
            // The rest of this segment cannot be read now. Its records stay out
            // of the index until it is built again; they are not gone.
            log::warn!(error:%, segment = self.position.segment; "A segment cannot be read.");
            metrics.damaged.inc();
            return Ok(!self.go_to_next_segment(journal));
        }
        self.add_slice(index, metrics)?;
        let is_end = self.loaded.as_ref().is_none_or(|(_, b)| self.offset() >= b.len());
        if is_end && self.position < end {
            self.go_to_next_segment(journal);
        }
        Ok(self.position >= end)
    }

    fn add_slice(&mut self, index: &Index, metrics: &StoreMetrics) -> Result<(), IndexError> {
        let Some((segment, bytes)) = &self.loaded else { return Ok(()) };
        let mut changes = Changes::new(index);
        let mut end = self.position.offset;
        for found in Scan::new(bytes, *segment, self.position.offset).take(SLICE_FRAMES) {
            match found {
                Found::Frame { offset, body } => {
                    changes.add_frame(Place { segment: *segment, offset }, body)?;
                    end = offset + (FRAME_HEADER + body.len()) as u32;
                }
                Found::Damaged { offset, len } => {
                    metrics.damaged.inc();
                    end = offset + len;
                }
                Found::Torn { offset, len } => {
                    metrics.torn.inc();
                    end = offset + len;
                }
            }
        }
        self.position.offset = end;
        changes.apply(Some(self.position))
    }

    fn offset(&self) -> usize {
        self.position.offset as usize
    }

    /// Makes the bytes from the position on available; the current segment only
    /// as far as it is written.
    fn load(&mut self, journal: &Journal) -> io::Result<()> {
        let Place { segment, offset } = self.position;
        let is_at_hand = self
            .loaded
            .as_ref()
            .is_some_and(|(number, bytes)| *number == segment && bytes.len() > offset as usize);
        if !is_at_hand {
            self.loaded = Some((segment, journal.read(segment)?));
        }
        Ok(())
    }

    /// False when there is none.
    fn go_to_next_segment(&mut self, journal: &Journal) -> bool {
        self.loaded = None;
        let next = journal.segments().range(self.position.segment + 1..).next();
        let Some((segment, _)) = next else { return false };
        self.position = start_of(*segment);
        true
    }
}

fn start_of(segment: u64) -> Place {
    Place { segment, offset: SEGMENT_HEADER as u32 }
}

/// Whether an index that ends at `applied` has seen what the journal has not.
fn is_ahead(applied: Place, journal: &Journal) -> bool {
    if applied > journal.place() {
        return true;
    }
    if applied.segment == journal.place().segment || applied.offset <= SEGMENT_HEADER as u32 {
        return false;
    }
    // A segment before the current one may have lost its end. One that cannot be
    // read, or is gone, tells nothing.
    let Ok(bytes) = journal.read(applied.segment) else { return false };
    let is_torn_before =
        |found: Found<'_>| matches!(found, Found::Torn { offset, .. } if offset < applied.offset);
    applied.offset as usize > bytes.len()
        || Scan::new(&bytes, applied.segment, SEGMENT_HEADER as u32).any(is_torn_before)
}
