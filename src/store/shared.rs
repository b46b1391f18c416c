//! What the handles and the writer thread share: the queue, the ids, the index
//! and how the store is.

use std::collections::{BTreeSet, VecDeque};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::watch;
use uuid::Uuid;

use super::clock_shifts::ClockShifts;
use super::clock_watch::ClockWatch;
use super::disk::Ground;
use super::frame::NextIds;
use super::index::Index;
use super::wear::WearMetrics;
use super::{
    Amended, Change, Done, Durability, Keeper, Mark, Record, RecordId, StoreError, StoreSettings,
};
use crate::domain::{Event, EventId};
use crate::health::{Component, Counter, Gauge, Metrics, ProgressMark};
use crate::rt::Clock;

/// Submits waiting for the writer: some seconds of a busy box. When full, the
/// new one is refused and its owner told.
const QUEUE: usize = 1024;
/// Bytes of the waiting submits together.
const QUEUE_BYTES: usize = 8 << 20;
/// Most records the writer takes at once, but never more than a tick may have;
/// see [`super::stored::RECORDS_MAX`].
const GROUP_RECORDS: usize = 256;
/// Ids handed out while the store cannot be read begin at 2^40 plus the time in
/// ms: above every counted id, above those of an earlier such run (no box makes
/// 1000 a second), and below 2^53 for some 280,000 years.
const UNREAD_BASE: u64 = 1 << 40;

/// Damaged things waiting to be looked at; queries report the others again.
const DAMAGED_MAX: usize = 64;

/// One submit on its way to the journal.
pub(super) struct Submit {
    pub task: Task,
    pub records: usize,
    pub durability: Durability,
}

/// What a submit asks for.
pub(super) enum Task {
    /// Write these; the body is empty when there is nothing to write. `revised` are
    /// those of the records that have revisions.
    Write { body: Vec<u8>, revised: Vec<Record>, done: Done },
    /// Change something.
    Amend { id: RecordId, change: Change<Record>, done: Amended<Record> },
}

impl Submit {
    /// Tells the owner that nothing came of it.
    pub fn refuse(self, error: StoreError) {
        match self.task {
            Task::Write { done, .. } => done(Err(error)),
            Task::Amend { done, .. } => done(Err(error)),
        }
    }

    /// Bytes it takes up in the queue. What a change holds is not known; the
    /// number of submits bounds those.
    fn bytes(&self) -> usize {
        match &self.task {
            Task::Write { body, .. } => body.len(),
            Task::Amend { .. } => 0,
        }
    }
}

#[derive(Default)]
struct Queue {
    submits: VecDeque<Submit>,
    bytes: usize,
    is_closed: bool,
}

/// How the store is.
#[derive(Clone, Debug)]
pub(super) enum Status {
    /// Not yet opened.
    Opening,
    /// Nothing is kept.
    Unavailable(StoreError),
    /// Records are kept but cannot be searched.
    NoIndex(String),
    /// Records are kept; not all can be found yet.
    CatchingUp,
    /// Everything works.
    Current,
    /// Closed.
    Stopped,
}

/// What a caller is told while the store is shut for this reason.
pub(super) fn refusal(failure: &StoreError) -> StoreError {
    match failure {
        StoreError::Full => StoreError::Full,
        StoreError::Unavailable(reason) => StoreError::Unavailable(reason.clone()),
        other => StoreError::Unavailable(other.to_string()),
    }
}

/// Told which events retention dropped.
pub(super) type OnDropped = Box<dyn Fn(&[EventId]) + Send + Sync>;

/// Told of events that were dated anew.
pub(super) type OnRedated = Box<dyn Fn(Event) + Send + Sync>;

pub(super) struct Shared {
    pub ground: Ground,
    pub dir: PathBuf,
    pub settings: StoreSettings,
    pub clock: Clock,
    /// Nothing is kept longer than this; can be changed at run time.
    pub max_age: Mutex<Option<Duration>>,
    pub health: Component,
    /// Says when the clock has not been set.
    pub clock_health: Component,
    pub clock_watch: Mutex<ClockWatch>,
    pub clock_shifts: ArcSwap<ClockShifts>,
    pub on_redated: Mutex<Option<OnRedated>>,
    pub metrics: StoreMetrics,
    pub index: ArcSwapOption<Index>,
    /// A reader met a fault of the index.
    pub index_failed: AtomicBool,
    pub on_dropped: Mutex<Option<OnDropped>>,
    /// Those who have not handed everything on.
    pub keepers: Mutex<Vec<Arc<dyn Keeper>>>,
    /// Which journal is open; `None` while none is, or its id could not be kept.
    pub journal_id: ArcSwapOption<Uuid>,
    /// How far the journal is synced.
    pub synced: watch::Sender<Mark>,
    /// Touched whenever the writer is ready for more.
    pub progress: OnceLock<ProgressMark>,
    queue: Mutex<Queue>,
    wake: Condvar,
    status: Mutex<Status>,
    status_changed: Condvar,
    damaged: Mutex<BTreeSet<RecordId>>,
    next_detection: AtomicU64,
    next_event: AtomicU64,
    are_ids_known: AtomicBool,
}

impl Shared {
    pub fn new(
        ground: Ground,
        dir: PathBuf,
        settings: StoreSettings,
        clock: Clock,
        (health, clock_health): (Component, Component),
        metrics: &Metrics,
    ) -> Self {
        Self {
            ground,
            dir,
            max_age: Mutex::new(settings.max_age),
            settings,
            clock,
            health,
            clock_health,
            clock_watch: Mutex::default(),
            clock_shifts: ArcSwap::default(),
            on_redated: Mutex::default(),
            metrics: StoreMetrics::new(metrics),
            index: ArcSwapOption::empty(),
            index_failed: AtomicBool::new(false),
            on_dropped: Mutex::default(),
            keepers: Mutex::default(),
            journal_id: ArcSwapOption::empty(),
            synced: watch::Sender::new(Mark::START),
            progress: OnceLock::new(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            status: Mutex::new(Status::Opening),
            status_changed: Condvar::new(),
            damaged: Mutex::default(),
            next_detection: AtomicU64::new(1),
            next_event: AtomicU64::new(1),
            are_ids_known: AtomicBool::new(false),
        }
    }

    pub fn journal_dir(&self) -> PathBuf {
        self.dir.join("journal")
    }

    /// Puts a submit into the queue, or tells its owner why not.
    pub fn push(&self, submit: Submit) {
        let mut queue = lock(&self.queue);
        let refusal = if queue.is_closed {
            Some(StoreError::Unavailable("the service is stopping".into()))
        } else if queue.submits.len() >= QUEUE || queue.bytes + submit.bytes() > QUEUE_BYTES {
            Some(StoreError::Overloaded)
        } else {
            None
        };
        if let Some(error) = refusal {
            drop(queue);
            self.metrics.refused.add(submit.records as u64);
            return submit.refuse(error);
        }
        queue.bytes += submit.bytes();
        queue.submits.push_back(submit);
        drop(queue);
        self.wake.notify_one();
    }

    /// The next submits, oldest first, at most [`GROUP_RECORDS`] (or one submit
    /// that is larger). Waits for the first at most `limit`.
    pub fn take(&self, limit: Duration) -> Vec<Submit> {
        let is_idle = |queue: &mut Queue| {
            queue.submits.is_empty()
                && !queue.is_closed
                && !self.index_failed.load(Ordering::Relaxed)
        };
        let (mut queue, _) = self
            .wake
            .wait_timeout_while(lock(&self.queue), limit, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(mark) = self.progress.get() {
            mark.touch();
        }
        let (mut group, mut records) = (Vec::new(), 0);
        while let Some(submit) = queue.submits.pop_front() {
            if !group.is_empty() && records + submit.records > GROUP_RECORDS {
                queue.submits.push_front(submit);
                break;
            }
            records += submit.records;
            queue.bytes -= submit.bytes();
            group.push(submit);
        }
        group
    }

    /// Takes nothing more; what waits is still written.
    pub fn close(&self) {
        lock(&self.queue).is_closed = true;
        self.wake.notify_all();
    }

    /// Whether nothing more will come.
    pub fn is_closed(&self) -> bool {
        lock(&self.queue).is_closed
    }

    /// Has the writer thread replace the index.
    pub fn report_index_failure(&self) {
        // Under the lock, so that a writer about to wait cannot miss it.
        let _queue = lock(&self.queue);
        self.index_failed.store(true, Ordering::Relaxed);
        self.wake.notify_all();
    }

    /// Has the writer thread look for earlier revisions of these.
    pub fn report_damaged(&self, ids: &[RecordId]) {
        if ids.is_empty() {
            return;
        }
        let mut damaged = lock(&self.damaged);
        let room = DAMAGED_MAX.saturating_sub(damaged.len());
        damaged.extend(ids.iter().take(room));
    }

    /// One thing to look for.
    pub fn next_damaged(&self) -> Option<RecordId> {
        lock(&self.damaged).pop_first()
    }

    pub fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    pub fn set_status(&self, status: Status) {
        *lock(&self.status) = status;
        self.status_changed.notify_all();
    }

    /// Waits until the status is as wanted, at most `limit`; whether it is.
    pub fn wait_for(&self, limit: Duration, is_wanted: impl Fn(&Status) -> bool) -> bool {
        let (status, _) = self
            .status_changed
            .wait_timeout_while(lock(&self.status), limit, |status| !is_wanted(status))
            .unwrap_or_else(PoisonError::into_inner);
        is_wanted(&status)
    }

    pub fn next_detection(&self) -> u64 {
        self.next_detection.fetch_add(1, Ordering::Relaxed)
    }

    pub fn next_event(&self) -> u64 {
        self.next_event.fetch_add(1, Ordering::Relaxed)
    }

    /// Where ids stand now.
    pub fn next_ids(&self) -> NextIds {
        NextIds {
            detection: self.next_detection.load(Ordering::Relaxed),
            event: self.next_event.load(Ordering::Relaxed),
        }
    }

    /// Ids continue as the journal says, or where they are if that is higher.
    pub fn continue_ids(&self, next: NextIds) {
        self.are_ids_known.store(true, Ordering::Relaxed);
        self.raise_ids(next);
    }

    fn raise_ids(&self, next: NextIds) {
        self.next_detection.fetch_max(next.detection, Ordering::Relaxed);
        self.next_event.fetch_max(next.event, Ordering::Relaxed);
    }

    /// Unless the journal has been read: ids continue where it cannot have any.
    pub fn raise_unread_ids(&self) {
        if self.are_ids_known.load(Ordering::Relaxed) {
            return;
        }
        let now_ms = u64::try_from(self.clock.now().unix_ms()).unwrap_or(0);
        let base = UNREAD_BASE + now_ms.min(UNREAD_BASE << 8);
        self.raise_ids(NextIds { detection: base, event: base });
    }
}

/// The figures of the store.
pub(super) struct StoreMetrics {
    pub wear: WearMetrics,
    pub records: Counter,
    pub refused: Counter,
    pub syncs: Counter,
    pub failed_writes: Counter,
    pub damaged: Counter,
    pub torn: Counter,
    pub unreadable: Counter,
    pub index_rebuilds: Counter,
    pub segments_dropped: Counter,
    pub journal_bytes: Gauge,
    pub clock_shifts: Counter,
    pub redated: Counter,
}

impl StoreMetrics {
    fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.counter(name, help, &[]);
        Self {
            records: counter("watchpost_store_records_total", "Records written to the journal."),
            refused: counter(
                "watchpost_store_records_dropped_total",
                "Records not kept: the queue was full, or the store was not available.",
            ),
            wear: WearMetrics::new(metrics),
            syncs: counter("watchpost_store_syncs_total", "Syncs of the journal."),
            failed_writes: counter(
                "watchpost_store_failed_writes_total",
                "Writes and syncs of the journal that failed.",
            ),
            damaged: counter(
                "watchpost_store_damaged_frames_total",
                "Damaged places found in the journal.",
            ),
            torn: counter(
                "watchpost_store_torn_tails_total",
                "Half written ends found in journal segments.",
            ),
            unreadable: counter(
                "watchpost_store_unreadable_records_total",
                "Records a query passed over because they are damaged.",
            ),
            index_rebuilds: counter(
                "watchpost_store_index_rebuilds_total",
                "Times the index was moved aside and built again.",
            ),
            segments_dropped: counter(
                "watchpost_store_segments_dropped_total",
                "Journal segments removed by retention.",
            ),
            clock_shifts: counter(
                "watchpost_store_clock_shifts_total",
                "Times the clock was set and what was recorded before was dated anew.",
            ),
            redated: counter(
                "watchpost_store_redated_events_total",
                "Events that were dated anew after the clock was set.",
            ),
            journal_bytes: metrics.gauge(
                "watchpost_store_journal_bytes",
                "Bytes of the journal.",
                &[],
            ),
        }
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Closes the queue when the last handle is gone.
pub(super) struct Guard(pub Arc<Shared>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.close();
    }
}
