//! The third form of an event: the second, and where its video is. Events without
//! video keep the forms before, which every version reads.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::event_v2::EventV2;
use crate::domain::{Clip, ClipSize, Event, EventId};

#[derive(Serialize, Deserialize)]
pub(super) struct EventV3 {
    event: EventV2,
    clip: Option<ClipV1>,
}

#[derive(Serialize, Deserialize)]
struct ClipV1 {
    file: u64,
    event_at_ms: u64,
    size: Option<SizeV1>,
}

#[derive(Serialize, Deserialize)]
struct SizeV1 {
    length_ms: u64,
    bytes: u64,
}

impl From<&Event> for EventV3 {
    fn from(event: &Event) -> Self {
        let size = |size: ClipSize| SizeV1 { length_ms: ms(size.length), bytes: size.bytes };
        let clip = |clip: Clip| ClipV1 {
            file: clip.file.0,
            event_at_ms: ms(clip.event_at),
            size: clip.size.map(size),
        };
        Self { event: event.into(), clip: event.clip.map(clip) }
    }
}

impl From<EventV3> for Event {
    fn from(stored: EventV3) -> Self {
        let size = |size: SizeV1| ClipSize {
            length: Duration::from_millis(size.length_ms),
            bytes: size.bytes,
        };
        let clip = |clip: ClipV1| Clip {
            file: EventId(clip.file),
            event_at: Duration::from_millis(clip.event_at_ms),
            size: clip.size.map(size),
        };
        Self { clip: stored.clip.map(clip), ..stored.event.into() }
    }
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::super::stored::{Body, decode, encode_commit};
    use super::super::testing::event;
    use super::*;

    fn with_clip(size: Option<ClipSize>) -> Event {
        let clip = Clip { file: EventId(2), event_at: Duration::from_millis(5), size };
        Event { notes: "Milk".into(), clip: Some(clip), ..event(3, 2, 900) }
    }

    #[test]
    fn what_is_known_of_the_video_of_an_event_comes_back() {
        let size = ClipSize { length: Duration::from_millis(64), bytes: 7 };
        for event in [with_clip(None), with_clip(Some(size))] {
            let body = encode_commit(&[Record::Event(event.clone())]).unwrap();
            let Body::Commit(mut records) = decode(&body) else { panic!("a commit") };
            assert_eq!(records.next(), Some(Some(Record::Event(event))));
        }
    }

    /// The forms before are pinned; the third is pinned by what it adds.
    #[test]
    fn the_third_form_is_the_second_and_the_video_behind_it() {
        let before = Event { clip: None, ..with_clip(None) };
        let second = encode_commit(&[Record::Event(before)]).unwrap();
        let size = ClipSize { length: Duration::from_millis(64), bytes: 7 };
        let third = encode_commit(&[Record::Event(with_clip(Some(size)))]).unwrap();
        assert_eq!((second[2], third[2]), (3, 4), "tags");
        assert_eq!(third[7..], [&second[7..], &[1, 2, 5, 1, 64, 7]].concat());
    }
}
