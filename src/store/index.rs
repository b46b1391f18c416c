//! The index: a sled tree that says where in the journal events are, and the
//! outlines of its segments, which say where detections may be. Everything in it
//! can be made again from the journal.
//!
//! sled panics on some damage, so every call into it runs under `catch_unwind`
//! and a panic is an [`IndexError`] like any other. sled's own flush is not
//! durable against power loss; [`Index::flush`] adds the missing sync.

use std::collections::HashMap;
use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::{Deserialize, Serialize};

use super::journal::Place;
use super::keys::{APPLIED, FORMAT, Pointer, Position, Prefix, id_key, outline_key};
use super::outlines::Outlines;
use super::rare_index::RareEntry;
use super::stored::{self, Body};
use super::{Record, RecordId};
use crate::domain::{CameraId, Event, Label, RiskScore, Timestamp};
use crate::rt::panic_message;

/// Layout of keys and values; another one is rebuilt, not read.
const FORMAT_VERSION: &[u8] = &[5];
/// Below about 8 MiB the setting saves nothing (measured), and more writes.
const CACHE_BYTES: u64 = 8 << 20;

/// Keys in one batch of sled.
const BATCH: usize = 256;
/// sled queues what it has to write in memory without bound (measured: 1.2 GiB
/// while 100,000 records were indexed at full speed); waiting for it after this
/// many keys keeps that to a few MiB.
const KEYS_PER_WAIT: usize = 2048;

/// The index cannot be used any more: rebuild it.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the index failed: {0}")]
pub(super) struct IndexError(pub String);

/// An event as the index knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct EventEntry {
    segment: u64,
    offset: u32,
    number: u16,
    pub revision: u32,
    started_at_ms: i64,
    pub camera: CameraId,
    pub label: Label,
    pub risk: RiskScore,
    pub reviewed: bool,
}

impl EventEntry {
    fn new(pointer: Pointer, event: &Event) -> Self {
        Self {
            segment: pointer.place.segment,
            offset: pointer.place.offset,
            number: pointer.number,
            revision: event.revision,
            started_at_ms: event.started_at.unix_ms(),
            camera: event.camera.clone(),
            label: event.label.clone(),
            risk: event.risk,
            reviewed: event.reviewed,
        }
    }

    /// Where its latest revision is.
    pub fn pointer(&self) -> Pointer {
        let place = Place { segment: self.segment, offset: self.offset };
        Pointer { place, number: self.number }
    }

    /// When it began.
    pub fn started_at(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.started_at_ms)
    }

    fn sorted_keys(&self, id: u64) -> [Vec<u8>; 4] {
        let position = Position { at: self.started_at(), id };
        [
            Prefix::all_events(),
            Prefix::events_of_camera(&self.camera),
            Prefix::events_of_level(self.risk.level()),
            Prefix::events_of_label(self.label.as_str()),
        ]
        .map(|prefix| prefix.key(position))
    }
}

/// The open index.
pub(super) struct Index {
    // Dropping sled's handle writes what it holds; on a damaged store that can
    // panic, which `Drop` below keeps to itself.
    db: Option<sled::Db>,
    db_file: PathBuf,
    keys_since_wait: AtomicUsize,
    outlines: Outlines,
}

/// One step of a scan.
pub(super) type Item = Result<(sled::IVec, sled::IVec), IndexError>;

impl Index {
    /// Opens or creates the index in `dir`, without the outlines, which
    /// [`Self::load_outlines`] brings. Slow on a damaged store; see `index_files`
    /// for the deadline.
    pub fn open(dir: &Path, stretch_bytes: u32) -> Result<Self, IndexError> {
        guarded(|| {
            let db = sled::Config::new()
                .path(dir)
                .cache_capacity(CACHE_BYTES)
                // Flushed by the writer, together with the sync that makes it count.
                .flush_every_ms(None)
                .open()?;
            match db.get(FORMAT)? {
                Some(version) if version == FORMAT_VERSION => {}
                None if db.is_empty() => {
                    db.insert(FORMAT, FORMAT_VERSION)?;
                }
                _ => return Err(sled::Error::Unsupported("another format".into())),
            }
            let (db_file, keys_since_wait) = (dir.join("db"), AtomicUsize::new(0));
            let outlines = Outlines::new(stretch_bytes);
            Ok(Self { db: Some(db), db_file, keys_since_wait, outlines })
        })
    }

    fn db(&self) -> &sled::Db {
        self.db.as_ref().expect("taken only when dropped")
    }

    /// How far the journal is applied; `None` for a new index.
    pub fn applied(&self) -> Result<Option<Place>, IndexError> {
        let value = guarded(|| self.db().get(APPLIED))?;
        Ok(value.as_deref().and_then(Pointer::from_bytes).map(|pointer| pointer.place))
    }

    /// One value.
    pub fn get(&self, key: &[u8]) -> Result<Option<sled::IVec>, IndexError> {
        guarded(|| self.db().get(key))
    }

    /// The latest revision of an event.
    pub fn event(&self, id: u64) -> Result<Option<EventEntry>, IndexError> {
        let Some(value) = self.get(&id_key(b'e', id))? else { return Ok(None) };
        let entry = postcard::from_bytes(&value);
        entry.map(Some).map_err(|_| IndexError("an event entry cannot be read".into()))
    }

    /// Keys in `lower..upper`, greatest first.
    pub fn newest_first(&self, lower: Vec<u8>, upper: Vec<u8>) -> impl Iterator<Item = Item> {
        let mut iter = (lower < upper).then(|| self.db().range(lower..upper));
        std::iter::from_fn(move || {
            let iter = iter.as_mut()?;
            guarded(|| iter.next_back().transpose()).transpose()
        })
    }

    /// Where detections may be.
    pub fn outlines(&self) -> &Outlines {
        &self.outlines
    }

    fn wait_now_and_then(&self, keys: usize) -> Result<(), IndexError> {
        if self.keys_since_wait.fetch_add(keys, Ordering::Relaxed) + keys >= KEYS_PER_WAIT {
            self.keys_since_wait.store(0, Ordering::Relaxed);
            guarded(|| self.db().flush())?;
        }
        Ok(())
    }

    /// Makes the index survive a power cut.
    pub fn flush(&self) -> Result<(), IndexError> {
        guarded(|| {
            self.db().flush()?;
            Ok(File::open(&self.db_file)?.sync_data()?)
        })
    }

    /// Size of its files.
    pub fn bytes_on_disk(&self) -> Result<u64, IndexError> {
        guarded(|| self.db().size_on_disk())
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let db = self.db.take();
        // A store that panics here is already being replaced.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(db)));
    }
}

/// Runs `work` on sled; a panic becomes an error.
fn guarded<T>(work: impl FnOnce() -> sled::Result<T>) -> Result<T, IndexError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(IndexError(error.to_string())),
        Err(panic) => Err(IndexError(format!("panic: {}", panic_message(panic.as_ref())))),
    }
}

/// Collects changes and applies them together with how far the journal is then
/// applied. A crash in between leaves the old mark, and adding the same frames
/// again changes nothing.
pub(super) struct Changes<'a> {
    pub index: &'a Index,
    steps: Vec<(Vec<u8>, Option<Vec<u8>>)>,
    /// Events changed by this batch; the tree does not show them yet.
    events: HashMap<u64, Option<EventEntry>>,
    /// The same for records of low rate.
    pub rare: HashMap<RecordId, Option<RareEntry>>,
}

impl<'a> Changes<'a> {
    /// No changes yet.
    pub fn new(index: &'a Index) -> Self {
        let (steps, events, rare) = Default::default();
        Self { index, steps, events, rare }
    }

    /// Adds the records of a frame. Adding a frame twice changes nothing.
    /// Detections are found from here on; when the changes come to nothing, so
    /// does this index.
    pub fn add_frame(&mut self, place: Place, body: &[u8]) -> Result<(), IndexError> {
        let Body::Commit(records) = stored::decode(body) else { return Ok(()) };
        let mut known = Vec::new();
        for (number, record) in (0_u16..).zip(records) {
            let pointer = Pointer { place, number };
            match &record {
                None | Some(Record::Detection(_)) => {}
                Some(Record::Event(event)) => self.add_event(pointer, event)?,
                Some(record) => self.add_rare(pointer, record)?,
            }
            known.extend(record);
        }
        self.index.outlines.add_frame(place, body.len(), &known);
        Ok(())
    }

    /// Adds an event unless a later revision is known.
    pub fn add_event(&mut self, pointer: Pointer, event: &Event) -> Result<(), IndexError> {
        let id = event.id.0;
        let known = self.known_event(id)?;
        if known.as_ref().is_some_and(|known| known.revision > event.revision) {
            return Ok(());
        }
        let entry = EventEntry::new(pointer, event);
        let keys = entry.sorted_keys(id);
        let before = known.map(|known| known.sorted_keys(id));
        if before.as_ref() != Some(&keys) {
            before.into_iter().flatten().for_each(|key| self.remove(key));
            keys.into_iter().for_each(|key| self.insert(key, []));
        }
        let value = postcard::to_allocvec(&entry).map_err(|error| IndexError(error.to_string()))?;
        self.insert(id_key(b'e', id), value);
        self.events.insert(id, Some(entry));
        Ok(())
    }

    /// Removes the records of a frame whose segment goes. What has a later revision
    /// elsewhere stays; the others, detections apart, are added to `dropped`.
    pub fn remove_frame(
        &mut self,
        place: Place,
        body: &[u8],
        dropped: &mut Vec<RecordId>,
    ) -> Result<(), IndexError> {
        let Body::Commit(records) = stored::decode(body) else { return Ok(()) };
        for record in records.flatten() {
            match record {
                Record::Detection(_) => {}
                Record::Event(event) => {
                    let id = event.id.0;
                    let known = self.known_event(id)?;
                    if known.is_some_and(|known| known.segment == place.segment) {
                        self.remove_event(id)?;
                        dropped.push(event.id.into());
                    }
                }
                record => {
                    if let Some(id) = record.id()
                        && self.remove_rare(place.segment, id)?
                    {
                        dropped.push(id);
                    }
                }
            }
        }
        Ok(())
    }

    /// Removes an event.
    pub fn remove_event(&mut self, id: u64) -> Result<(), IndexError> {
        let known = self.known_event(id)?;
        let keys = known.into_iter().flat_map(|known| known.sorted_keys(id));
        keys.for_each(|key| self.remove(key));
        self.remove(id_key(b'e', id));
        self.events.insert(id, None);
        Ok(())
    }

    /// Forgets a segment and with it its detections.
    pub fn forget_segment(&mut self, segment: u64) {
        self.index.outlines.remove(segment);
        self.remove(outline_key(segment));
    }

    /// Applies everything; `applied` is how far the journal is then applied.
    pub fn apply(mut self, applied: Option<Place>) -> Result<(), IndexError> {
        let closed = applied.map(|place| self.index.outlines.unsaved_before(place.segment));
        for (segment, outline) in closed.iter().flatten() {
            // One that cannot be written is made anew at the next start.
            outline.to_bytes().into_iter().for_each(|b| self.insert(outline_key(*segment), b));
        }
        if let Some(place) = applied {
            self.insert(APPLIED, Pointer { place, number: 0 }.to_bytes());
        }
        for steps in self.steps.chunks(BATCH) {
            let mut batch = sled::Batch::default();
            for (key, value) in steps {
                match value {
                    Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                    None => batch.remove(key.as_slice()),
                }
            }
            guarded(|| self.index.db().apply_batch(batch))?;
            self.index.wait_now_and_then(steps.len())?;
        }
        closed.iter().flatten().for_each(|(segment, _)| self.index.outlines.set_saved(*segment));
        Ok(())
    }

    pub fn insert(&mut self, key: impl Into<Vec<u8>>, value: impl Into<Vec<u8>>) {
        self.steps.push((key.into(), Some(value.into())));
    }

    pub fn remove(&mut self, key: impl Into<Vec<u8>>) {
        self.steps.push((key.into(), None));
    }

    fn known_event(&self, id: u64) -> Result<Option<EventEntry>, IndexError> {
        match self.events.get(&id) {
            Some(known) => Ok(known.clone()),
            None => self.index.event(id),
        }
    }
}
