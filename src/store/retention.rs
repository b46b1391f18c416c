//! Retention: what goes when there is too much, is too old, or the disk fills up.
//!
//! Whole segments go, oldest first; never the current one. The index forgets them
//! first and is synced, then the file is removed: a cut in between leaves a
//! segment without entries, which goes the next time. Age is judged only while
//! the clock is trusted, and only for segments whose records were dated by one.
//! Age waits for whoever has not handed everything on ([`super::Keeper`]); lack of space
//! does not, but tells them. What must stay of a segment is written once more before. A segment of which that
//! is not known, or for which there is no room, is passed over until the next run.

use log::{info, warn};

use super::frame::{Found, SEGMENT_HEADER, Scan};
use super::index::{Changes, Index, IndexError};
use super::journal::{Place, io_error};
use super::shared::lock;
use super::writer::Engine;
use super::{RecordId, RecordKind, StoreError, carrying, feed};
use crate::domain::{EventId, Timestamp};
use crate::rt::Clock;

/// Most segments dropped in one run, so that writing goes on in between.
const RUN_MAX: usize = 8;

/// Drops what has to go.
pub(super) fn run(engine: &mut Engine) {
    let mut passed_over = 0;
    for _ in 0..RUN_MAX {
        let Some((segment, reason)) = next_to_go(engine, passed_over) else { return };
        match drop_segment(engine, segment) {
            Ok(()) => {}
            Err(error) => {
                warn!(error:%, segment; "A segment could not be dropped; the next goes first.");
                passed_over = segment;
                continue;
            }
        }
        engine.shared.metrics.segments_dropped.inc();
        engine.shared.metrics.journal_bytes.set(engine.journal.bytes() as f64);
        info!(segment, reason; "The oldest records were dropped.");
    }
}

fn next_to_go(engine: &Engine, passed_over: u64) -> Option<(u64, &'static str)> {
    let (journal, shared) = (&engine.journal, &engine.shared);
    let (oldest, _) = journal.segments().range(passed_over + 1..).next()?;
    let oldest = *oldest;
    if oldest == journal.place().segment {
        return None;
    }
    let settings = &shared.settings;
    if journal.bytes() > settings.journal_max_bytes {
        return Some((oldest, "the journal is at its limit"));
    }
    if journal.disk().free_bytes(&shared.dir).is_some_and(|free| free < settings.min_free_bytes) {
        return Some((oldest, "the disk is nearly full"));
    }
    let max_age = *lock(&shared.max_age);
    let limit = max_age.filter(|_| lock(&shared.clock_watch).is_steady(&shared.clock))?;
    if is_needed(engine, oldest) {
        return None;
    }
    let newest = engine.indexing.current()?.outlines().newest(oldest)?;
    is_too_old(&shared.clock, newest, limit).then_some((oldest, "older than the limit"))
}

/// Whether somebody has not handed on all of a segment.
fn is_needed(engine: &Engine, segment: u64) -> bool {
    let keepers = lock(&engine.shared.keepers);
    keepers.iter().filter_map(|keeper| keeper.needs_from()).any(|mark| mark.segment() <= segment)
}

/// Tells those who still need a segment that it goes.
fn tell_keepers(engine: &Engine, segment: u64, bytes: &[u8]) {
    if is_needed(engine, segment) {
        let records = feed::all_of(segment, bytes, &engine.shared.clock_shifts.load());
        lock(&engine.shared.keepers).iter().for_each(|keeper| keeper.lose(&records));
    }
}

fn is_too_old(clock: &Clock, newest: Timestamp, limit: std::time::Duration) -> bool {
    clock.is_trusted() && Clock::is_plausible(newest) && newest.after(limit) < clock.now()
}

fn drop_segment(engine: &mut Engine, segment: u64) -> Result<(), StoreError> {
    let bytes =
        engine.journal.read(segment).map_err(io_error(format!("read segment {segment}")))?;
    carrying::carry(engine, segment, &bytes)?;
    tell_keepers(engine, segment, &bytes);
    let mut dropped = Vec::new();
    if let Some(index) = engine.indexing.current().cloned() {
        match forget(&index, segment, &bytes) {
            Ok(ids) => dropped = ids,
            Err(error) => engine.indexing.fail(&error),
        }
    } else if let Some(index) = engine.shared.index.load_full() {
        index.outlines().remove(segment);
    }
    engine.recent.drop_all(&dropped);
    engine.journal.remove(segment)?;
    let events = dropped.iter().filter(|id| id.kind == RecordKind::Event);
    let events: Vec<_> = events.map(|id| EventId(id.id as u64)).collect();
    if let (Some(listener), false) = (&*lock(&engine.shared.on_dropped), events.is_empty()) {
        listener(&events);
    }
    Ok(())
}

/// Removes a segment's records from the index, durably; what is gone with it.
fn forget(index: &Index, segment: u64, bytes: &[u8]) -> Result<Vec<RecordId>, IndexError> {
    let mut dropped = Vec::new();
    let mut changes = Changes::new(index);
    for found in Scan::new(bytes, segment, SEGMENT_HEADER as u32) {
        if let Found::Frame { offset, body } = found {
            changes.remove_frame(Place { segment, offset }, body, &mut dropped)?;
        }
    }
    changes.forget_segment(segment);
    changes.apply(None)?;
    index.flush()?;
    Ok(dropped)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn age_counts_only_between_two_trusted_times() {
        let day = Duration::from_secs(86_400);
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let (set, unset) = (Clock::manual(now), Clock::manual(Timestamp::from_unix_ms(1000)));
        assert!(is_too_old(&set, now.before(day * 3), day));
        assert!(!is_too_old(&set, now.before(day / 2), day));
        assert!(!is_too_old(&set, Timestamp::from_unix_ms(5), day), "dated by an unset clock");
        assert!(!is_too_old(&unset, now.before(day * 3), day));
        assert!(!is_too_old(&unset, Timestamp::from_unix_ms(5), day));
    }
}
