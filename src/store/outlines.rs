//! The outlines of all segments, in memory: the index of detections.
//!
//! Filled by the writer thread, read by queries. A query takes a picture of all
//! outlines and works on that; a segment that grows meanwhile is copied first (at
//! most some 20 kB).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::Record;
use super::journal::Place;
use super::outline::Outline;
use crate::domain::Timestamp;

/// An outline and the number of its segment.
pub(super) type OfSegment = (u64, Arc<Outline>);

/// The outlines of a store.
pub(super) struct Outlines {
    stretch_bytes: u32,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    segments: BTreeMap<u64, Arc<Outline>>,
    /// Those that are not in the index, or not as they are now.
    unsaved: BTreeSet<u64>,
}

impl Outlines {
    /// None yet; stretches will have `stretch_bytes`.
    pub fn new(stretch_bytes: u32) -> Self {
        Self { stretch_bytes, known: RwLock::default() }
    }

    /// Bytes of journal in one stretch.
    pub fn stretch_bytes(&self) -> u32 {
        self.stretch_bytes
    }

    /// Adds the records of a frame; see [`Outline::add_frame`].
    pub fn add_frame(&self, place: Place, body_len: usize, records: &[Record]) {
        let mut known = self.write();
        known.unsaved.insert(place.segment);
        let outline = known.segments.entry(place.segment).or_default();
        Arc::make_mut(outline).add_frame(place.offset, body_len, records, self.stretch_bytes);
    }

    /// Sets the outline of a segment.
    pub fn put(&self, segment: u64, outline: Outline) {
        let mut known = self.write();
        known.segments.insert(segment, Arc::new(outline));
        known.unsaved.insert(segment);
    }

    /// Sets the outline of a segment as it is in the index.
    pub fn put_saved(&self, segment: u64, outline: Outline) {
        self.write().segments.insert(segment, Arc::new(outline));
    }

    /// Forgets a segment.
    pub fn remove(&self, segment: u64) {
        let mut known = self.write();
        known.segments.remove(&segment);
        known.unsaved.remove(&segment);
    }

    /// Those of segments before this one that are not in the index.
    pub fn unsaved_before(&self, segment: u64) -> Vec<OfSegment> {
        let known = self.read();
        let of = |number: &u64| Some((*number, Arc::clone(known.segments.get(number)?)));
        known.unsaved.range(..segment).filter_map(of).collect()
    }

    /// The outline of this segment is in the index.
    pub fn set_saved(&self, segment: u64) {
        self.write().unsaved.remove(&segment);
    }

    /// All of them, oldest segment first.
    pub fn all(&self) -> Vec<OfSegment> {
        let known = self.read();
        known.segments.iter().map(|(number, outline)| (*number, Arc::clone(outline))).collect()
    }

    /// The latest time of any record in a segment.
    pub fn newest(&self, segment: u64) -> Option<Timestamp> {
        self.read().segments.get(&segment)?.newest()
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}
