//! Retention: what goes when there is too much, is too old, or the disk fills up.
//!
//! Whole segments go, oldest first; never the current one. The index forgets them
//! first and is synced, then the file is removed: a cut in between leaves a
//! segment without entries, which goes the next time. Age is judged only while
//! the clock is trusted, and only for segments whose records were dated by one.

use log::{info, warn};

use super::frame::{Found, SEGMENT_HEADER, Scan};
use super::index::{Changes, Index, IndexError};
use super::journal::Place;
use super::shared::lock;
use super::writer::Engine;
use crate::domain::{EventId, Timestamp};
use crate::rt::Clock;

/// Most segments dropped in one run, so that writing goes on in between.
const RUN_MAX: usize = 8;

/// Drops what has to go.
pub(super) fn run(engine: &mut Engine) {
    for _ in 0..RUN_MAX {
        let Some((segment, reason)) = next_to_go(engine) else { return };
        if let Err(error) = drop_segment(engine, segment) {
            warn!(error:%, segment; "A segment could not be dropped.");
            return;
        }
        engine.shared.metrics.segments_dropped.inc();
        engine.shared.metrics.journal_bytes.set(engine.journal.bytes() as f64);
        info!(segment, reason; "The oldest records were dropped.");
    }
}

fn next_to_go(engine: &Engine) -> Option<(u64, &'static str)> {
    let (journal, shared) = (&engine.journal, &engine.shared);
    let oldest = *journal.segments().keys().next()?;
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
    let limit = settings.max_age.filter(|_| lock(&shared.clock_watch).is_steady(&shared.clock))?;
    let newest = engine.indexing.current()?.segment_newest(oldest).ok().flatten()?;
    is_too_old(&shared.clock, newest, limit).then_some((oldest, "older than the limit"))
}

fn is_too_old(clock: &Clock, newest: Timestamp, limit: std::time::Duration) -> bool {
    clock.is_trusted() && Clock::is_plausible(newest) && newest.after(limit) < clock.now()
}

fn drop_segment(engine: &mut Engine, segment: u64) -> Result<(), String> {
    let mut dropped = Vec::new();
    if let Some(index) = engine.indexing.current().cloned() {
        // A segment that cannot be read goes all the same; entries that point to
        // it are passed over by queries.
        let bytes = engine.journal.read(segment).unwrap_or_default();
        match forget(&index, segment, &bytes) {
            Ok(events) => dropped = events,
            Err(error) => engine.indexing.fail(&error),
        }
    }
    engine.recent.drop_events(&dropped);
    engine.journal.remove(segment).map_err(|error| error.to_string())?;
    if let (Some(listener), false) = (&*lock(&engine.shared.on_dropped), dropped.is_empty()) {
        listener(&dropped.into_iter().map(EventId).collect::<Vec<_>>());
    }
    Ok(())
}

/// Removes a segment's records from the index, durably; the events that are gone.
fn forget(index: &Index, segment: u64, bytes: &[u8]) -> Result<Vec<u64>, IndexError> {
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
