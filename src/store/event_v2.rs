//! The second form of an event: the first, and what a person wrote on it. Events
//! without such words keep the first form, which every version reads.

use serde::{Deserialize, Serialize};

use super::stored::EventV1;
use crate::domain::{Event, Timestamp};

#[derive(Serialize, Deserialize)]
pub(super) struct EventV2 {
    event: EventV1,
    notes: String,
    snooze_until_ms: Option<i64>,
}

impl EventV2 {
    /// Whether the first form cannot hold everything of an event.
    pub fn is_needed(event: &Event) -> bool {
        !event.notes.is_empty() || event.snooze_until.is_some()
    }
}

impl From<&Event> for EventV2 {
    fn from(event: &Event) -> Self {
        Self {
            event: event.into(),
            notes: event.notes.clone(),
            snooze_until_ms: event.snooze_until.map(Timestamp::unix_ms),
        }
    }
}

impl From<EventV2> for Event {
    fn from(stored: EventV2) -> Self {
        Self {
            notes: stored.notes,
            snooze_until: stored.snooze_until_ms.map(Timestamp::from_unix_ms),
            ..stored.event.into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Record;
    use super::super::stored::{Body, decode, encode_commit};
    use super::super::testing::event;
    use super::*;

    fn with_words() -> Event {
        let snooze_until = Some(Timestamp::from_unix_ms(64));
        Event { notes: "Milk".into(), snooze_until, ..event(3, 2, 900) }
    }

    #[test]
    fn what_a_person_wrote_on_an_event_comes_back() {
        let body = encode_commit(&[Record::Event(with_words())]).unwrap();
        let Body::Commit(mut records) = decode(&body) else { panic!("a commit") };
        assert_eq!(records.next(), Some(Some(Record::Event(with_words()))));
    }

    /// The first form is pinned; the second is pinned by what it adds.
    #[test]
    fn the_second_form_is_the_first_and_the_words_behind_it() {
        let first = encode_commit(&[Record::Event(event(3, 2, 900))]).unwrap();
        let second = encode_commit(&[Record::Event(with_words())]).unwrap();
        assert_eq!((first[2], second[2]), (2, 3), "tags");
        let added = [4, b'M', b'i', b'l', b'k', 1, 0x80, 0x01];
        assert_eq!(second[7..], [&first[7..], &added].concat());
    }
}
