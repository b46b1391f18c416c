//! Records as they are stored: forms of their own, converted from and to the
//! domain, so that a change of the domain cannot change what is on the disk.
//!
//! The body of a frame is a format version, a kind and, for a commit, its records:
//! each a tag, a length and postcard bytes.
//!
//! What was written once stays readable (`tests/golden/store` holds a journal of
//! every version): a form is never changed, a new one gets a new tag and one
//! function that makes the domain's value of it, and the index gets another
//! format, so that it is built again with what the program before could not
//! read. A tag or kind of a later version is counted, passed over and kept.

use serde::{Deserialize, Serialize};

use super::event_v2::EventV2;
use super::event_v3::EventV3;
use super::frame::{BODY_MAX, NextIds};
use super::{Record, rare_stored};
use crate::domain::{
    BBox, BatchId, CameraId, Detection, DetectionId, Event, EventId, Label, RiskScore, Timestamp,
    TrackId,
};

const VERSION: u8 = 1;
const COMMIT: u8 = 1;
const CLOSED: u8 = 2;
const CONTINUED: u8 = 3;
const DETECTION_V1: u8 = 1;
const EVENT_V1: u8 = 2;
const EVENT_V2: u8 = 3;
const EVENT_V3: u8 = 4;

/// Most records in one commit. Together with the writer's group size it bounds
/// how many ids can be in use that a power cut may have taken from the journal.
pub(super) const RECORDS_MAX: usize = 1024;

/// What a frame holds.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// Records, all or nothing.
    Commit(Records<'a>),
    /// The store was closed in good order; ids continue here.
    Closed(NextIds),
    /// Ids were raised after a crash and continue here.
    Continued(NextIds),
    /// Written by a later version of the program.
    Unknown,
}

#[derive(Serialize, Deserialize)]
pub(super) struct DetectionV1 {
    id: u64,
    camera: CameraId,
    track: u64,
    batch: BatchId,
    event: u64,
    label: Label,
    confidence: f32,
    bbox: [f32; 4],
    frame_width_px: u32,
    frame_height_px: u32,
    frame_sequence: u64,
    captured_at_ms: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct EventV1 {
    id: u64,
    revision: u32,
    camera: CameraId,
    batch: BatchId,
    track: u64,
    label: Label,
    confidence: f32,
    bbox: [f32; 4],
    zones: Vec<String>,
    risk: u8,
    summary: String,
    reasoning: String,
    detection_count: u32,
    started_at_ms: i64,
    updated_at_ms: i64,
    ended_at_ms: Option<i64>,
    has_snapshot: bool,
    clock_trusted: bool,
    reviewed: bool,
}

/// Why records cannot become a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// The body of a commit.
pub(super) fn encode_commit(records: &[Record]) -> Result<Vec<u8>, TooLarge> {
    if records.len() > RECORDS_MAX {
        return Err(TooLarge);
    }
    let mut body = vec![VERSION, COMMIT];
    for record in records {
        let (tag, bytes) = match record {
            Record::Detection(detection) => {
                (DETECTION_V1, postcard::to_allocvec(&DetectionV1::from(detection)))
            }
            Record::Event(event) if event.clip.is_some() => {
                (EVENT_V3, postcard::to_allocvec(&EventV3::from(event)))
            }
            Record::Event(event) if EventV2::is_needed(event) => {
                (EVENT_V2, postcard::to_allocvec(&EventV2::from(event)))
            }
            Record::Event(event) => (EVENT_V1, postcard::to_allocvec(&EventV1::from(event))),
            other => rare_stored::encode(other).ok_or(TooLarge)?,
        };
        let bytes = bytes.map_err(|_| TooLarge)?;
        let len = u32::try_from(bytes.len()).map_err(|_| TooLarge)?;
        body.push(tag);
        body.extend(len.to_le_bytes());
        body.extend(bytes);
        if body.len() > BODY_MAX {
            return Err(TooLarge);
        }
    }
    Ok(body)
}

/// The body that marks a close in good order.
pub(super) fn encode_closed(next: NextIds) -> Vec<u8> {
    encode_ids(CLOSED, next)
}

/// The body that says where ids continue after a crash.
pub(super) fn encode_continued(next: NextIds) -> Vec<u8> {
    encode_ids(CONTINUED, next)
}

fn encode_ids(kind: u8, next: NextIds) -> Vec<u8> {
    let mut body = vec![VERSION, kind];
    body.extend(next.detection.to_le_bytes());
    body.extend(next.event.to_le_bytes());
    body
}

/// Takes a body apart. It has passed its checksum.
pub(super) fn decode(body: &[u8]) -> Body<'_> {
    match body {
        [VERSION, COMMIT, rest @ ..] => Body::Commit(Records { rest }),
        [VERSION, kind @ (CLOSED | CONTINUED), rest @ ..] => {
            let number = |at: usize| {
                rest.get(at..).and_then(<[u8]>::first_chunk).map(|b| u64::from_le_bytes(*b))
            };
            match (number(0), number(8)) {
                (Some(detection), Some(event)) if *kind == CLOSED => {
                    Body::Closed(NextIds { detection, event })
                }
                (Some(detection), Some(event)) => Body::Continued(NextIds { detection, event }),
                _ => Body::Unknown,
            }
        }
        _ => Body::Unknown,
    }
}

/// The records of a commit in order; `None` in place of one that this version of
/// the program cannot read.
#[derive(Clone, Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
}

impl Records<'_> {
    /// Bytes of the records that were not shown yet.
    pub fn bytes_left(&self) -> usize {
        self.rest.len()
    }
}

impl Iterator for Records<'_> {
    type Item = Option<Record>;

    fn next(&mut self) -> Option<Self::Item> {
        let (head, rest) = self.rest.split_first_chunk::<5>()?;
        let [tag, len @ ..] = *head;
        let len = u32::from_le_bytes(len) as usize;
        let Some((bytes, rest)) = rest.split_at_checked(len) else {
            self.rest = &[];
            return Some(None);
        };
        self.rest = rest;
        Some(match tag {
            DETECTION_V1 => postcard::from_bytes::<DetectionV1>(bytes)
                .ok()
                .map(|stored| Record::Detection(stored.into())),
            EVENT_V1 => postcard::from_bytes::<EventV1>(bytes)
                .ok()
                .map(|stored| Record::Event(stored.into())),
            EVENT_V2 => postcard::from_bytes::<EventV2>(bytes)
                .ok()
                .map(|stored| Record::Event(stored.into())),
            EVENT_V3 => postcard::from_bytes::<EventV3>(bytes)
                .ok()
                .map(|stored| Record::Event(stored.into())),
            _ => rare_stored::decode(tag, bytes),
        })
    }
}

fn corners(bbox: &BBox) -> [f32; 4] {
    [bbox.x, bbox.y, bbox.width, bbox.height]
}

fn bbox([x, y, width, height]: [f32; 4]) -> BBox {
    BBox { x, y, width, height }
}

impl From<&Detection> for DetectionV1 {
    fn from(d: &Detection) -> Self {
        Self {
            id: d.id.0,
            camera: d.camera.clone(),
            track: d.track.0,
            batch: d.batch.clone(),
            event: d.event.0,
            label: d.label.clone(),
            confidence: d.confidence,
            bbox: corners(&d.bbox),
            frame_width_px: d.frame_width_px,
            frame_height_px: d.frame_height_px,
            frame_sequence: d.frame_sequence,
            captured_at_ms: d.captured_at.unix_ms(),
        }
    }
}

impl From<DetectionV1> for Detection {
    fn from(s: DetectionV1) -> Self {
        Self {
            id: DetectionId(s.id),
            camera: s.camera,
            track: TrackId(s.track),
            batch: s.batch,
            event: EventId(s.event),
            label: s.label,
            confidence: s.confidence,
            bbox: bbox(s.bbox),
            frame_width_px: s.frame_width_px,
            frame_height_px: s.frame_height_px,
            frame_sequence: s.frame_sequence,
            captured_at: Timestamp::from_unix_ms(s.captured_at_ms),
        }
    }
}

impl From<&Event> for EventV1 {
    fn from(e: &Event) -> Self {
        Self {
            id: e.id.0,
            revision: e.revision,
            camera: e.camera.clone(),
            batch: e.batch.clone(),
            track: e.track.0,
            label: e.label.clone(),
            confidence: e.confidence,
            bbox: corners(&e.bbox),
            zones: e.zones.clone(),
            risk: e.risk.value(),
            summary: e.summary.clone(),
            reasoning: e.reasoning.clone(),
            detection_count: e.detection_count,
            started_at_ms: e.started_at.unix_ms(),
            updated_at_ms: e.updated_at.unix_ms(),
            ended_at_ms: e.ended_at.map(Timestamp::unix_ms),
            has_snapshot: e.has_snapshot,
            clock_trusted: e.clock_trusted,
            reviewed: e.reviewed,
        }
    }
}

impl From<EventV1> for Event {
    fn from(s: EventV1) -> Self {
        Self {
            id: EventId(s.id),
            revision: s.revision,
            camera: s.camera,
            batch: s.batch,
            track: TrackId(s.track),
            label: s.label,
            confidence: s.confidence,
            bbox: bbox(s.bbox),
            zones: s.zones,
            risk: RiskScore::new(i32::from(s.risk)),
            summary: s.summary,
            reasoning: s.reasoning,
            detection_count: s.detection_count,
            started_at: Timestamp::from_unix_ms(s.started_at_ms),
            updated_at: Timestamp::from_unix_ms(s.updated_at_ms),
            ended_at: s.ended_at_ms.map(Timestamp::from_unix_ms),
            has_snapshot: s.has_snapshot,
            clock_trusted: s.clock_trusted,
            reviewed: s.reviewed,
            // The first form had no words of people, and no video.
            notes: String::new(),
            snooze_until: None,
            clip: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{detection, event};
    use super::*;

    fn records(body: &[u8]) -> Vec<Option<Record>> {
        match decode(body) {
            Body::Commit(records) => records.collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_come_back_as_they_were() {
        let sent = vec![Record::Detection(detection(7, 1000)), Record::Event(event(3, 2, 900))];
        let body = encode_commit(&sent).unwrap();
        assert_eq!(records(&body).into_iter().flatten().collect::<Vec<_>>(), sent);
    }

    #[test]
    fn the_stored_form_of_version_1_is_pinned() {
        let body = encode_commit(&[Record::Detection(detection(7, 1000))]).unwrap();
        let hex: String = body.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, include_str!("golden/detection-v1.hex").trim());
        let body = encode_commit(&[Record::Event(event(3, 2, 900))]).unwrap();
        let hex: String = body.iter().map(|b| format!("{b:02x}")).collect();
        assert_eq!(hex, include_str!("golden/event-v1.hex").trim());
    }

    #[test]
    fn a_record_of_a_later_version_is_passed_over_and_its_neighbours_are_read() {
        let mut body = vec![VERSION, COMMIT, 99, 2, 0, 0, 0, 1, 2];
        let rest = encode_commit(&[Record::Detection(detection(7, 1000))]).unwrap();
        body.extend(&rest[2..]);
        let found = records(&body);
        assert!(matches!(found[..], [None, Some(Record::Detection(_))]));
        assert!(matches!(decode(&[9, 9, 9]), Body::Unknown));
    }

    #[test]
    fn too_much_in_one_commit_is_refused() {
        let mut large = event(1, 0, 0);
        large.summary = "x".repeat(BODY_MAX);
        assert_eq!(encode_commit(&[Record::Event(large)]), Err(TooLarge));
        let many = vec![Record::Detection(detection(1, 1)); RECORDS_MAX + 1];
        assert_eq!(encode_commit(&many), Err(TooLarge));
    }

    #[test]
    fn damaged_bodies_never_panic() {
        let clean = encode_commit(&[
            Record::Detection(detection(7, 1000)),
            Record::Event(event(3, 2, 900)),
        ])
        .unwrap();
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..5000 {
            let mut body = clean.clone();
            body.truncate(random.usize(2..=clean.len()));
            for _ in 0..random.usize(0..6) {
                let at = random.usize(..body.len());
                body[at] = random.u8(..);
            }
            if let Body::Commit(records) = decode(&body) {
                assert!(records.count() <= 64);
            }
        }
    }
}
