//! How much a tracked object matters, and why: what goes in and what comes out.

use std::time::Duration;

use super::{Label, RiskScore, Timestamp};

/// What is known about one tracked object at the moment it is assessed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sighting<'a> {
    /// Name of the camera, for people.
    pub camera_name: &'a str,
    /// Class of the object.
    pub label: &'a Label,
    /// Best score so far, 0..=1.
    pub confidence: f32,
    /// How long it has been there.
    pub dwell: Duration,
    /// Zones it has been in, in the order it entered them.
    pub zones: &'a [String],
    /// It has not moved for a while.
    pub is_stationary: bool,
    /// Persons this camera sees now, this one included.
    pub persons_present: usize,
    /// Objects of this class that the camera has followed within the last 24 hours,
    /// before this one; `None` when it has not watched for so long.
    pub seen_within_day: Option<usize>,
    /// When it was seen; `None` while the clock is not trusted.
    pub at: Option<Timestamp>,
}

/// The verdict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assessment {
    /// Risk; the level follows from it.
    pub risk: RiskScore,
    /// What happened, in one sentence without a full stop.
    pub summary: String,
    /// What made the score, in words.
    pub reasoning: String,
}

/// Judges sightings. Called for every update of every track: it must answer at
/// once and give the same answer for the same sighting.
pub trait Assessor: Send + Sync {
    /// The verdict on a sighting.
    fn assess(&self, sighting: &Sighting<'_>) -> Assessment;
}
