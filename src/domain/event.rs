//! A security-relevant happening: what one tracked object did.

use serde::{Deserialize, Serialize};

use super::{BBox, BatchId, CameraId, EventId, Label, RiskScore, Timestamp, TrackId};

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
