//! Keys of the index: one prefix byte per kind, then fields in big-endian, so
//! that byte order is the order wanted.
//!
//! | key | value |
//! | --- | --- |
//! | `e` id | `EventEntry` of an event's latest revision |
//! | `E` time id, `F` camera 0 time id, `L` level time id, `B` label hash time id | nothing |
//! | `r`, `R` | see `rare_index` |
//! | `s` segment | `Outline` of that segment, once it is closed |
//! | `m` name | format of the index, how far the journal is applied |

use std::time::Duration;

use super::cursors::{seal, unseal};
use super::journal::Place;
use crate::domain::{CameraId, RiskLevel, Timestamp};

/// How far the journal is applied.
pub(super) const APPLIED: &[u8] = b"mapplied";
/// Format of the index.
pub(super) const FORMAT: &[u8] = b"mformat";

const OUTLINE: u8 = b's';

/// Bytes of time and id at the end of a key that sorts by them.
const POSITION: usize = 16;

/// Where one record is: its frame and its number in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pointer {
    pub place: Place,
    pub number: u16,
}

impl Pointer {
    const LEN: usize = 14;

    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.place.segment.to_be_bytes());
        bytes[8..12].copy_from_slice(&self.place.offset.to_be_bytes());
        bytes[12..].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (segment, rest) = bytes.split_first_chunk()?;
        let (offset, rest) = rest.split_first_chunk()?;
        let place =
            Place { segment: u64::from_be_bytes(*segment), offset: u32::from_be_bytes(*offset) };
        Some(Self { place, number: u16::from_be_bytes(*rest.first_chunk()?) })
    }
}

/// Stands for a label in keys, where any text must fit.
fn label_hash(label: &str) -> u32 {
    crc32fast::hash(label.as_bytes())
}

/// A time and an id: where a record stands among its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Position {
    pub at: Timestamp,
    pub id: u64,
}

impl Position {
    fn to_bytes(self) -> [u8; POSITION] {
        let mut bytes = [0; POSITION];
        bytes[..8].copy_from_slice(&time_bytes(self.at));
        bytes[8..].copy_from_slice(&self.id.to_be_bytes());
        bytes
    }

    /// The position at the end of a key.
    pub fn of_key(key: &[u8]) -> Option<Self> {
        let start = key.len().checked_sub(POSITION)?;
        let (time, id) = key[start..].split_first_chunk()?;
        // The sign bit is turned, so that times before 1970 sort before it.
        let ms = (u64::from_be_bytes(*time) ^ SIGN) as i64;
        let at = Timestamp::from_unix_ms(ms);
        Some(Self { at, id: u64::from_be_bytes(*id.first_chunk()?) })
    }

    /// The one right after it.
    pub fn next(self) -> Self {
        match self.id.checked_add(1) {
            Some(id) => Self { id, ..self },
            None => Self { at: self.at.after(Duration::from_millis(1)), id: 0 },
        }
    }

    /// The position as text that means nothing to whoever carries it.
    pub fn to_cursor(self, kind: u8) -> String {
        seal(&[&[kind][..], &self.to_bytes()].concat())
    }

    /// The position that [`Self::to_cursor`] made for this kind, and nothing else.
    pub fn from_cursor(kind: u8, text: &str) -> Option<Self> {
        let fields = unseal(text, 1 + POSITION)?;
        (fields[0] == kind).then(|| Self::of_key(&fields)).flatten()
    }
}

pub(super) const SIGN: u64 = 1 << 63;

pub(super) fn time_bytes(at: Timestamp) -> [u8; 8] {
    (at.unix_ms() as u64 ^ SIGN).to_be_bytes()
}

/// What comes before time and id in a sorted key.
pub(super) struct Prefix(Vec<u8>);

impl Prefix {
    pub fn all_events() -> Self {
        Self(vec![b'E'])
    }

    pub fn events_of_camera(camera: &CameraId) -> Self {
        Self(camera_prefix(b'F', camera))
    }

    pub fn events_of_level(level: RiskLevel) -> Self {
        Self(vec![b'L', level as u8])
    }

    pub fn events_of_label(label: &str) -> Self {
        Self([&[b'B'][..], &label_hash(label).to_be_bytes()].concat())
    }

    /// The key of a record.
    pub fn key(&self, position: Position) -> Vec<u8> {
        [&self.0[..], &position.to_bytes()].concat()
    }

    /// The first key not before `from`.
    pub fn lower(&self, from: Option<Timestamp>) -> Vec<u8> {
        let at = from.unwrap_or(Timestamp::from_unix_ms(i64::MIN));
        self.key(Position { at, id: 0 })
    }

    /// The first key too new: not before `until`, or at the last one seen.
    pub fn upper(&self, until: Option<Timestamp>, after: Option<Position>) -> Vec<u8> {
        let end = match until {
            Some(at) => self.key(Position { at, id: 0 }),
            None => [&self.0[..], &[0xFF; POSITION + 1]].concat(),
        };
        after.map_or_else(|| end.clone(), |position| self.key(position).min(end.clone()))
    }
}

fn camera_prefix(kind: u8, camera: &CameraId) -> Vec<u8> {
    // The alphabet of camera ids has no NUL, so no id is the beginning of another.
    [&[kind][..], camera.as_str().as_bytes(), &[0]].concat()
}

/// The key of a segment's outline.
pub(super) fn outline_key(segment: u64) -> [u8; 9] {
    id_key(OUTLINE, segment)
}

/// The segment of an outline's key.
pub(super) fn segment_of_key(key: &[u8]) -> Option<u64> {
    let (kind, number) = key.split_first()?;
    (*kind == OUTLINE).then(|| number.first_chunk().map(|b| u64::from_be_bytes(*b))).flatten()
}

/// A key of one kind and one number.
pub(super) fn id_key(kind: u8, id: u64) -> [u8; 9] {
    let mut key = [kind; 9];
    key[1..].copy_from_slice(&id.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(ms: i64, id: u64) -> Position {
        Position { at: Timestamp::from_unix_ms(ms), id }
    }

    #[test]
    fn keys_sort_by_time_then_id_also_before_1970() {
        let prefix = Prefix::all_events();
        let wanted = [
            position(i64::MIN, 0),
            position(-1, 9),
            position(0, 1),
            position(0, 2),
            position(5, 1),
            position(i64::MAX, u64::MAX),
        ];
        let keys: Vec<_> = wanted.iter().map(|p| prefix.key(*p)).collect();
        assert!(keys.is_sorted());
        for (key, position) in keys.iter().zip(wanted) {
            assert_eq!(Position::of_key(key), Some(position));
            assert!(*key < prefix.upper(None, None) && *key >= prefix.lower(None));
        }
    }

    #[test]
    fn a_cursor_of_another_kind_or_with_one_wrong_digit_is_refused() {
        let cursor = position(1_700_000_000_000, 77).to_cursor(b'd');
        assert_eq!(Position::from_cursor(b'd', &cursor), Some(position(1_700_000_000_000, 77)));
        assert_eq!(Position::from_cursor(b'e', &cursor), None);
        for at in 0..cursor.len() {
            let mut wrong = cursor.clone().into_bytes();
            wrong[at] = if wrong[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(Position::from_cursor(b'd', std::str::from_utf8(&wrong).unwrap()), None);
        }
        for text in ["", "zz", &"é".repeat(21), &"f".repeat(42), &"0".repeat(4096)] {
            assert_eq!(Position::from_cursor(b'd', text), None);
        }
    }

    #[test]
    fn a_pointer_comes_back_as_it_was_and_a_short_one_is_refused() {
        let pointer = Pointer { place: Place { segment: 3, offset: 99 }, number: 2 };
        let bytes = pointer.to_bytes();
        assert_eq!(Pointer::from_bytes(&bytes), Some(pointer));
        for len in 0..bytes.len() {
            assert_eq!(Pointer::from_bytes(&bytes[..len]), None);
        }
    }
}
