//! The store: what happened, kept.
//!
//! The journal is the truth (append-only, CRC-framed segments), sled the index
//! that can be rebuilt from it. Ports: [`Writer`] takes records and says when
//! they are safe, [`Reader`] finds them again.

mod amending;
mod catch_up;
mod clock_shifts;
mod clock_watch;
pub mod disk;
mod frame;
mod handle;
mod healing;
mod index;
mod index_files;
mod indexing;
mod journal;
mod keys;
mod reading;
mod records;
mod redating;
mod retention;
mod settings;
mod shared;
mod space;
mod stored;
#[cfg(test)]
mod testing;
pub mod tools;
mod writer;

pub use handle::Store;
pub use settings::StoreSettings;

use crate::domain::{CameraId, Detection, DetectionId, Event, EventId, RiskLevel, Timestamp};

/// One thing to keep.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A detection.
    Detection(Detection),
    /// An event, new or updated: the highest revision counts.
    Event(Event),
}

/// When a record counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Written to the journal: survives the end of the process. It is synced
    /// with the next tick (500 ms or 256 records).
    Written,
    /// Synced: survives a power cut. Closes the tick at once.
    Synced,
}

/// What is told when the records are kept, or cannot be.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What becomes of an event: sees its latest revision, or `None` when there is no
/// such event, and gives what to store instead, or `None` to leave it as it is.
pub type Change = Box<dyn FnOnce(Option<Event>) -> Option<Event> + Send>;

/// What is told when a change is kept (the event as it was stored), was not
/// wanted (`None`), or cannot be.
pub type Amended = Box<dyn FnOnce(Result<Option<Event>, StoreError>) + Send>;

/// Keeps records.
pub trait Writer: Send + Sync {
    /// Takes `records`, in order, all or nothing, and never blocks. `done` runs
    /// on the writer's thread, in the order of submission, once they are as
    /// durable as asked; it must not block.
    fn submit(&self, records: Vec<Record>, durability: Durability, done: Done);

    /// Reads, changes and writes event `id` with nothing in between: `change`
    /// sees every record submitted before, so two who change the same event
    /// never undo each other's work.
    ///
    /// The store keeps the order of revisions: what `change` gives gets this `id`
    /// and, unless its revision is higher already, the one after the latest.
    /// `change` and `done` run on the writer's thread, in the order of
    /// submission, and must not block; `change` does not run when the latest
    /// revision cannot be told (the store is shut, or the event is of an earlier
    /// run and the index is being built again).
    fn amend_event(&self, id: EventId, change: Change, durability: Durability, done: Amended);

    /// The next unused id of a detection.
    fn next_detection_id(&self) -> DetectionId;

    /// The next unused id of an event.
    fn next_event_id(&self) -> EventId;
}

/// Finds records again.
pub trait Reader: Send + Sync {
    /// Detections, newest first.
    ///
    /// # Errors
    /// When the store is not available or a cursor is not one of its own.
    fn detections(&self, query: &DetectionQuery) -> Result<Page<Detection>, StoreError>;

    /// One detection.
    ///
    /// # Errors
    /// When the store is not available.
    fn detection(&self, id: DetectionId) -> Result<Option<Detection>, StoreError>;

    /// Events in their latest revision, newest first.
    ///
    /// # Errors
    /// When the store is not available or a cursor is not one of its own.
    fn events(&self, query: &EventQuery) -> Result<Page<Event>, StoreError>;

    /// One event in its latest revision.
    ///
    /// # Errors
    /// When the store is not available.
    fn event(&self, id: EventId) -> Result<Option<Event>, StoreError>;
}

/// Most items on one page.
pub const PAGE_MAX: usize = 1000;

/// Which detections. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DetectionQuery {
    /// Of this camera.
    pub camera: Option<CameraId>,
    /// Of this class.
    pub label: Option<String>,
    /// Of this event.
    pub event: Option<EventId>,
    /// With at least this score.
    pub min_confidence: Option<f32>,
    /// Where and how many.
    pub range: Range,
}

/// Which events. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EventQuery {
    /// Of this camera.
    pub camera: Option<CameraId>,
    /// Of this class.
    pub label: Option<String>,
    /// Of this level.
    pub level: Option<RiskLevel>,
    /// Looked at by a person, or not.
    pub reviewed: Option<bool>,
    /// Where and how many.
    pub range: Range,
}

/// A stretch of time and a page of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Range {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before (exclusive).
    pub until: Option<Timestamp>,
    /// Continue after the page that gave this cursor.
    pub cursor: Option<String>,
    /// At most this many, 1..=[`PAGE_MAX`].
    pub limit: usize,
}

impl Default for Range {
    fn default() -> Self {
        Self { from: None, until: None, cursor: None, limit: 50 }
    }
}

/// Part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// Where the next page begins; absent on the last page, exactly.
    pub next_cursor: Option<String>,
}

/// Why something could not be kept or found.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The store is not open; health says why.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// The state directory has no room left.
    #[error("no space left in the state directory")]
    Full,
    /// The writer is so far behind that it takes nothing more.
    #[error("the disk is too slow; the record was not kept")]
    Overloaded,
    /// A cursor that this store has not given out.
    #[error("the cursor is not valid; start again without one")]
    BadCursor,
    /// The disk failed.
    #[error("cannot {what}: {reason}")]
    Io {
        /// What was attempted, on which file.
        what: String,
        /// The system's reason.
        reason: String,
    },
}
