//! Queries: find places in the index, read the records from the journal.
//!
//! Every record that is returned has passed its checksum and carries the id it
//! was looked up by. What does not is passed over and counted. Memory: one page
//! and one frame; for detections see `searching`.

use std::path::Path;
use std::sync::Arc;

use super::clock_shifts::ClockShifts;
use super::disk::Disk;
use super::index::{EventEntry, Index, IndexError};
use super::keys::{Pointer, Position, Prefix};
use super::records::{Records, Unreadable};
use super::searching::{find, search};
use super::stretches::Stretches;
use super::{
    DetectionQuery, EventQuery, PAGE_MAX, Page, Range, Record, RecordId, SCAN_KEYS_MAX, StoreError,
};
use crate::domain::{Detection, DetectionId, Event, EventId};
use crate::health::Counter;

const DETECTION_CURSOR: u8 = b'd';
const EVENT_CURSOR: u8 = b'e';

/// Most damaged things that one query reports; the next one reports more.
const DAMAGED_MAX: usize = 16;

/// One query in progress.
pub(super) struct Reading<'a> {
    pub index: &'a Index,
    pub records: Records<'a>,
    stretches: Stretches<'a>,
    shifts: Arc<ClockShifts>,
    unreadable: &'a Counter,
    /// Things whose latest revision is damaged.
    pub damaged: Vec<RecordId>,
}

/// Why a query ended early.
pub(super) enum ReadError {
    /// The index must be rebuilt.
    Index(IndexError),
    /// The caller's fault, or the disk's.
    Store(StoreError),
}

impl From<IndexError> for ReadError {
    fn from(error: IndexError) -> Self {
        Self::Index(error)
    }
}

impl<'a> Reading<'a> {
    /// A query on `index` over the journal in `journal_dir`; records that cannot
    /// be read are counted in `unreadable`; detections get their date from `shifts`
    /// where the clock was not set.
    pub fn new(
        index: &'a Index,
        disk: &'a dyn Disk,
        journal_dir: &Path,
        unreadable: &'a Counter,
        shifts: Arc<ClockShifts>,
    ) -> Self {
        let dir = journal_dir.to_owned();
        Self {
            index,
            records: Records::new(disk, journal_dir.to_owned()),
            stretches: Stretches::new(disk, dir, unreadable, Arc::clone(&shifts)),
            shifts,
            unreadable,
            damaged: Vec::new(),
        }
    }

    pub fn detection(&mut self, id: DetectionId) -> Option<Detection> {
        find(id, &self.index.outlines().all(), &mut self.stretches)
    }

    pub fn event(&mut self, id: EventId) -> Result<Option<Event>, ReadError> {
        let entry = self.index.event(id.0)?;
        Ok(entry.and_then(|entry| self.read_event(entry.pointer(), id.0)))
    }

    pub fn detections(&mut self, query: &DetectionQuery) -> Result<Page<Detection>, ReadError> {
        let range = &query.range;
        let before = range.until.map(|at| Position { at, id: 0 });
        let after = cursor_of(range, DETECTION_CURSOR)?;
        let upper = before.map_or(after, |before| Some(after.map_or(before, |a| a.min(before))));
        let limit = range.limit.clamp(1, PAGE_MAX);
        let outlines = self.shifts.widened(self.index.outlines().all());
        let found = search(query, upper, limit, outlines, &mut self.stretches);
        let next_cursor = found.next.map(|next| next.to_cursor(DETECTION_CURSOR));
        Ok(Page { items: found.items, next_cursor })
    }

    pub fn events(&mut self, query: &EventQuery) -> Result<Page<Event>, ReadError> {
        let mut page = PageBuilder::new(&query.range, EVENT_CURSOR)?;
        let (lower, upper) = page.bounds(&prefix_of(query));
        for (number, item) in self.index.newest_first(lower, upper).enumerate() {
            let (key, _) = item?;
            let Some(position) = Position::of_key(&key) else { continue };
            if number == SCAN_KEYS_MAX {
                return Ok(page.cut(position));
            }
            let Some(entry) = self.wanted_entry(query, position)? else { continue };
            let Some(event) = self.read_event(entry.pointer(), position.id) else { continue };
            if page.push(position, event) {
                break;
            }
        }
        Ok(page.finish())
    }

    /// What the index knows of the event at `position`, if it is wanted.
    pub fn wanted_entry(
        &self,
        query: &EventQuery,
        position: Position,
    ) -> Result<Option<EventEntry>, ReadError> {
        // Absent or elsewhere: it changed between the two reads.
        let entry = self.index.event(position.id)?.filter(|e| e.started_at() == position.at);
        Ok(entry.filter(|entry| {
            query.camera.as_ref().is_none_or(|camera| *camera == entry.camera)
                && query.level.is_none_or(|level| level == entry.risk.level())
                && query.reviewed.is_none_or(|reviewed| reviewed == entry.reviewed)
                && query.label.as_deref().is_none_or(|label| label == entry.label.as_str())
        }))
    }

    fn read_event(&mut self, pointer: Pointer, id: u64) -> Option<Event> {
        match self.records.read(pointer) {
            Ok(Record::Event(event)) if event.id.0 == id => Some(event),
            other => self.unread(EventId(id).into(), other),
        }
    }

    /// The latest revision of something is not what it should be.
    pub fn unread<T>(&mut self, id: RecordId, found: Result<Record, Unreadable>) -> Option<T> {
        let is_gone = matches!(found, Err(Unreadable::SegmentGone));
        if !is_gone && self.damaged.len() < DAMAGED_MAX {
            self.damaged.push(id);
        }
        self.missing(found)
    }

    fn missing<T>(&self, found: Result<Record, Unreadable>) -> Option<T> {
        if !matches!(found, Err(Unreadable::SegmentGone)) {
            self.unreadable.inc();
        }
        None
    }
}

/// The keys that all wanted events have, of which there may be more.
pub(super) fn prefix_of(query: &EventQuery) -> Prefix {
    match (query.label.as_deref(), query.level, &query.camera) {
        (Some(label), ..) => Prefix::events_of_label(label),
        (None, Some(level), _) => Prefix::events_of_level(level),
        (None, None, Some(camera)) => Prefix::events_of_camera(camera),
        (None, None, None) => Prefix::all_events(),
    }
}

/// Collects one page and finds out whether there is another.
struct PageBuilder<'a, T> {
    range: &'a Range,
    kind: u8,
    after: Option<Position>,
    limit: usize,
    items: Vec<T>,
    last: Option<Position>,
    has_more: bool,
}

impl<'a, T> PageBuilder<'a, T> {
    fn new(range: &'a Range, kind: u8) -> Result<Self, ReadError> {
        let after = cursor_of(range, kind)?;
        let limit = range.limit.clamp(1, PAGE_MAX);
        Ok(Self { range, kind, after, limit, items: Vec::new(), last: None, has_more: false })
    }

    fn bounds(&self, prefix: &Prefix) -> (Vec<u8>, Vec<u8>) {
        (prefix.lower(self.range.from), prefix.upper(self.range.until, self.after))
    }

    /// Adds an item; true when the page is complete and it is known whether
    /// another follows.
    fn push(&mut self, position: Position, item: T) -> bool {
        if self.items.len() == self.limit {
            self.has_more = true;
            return true;
        }
        self.items.push(item);
        self.last = Some(position);
        false
    }

    /// The page, when it is to be continued at `position`.
    fn cut(self, position: Position) -> Page<T> {
        Page { items: self.items, next_cursor: Some(position.next().to_cursor(self.kind)) }
    }

    fn finish(self) -> Page<T> {
        let last = self.last.filter(|_| self.has_more);
        Page { items: self.items, next_cursor: last.map(|last| last.to_cursor(self.kind)) }
    }
}

/// Where the page begins that the caller asks for; `None` for the first.
fn cursor_of(range: &Range, kind: u8) -> Result<Option<Position>, ReadError> {
    let Some(text) = range.cursor.as_deref() else { return Ok(None) };
    let position = Position::from_cursor(kind, text);
    position.map(Some).ok_or(ReadError::Store(StoreError::BadCursor))
}
