//! The writer thread: takes submits in groups, writes, indexes, syncs, answers.
//!
//! A record is written before it is indexed and indexed before its `done` runs,
//! so what is announced can be found. `done` callbacks run in the order of
//! submission. A tick ends after `flush_interval` or `flush_records` with one sync; a submit that asks for `Synced` ends it at once.

use std::sync::Arc;
use std::time::Duration;

use log::warn;

use super::amending::{self, Ready, Recent};
use super::clock_shifts::ClockShifts;
use super::frame::NextIds;
use super::indexing::Indexing;
use super::journal::{Condition, Journal, Place};
use super::redating::{self, Redating};
use super::settings::FLUSH_RECORDS_MAX;
use super::shared::{Shared, Status, Submit, refusal};
use super::space::Ballast;
use super::stored::{self, RECORDS_MAX};
use super::wear::Wear;
use super::{Durability, Mark, StoreError, index_files, journal_id, retention};
use crate::rt::{Backoff, Refused, Stop};

/// How long the idle thread waits before it looks at the stop signal.
const IDLE: Duration = Duration::from_millis(250);
/// How often limits of age and space are looked at.
const RETENTION: Duration = Duration::from_secs(60);
/// Delays between tries to open an unusable directory.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// Ids that a power cut may have taken from the journal: what was not synced is
/// at most a tick, a group and one large submit.
const ID_GAP: u64 = (2 * FLUSH_RECORDS_MAX + RECORDS_MAX) as u64;

/// Keeps the store open until it is stopped, whatever the disk does.
pub(super) fn run(shared: &Arc<Shared>, stop: &Stop) {
    let mut backoff = Backoff::new(RETRY.0, RETRY.1);
    while !is_over(shared, stop) {
        let (failure, next_step) = match shared.ground.claim.take() {
            Ok(()) => match open_and_run(shared, stop, &mut backoff) {
                Ok(()) => break,
                Err(error) => {
                    let next_step = next_step(&error);
                    (error, next_step)
                }
            },
            Err(refused) => (StoreError::Unavailable(refused.to_string()), after_refusal(&refused)),
        };
        go_without(shared, &failure, next_step);
        let retry_at = shared.clock.monotonic() + backoff.next_delay();
        while shared.clock.monotonic() < retry_at && !is_over(shared, stop) {
            refuse(shared, shared.take(IDLE), &failure);
        }
    }
    shared.close();
    shared.index.store(None);
    let stopping = StoreError::Unavailable("the service is stopping".into());
    loop {
        let rest = shared.take(Duration::ZERO);
        if rest.is_empty() {
            break;
        }
        refuse(shared, rest, &stopping);
    }
    shared.set_status(Status::Stopped);
}

fn is_over(shared: &Shared, stop: &Stop) -> bool {
    stop.is_set() || shared.is_closed()
}

/// Until the stop, or until it goes no further.
fn open_and_run(
    shared: &Arc<Shared>,
    stop: &Stop,
    backoff: &mut Backoff,
) -> Result<(), StoreError> {
    let mut engine = Engine::open(shared)?;
    backoff.reset();
    engine.run(stop)
}

fn next_step(failure: &StoreError) -> &'static str {
    match failure {
        StoreError::Full => "Free space on the disk of the state directory.",
        _ => "Make the state directory writable for the service; it is tried again by itself.",
    }
}

fn after_refusal(refused: &Refused) -> &'static str {
    match refused {
        Refused::InUse(_) => "Stop the other instance; this one takes over by itself.",
        Refused::Unusable(_) => {
            "Make the state directory writable for the service; it is tried again by itself."
        }
    }
}

fn go_without(shared: &Shared, failure: &StoreError, next_step: &str) {
    if !matches!(shared.status(), Status::Unavailable(_)) {
        warn!(error:% = failure; "The store is not available; it is tried again by itself.");
    }
    if matches!(failure, StoreError::Full) {
        // Nothing is open that could give way by itself.
        Ballast::new(&shared.ground.disk, &shared.dir, shared.settings.min_free_bytes).release();
        index_files::remove_quarantine(&shared.dir);
    }
    shared.index.store(None);
    shared.journal_id.store(None);
    shared.raise_unread_ids();
    shared.set_status(Status::Unavailable(failure.clone()));
    shared.health.unhealthy(format!("Nothing is kept: {failure}."), next_step);
}

fn refuse(shared: &Shared, group: Vec<Submit>, failure: &StoreError) {
    for submit in group {
        amending::refuse(shared, submit, refusal(failure));
    }
}

/// The open store, as the writer thread holds it.
pub(super) struct Engine {
    pub shared: Arc<Shared>,
    pub journal: Journal,
    pub ballast: Ballast,
    pub indexing: Indexing,
    pub recent: Recent,
    pub redating: Redating,
    wear: Wear,
    /// Ids were raised above what a crash may have taken, and the journal does
    /// not say so yet: a second crash must not take them back.
    are_ids_unsaid: bool,
    unsynced: usize,
    tick_began: Duration,
    next_retention: Duration,
    full_until: Option<Duration>,
    /// The journal was taken away and is to be opened anew.
    is_astray: bool,
}

impl Engine {
    fn open(shared: &Arc<Shared>) -> Result<Self, StoreError> {
        let (mut journal, next, condition) = Journal::open(&shared.ground, &shared.journal_dir())?;
        // The run before may have ended before its last sync.
        journal.sync()?;
        settle_id(shared, condition.is_new);
        shared.synced.send_replace(Mark::of(journal.place()));
        let continued = after_gap(next, &condition);
        shared.continue_ids(continued);
        let shifts = ClockShifts::load(shared.ground.disk.as_ref(), &shared.dir)?;
        shared.clock_shifts.store(Arc::new(shifts));
        shared.set_status(Status::Opening);
        note_condition(shared, &condition);
        let now = shared.clock.monotonic();
        let engine = Self {
            shared: Arc::clone(shared),
            journal,
            ballast: Ballast::new(&shared.ground.disk, &shared.dir, shared.settings.min_free_bytes),
            indexing: Indexing::begin(shared),
            recent: Recent::new(shared.next_ids().event),
            redating: Redating::default(),
            wear: Wear::new(now),
            are_ids_unsaid: continued != next,
            unsynced: 0,
            tick_began: now,
            // Those who still need something have had time to say so by then.
            next_retention: now + RETENTION,
            full_until: None,
            is_astray: false,
        };
        engine.ballast.restore();
        Ok(engine)
    }

    fn run(&mut self, stop: &Stop) -> Result<(), StoreError> {
        while !is_over(&self.shared, stop) {
            let wait = self.time_to_wait();
            let group = self.shared.take(wait);
            self.turn(group)?;
        }
        self.finish();
        Ok(())
    }

    fn turn(&mut self, group: Vec<Submit>) -> Result<(), StoreError> {
        if !group.is_empty() {
            self.commit(group)?;
        }
        let now = self.shared.clock.monotonic();
        let is_tick_over = now >= self.tick_began + self.shared.settings.flush_interval;
        if self.unsynced >= self.shared.settings.flush_records
            || (self.unsynced > 0 && is_tick_over)
        {
            // The failure is counted and logged, and ends with this segment.
            let _ = self.sync();
        }
        if self.is_astray {
            return Err(astray());
        }
        if self.indexing.step(&self.journal) {
            self.report();
        }
        redating::step(self);
        if now >= self.next_retention {
            self.next_retention = now + RETENTION;
            self.ballast.restore();
            if self.shared.journal_id.load().is_none() {
                settle_id(&self.shared, false);
            }
            retention::run(self);
            self.report();
        }
        Ok(())
    }

    fn time_to_wait(&self) -> Duration {
        let wait = self.indexing.time_to_wait().unwrap_or(IDLE);
        if self.unsynced == 0 {
            return wait;
        }
        let tick_ends = self.tick_began + self.shared.settings.flush_interval;
        tick_ends.saturating_sub(self.shared.clock.monotonic()).min(wait)
    }

    /// Writes and indexes a group, syncs if asked to, and answers in order.
    fn commit(&mut self, group: Vec<Submit>) -> Result<(), StoreError> {
        let group = amending::prepare(self, group);
        let written = self.write(&group);
        let mut synced = Ok(());
        let is_sync_asked = group.iter().any(|s| s.durability == Durability::Synced);
        let are_ids_new = self.are_ids_unsaid && self.unsynced > 0;
        if written.is_ok() && (is_sync_asked || are_ids_new) {
            synced = self.sync();
            self.are_ids_unsaid &= synced.is_err() || !are_ids_new;
        }
        for mut ready in group {
            let result = match ready.durability {
                _ if written.is_err() => written.clone(),
                Durability::Written if are_ids_new => synced.clone(),
                Durability::Written => Ok(()),
                Durability::Synced => synced.clone(),
            };
            if result.is_err() {
                self.shared.metrics.refused.add(ready.records as u64);
            }
            for record in std::mem::take(&mut ready.revised) {
                match written {
                    Ok(()) => self.recent.note(record),
                    Err(_) => self.recent.note_failed(&record),
                }
            }
            ready.answer(result);
        }
        match written {
            // Space may come back; the journal itself is in order.
            Err(StoreError::Full) => Ok(()),
            other => other,
        }
    }

    fn write(&mut self, group: &[Ready]) -> Result<(), StoreError> {
        let mut bodies: Vec<&[u8]> =
            group.iter().map(|s| s.body.as_slice()).filter(|body| !body.is_empty()).collect();
        if bodies.is_empty() {
            return Ok(());
        }
        let ids = stored::encode_continued(self.shared.next_ids());
        if self.are_ids_unsaid {
            bodies.insert(0, &ids);
        }
        let places = self.append(&bodies)?;
        let records: usize = group.iter().map(|submit| submit.records).sum();
        if self.unsynced == 0 {
            self.tick_began = self.shared.clock.monotonic();
        }
        self.unsynced += records;
        let metrics = &self.shared.metrics;
        metrics.records.add(records as u64);
        self.wear.note_written(&metrics.wear, &places, &bodies);
        metrics.journal_bytes.set(self.journal.bytes() as f64);
        if !self.indexing.add(&places, &bodies, self.journal.place()) {
            self.report();
        }
        Ok(())
    }

    /// Appends to the journal. Lack of space is answered by giving way: the
    /// ballast first, then the oldest segments.
    fn append(&mut self, bodies: &[&[u8]]) -> Result<Vec<Place>, StoreError> {
        let now = self.shared.clock.monotonic();
        if self.full_until.is_some_and(|until| now < until) {
            return Err(StoreError::Full);
        }
        let next = self.shared.next_ids();
        let first = self.journal.append(bodies, next);
        if let Err(error) = &first {
            self.shared.metrics.failed_writes.inc();
            warn!(error:%; "A write to the journal failed; it goes on in a new segment.");
            if matches!(error, StoreError::Full) {
                self.ballast.release();
                index_files::remove_quarantine(&self.shared.dir);
                retention::run(self);
            }
        }
        let result = first.or_else(|_| self.journal.append(bodies, next));
        let was_full = self.full_until.is_some();
        self.full_until = matches!(result, Err(StoreError::Full)).then(|| now + RETRY.0);
        if was_full != self.full_until.is_some() || !self.ballast.is_there() {
            self.report();
        }
        result
    }

    /// Ends the tick.
    pub fn sync(&mut self) -> Result<(), StoreError> {
        self.unsynced = 0;
        self.shared.metrics.syncs.inc();
        self.journal.sync().inspect_err(|error| {
            self.shared.metrics.failed_writes.inc();
            warn!(error:%; "A sync of the journal failed; it goes on in a new segment.");
        })?;
        self.wear.note_synced(&self.shared.metrics.wear);
        self.is_astray = !self.journal.is_in_place();
        if self.is_astray {
            self.shared.journal_id.store(None);
            return Err(astray());
        }
        self.shared.synced.send_replace(Mark::of(self.journal.place()));
        Ok(())
    }

    /// Everything submitted is written and synced; then the journal is closed.
    fn finish(&mut self) {
        self.shared.close();
        loop {
            let group = self.shared.take(Duration::ZERO);
            if group.is_empty() {
                break;
            }
            if let Err(error) = self.commit(group) {
                warn!(error:%; "Records could not be written at the stop.");
                break;
            }
        }
        let next = self.shared.next_ids();
        let closed = self.journal.append(&[&stored::encode_closed(next)], next);
        if let Err(error) = closed.and_then(|_| self.journal.sync()) {
            warn!(error:%; "The journal could not be closed in good order.");
        }
        self.indexing.finish(self.journal.place());
    }

    /// Says in health how the store is.
    fn report(&self) {
        let (health, now) = (&self.shared.health, self.shared.clock.monotonic());
        let damaged = self.shared.metrics.damaged.value();
        match self.shared.status() {
            _ if self.full_until.is_some() => health.unhealthy(
                "The disk is full; new records are not kept.",
                "Free space on the disk of the state directory.",
            ),
            // Soon known; until then the last word stands.
            Status::Opening => {}
            Status::NoIndex(reason) => health.degraded(
                format!("Records are kept but cannot be searched: {reason}."),
                "Wait; the index is built again by itself. Check the disk if it stays so.",
            ),
            Status::CatchingUp => health.degraded(
                "Records are kept; the index is being brought up to date.",
                "Wait; older records appear as they are indexed.",
            ),
            _ if !self.ballast.is_there() => health.degraded(
                "The disk is nearly full; the reserve was used, the oldest records go first.",
                "Free space on the disk of the state directory.",
            ),
            _ if damaged > 0 => health.degraded(
                format!("Records are kept; {damaged} damaged places were found in the journal."),
                "Run `watchpost store check`; replace the disk or card if the number grows.",
            ),
            _ => health.healthy(match self.wear.tell(&self.shared.metrics.wear, now) {
                Some(wear) => format!("Records are kept and can be found; {wear}."),
                None => "Records are kept and can be found.".into(),
            }),
        }
    }
}

fn astray() -> StoreError {
    StoreError::Unavailable(
        "the journal was removed while the service was running; a new one is begun".into(),
    )
}

/// Where ids continue after what was found.
fn after_gap(next: NextIds, condition: &Condition) -> NextIds {
    let is_certain = condition.is_new || (condition.was_closed && condition.lost_bytes == 0);
    // A record takes more than one byte, so the bytes that are lost, or not
    // readable for this version of the program, bound the ids in them.
    let unread = condition.lost_bytes + condition.unknown_bytes;
    next.plus(if is_certain { 0 } else { ID_GAP + unread })
}

/// Without an id the journal is kept all the same, but nobody hands it on.
fn settle_id(shared: &Shared, is_new: bool) {
    let id = journal_id::settle(shared.ground.disk.as_ref(), &shared.dir, is_new);
    let id = id.inspect_err(|error| {
        warn!(error:%; "The journal has no id; what it holds is not uploaded for now.");
    });
    shared.journal_id.store(id.ok().map(Arc::new));
}

fn note_condition(shared: &Shared, condition: &Condition) {
    shared.metrics.torn.add(condition.torn);
    shared.metrics.damaged.add(condition.damaged);
    if condition.torn > 0 || condition.damaged > 0 {
        warn!(
            torn = condition.torn,
            damaged = condition.damaged;
            "The end of the journal is damaged; it is left as it is and writing goes on behind it."
        );
    }
}
