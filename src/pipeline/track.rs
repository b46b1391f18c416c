//! One object followed across frames: its identity, its rest, its end.

use std::time::Duration;

use super::kalman::BoxFilter;
use crate::domain::{BBox, Candidate, Label, Timestamp, TrackId};

/// Sightings, over at least this span, before an object is believed. Flicker of
/// the network rarely lasts three frames; at 15 fps three frames are too short.
const CONFIRM_SIGHTINGS: u32 = 3;
const CONFIRM_SPAN: Duration = Duration::from_millis(250);
/// An unconfirmed track without a sighting for this long was a flicker.
const LOST_TENTATIVE: Duration = Duration::from_millis(600);
/// A moving object hidden for this long is gone: enough for a lamp post or a
/// passing van, short enough that another person is not taken for it.
const LOST_MOVING: Duration = Duration::from_secs(3);
/// What stands still is given longer: people pass in front of a parked car.
const LOST_STATIONARY: Duration = Duration::from_secs(12);
/// Weak candidates may carry on a track only while it was seen this recently.
const WEAK_WITHIN: Duration = Duration::from_secs(1);
/// An object that keeps this overlap with one place for this long stands still.
const REST_IOU: f32 = 0.6;
const REST_AFTER: Duration = Duration::from_secs(10);
/// It moves again when it has left that place by this much for this long; a
/// passer-by who hides half of it for a moment does not count.
const LEAVE_IOU: f32 = 0.4;
const LEAVE_AFTER: Duration = Duration::from_secs(1);

/// Networks confuse these with each other from frame to frame.
const VEHICLES: [&str; 3] = ["car", "truck", "bus"];

/// Whether two classes may be the same object.
pub fn is_same_kind(a: &Label, b: &Label) -> bool {
    let is_vehicle = |label: &Label| VEHICLES.contains(&label.as_str());
    a == b || (is_vehicle(a) && is_vehicle(b))
}

/// When a frame was taken.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Capture time, monotonic.
    pub mono: Duration,
    /// Capture time, wall.
    pub wall: Timestamp,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Track {
    id: TrackId,
    filter: BoxFilter,
    /// Classes it has been seen as, with the sum of their scores.
    votes: Vec<(Label, f32)>,
    bbox: BBox,
    confidence: f32,
    /// Best score so far, and where it was then.
    best_confidence: f32,
    sightings: u32,
    is_confirmed: bool,
    was_sure: bool,
    first_seen: Moment,
    last_seen: Moment,
    missing_since: Option<Duration>,
    rest: Rest,
}

/// Where it stands, and whether it does.
#[derive(Clone, Debug)]
struct Rest {
    place: BBox,
    since: Duration,
    away_since: Option<Duration>,
    is_stationary: bool,
}

impl Track {
    /// A track from its first sighting.
    pub fn new(id: TrackId, at: Moment, candidate: &Candidate, min_confidence: f32) -> Self {
        let bbox = candidate.bbox;
        Self {
            id,
            filter: BoxFilter::new(&bbox),
            votes: vec![(candidate.label.clone(), candidate.confidence)],
            bbox,
            confidence: candidate.confidence,
            best_confidence: candidate.confidence,
            sightings: 1,
            is_confirmed: false,
            was_sure: candidate.confidence >= min_confidence,
            first_seen: at,
            last_seen: at,
            missing_since: None,
            rest: Rest { place: bbox, since: at.mono, away_since: None, is_stationary: false },
        }
    }

    /// Time passes.
    pub fn predict(&mut self, span: Duration) {
        self.filter.predict(span, self.missing_since.is_some());
    }

    /// Another sighting.
    pub fn see(&mut self, at: Moment, candidate: &Candidate, is_weak: bool, min_confidence: f32) {
        self.filter.update(&candidate.bbox, is_weak);
        (self.bbox, self.confidence) = (candidate.bbox, candidate.confidence);
        self.best_confidence = self.best_confidence.max(candidate.confidence);
        self.last_seen = at;
        self.missing_since = None;
        self.sightings = self.sightings.saturating_add(1);
        self.was_sure |= candidate.confidence >= min_confidence;
        self.is_confirmed |=
            self.was_sure && self.sightings >= CONFIRM_SIGHTINGS && self.dwell() >= CONFIRM_SPAN;
        self.vote(candidate);
        self.rest.see(at.mono, &candidate.bbox);
    }

    /// The frame at `now` was looked at; if this track was not seen in it, it has
    /// been missing since then.
    pub fn miss(&mut self, now: Duration) {
        if !self.is_seen_at(now) {
            self.missing_since.get_or_insert(now);
        }
    }

    /// It has been missing for too long.
    pub fn is_lost(&self, now: Duration) -> bool {
        let limit = match (self.is_confirmed, self.rest.is_stationary) {
            (false, _) => LOST_TENTATIVE,
            (true, false) => LOST_MOVING,
            (true, true) => LOST_STATIONARY,
        };
        self.missing_since.is_some_and(|since| now.saturating_sub(since) >= limit)
    }

    /// It moves, is missing or is not yet believed.
    pub fn needs_watching(&self) -> bool {
        !self.rest.is_stationary || self.missing_since.is_some()
    }

    /// It may be carried on by a weak candidate.
    pub fn may_take_weak(&self, now: Duration) -> bool {
        let unseen = now.saturating_sub(self.last_seen.mono);
        self.is_confirmed && (self.rest.is_stationary || unseen <= WEAK_WITHIN)
    }

    /// Its id.
    pub fn id(&self) -> TrackId {
        self.id
    }

    /// The class it was seen as most.
    pub fn label(&self) -> &Label {
        let most = self.votes.iter().max_by(|a, b| a.1.total_cmp(&b.1));
        &most.expect("a track begins with a vote").0
    }

    /// Where it was seen last.
    pub fn bbox(&self) -> BBox {
        self.bbox
    }

    /// Where it is expected now.
    pub fn expected(&self) -> BBox {
        self.filter.bbox()
    }

    /// How uncertain that is, in x and y.
    pub fn spread(&self) -> (f32, f32) {
        self.filter.spread()
    }

    /// Its latest score.
    pub fn confidence(&self) -> f32 {
        self.confidence
    }

    /// Its best score.
    pub fn best_confidence(&self) -> f32 {
        self.best_confidence
    }

    /// It is an object, not a flicker.
    pub fn is_confirmed(&self) -> bool {
        self.is_confirmed
    }

    /// It has not moved for a while.
    pub fn is_stationary(&self) -> bool {
        self.rest.is_stationary
    }

    /// Whether it was seen in the frame at `now`.
    pub fn is_seen_at(&self, now: Duration) -> bool {
        self.last_seen.mono == now
    }

    /// Since when it is missing.
    pub fn missing_since(&self) -> Option<Duration> {
        self.missing_since
    }

    /// When it was seen first.
    pub fn started_at(&self) -> Timestamp {
        self.first_seen.wall
    }

    /// When it was seen last.
    pub fn seen_at(&self) -> Timestamp {
        self.last_seen.wall
    }

    /// How long it has been followed.
    pub fn dwell(&self) -> Duration {
        self.last_seen.mono.saturating_sub(self.first_seen.mono)
    }

    fn vote(&mut self, candidate: &Candidate) {
        match self.votes.iter_mut().find(|(label, _)| *label == candidate.label) {
            Some((_, sum)) => *sum += candidate.confidence,
            // Same kind only, so there are at most three.
            None => self.votes.push((candidate.label.clone(), candidate.confidence)),
        }
    }
}

impl Rest {
    fn see(&mut self, now: Duration, bbox: &BBox) {
        let iou = self.place.iou(bbox);
        if !self.is_stationary {
            if iou < REST_IOU {
                (self.place, self.since) = (*bbox, now);
            }
            self.is_stationary = now.saturating_sub(self.since) >= REST_AFTER;
        } else if iou >= LEAVE_IOU {
            self.away_since = None;
        } else if now.saturating_sub(*self.away_since.get_or_insert(now)) >= LEAVE_AFTER {
            *self = Self { place: *bbox, since: now, away_since: None, is_stationary: false };
        }
    }
}
