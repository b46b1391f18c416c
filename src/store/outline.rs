//! The outline of a journal segment: what its detections are like, stretch by
//! stretch, so that a query reads only where it may find something.
//!
//! A stretch is [`STRETCH_BYTES`] of the segment (or one frame that is larger) and
//! takes 80 bytes of memory, so a journal of 512 MiB has some 1.3 MB of outlines. A
//! journal that may grow beyond 1 GiB has longer stretches instead of more of
//! them. Outlines may say too much of a stretch, never too little.

use serde::{Deserialize, Serialize};

use super::Record;
use super::frame::FRAME_HEADER;
use super::keys::Position;
use crate::domain::{CameraId, Detection, Label, Timestamp};

/// Bytes of journal in one stretch, unless there would be too many.
const STRETCH_BYTES: u64 = 32 << 10;
/// About as many stretches a journal of the largest size has, at most.
const STRETCHES: u64 = 1 << 15;
/// Names of one kind that have a bit of their own in a segment; all others share
/// the last bit.
const NAMES_MAX: usize = 63;
/// Version of an outline in the index; another one is made anew.
const VERSION: u8 = 1;
/// Most bytes of an outline in the index; one of 4 MiB has about 10 kB.
const VALUE_BYTES_MAX: usize = 1 << 20;
/// Longest name that gets a bit, bytes. Those of the built-in networks have 14.
const NAME_BYTES_MAX: usize = 64;

/// Bytes of journal in one stretch when the journal may have `journal_max` bytes.
pub(super) fn stretch_bytes(journal_max: u64) -> u32 {
    u32::try_from((journal_max / STRETCHES).max(STRETCH_BYTES)).unwrap_or(u32::MAX)
}

/// The least and the greatest of some numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Span<T> {
    pub least: T,
    pub greatest: T,
}

impl<T: Ord + Copy> Span<T> {
    fn of(value: T) -> Self {
        Self { least: value, greatest: value }
    }

    pub fn contains(&self, value: T) -> bool {
        self.least <= value && value <= self.greatest
    }

    fn take_in(&mut self, other: Self) {
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
    }

    fn is_sound(&self) -> bool {
        self.least <= self.greatest
    }
}

/// Some frames in a row and what their detections are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stretch {
    /// Where its first frame begins.
    pub offset: u32,
    /// Where its last frame ends.
    pub end: u32,
    pub detections: u32,
    pub captured_ms: Span<i64>,
    pub ids: Span<u64>,
    pub events: Span<u64>,
    /// One bit for each camera, in the order of the outline's names.
    pub cameras: u64,
    /// As `cameras`.
    pub labels: u64,
}

impl Stretch {
    fn of(offset: u32, end: u32, detection: &Detection, cameras: u64, labels: u64) -> Self {
        Self {
            offset,
            end,
            detections: 1,
            captured_ms: Span::of(detection.captured_at.unix_ms()),
            ids: Span::of(detection.id.0),
            events: Span::of(detection.event.0),
            cameras,
            labels,
        }
    }

    /// Takes in one that follows.
    fn take_in(&mut self, next: &Self) {
        self.end = next.end;
        self.detections = self.detections.saturating_add(next.detections);
        self.captured_ms.take_in(next.captured_ms);
        self.ids.take_in(next.ids);
        self.events.take_in(next.events);
        self.cameras |= next.cameras;
        self.labels |= next.labels;
    }

    fn with(mut self, next: &Self) -> Self {
        self.take_in(next);
        self
    }

    /// No detection in it stands after this.
    pub fn last(&self) -> Position {
        let at = Timestamp::from_unix_ms(self.captured_ms.greatest);
        Position { at, id: self.ids.greatest }
    }

    fn is_sound(&self) -> bool {
        self.offset < self.end
            && self.detections > 0
            && self.captured_ms.is_sound()
            && self.ids.is_sound()
            && self.events.is_sound()
    }
}

/// What lies where in one segment. The default knows of nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outline {
    newest_ms: Option<i64>,
    cameras: Vec<CameraId>,
    labels: Vec<Label>,
    stretches: Vec<Stretch>,
    /// All stretches as if they were one.
    #[serde(skip)]
    whole: Option<Stretch>,
}

impl Outline {
    /// Adds the records of a frame, which lie behind everything added before. A
    /// frame that was added already changes nothing.
    pub fn add_frame(&mut self, offset: u32, body_len: usize, records: &[Record], limit: u32) {
        let end = offset + (FRAME_HEADER + body_len) as u32;
        if self.stretches.last().is_some_and(|last| offset < last.end) {
            return;
        }
        for record in records {
            self.note_time(record.touched_at());
            if let Record::Detection(detection) = record {
                self.add_detection(offset, end, detection, limit);
            }
        }
    }

    fn add_detection(&mut self, offset: u32, end: u32, detection: &Detection, limit: u32) {
        let cameras = bit_of(&mut self.cameras, &detection.camera, CameraId::as_str);
        let labels = bit_of(&mut self.labels, &detection.label, Label::as_str);
        let next = Stretch::of(offset, end, detection, cameras, labels);
        match &mut self.whole {
            Some(whole) => whole.take_in(&next),
            None => self.whole = Some(next.clone()),
        }
        // A frame is never divided.
        let is_same = |last: &Stretch| last.offset == offset || end - last.offset <= limit;
        match self.stretches.last_mut().filter(|last| is_same(last)) {
            Some(last) => last.take_in(&next),
            None => self.stretches.push(next),
        }
    }

    fn note_time(&mut self, at: Timestamp) {
        self.newest_ms = self.newest_ms.max(Some(at.unix_ms()));
    }

    /// One that fits a segment of `segment_bytes` and can be searched.
    fn is_sound(&self, segment_bytes: u64) -> bool {
        let is_in_order = |pair: &[Stretch]| pair[0].end <= pair[1].offset;
        self.cameras.len().max(self.labels.len()) <= NAMES_MAX
            && self.stretches.iter().all(Stretch::is_sound)
            && self.stretches.windows(2).all(is_in_order)
            && self.stretches.last().is_none_or(|last| u64::from(last.end) <= segment_bytes)
    }

    /// As a value of the index: version, checksum, postcard.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        let fields = postcard::to_allocvec(self).ok()?;
        let mut bytes = vec![VERSION];
        bytes.extend(crc32fast::hash(&fields).to_le_bytes());
        bytes.extend(fields);
        Some(bytes)
    }

    /// What [`Self::to_bytes`] made for a segment of `segment_bytes`; `None` for
    /// anything else.
    pub fn from_bytes(bytes: &[u8], segment_bytes: u64) -> Option<Self> {
        let (head, fields) = bytes.split_first_chunk::<5>()?;
        let [version, crc @ ..] = *head;
        let is_ours = version == VERSION
            && fields.len() <= VALUE_BYTES_MAX
            && crc32fast::hash(fields) == u32::from_le_bytes(crc);
        let mut outline: Self = is_ours.then(|| postcard::from_bytes(fields).ok()).flatten()?;
        let mut stretches = outline.stretches.iter();
        outline.whole = stretches.next().cloned().map(|first| stretches.fold(first, Stretch::with));
        outline.is_sound(segment_bytes).then_some(outline)
    }

    /// The latest time of any record.
    pub fn newest(&self) -> Option<Timestamp> {
        self.newest_ms.map(Timestamp::from_unix_ms)
    }

    /// In the order of the journal.
    pub fn stretches(&self) -> &[Stretch] {
        &self.stretches
    }

    /// The same, with other times in its stretches.
    pub fn with_times(&self, times: impl Fn(&Stretch) -> Span<i64>) -> Self {
        let with = |stretch: &Stretch| Stretch { captured_ms: times(stretch), ..stretch.clone() };
        Self {
            stretches: self.stretches.iter().map(with).collect(),
            whole: self.whole.as_ref().map(with),
            ..self.clone()
        }
    }

    /// All stretches as if they were one, if there are any.
    pub fn whole(&self) -> Option<&Stretch> {
        self.whole.as_ref()
    }

    /// The bits of stretches that may have detections of `camera`.
    pub fn camera_bits(&self, camera: &CameraId) -> u64 {
        bits_to_find(&self.cameras, camera)
    }

    /// The bits of stretches that may have detections of class `label`.
    pub fn label_bits(&self, label: &str) -> u64 {
        bits_to_find(&self.labels, &Label::new(label))
    }
}

/// The bit of `name`, which gets one if there is room.
fn bit_of<T: PartialEq + Clone>(names: &mut Vec<T>, name: &T, text: fn(&T) -> &str) -> u64 {
    let known = names.iter().position(|known| known == name);
    if known.is_none() && names.len() < NAMES_MAX && text(name).len() <= NAME_BYTES_MAX {
        names.push(name.clone());
        return 1 << (names.len() - 1);
    }
    1 << known.unwrap_or(NAMES_MAX)
}

fn bits_to_find<T: PartialEq>(names: &[T], name: &T) -> u64 {
    1 << names.iter().position(|known| known == name).unwrap_or(NAMES_MAX)
}

#[cfg(test)]
mod tests {
    use super::super::stored;
    use super::super::testing::{detection, event};
    use super::*;

    const LIMIT: u32 = 1000;

    fn seen(id: u64, camera: &str, label: &str) -> Record {
        let mut seen = detection(id, id as i64);
        (seen.camera, seen.label) = (camera.parse().unwrap(), Label::new(label));
        Record::Detection(seen)
    }

    fn outline() -> Outline {
        let mut outline = Outline::default();
        outline.add_frame(40, 400, &[seen(1, "yard", "dog"), Record::Event(event(9, 0, 7))], LIMIT);
        outline.add_frame(456, 400, &[Record::Event(event(9, 1, 8))], LIMIT);
        outline.add_frame(872, 100, &[seen(3, "gate", "dog"), seen(2, "yard", "cat")], LIMIT);
        outline.add_frame(988, 400, &[seen(4, "yard", "dog"), seen(5, "yard", "dog")], LIMIT);
        outline.add_frame(1404, 4000, &[seen(6, "yard", "dog"), seen(7, "yard", "dog")], LIMIT);
        outline
    }

    #[test]
    fn frames_gather_in_stretches_of_the_wanted_size_and_none_is_divided() {
        let outline = outline();
        let ends: Vec<_> = outline.stretches().iter().map(|s| (s.offset, s.end)).collect();
        assert_eq!(ends, [(40, 988), (988, 1404), (1404, 5420)]);
        let first = &outline.stretches()[0];
        assert_eq!((first.detections, first.ids), (3, Span { least: 1, greatest: 3 }));
        assert_eq!(first.captured_ms, Span { least: 1, greatest: 3 });
        assert_eq!(outline.newest(), Some(Timestamp::from_unix_ms(58)));
    }

    #[test]
    fn adding_a_frame_twice_changes_nothing() {
        let mut twice = outline();
        twice.add_frame(988, 400, &[seen(4, "yard", "dog"), seen(5, "yard", "dog")], LIMIT);
        twice.add_frame(40, 400, &[seen(1, "yard", "dog")], LIMIT);
        assert_eq!(twice, outline());
    }

    #[test]
    fn a_name_that_is_nowhere_has_no_bit_until_there_are_too_many_names() {
        let outline = outline();
        let [first, second, _] = outline.stretches() else { panic!("three stretches") };
        let gate = outline.camera_bits(&"gate".parse().unwrap());
        assert!(first.cameras & gate != 0 && second.cameras & gate == 0);
        assert!(first.labels & outline.label_bits("bear") == 0);
        let mut crowded = Outline::default();
        let labels = (0..80).map(|number| format!("label-{number}")).chain(["x".repeat(65)]);
        for (number, label) in (0..).zip(labels.clone()) {
            crowded.add_frame(number * 50, 34, &[seen(1, "yard", &label)], 1);
        }
        for (stretch, label) in crowded.stretches().iter().zip(labels) {
            assert!(stretch.labels & crowded.label_bits(&label) != 0, "{label}");
        }
        assert_eq!(crowded.labels.len(), NAMES_MAX);
        let shared = crowded.label_bits("bear");
        assert_eq!(crowded.stretches().iter().filter(|s| s.labels & shared != 0).count(), 18);
    }

    #[test]
    fn a_stored_outline_comes_back_and_nonsense_is_none() {
        let bytes = outline().to_bytes().unwrap();
        assert_eq!(Outline::from_bytes(&bytes, 5420), Some(outline()));
        assert_eq!(Outline::from_bytes(&bytes, 5419), None, "beyond the end of the segment");
        for at in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[at] ^= 1;
            assert_eq!(Outline::from_bytes(&wrong, 5420), None, "byte {at}");
            assert_eq!(Outline::from_bytes(&bytes[..at], 5420), None);
        }
        let mut random = fastrand::Rng::with_seed(9);
        for _ in 0..5000 {
            // Nonsense with a right checksum.
            let mut fields = bytes[5..].to_vec();
            for _ in 0..random.usize(1..6) {
                let at = random.usize(..fields.len());
                fields[at] = random.u8(..);
            }
            let mut wrong = vec![VERSION];
            wrong.extend(crc32fast::hash(&fields).to_le_bytes());
            wrong.extend(fields);
            let read = Outline::from_bytes(&wrong, 5420);
            assert!(read.is_none_or(|outline| outline.is_sound(5420)));
        }
    }

    #[test]
    fn a_million_detections_take_less_than_a_megabyte() {
        let (mut outline, mut offset) = (Outline::default(), 40);
        for frame in 0..20_000_u64 {
            let seen =
                [seen(frame * 2, "front_door", "person"), seen(frame * 2 + 1, "yard", "car")];
            let body_len = stored::encode_commit(&seen).unwrap().len();
            outline.add_frame(offset, body_len, &seen, stretch_bytes(0));
            offset += (FRAME_HEADER + body_len) as u32;
        }
        let of_a_million = outline.stretches.len() * size_of::<Stretch>() * 25;
        assert!(of_a_million < 1_000_000, "{of_a_million} bytes in memory");
        let stored = outline.to_bytes().unwrap().len() * 25;
        assert!(stored < 500_000, "{stored} bytes in the index");
    }

    #[test]
    fn a_larger_journal_has_longer_stretches_rather_than_more() {
        assert_eq!(stretch_bytes(512 << 20), 32 << 10);
        assert_eq!(stretch_bytes(16 << 30), 512 << 10);
        assert_eq!(size_of::<Stretch>(), 80);
    }
}
