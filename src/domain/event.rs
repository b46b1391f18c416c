//! A security-relevant happening: what one tracked object did.

use serde::{Deserialize, Serialize};

use super::{BBox, BatchId, CameraId, Clip, EventId, Label, RiskScore, Timestamp, TrackId};

/// Most characters that a person may write on an event: it goes out with every
/// update.
pub const NOTES_MAX: usize = 1000;

/// An event. It exists from the moment its track is confirmed, is updated while
/// the track lasts, and is complete when `ended_at` is set. Every update is
/// stored and announced under the same id with a higher `revision`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Counter, unique on this box for ever.
    pub id: EventId,
    /// 0 when created, one more with each update.
    pub revision: u32,
    /// Which camera.
    pub camera: CameraId,
    /// The detection batch it was assessed with.
    pub batch: BatchId,
    /// The object.
    pub track: TrackId,
    /// Class of the object.
    pub label: Label,
    /// Best score so far, 0..=1.
    pub confidence: f32,
    /// Where the object is in the snapshot.
    pub bbox: BBox,
    /// Zones the object has been in, in the order it entered them.
    pub zones: Vec<String>,
    /// Risk; the level follows from it.
    pub risk: RiskScore,
    /// What happened, in one sentence.
    pub summary: String,
    /// Which rules made the score, in words.
    pub reasoning: String,
    /// Detections so far.
    pub detection_count: u32,
    /// First picture of the object.
    pub started_at: Timestamp,
    /// Latest picture of the object.
    pub updated_at: Timestamp,
    /// When the object was gone; absent while it is there.
    pub ended_at: Option<Timestamp>,
    /// Whether a snapshot and thumbnail are on disk under this event's id.
    pub has_snapshot: bool,
    /// Its video, if the camera has any.
    pub clip: Option<Clip>,
    /// False when the clock had not been set when the event began.
    pub clock_trusted: bool,
    /// Whether a person has looked at it.
    pub reviewed: bool,
    /// What a person wrote on it, at most [`NOTES_MAX`] characters; empty when
    /// nobody did.
    pub notes: String,
    /// Until when a person does not want to see it.
    pub snooze_until: Option<Timestamp>,
}

impl Event {
    /// The event with its times `shift_ms` later: its clock was not set, and it is
    /// known now how late it was.
    pub fn redated(self, shift_ms: i64) -> Self {
        let shifted =
            |at: Timestamp| Timestamp::from_unix_ms(at.unix_ms().saturating_add(shift_ms));
        Self {
            started_at: shifted(self.started_at),
            updated_at: shifted(self.updated_at),
            ended_at: self.ended_at.map(shifted),
            clock_trusted: true,
            ..self
        }
    }

    /// The event with the dates of `known`, an earlier revision that was dated anew
    /// while whoever goes on with the event did not know.
    pub fn dated_as(self, known: &Self) -> Self {
        if self.clock_trusted || !known.clock_trusted {
            return self;
        }
        let shift_ms = known.started_at.unix_ms().saturating_sub(self.started_at.unix_ms());
        self.redated(shift_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::examples;

    fn event(started_ms: i64, clock_trusted: bool) -> Event {
        let at = Timestamp::from_unix_ms;
        Event {
            started_at: at(started_ms),
            updated_at: at(started_ms + 10),
            ended_at: Some(at(started_ms + 20)),
            clock_trusted,
            ..examples::event()
        }
    }

    #[test]
    fn who_goes_on_with_an_event_that_was_dated_anew_goes_on_with_its_dates() {
        let anew = event(100, false).redated(1_000_000);
        assert_eq!(anew, event(1_000_100, true));
        let later = Event { updated_at: Timestamp::from_unix_ms(115), ..event(100, false) };
        let kept = later.dated_as(&anew);
        assert_eq!((kept.started_at, kept.clock_trusted), (anew.started_at, true));
        assert_eq!(kept.updated_at.unix_ms(), 1_000_115);
        assert_eq!(anew.clone().dated_as(&event(5, true)), anew, "right already");
        assert_eq!(event(100, false).dated_as(&event(100, false)), event(100, false));
    }
}
