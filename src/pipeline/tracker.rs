//! Tracker: which candidate is which object.
//!
//! Association in the manner of ByteTrack: strong candidates first, then weak
//! ones for tracks that found none, because a half hidden person scores low but
//! is still there. Pairs are judged by overlap with where a Kalman filter expects
//! the object, classes must agree, and the pairing is optimal in sum. All spans
//! are capture time, so the frame rate does not matter. At most [`TRACKS_MAX`]
//! tracks; when full, new objects wait until one ends.

use std::time::Duration;

use super::assign::Costs;
use super::track::{Moment, Track, is_same_kind};
use crate::domain::{BBox, Candidate, TrackId};
use crate::infer::CANDIDATES_MAX;

/// Tracks of one camera: every candidate of a frame and a few that are hidden.
pub const TRACKS_MAX: usize = CANDIDATES_MAX + 28;
/// Least overlap of a strong candidate with the expected place.
const OVERLAP_MIN: f32 = 0.2;
/// The same for a weak candidate, which is more likely to be something else.
const WEAK_OVERLAP_MIN: f32 = 0.4;
/// Boxes are compared with a margin of the filter's uncertainty, but at most this
/// share of their size: at two frames a second a walker's boxes do not overlap.
const MARGIN_MAX: f32 = 1.0;
/// A candidate on top of a followed object of the same kind is no new object.
const DUPLICATE_IOU: f32 = 0.7;

/// The objects of one camera.
#[derive(Debug)]
pub struct Tracker {
    tracks: Vec<Track>,
    threshold: f32,
    min_confidence: f32,
    latest: Duration,
}

impl Tracker {
    /// Candidates of at least `threshold` begin tracks; one of at least
    /// `min_confidence` is needed to confirm a track.
    pub fn new(threshold: f32, min_confidence: f32) -> Self {
        Self { tracks: Vec::new(), threshold, min_confidence, latest: Duration::ZERO }
    }

    /// Changes the thresholds; tracks go on.
    pub fn set_thresholds(&mut self, threshold: f32, min_confidence: f32) {
        (self.threshold, self.min_confidence) = (threshold, min_confidence);
    }

    /// All tracks, confirmed or not, oldest first.
    pub fn tracks(&self) -> &[Track] {
        &self.tracks
    }

    /// Something moves or is missing: the next frame must be looked at.
    pub fn is_watching(&self) -> bool {
        self.tracks.iter().any(Track::needs_watching)
    }

    /// The candidates of one frame. Returns the tracks that are over.
    pub fn update(
        &mut self,
        at: Moment,
        candidates: &[Candidate],
        mut next_id: impl FnMut() -> TrackId,
    ) -> Vec<Track> {
        let span = at.mono.saturating_sub(self.latest);
        self.latest = at.mono.max(self.latest);
        self.tracks.iter_mut().for_each(|track| track.predict(span));

        let (mut strong, mut weak): (Vec<_>, Vec<_>) =
            candidates.iter().partition(|candidate| candidate.confidence >= self.threshold);
        // Confirmed tracks choose first; a flicker must not steal from them.
        self.pair(at, &mut strong, OVERLAP_MIN, |track| track.is_confirmed());
        self.pair(at, &mut strong, OVERLAP_MIN, |track| !track.is_confirmed());
        self.pair(at, &mut weak, WEAK_OVERLAP_MIN, |track| track.may_take_weak(at.mono));

        self.tracks.iter_mut().for_each(|track| track.miss(at.mono));
        let (over, going_on) =
            std::mem::take(&mut self.tracks).into_iter().partition(|track| track.is_lost(at.mono));
        self.tracks = going_on;
        self.begin(at, &strong, &mut next_id);
        over
    }

    /// Ends all tracks: the camera is silent, or gone.
    pub fn drain(&mut self) -> Vec<Track> {
        std::mem::take(&mut self.tracks)
    }

    /// Pairs unseen tracks that `may` with `candidates`, and removes those taken.
    fn pair(
        &mut self,
        at: Moment,
        candidates: &mut Vec<&Candidate>,
        overlap_min: f32,
        may: impl Fn(&Track) -> bool,
    ) {
        let is_open = |track: &Track| may(track) && !track.is_seen_at(at.mono);
        let mut open: Vec<&mut Track> = self.tracks.iter_mut().filter(|t| is_open(t)).collect();
        let costs = Costs::new(open.len(), candidates.len(), |row, column| {
            let overlap = overlap(open[row], candidates[column]);
            (overlap >= overlap_min).then_some(1.0 - overlap)
        });
        let mut taken = vec![false; candidates.len()];
        for (track, column) in open.iter_mut().zip(costs.assign()) {
            if let Some(column) = column {
                let candidate = candidates[column];
                let is_weak = candidate.confidence < self.threshold;
                track.see(at, candidate, is_weak, self.min_confidence);
                taken[column] = true;
            }
        }
        let mut is_taken = taken.into_iter();
        candidates.retain(|_| !is_taken.next().unwrap_or(false));
    }

    fn begin(&mut self, at: Moment, strong: &[&Candidate], next_id: &mut impl FnMut() -> TrackId) {
        for candidate in strong {
            let is_duplicate = self.tracks.iter().any(|track| {
                track.is_seen_at(at.mono)
                    && is_same_kind(track.label(), &candidate.label)
                    && track.bbox().iou(&candidate.bbox) >= DUPLICATE_IOU
            });
            if !is_duplicate && self.tracks.len() < TRACKS_MAX {
                self.tracks.push(Track::new(next_id(), at, candidate, self.min_confidence));
            }
        }
    }
}

/// How well a candidate fits where the track is expected, 0..=1; 0 for another
/// kind of object.
fn overlap(track: &Track, candidate: &Candidate) -> f32 {
    if !is_same_kind(track.label(), &candidate.label) {
        return 0.0;
    }
    let (expected, spread) = (track.expected(), track.spread());
    widened(&expected, spread).iou(&widened(&candidate.bbox, spread))
}

/// The box with a margin of `spread` on each side. Not clipped: a clipped margin
/// would favour objects at the border.
fn widened(bbox: &BBox, spread: (f32, f32)) -> BBox {
    let (x, y) = (spread.0.min(MARGIN_MAX * bbox.width), spread.1.min(MARGIN_MAX * bbox.height));
    BBox {
        x: bbox.x - x,
        y: bbox.y - y,
        width: bbox.width + 2.0 * x,
        height: bbox.height + 2.0 * y,
    }
}

#[cfg(test)]
#[path = "tracker_tests.rs"]
mod tests;
