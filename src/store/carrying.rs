//! What outlives its segment: rules and settings.
//!
//! Before a segment goes, the latest revisions of these in it are written again at
//! the end of the journal, and synced. Whether a revision is the latest only a
//! complete index tells; without one the last of each thing in the segment is
//! carried whatever it is. That does no harm: the highest revision counts wherever
//! it stands, and a removal is carried as long as an earlier revision may stand
//! behind it.

use std::collections::BTreeMap;

use super::frame::{Found, SEGMENT_HEADER, Scan};
use super::index::{Index, IndexError};
use super::journal::Place;
use super::keys::Pointer;
use super::stored::{self, Body};
use super::writer::Engine;
use super::{Record, RecordId, StoreError};

/// Writes what must stay of `segment`, whose content is `bytes`, once more.
pub(super) fn carry(engine: &mut Engine, segment: u64, bytes: &[u8]) -> Result<(), StoreError> {
    let index = engine.indexing.current().cloned();
    let records = match worth_carrying(index.as_deref(), segment, bytes) {
        Ok(records) => records,
        Err(error) => {
            engine.indexing.fail(&error);
            latest_in(segment, bytes).into_values().map(|(_, record)| record).collect()
        }
    };
    if records.is_empty() {
        return Ok(());
    }
    let encoded = records.iter().map(|record| stored::encode_commit(std::slice::from_ref(record)));
    // They fitted into a frame once.
    let bodies: Vec<_> = encoded.flatten().collect();
    let bodies: Vec<_> = bodies.iter().map(Vec::as_slice).collect();
    let places = engine.journal.append(&bodies, engine.shared.next_ids())?;
    engine.journal.sync()?;
    engine.indexing.add(&places, &bodies, engine.journal.place());
    Ok(())
}

fn worth_carrying(
    index: Option<&Index>,
    segment: u64,
    bytes: &[u8],
) -> Result<Vec<Record>, IndexError> {
    let mut wanted = Vec::new();
    for (id, (pointer, record)) in latest_in(segment, bytes) {
        let known = match index {
            Some(index) => index.rare(id)?,
            None => None,
        };
        let is_wanted = match known {
            // Nothing is known of it, so nothing speaks against it.
            None => true,
            Some(known) => {
                let is_latest = known.pointer() == pointer;
                is_latest && (!known.is_removed || known.last_segment > segment)
            }
        };
        if is_wanted {
            wanted.push(record);
        }
    }
    Ok(wanted)
}

/// The last of the highest revisions in a segment of each thing that is carried.
fn latest_in(segment: u64, bytes: &[u8]) -> BTreeMap<RecordId, (Pointer, Record)> {
    let mut latest = BTreeMap::<RecordId, (Pointer, Record)>::new();
    for found in Scan::new(bytes, segment, SEGMENT_HEADER as u32) {
        let Found::Frame { offset, body } = found else { continue };
        let Body::Commit(records) = stored::decode(body) else { continue };
        for (number, record) in (0_u16..).zip(records) {
            let Some(record) = record else { continue };
            let Some(id) = record.id().filter(|id| id.kind.is_carried()) else { continue };
            let pointer = Pointer { place: Place { segment, offset }, number };
            let is_older =
                latest.get(&id).is_some_and(|(_, known)| known.revision() > record.revision());
            if !is_older {
                latest.insert(id, (pointer, record));
            }
        }
    }
    latest
}
