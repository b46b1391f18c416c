//! The store: what happened, kept.
//!
//! The journal is the truth (append-only, CRC-framed segments), sled the index
//! that can be rebuilt from it. Ports: [`Writer`] takes records and says when
//! they are safe, [`Reader`] finds them again, [`Feed`] shows them in order to
//! whoever hands them on.

mod alert_rule_forms;
mod amending;
mod carrying;
mod catch_up;
mod clock_shifts;
mod clock_watch;
mod cursors;
pub mod disk;
mod event_v2;
mod event_v3;
mod feed;
mod frame;
mod handle;
mod healing;
mod index;
mod index_files;
mod indexing;
mod journal;
mod journal_id;
mod keys;
mod outline;
mod outlines;
mod rare;
mod rare_index;
mod rare_reading;
mod rare_stored;
mod reading;
mod records;
mod redating;
mod restoring;
mod retention;
mod searching;
mod settings;
mod shared;
mod space;
mod stored;
mod stretches;
mod survey;
#[cfg(test)]
pub(crate) mod testing;
pub mod tools;
mod wear;
mod writer;

pub use feed::{Fed, Feed, InvalidMark, Keeper, Mark, Step};
pub use handle::Store;
pub use rare::{AlertQuery, RecordId, RecordKind, Removal, Revised, SceneChangeQuery};
pub use settings::{FLUSH_RECORDS_MAX, StoreSettings};
pub use survey::EventBrief;

use crate::domain::{
    Alert, AlertId, AlertRule, CameraId, Detection, DetectionId, Event, EventId, RiskLevel, RuleId,
    SceneChange, SceneChangeId, Setting, Timestamp,
};

/// One thing to keep.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A detection.
    Detection(Detection),
    /// An event, new or updated: the highest revision counts.
    Event(Event),
    /// An alert, new or changed.
    Alert(Alert),
    /// An alert rule, new or changed; kept until it is removed.
    AlertRule(AlertRule),
    /// A scene change, new or acknowledged.
    SceneChange(SceneChange),
    /// A setting, new or changed; kept until it is removed.
    Setting(Setting),
    /// Something with revisions, but for events, was removed.
    Removed(Removal),
}

/// When a record counts as kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Durability {
    /// Written to the journal: survives the end of the process. It is synced
    /// with the next tick ([`StoreSettings::flush_interval`], 500 ms, or
    /// [`StoreSettings::flush_records`], 256).
    Written,
    /// Synced: survives a power cut. Closes the tick at once.
    Synced,
}

/// What is told when the records are kept, or cannot be.
pub type Done = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

/// What becomes of something with revisions: sees the latest, or `None` when there
/// is no such thing, and gives what to store instead, or `None` to leave it as it
/// is.
pub type Change<T = Event> = Box<dyn FnOnce(Option<T>) -> Option<T> + Send>;

/// What is told when a change is kept (as it was stored), was not wanted (`None`),
/// or cannot be.
pub type Amended<T = Event> = Box<dyn FnOnce(Result<Option<T>, StoreError>) + Send>;

/// Keeps records.
pub trait Writer: Send + Sync {
    /// Takes `records`, in order, all or nothing, and never blocks. `done` runs
    /// on the writer's thread, in the order of submission, once they are as
    /// durable as asked; it must not block.
    fn submit(&self, records: Vec<Record>, durability: Durability, done: Done);

    /// Reads, changes and writes what `id` names with nothing in between: `change`
    /// sees every record submitted before, so two who change the same thing never
    /// undo each other's work. Something removed is `None`; [`Record::Removed`]
    /// removes.
    ///
    /// The store keeps the order of revisions: what `change` gives must be of this
    /// `id`, and gets, unless its revision is higher already, the one after the
    /// latest. `change` and `done` run on the writer's thread, in the order of
    /// submission, and must not block; `change` does not run when the latest
    /// revision cannot be told (the store is shut, or the thing is of an earlier
    /// run and the index is being built again).
    fn amend(
        &self,
        id: RecordId,
        change: Change<Record>,
        durability: Durability,
        done: Amended<Record>,
    );

    /// [`Self::amend`] for an event.
    fn amend_event(&self, id: EventId, change: Change, durability: Durability, done: Amended) {
        rare::amend_typed(self, id.into(), change, durability, done);
    }

    /// [`Self::amend`] for an alert.
    fn amend_alert(
        &self,
        id: AlertId,
        change: Change<Alert>,
        durability: Durability,
        done: Amended<Alert>,
    ) {
        rare::amend_typed(self, id.into(), change, durability, done);
    }

    /// [`Self::amend`] for an alert rule.
    fn amend_alert_rule(
        &self,
        id: RuleId,
        change: Change<AlertRule>,
        durability: Durability,
        done: Amended<AlertRule>,
    ) {
        rare::amend_typed(self, id.into(), change, durability, done);
    }

    /// [`Self::amend`] for a scene change.
    fn amend_scene_change(
        &self,
        id: SceneChangeId,
        change: Change<SceneChange>,
        durability: Durability,
        done: Amended<SceneChange>,
    ) {
        rare::amend_typed(self, id.into(), change, durability, done);
    }

    /// [`Self::amend`] for the setting `key`.
    fn amend_setting(
        &self,
        key: &str,
        change: Change<Setting>,
        durability: Durability,
        done: Amended<Setting>,
    ) {
        rare::amend_typed(self, RecordId::setting(key), change, durability, done);
    }

    /// Removes what `id` names at the time `at`; `done` gets the removal, or `None`
    /// when there is no such thing. Events cannot be removed.
    fn remove(&self, id: RecordId, at: Timestamp, durability: Durability, done: Amended<Record>) {
        let removal = Record::Removed(Removal { id, revision: 0, at });
        self.amend(id, Box::new(move |known| known.map(|_| removal)), durability, done);
    }

    /// The next unused id of a detection.
    fn next_detection_id(&self) -> DetectionId;

    /// The next unused id of an event.
    fn next_event_id(&self) -> EventId;

    /// The next unused id of a scene change; events and scene changes are counted
    /// together.
    fn next_scene_change_id(&self) -> SceneChangeId {
        SceneChangeId(self.next_event_id().0)
    }
}

/// Finds records again.
pub trait Reader: Send + Sync {
    /// Whether everything that was kept can be found now. It cannot while the
    /// store is opened or its index is built again.
    fn is_current(&self) -> bool;

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

    /// Shows `visit` every wanted event, newest first, without reading the journal;
    /// cursor and limit of the query do not count. Looks at [`SURVEY_KEYS_MAX`] at
    /// most: when there are more, returns the start of the first that was not shown.
    ///
    /// # Errors
    /// When the store is not available.
    fn survey_events(
        &self,
        query: &EventQuery,
        visit: &mut dyn FnMut(EventBrief),
    ) -> Result<Option<Timestamp>, StoreError>;

    /// Detections in the journal. One that was written twice because a write failed
    /// half way counts twice.
    ///
    /// # Errors
    /// When the store is not available.
    fn count_detections(&self) -> Result<u64, StoreError>;

    /// One event in its latest revision.
    ///
    /// # Errors
    /// When the store is not available.
    fn event(&self, id: EventId) -> Result<Option<Event>, StoreError>;

    /// Alerts, newest first.
    ///
    /// # Errors
    /// When the store is not available or a cursor is not one of its own.
    fn alerts(&self, query: &AlertQuery) -> Result<Page<Alert>, StoreError>;

    /// One alert.
    ///
    /// # Errors
    /// When the store is not available.
    fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError>;

    /// All alert rules, newest first, at most [`PAGE_MAX`].
    ///
    /// # Errors
    /// When the store is not available.
    fn alert_rules(&self) -> Result<Vec<AlertRule>, StoreError>;

    /// One alert rule.
    ///
    /// # Errors
    /// When the store is not available.
    fn alert_rule(&self, id: RuleId) -> Result<Option<AlertRule>, StoreError>;

    /// Scene changes, newest first.
    ///
    /// # Errors
    /// When the store is not available or a cursor is not one of its own.
    fn scene_changes(&self, query: &SceneChangeQuery) -> Result<Page<SceneChange>, StoreError>;

    /// One scene change.
    ///
    /// # Errors
    /// When the store is not available.
    fn scene_change(&self, id: SceneChangeId) -> Result<Option<SceneChange>, StoreError>;

    /// The setting of this key, if somebody has set it.
    ///
    /// # Errors
    /// When the store is not available.
    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError>;
}

/// Most items on one page.
pub const PAGE_MAX: usize = 1000;

/// A query of detections that has read this much of the journal ends its page
/// early: some 150,000 detections, which took 0.13 s in a debug build on x86-64.
pub const SCAN_BYTES_MAX: u64 = 16 << 20;

/// A query of events that has looked at this many ends its page early (0.03 s).
pub const SCAN_KEYS_MAX: usize = 10_000;

/// So many events are looked at when they are counted: about 0.3 s.
pub const SURVEY_KEYS_MAX: usize = 100_000;

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
///
/// A page has fewer items than asked for, or none, and yet a cursor when the
/// search had to pass over too much ([`SCAN_BYTES_MAX`], [`SCAN_KEYS_MAX`]): the
/// cursor goes on from there. Whoever follows the cursors sees every item once and
/// comes to the end.
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
