//! What was made before the clock was set is dated anew.
//!
//! On the writer's thread, a little between its groups. First the shift is
//! written down and synced; then every event of the unset clock gets one more
//! revision with the right times, through the same door as any other change; then
//! the shift notes that this is done. Cut off in between, it goes on at the next
//! start: an event that has its revision is left alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use log::{info, warn};

use super::clock_shifts::{ClockShiftV1, ClockShifts};
use super::shared::{Shared, Submit, Task, lock};
use super::writer::Engine;
use super::{Durability, StoreError};
use crate::domain::{Event, EventId};

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
    let shift = &shifts.0[at];
    let first = engine.redating.next_event.max(shift.first_event);
    if first >= shift.end_event {
        engine.sync()?;
        let mut shifts = ClockShifts::clone(&shifts);
        shifts.0[at].are_events_done = true;
        engine.redating.next_event = 0;
        return store(engine, shifts);
    }
    // Only a complete index knows the events of an earlier run.
    if engine.indexing.current().is_some() {
        let end = shift.end_event.min(first + SLICE);
        engine.redating.slice = Some(submit(&engine.shared, first, end, shift.shift_ms));
    }
    Ok(())
}

/// Asks for the changes of the events `first..end`.
fn submit(shared: &Arc<Shared>, first: u64, end: u64, shift_ms: i64) -> Arc<Slice> {
    let left = AtomicUsize::new((end - first) as usize);
    let slice = Arc::new(Slice { left, end, has_failed: AtomicBool::new(false) });
    for id in first..end {
        let change = Box::new(move |event: Option<Event>| {
            Some(event.filter(|event| !event.clock_trusted)?.redated(shift_ms))
        });
        let (told, slice) = (Arc::clone(shared), Arc::clone(&slice));
        let done = Box::new(move |result: Result<Option<Event>, StoreError>| {
            match result {
                Ok(Some(event)) => {
                    told.metrics.redated.inc();
                    if let Some(listener) = &*lock(&told.on_redated) {
                        listener(event);
                    }
                }
                Ok(None) => {}
                Err(_) => slice.has_failed.store(true, Ordering::Relaxed),
            }
            slice.left.fetch_sub(1, Ordering::Release);
        });
        let task = Task::Amend { id: EventId(id), change, done };
        shared.push(Submit { task, records: 1, durability: Durability::Written });
    }
    slice
}
