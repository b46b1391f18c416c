//! The store as the rest of the box holds it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use log::{error, warn};
use tokio::sync::watch;
use uuid::Uuid;

use super::disk::Ground;
use super::frame::NextIds;
use super::reading::{ReadError, Reading};
use super::shared::{Guard, Shared, Status, Submit, Task, lock, refusal};
use super::{
    AlertQuery, Amended, Change, DetectionQuery, Done, Durability, EventBrief, EventQuery, Fed,
    Feed, Keeper, Mark, Page, Reader, Record, RecordId, SceneChangeQuery, Step, StoreError,
    StoreSettings, Writer, feed, stored, writer,
};
use crate::domain::{
    Alert, AlertId, AlertRule, Detection, DetectionId, Event, EventId, RuleId, SceneChange,
    SceneChangeId, Setting, Timestamp,
};
use crate::health::{Health, Metrics, Progress};
use crate::rt::{Clock, Stop, Tasks};

/// How long [`Store::open`] waits for a healthy store. A disk that needs longer
/// opens in the background.
const OPEN_WAIT: Duration = Duration::from_secs(3);

/// Longest turn of the writer: cards pause for seconds while they tidy up; a turn
/// may drop eight segments and sync a dozen times.
const TURN_LIMIT: Duration = Duration::from_secs(90);

/// The store. Cheap to clone; clones are the same store. One thread named
/// `store` writes; it ends when `stop` is set or the last handle is dropped,
/// after everything submitted is written and synced.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    _guard: Arc<Guard>,
}

impl Store {
    /// Opens the store in `dir`, and never fails: a directory that cannot be used
    /// gives a store that refuses records, says in the health component `store`
    /// what to do, and tries again by itself. Waits a few seconds at most.
    ///
    /// Ids continue above the highest in the journal, with a gap after a crash.
    /// While the journal cannot be read they begin at 2^40 plus the time in ms,
    /// above everything that may be found in it later.
    pub fn open(
        dir: impl Into<PathBuf>,
        settings: StoreSettings,
        clock: Clock,
        health: &Health,
        metrics: &Metrics,
        tasks: &Tasks,
        stop: &Stop,
    ) -> Self {
        Self::open_on(Ground::default(), dir, settings, clock, health, metrics, tasks, stop)
    }

    /// [`Self::open`] on other ground than the machine's own disk.
    #[expect(clippy::too_many_arguments, reason = "those of `open` and the ground")]
    pub fn open_on(
        ground: Ground,
        dir: impl Into<PathBuf>,
        settings: StoreSettings,
        clock: Clock,
        health: &Health,
        metrics: &Metrics,
        tasks: &Tasks,
        stop: &Stop,
    ) -> Self {
        let components = (health.component("store"), health.component("clock"));
        let shared =
            Arc::new(Shared::new(ground, dir.into(), settings, clock, components, metrics));
        let (thread, stop) = (Arc::clone(&shared), stop.clone());
        match tasks.spawn_thread("store", move || writer::run(&thread, &stop)) {
            Ok(()) => {
                let is_settled =
                    |status: &Status| !matches!(status, Status::Opening | Status::CatchingUp);
                shared.wait_for(OPEN_WAIT, is_settled);
                shared.raise_unread_ids();
            }
            Err(reason) => {
                error!(reason:%; "The store thread could not be started; nothing is kept.");
                shared.close();
                shared.raise_unread_ids();
                let failed = StoreError::Unavailable(format!("no thread: {reason}"));
                shared.health.unhealthy(
                    "The store has no thread; nothing is kept.",
                    "Restart the service; raise the limit of tasks if it happens again.",
                );
                shared.set_status(Status::Unavailable(failed));
            }
        }
        Self { _guard: Arc::new(Guard(Arc::clone(&shared))), shared }
    }

    /// Calls `listener` with the events that retention has dropped, so that their
    /// pictures can go too. On the writer's thread: it must not block. One
    /// listener; a later one takes its place.
    pub fn on_dropped(&self, listener: impl Fn(&[EventId]) + Send + Sync + 'static) {
        *lock(&self.shared.on_dropped) = Some(Box::new(listener));
    }

    /// Calls `listener` with the events that were dated anew after the clock was
    /// set. On the writer's thread: it must not block. One listener; a later one
    /// takes its place.
    pub fn on_redated(&self, listener: impl Fn(Event) + Send + Sync + 'static) {
        *lock(&self.shared.on_redated) = Some(Box::new(listener));
    }

    /// Asks `keeper` before a segment is removed for its age, and tells it before
    /// one is removed for lack of space.
    pub fn keep_for(&self, keeper: Arc<dyn Keeper>) {
        lock(&self.shared.keepers).push(keeper);
    }

    /// Nothing is kept longer than this from now on.
    pub fn set_max_age(&self, max_age: Option<Duration>) {
        *lock(&self.shared.max_age) = max_age;
    }

    /// How long anything is kept at most; `None` where only sizes count.
    pub fn max_age(&self) -> Option<Duration> {
        *lock(&self.shared.max_age)
    }

    /// New ids will be above those of `records`, which were made elsewhere.
    pub(super) fn continue_ids_above(&self, records: &[Record]) {
        for record in records {
            let mut next = NextIds { detection: 1, event: 1 };
            match record {
                Record::Detection(seen) => next.detection = seen.id.0.saturating_add(1),
                Record::Event(happened) => next.event = happened.id.0.saturating_add(1),
                Record::SceneChange(change) => next.event = change.id.0.saturating_add(1),
                // These have ids that nobody counts.
                Record::Alert(_)
                | Record::AlertRule(_)
                | Record::Setting(_)
                | Record::Removed(_) => {}
            }
            self.shared.continue_ids(next);
        }
    }

    /// The latest revision of a thing, also of one that was removed.
    pub(super) fn revision(&self, id: RecordId) -> Result<Option<u32>, StoreError> {
        self.read(|reading| reading.revision(id))
    }

    /// Has the writer show its progress from now on: a disk that does not come back
    /// from a write or a sync for a minute and a half makes the box not ready.
    pub fn show_progress(&self, progress: &Progress) {
        // A second time changes nothing.
        let _ = self.shared.progress.set(progress.stage("store", TURN_LIMIT));
    }

    /// Waits until every record in the journal can be found, at most `limit`;
    /// whether it is so.
    pub fn wait_until_current(&self, limit: Duration) -> bool {
        self.shared.wait_for(limit, |status| matches!(status, Status::Current))
    }

    fn read<T>(
        &self,
        query: impl FnOnce(&mut Reading<'_>) -> Result<T, ReadError>,
    ) -> Result<T, StoreError> {
        let Some(index) = self.shared.index.load_full() else {
            return Err(self.why_unavailable());
        };
        let journal = self.shared.journal_dir();
        let mut reading = Reading::new(
            &index,
            self.shared.ground.disk.as_ref(),
            &journal,
            &self.shared.metrics.unreadable,
            self.shared.clock_shifts.load_full(),
        );
        let result = query(&mut reading);
        self.shared.report_damaged(&reading.damaged);
        result.map_err(|error| match error {
            ReadError::Store(error) => error,
            ReadError::Index(error) => {
                warn!(error:%; "A query failed; the index will be built again.");
                self.shared.report_index_failure();
                StoreError::Unavailable("the index is being built again".into())
            }
        })
    }

    fn why_unavailable(&self) -> StoreError {
        let reason = match self.shared.status() {
            Status::Unavailable(failure) => return refusal(&failure),
            Status::NoIndex(reason) => reason,
            Status::Opening => "it is being opened".into(),
            Status::Stopped => "it is closed".into(),
            Status::CatchingUp | Status::Current => "the index is being built again".into(),
        };
        StoreError::Unavailable(reason)
    }
}

/// What a caller is told whose records fit into no frame.
pub(super) fn too_large(records: usize) -> StoreError {
    StoreError::Io {
        what: format!("keep {records} records at once"),
        reason: "more than 1024 records or 1 MiB, or an event among the removals".into(),
    }
}

impl Writer for Store {
    fn submit(&self, records: Vec<Record>, durability: Durability, done: Done) {
        let body = match stored::encode_commit(&records) {
            Ok(_) if records.is_empty() => Vec::new(),
            Ok(body) => body,
            Err(stored::TooLarge) => {
                self.shared.metrics.refused.add(records.len() as u64);
                return done(Err(too_large(records.len())));
            }
        };
        let count = records.len();
        let revised = records.into_iter().filter(|record| record.id().is_some()).collect();
        let task = Task::Write { body, revised, done };
        self.shared.push(Submit { task, records: count, durability });
    }

    fn amend(
        &self,
        id: RecordId,
        change: Change<Record>,
        durability: Durability,
        done: Amended<Record>,
    ) {
        let task = Task::Amend { id, change, done };
        self.shared.push(Submit { task, records: 1, durability });
    }

    fn next_detection_id(&self) -> DetectionId {
        DetectionId(self.shared.next_detection())
    }

    fn next_event_id(&self) -> EventId {
        EventId(self.shared.next_event())
    }
}

impl Feed for Store {
    fn journal(&self) -> Option<Uuid> {
        self.shared.journal_id.load().as_deref().copied()
    }

    fn end(&self) -> watch::Receiver<Mark> {
        self.shared.synced.subscribe()
    }

    fn read_on(&self, from: Mark, show: &mut dyn FnMut(Fed) -> Step) -> Result<Mark, StoreError> {
        let (shared, end) = (&self.shared, *self.shared.synced.borrow());
        let shifts = shared.clock_shifts.load();
        feed::read_on(shared.ground.disk.as_ref(), &shared.journal_dir(), &shifts, from, end, show)
    }
}

impl Reader for Store {
    fn is_current(&self) -> bool {
        matches!(self.shared.status(), Status::Current)
    }

    fn detections(&self, query: &DetectionQuery) -> Result<Page<Detection>, StoreError> {
        self.read(|reading| reading.detections(query))
    }

    fn detection(&self, id: DetectionId) -> Result<Option<Detection>, StoreError> {
        self.read(|reading| Ok(reading.detection(id)))
    }

    fn events(&self, query: &EventQuery) -> Result<Page<Event>, StoreError> {
        self.read(|reading| reading.events(query))
    }

    fn survey_events(
        &self,
        query: &EventQuery,
        visit: &mut dyn FnMut(EventBrief),
    ) -> Result<Option<Timestamp>, StoreError> {
        self.read(|reading| reading.survey(query, visit))
    }

    fn count_detections(&self) -> Result<u64, StoreError> {
        self.read(|reading| Ok(reading.detection_count()))
    }

    fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.read(|reading| reading.event(id))
    }
    fn alerts(&self, query: &AlertQuery) -> Result<Page<Alert>, StoreError> {
        self.read(|reading| reading.alerts(query))
    }

    fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        self.read(|reading| reading.rare(id.into()))
    }

    fn alert_rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        self.read(|reading| reading.alert_rules())
    }

    fn alert_rule(&self, id: RuleId) -> Result<Option<AlertRule>, StoreError> {
        self.read(|reading| reading.rare(id.into()))
    }

    fn scene_changes(&self, query: &SceneChangeQuery) -> Result<Page<SceneChange>, StoreError> {
        self.read(|reading| reading.scene_changes(query))
    }

    fn scene_change(&self, id: SceneChangeId) -> Result<Option<SceneChange>, StoreError> {
        self.read(|reading| reading.rare(id.into()))
    }

    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError> {
        let found: Option<Setting> = self.read(|reading| reading.rare(RecordId::setting(key)))?;
        // Two keys of the same digest do not occur; a wrong value must not.
        Ok(found.filter(|setting| setting.key == key))
    }
}
