//! What has a damaged latest revision falls back to the one before.
//!
//! Queries report such things; the writer looks through the journal backwards
//! from the damaged place, at most [`SEGMENTS_MAX`] segments of it, one thing at
//! a time between its groups.

use log::warn;

use super::frame::{Found, SEGMENT_HEADER, Scan};
use super::index::{Changes, Index, IndexError};
use super::journal::{Journal, Place};
use super::keys::Pointer;
use super::stored::{self, Body};
use super::{Record, RecordId, RecordKind};

/// An event lasts minutes, a segment hours on a quiet box and minutes on the
/// busiest. An older revision of a rule or setting is given up.
const SEGMENTS_MAX: usize = 4;

/// Points the index to the best undamaged revision of `id`, or removes the thing
/// from it when there is none.
pub(super) fn heal(index: &Index, id: RecordId, journal: &Journal) -> Result<(), IndexError> {
    let Some((pointer, damaged_revision)) = latest(index, id)? else { return Ok(()) };
    let segments = journal.segments().range(..=pointer.place.segment).rev().take(SEGMENTS_MAX);
    let found = segments.map(|(number, _)| *number).find_map(|number| {
        let bytes = journal.read(number).ok()?;
        best_revision(&bytes, number, id)
    });
    warn!(
        kind:? = id.kind,
        id:% = id.id,
        damaged_revision,
        found_revision:? = found.as_ref().map(|(_, record)| record.revision());
        "A revision is damaged; the one before takes its place."
    );
    let mut changes = Changes::new(index);
    match id.kind {
        RecordKind::Event => changes.remove_event(id.id as u64)?,
        _ => changes.forget_rare(id)?,
    }
    match found {
        Some((pointer, Record::Event(event))) => changes.add_event(pointer, &event)?,
        Some((pointer, record)) => changes.add_rare(pointer, &record)?,
        None => {}
    }
    changes.apply(None)
}

/// Place and number of the latest revision that the index knows.
pub(super) fn latest(index: &Index, id: RecordId) -> Result<Option<(Pointer, u32)>, IndexError> {
    Ok(match id.kind {
        RecordKind::Event => {
            index.event(id.id as u64)?.map(|entry| (entry.pointer(), entry.revision))
        }
        _ => index.rare(id)?.map(|entry| (entry.pointer(), entry.revision)),
    })
}

fn best_revision(bytes: &[u8], segment: u64, id: RecordId) -> Option<(Pointer, Record)> {
    let frames = Scan::new(bytes, segment, SEGMENT_HEADER as u32).filter_map(|found| match found {
        Found::Frame { offset, body } => Some((Place { segment, offset }, body)),
        Found::Damaged { .. } | Found::Torn { .. } => None,
    });
    let revisions = frames.flat_map(|(place, body)| {
        let records = match stored::decode(body) {
            Body::Commit(records) => Some(records),
            Body::Closed(_) | Body::Continued(_) | Body::Unknown => None,
        };
        (0_u16..).zip(records.into_iter().flatten()).filter_map(move |(number, record)| {
            let record = record.filter(|record| record.id() == Some(id))?;
            Some((Pointer { place, number }, record))
        })
    });
    revisions.max_by_key(|(_, record)| record.revision())
}
