//! Records of low rate in the index.
//!
//! | key | value |
//! | --- | --- |
//! | `r` kind id | [`RareEntry`] of the latest revision, a removal included |
//! | `R` kind time id | marks of the latest revision, four bytes each; not there once removed |
//!
//! A mark stands for one field and its value, so that most of what a query does
//! not want is passed over without being read from the journal.

use serde::{Deserialize, Serialize};

use super::cursors::{seal, unseal};
use super::index::{Changes, Index, IndexError};
use super::journal::Place;
use super::keys::{Pointer, SIGN, time_bytes};
use super::{Range, Record, RecordId, RecordKind};
use crate::domain::Timestamp;

/// Bytes of time and id at the end of a sorted key.
const POSITION: usize = 24;

/// Something with revisions, as the index knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RareEntry {
    segment: u64,
    offset: u32,
    number: u16,
    pub revision: u32,
    at_ms: i64,
    pub is_removed: bool,
    /// The last segment in which any revision was seen: an earlier revision may
    /// have been carried behind a later one.
    pub last_segment: u64,
}

impl RareEntry {
    fn new(pointer: Pointer, record: &Record, last_segment: u64) -> Self {
        Self {
            segment: pointer.place.segment,
            offset: pointer.place.offset,
            number: pointer.number,
            revision: record.revision(),
            at_ms: record.sorted_at().unix_ms(),
            is_removed: record.is_removal(),
            last_segment,
        }
    }

    /// Where its latest revision is.
    pub fn pointer(&self) -> Pointer {
        let place = Place { segment: self.segment, offset: self.offset };
        Pointer { place, number: self.number }
    }

    fn sorted_key(&self, id: RecordId) -> Vec<u8> {
        RarePosition { at: Timestamp::from_unix_ms(self.at_ms), id: id.id }.key(id.kind)
    }
}

/// Where a record stands among its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RarePosition {
    pub at: Timestamp,
    pub id: u128,
}

impl RarePosition {
    fn key(self, kind: RecordKind) -> Vec<u8> {
        let (at, id) = (time_bytes(self.at), self.id.to_be_bytes());
        [&sorted_prefix(kind)[..], &at, &id].concat()
    }

    /// The position at the end of a key.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let start = key.len().checked_sub(POSITION)?;
        let (time, id) = key[start..].split_first_chunk()?;
        let at = Timestamp::from_unix_ms((u64::from_be_bytes(*time) ^ SIGN) as i64);
        Some(Self { at, id: u128::from_be_bytes(*id.first_chunk()?) })
    }

    pub fn to_cursor(self, kind: RecordKind) -> String {
        seal(&self.key(kind))
    }

    pub fn from_cursor(kind: RecordKind, text: &str) -> Option<Self> {
        let prefix = sorted_prefix(kind);
        let fields = unseal(text, prefix.len() + POSITION)?;
        fields.starts_with(&prefix).then(|| Self::of_key(&fields)).flatten()
    }
}

fn kind_byte(kind: RecordKind) -> u8 {
    match kind {
        RecordKind::Event => b'e',
        RecordKind::Alert => b'a',
        RecordKind::AlertRule => b'r',
        RecordKind::SceneChange => b's',
        RecordKind::Setting => b't',
    }
}

fn sorted_prefix(kind: RecordKind) -> [u8; 2] {
    [b'R', kind_byte(kind)]
}

fn entry_key(id: RecordId) -> Vec<u8> {
    [&[b'r', kind_byte(id.kind)][..], &id.id.to_be_bytes()].concat()
}

/// The keys of a kind in a stretch of time, behind the position of a cursor.
pub(super) fn bounds(
    kind: RecordKind,
    range: &Range,
    after: Option<RarePosition>,
) -> (Vec<u8>, Vec<u8>) {
    let first = |at| RarePosition { at, id: 0 }.key(kind);
    let lower = first(range.from.unwrap_or(Timestamp::from_unix_ms(i64::MIN)));
    let end = match range.until {
        Some(at) => first(at),
        None => [&sorted_prefix(kind)[..], &[0xFF; POSITION + 1]].concat(),
    };
    let upper = after.map_or_else(|| end.clone(), |position| position.key(kind).min(end.clone()));
    (lower, upper)
}

/// Stands for one field and its value.
pub(super) fn mark(field: &str, value: &str) -> u32 {
    crc32fast::hash(format!("{field}={value}").as_bytes())
}

/// The marks of a record.
fn marks(record: &Record) -> Vec<u8> {
    let marks = match record {
        Record::Alert(alert) => vec![
            mark("camera", alert.camera.as_str()),
            mark("severity", alert.severity.as_str()),
            mark("status", alert.status.as_str()),
            mark("event", &alert.event.to_string()),
            mark("rule", &alert.rule.map(|rule| rule.to_string()).unwrap_or_default()),
        ],
        Record::SceneChange(change) => vec![
            mark("camera", change.camera.as_str()),
            mark("acknowledged", &change.acknowledged_at.is_some().to_string()),
        ],
        Record::Detection(_)
        | Record::Event(_)
        | Record::AlertRule(_)
        | Record::Setting(_)
        | Record::Removed(_) => Vec::new(),
    };
    marks.into_iter().flat_map(u32::to_be_bytes).collect()
}

/// Whether the marks in the index include all that are wanted.
pub(super) fn has_marks(there: &[u8], wanted: &[u32]) -> bool {
    let has = |mark: &u32| there.chunks_exact(4).any(|known| known == mark.to_be_bytes());
    wanted.iter().all(has)
}

impl Index {
    /// The latest revision of something.
    pub fn rare(&self, id: RecordId) -> Result<Option<RareEntry>, IndexError> {
        let Some(value) = self.get(&entry_key(id))? else { return Ok(None) };
        let entry = postcard::from_bytes(&value);
        entry.map(Some).map_err(|_| IndexError("an entry cannot be read".into()))
    }
}

impl Changes<'_> {
    /// Adds a record of low rate unless a later revision is known.
    pub fn add_rare(&mut self, pointer: Pointer, record: &Record) -> Result<(), IndexError> {
        let Some(id) = record.id() else { return Ok(()) };
        let known = self.known_rare(id)?;
        let last_segment = known.as_ref().map_or(0, |known| known.last_segment);
        let last_segment = last_segment.max(pointer.place.segment);
        match known {
            Some(known) if known.revision > record.revision() => {
                return self.put_rare(id, RareEntry { last_segment, ..known });
            }
            Some(known) => self.remove(known.sorted_key(id)),
            None => {}
        }
        let entry = RareEntry::new(pointer, record, last_segment);
        if !entry.is_removed {
            self.insert(entry.sorted_key(id), marks(record));
        }
        self.put_rare(id, entry)
    }

    /// A revision is in a segment that goes; whether the thing goes with it.
    pub fn remove_rare(&mut self, segment: u64, id: RecordId) -> Result<bool, IndexError> {
        let known = self.known_rare(id)?;
        let is_here = known.is_some_and(|known| known.segment == segment);
        if is_here {
            self.forget_rare(id)?;
        }
        Ok(is_here)
    }

    /// Forgets something.
    pub fn forget_rare(&mut self, id: RecordId) -> Result<(), IndexError> {
        if let Some(known) = self.known_rare(id)? {
            self.remove(known.sorted_key(id));
        }
        self.remove(entry_key(id));
        self.rare.insert(id, None);
        Ok(())
    }

    fn put_rare(&mut self, id: RecordId, entry: RareEntry) -> Result<(), IndexError> {
        let value = postcard::to_allocvec(&entry).map_err(|error| IndexError(error.to_string()))?;
        self.insert(entry_key(id), value);
        self.rare.insert(id, Some(entry));
        Ok(())
    }

    fn known_rare(&self, id: RecordId) -> Result<Option<RareEntry>, IndexError> {
        match self.rare.get(&id) {
            Some(known) => Ok(known.clone()),
            None => self.index.rare(id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(ms: i64, id: u128) -> RarePosition {
        RarePosition { at: Timestamp::from_unix_ms(ms), id }
    }

    #[test]
    fn keys_sort_by_time_then_id_and_kinds_do_not_mix() {
        let wanted = [position(-1, 9), position(0, 1), position(0, 2), position(5, u128::MAX)];
        let keys = wanted.map(|p| p.key(RecordKind::Alert));
        assert!(keys.is_sorted());
        let (lower, upper) = bounds(RecordKind::Alert, &Range::default(), None);
        let (_, other) = bounds(RecordKind::SceneChange, &Range::default(), None);
        for (key, position) in keys.iter().zip(wanted) {
            assert_eq!(RarePosition::of_key(key), Some(position));
            assert!(lower <= *key && *key < upper);
            assert!(
                !(bounds(RecordKind::SceneChange, &Range::default(), None).0 <= *key
                    && *key < other)
            );
        }
    }

    #[test]
    fn a_cursor_belongs_to_its_kind() {
        let cursor = position(77, 5).to_cursor(RecordKind::Alert);
        assert_eq!(RarePosition::from_cursor(RecordKind::Alert, &cursor), Some(position(77, 5)));
        assert_eq!(RarePosition::from_cursor(RecordKind::SceneChange, &cursor), None);
        assert_eq!(RarePosition::from_cursor(RecordKind::Alert, &cursor[1..]), None);
    }

    #[test]
    fn all_wanted_marks_must_be_there() {
        let there: Vec<u8> = [1_u32, 2].into_iter().flat_map(u32::to_be_bytes).collect();
        assert!(has_marks(&there, &[]) && has_marks(&there, &[2, 1]));
        assert!(!has_marks(&there, &[1, 3]));
    }
}
