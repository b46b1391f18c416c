//! An event whose latest revision is damaged falls back to the one before.
//!
//! Queries report such events; the writer looks through the journal backwards
//! from the damaged place, at most [`SEGMENTS_MAX`] segments of it, one event at
//! a time between its groups.

use log::warn;

use super::Record;
use super::frame::{Found, SEGMENT_HEADER, Scan};
use super::index::{Changes, Index, IndexError};
use super::journal::{Journal, Place};
use super::keys::Pointer;
use super::stored::{self, Body};
use crate::domain::Event;

/// An event lasts minutes, a segment hours on a quiet box and minutes on the
/// busiest.
const SEGMENTS_MAX: usize = 4;

/// Points the index to the best undamaged revision of event `id`, or removes the
/// event from it when there is none.
pub(super) fn heal_event(index: &Index, id: u64, journal: &Journal) -> Result<(), IndexError> {
    let Some(entry) = index.event(id)? else { return Ok(()) };
    let last = entry.pointer().place.segment;
    let segments = journal.segments().range(..=last).rev().take(SEGMENTS_MAX);
    let found = segments.map(|(number, _)| *number).find_map(|number| {
        let bytes = journal.read(number).ok()?;
        best_revision(&bytes, number, id)
    });
    warn!(
        event = id,
        damaged_revision = entry.revision,
        found_revision:? = found.as_ref().map(|(_, event)| event.revision);
        "A revision of an event is damaged; the one before takes its place."
    );
    let mut changes = Changes::new(index);
    changes.remove_event(id)?;
    if let Some((pointer, event)) = found {
        changes.add_event(pointer, &event)?;
    }
    changes.apply(None)
}

fn best_revision(bytes: &[u8], segment: u64, id: u64) -> Option<(Pointer, Event)> {
    let frames = Scan::new(bytes, segment, SEGMENT_HEADER as u32).filter_map(|found| match found {
        Found::Frame { offset, body } => Some((Place { segment, offset }, body)),
        Found::Damaged { .. } | Found::Torn { .. } => None,
    });
    let events = frames.flat_map(|(place, body)| {
        let records = match stored::decode(body) {
            Body::Commit(records) => Some(records),
            Body::Closed(_) | Body::Continued(_) | Body::Unknown => None,
        };
        (0_u16..).zip(records.into_iter().flatten()).filter_map(
            move |(number, record)| match record {
                Some(Record::Event(event)) if event.id.0 == id => {
                    Some((Pointer { place, number }, event))
                }
                _ => None,
            },
        )
    });
    events.max_by_key(|(_, event)| event.revision)
}
