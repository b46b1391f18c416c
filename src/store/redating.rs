//! What was made before the clock was set is dated anew.
//!
//! On the writer's thread, a little between its groups. First the shift is
//! written down and synced, and detections are read with it from then on; then
//! every event, scene change and alert of the unset clock gets one more revision
//! with the right times, through the same door as any other change; then the shift
//! notes that this is done. Cut off in between, it goes on at the next start: what
//! has its revision is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use log::{info, warn};

use super::clock_shifts::{ClockShiftV1, ClockShifts, shifted};
use super::index::Index;
use super::reading::{ReadError, Reading};
use super::shared::{Shared, Submit, Task, lock};
use super::writer::Engine;
use super::{AlertQuery, Durability, PAGE_MAX, Range, Record, RecordId, StoreError};
use crate::domain::{Alert, EventId, SceneChange, SceneChangeId, Timestamp};
use crate::rt::Clock;

/// Events that are changed at once, so that records do not wait.
const SLICE: u64 = 16;
/// Events that were seen before the clock was set may still wait for their picture.
const SETTLE: Duration = Duration::from_secs(10);
/// When the disk or the index refuses, it is tried again after this.
const RETRY: Duration = Duration::from_secs(1);

/// How far the work is.
#[derive(Default)]
pub(super) struct Redating {
    /// Of the first shift that is not done: events before are.
    next_event: u64,
    slice: Option<Arc<Slice>>,
    /// Shifts that could not be written down yet.
    unsaved: Vec<ClockShiftV1>,
    not_before: Duration,
    was_unset: bool,
}

struct Slice {
    left: AtomicUsize,
    end: u64,
    has_failed: AtomicBool,
}

/// Looks at the clock, and does a little of what is due.
pub(super) fn step(engine: &mut Engine) {
    let shared = Arc::clone(&engine.shared);
    let found = lock(&shared.clock_watch).look(&shared.clock, shared.next_ids());
    engine.redating.unsaved.extend(found.into_iter().map(ClockShiftV1::from));
    report(engine);
    if shared.clock.monotonic() < engine.redating.not_before {
        return;
    }
    let is_new = !engine.redating.unsaved.is_empty();
    let done = save(engine).and_then(|()| if is_new { Ok(()) } else { work(engine) });
    if let Err(error) = done {
        warn!(error:%; "Records could not be dated anew; it is tried again.");
        engine.redating.not_before = shared.clock.monotonic() + RETRY;
    }
}

fn report(engine: &mut Engine) {
    let is_unset = lock(&engine.shared.clock_watch).is_unset();
    let was_unset = std::mem::replace(&mut engine.redating.was_unset, is_unset);
    let health = &engine.shared.clock_health;
    if is_unset && !was_unset {
        warn!("The clock has not been set; records are marked, and dated anew when it is.");
        health.degraded(
            "The clock has not been set; records are marked, and dated anew when it is.",
            "Give the box a way to a time server, or set its clock.",
        );
    } else if was_unset && !is_unset {
        health.healthy("The clock is set; what was recorded before is dated anew.");
    }
}

/// Writes new shifts down before anything follows from them.
fn save(engine: &mut Engine) -> Result<(), StoreError> {
    if engine.redating.unsaved.is_empty() {
        return Ok(());
    }
    let mut shifts = ClockShifts::clone(&engine.shared.clock_shifts.load());
    shifts.0.extend(engine.redating.unsaved.iter().cloned());
    store(engine, shifts)?;
    engine.redating.not_before = engine.shared.clock.monotonic() + SETTLE;
    for shift in std::mem::take(&mut engine.redating.unsaved) {
        engine.shared.metrics.clock_shifts.inc();
        info!(
            shift_ms = shift.shift_ms,
            first_event = shift.first_event,
            end_event = shift.end_event,
            first_detection = shift.first_detection,
            end_detection = shift.end_detection;
            "The clock was set; what was recorded before is dated anew."
        );
    }
    Ok(())
}

fn store(engine: &Engine, shifts: ClockShifts) -> Result<(), StoreError> {
    shifts.save(engine.journal.disk(), &engine.shared.dir)?;
    engine.shared.clock_shifts.store(Arc::new(shifts));
    Ok(())
}

fn work(engine: &mut Engine) -> Result<(), StoreError> {
    if let Some(slice) = engine.redating.slice.take() {
        if slice.left.load(Ordering::Acquire) > 0 {
            engine.redating.slice = Some(slice);
            return Ok(());
        }
        if slice.has_failed.load(Ordering::Relaxed) {
            return Err(StoreError::Unavailable("a change was refused".into()));
        }
        engine.redating.next_event = slice.end;
    }
    let shifts = engine.shared.clock_shifts.load_full();
    let Some(at) = shifts.0.iter().position(|shift| !shift.are_events_done) else { return Ok(()) };
    // Only a complete index knows the records of an earlier run.
    let Some(index) = engine.indexing.current().cloned() else { return Ok(()) };
    let shift = &shifts.0[at];
    let first = engine.redating.next_event.max(shift.first_event);
    let end = shift.end_event.min(first.saturating_add(SLICE));
    // Scene changes are counted with the events.
    let mut ids: Vec<RecordId> =
        (first..end).flat_map(|id| [EventId(id).into(), SceneChangeId(id).into()]).collect();
    if ids.is_empty() {
        ids = undated_alerts(engine, &index, shift)?;
    }
    if ids.is_empty() {
        engine.sync()?;
        let mut shifts = ClockShifts::clone(&shifts);
        shifts.0[at].are_events_done = true;
        engine.redating.next_event = 0;
        return store(engine, shifts);
    }
    engine.redating.slice = Some(submit(&engine.shared, &ids, end, shift.shift_ms));
    Ok(())
}

/// Alerts for the events of a shift that are still to be dated anew, some of them.
fn undated_alerts(
    engine: &Engine,
    index: &Index,
    shift: &ClockShiftV1,
) -> Result<Vec<RecordId>, StoreError> {
    let (shared, dir) = (&engine.shared, engine.shared.journal_dir());
    let shifts = shared.clock_shifts.load_full();
    let disk = engine.journal.disk();
    let mut reading = Reading::new(index, disk, &dir, &shared.metrics.unreadable, shifts);
    let until = Some(Clock::EARLIEST_PLAUSIBLE);
    let range = Range { until, limit: PAGE_MAX, ..Range::default() };
    let mut query = AlertQuery { range, ..AlertQuery::default() };
    loop {
        let page = reading.alerts(&query).map_err(|error| match error {
            ReadError::Store(error) => error,
            ReadError::Index(error) => StoreError::Unavailable(error.to_string()),
        })?;
        let events = shift.first_event..shift.end_event;
        let is_undated = |a: &Alert| !a.clock_trusted && events.contains(&a.event.0);
        let undated = page.items.iter().filter(|alert| is_undated(alert));
        let found: Vec<_> = undated.take(SLICE as usize).map(|alert| alert.id.into()).collect();
        query.range.cursor = page.next_cursor;
        if !found.is_empty() || query.range.cursor.is_none() {
            return Ok(found);
        }
    }
}

/// Asks for the changes of these records; events before `end` are done then.
fn submit(shared: &Arc<Shared>, ids: &[RecordId], end: u64, shift_ms: i64) -> Arc<Slice> {
    let left = AtomicUsize::new(ids.len());
    let slice = Arc::new(Slice { left, end, has_failed: AtomicBool::new(false) });
    for id in ids {
        let change = Box::new(move |record: Option<Record>| redated(record?, shift_ms));
        let (told, slice) = (Arc::clone(shared), Arc::clone(&slice));
        let done = Box::new(move |result: Result<Option<Record>, StoreError>| {
            match result {
                Ok(Some(record)) => note(&told, record),
                Ok(None) => {}
                Err(_) => slice.has_failed.store(true, Ordering::Relaxed),
            }
            slice.left.fetch_sub(1, Ordering::Release);
        });
        let task = Task::Amend { id: *id, change, done };
        shared.push(Submit { task, records: 1, durability: Durability::Written });
    }
    slice
}

fn note(shared: &Shared, record: Record) {
    shared.metrics.redated.inc();
    if let (Record::Event(event), Some(listener)) = (record, &*lock(&shared.on_redated)) {
        listener(event);
    }
}

/// The record with the right times, unless it has them.
fn redated(record: Record, shift_ms: i64) -> Option<Record> {
    // What somebody did later was dated by the set clock.
    let moved = |at: Timestamp| if Clock::is_plausible(at) { at } else { shifted(at, shift_ms) };
    match record {
        Record::Event(event) if !event.clock_trusted => {
            Some(Record::Event(event.redated(shift_ms)))
        }
        Record::Alert(alert) if !alert.clock_trusted => Some(Record::Alert(Alert {
            created_at: moved(alert.created_at),
            updated_at: moved(alert.updated_at),
            acknowledged_at: alert.acknowledged_at.map(moved),
            dismissed_at: alert.dismissed_at.map(moved),
            clock_trusted: true,
            ..alert
        })),
        Record::SceneChange(change) if !change.clock_trusted => {
            Some(Record::SceneChange(SceneChange {
                detected_at: moved(change.detected_at),
                acknowledged_at: change.acknowledged_at.map(moved),
                clock_trusted: true,
                ..change
            }))
        }
        _ => None,
    }
}
