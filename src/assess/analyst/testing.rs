//! An event as tests of the analyst use it.

use std::time::Duration;

use crate::domain::{Event, Timestamp, examples};

/// A person that was there for so many seconds, of risk 75.
pub fn event(seconds: u64) -> Event {
    let began = Timestamp::from_unix_ms(1_768_473_000_120);
    let ended = began.after(Duration::from_secs(seconds));
    Event {
        revision: 3,
        zones: Vec::new(),
        summary: "Person at Front door".into(),
        reasoning: "person +25; in zone porch +50".into(),
        started_at: began,
        updated_at: ended,
        ended_at: Some(ended),
        ..examples::event()
    }
}
