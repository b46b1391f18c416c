//! One camera's way from a frame to its outcome: gate, detect, track, report.
//!
//! A lane belongs to one worker at a time and reads no clock: everything follows
//! from the frames, so the same footage gives the same outcome. What it keeps is
//! bounded by the tracker's limit.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::batch::{Batches, OpenBatch};
use super::incident::{Incident, Scene};
use super::motion::MotionGate;
use super::regulars::Regulars;
use super::track::{Moment, Track};
use super::tracker::Tracker;
use super::view::{Look, ViewWatch};
use super::{FrameOutcome, LaneSettings, Output, TrackView, ViewNews};
use crate::domain::{Assessor, Candidate, Frame, SceneChange, SceneChangeId, TrackId};
use crate::rt::Clock;

/// A camera without a frame for this long shows nothing any more; its tracks end.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// A track missing for longer than this is not drawn.
const VIEW_WITHIN: Duration = Duration::from_millis(700);

/// What a lane needs from outside, for one turn.
pub struct Outside<'a> {
    /// Finds objects; `None` when there is no detector or it failed on this frame.
    pub detect: &'a dyn Fn(&Frame) -> Option<Vec<Candidate>>,
    /// Score of a candidate that counts on its own.
    pub threshold: f32,
    /// Judges events.
    pub assessor: &'a dyn Assessor,
    /// Gives ids.
    pub output: &'a dyn Output,
    /// The next unused id of a track.
    pub next_track: &'a AtomicU64,
    /// Whether wall times are true.
    pub clock_trusted: bool,
}

/// One camera.
pub struct Lane {
    settings: LaneSettings,
    gate: MotionGate,
    view: ViewWatch,
    regulars: Regulars,
    tracker: Tracker,
    batches: Batches,
    incidents: BTreeMap<TrackId, Incident>,
    last_frame: Duration,
    last_look: Option<Duration>,
    motion_share: f32,
    attending_until: Duration,
}

impl Lane {
    /// A lane that has seen nothing.
    pub fn new(settings: LaneSettings) -> Self {
        Self {
            gate: MotionGate::new(settings.masks.clone()),
            batches: Batches::new(settings.batch_window, settings.batch_idle),
            settings,
            view: ViewWatch::default(),
            regulars: Regulars::default(),
            tracker: Tracker::new(0.0, 0.0),
            incidents: BTreeMap::new(),
            last_frame: Duration::ZERO,
            last_look: None,
            motion_share: 0.0,
            attending_until: Duration::ZERO,
        }
    }

    /// A lane with the same settings that has seen nothing.
    pub fn renewed(&self) -> Self {
        Self::new(self.settings.clone())
    }

    /// New settings, from the next frame on; tracks and events go on.
    pub fn set_settings(&mut self, settings: LaneSettings) {
        if settings.masks != self.settings.masks {
            self.gate = MotionGate::new(settings.masks.clone());
        }
        self.batches.set_spans(settings.batch_window, settings.batch_idle);
        self.settings = settings;
    }

    /// Every frame taken before `until` is worth a look.
    pub fn attend(&mut self, until: Duration) {
        self.attending_until = self.attending_until.max(until);
    }

    /// Capture time of the latest frame.
    pub fn last_frame(&self) -> Duration {
        self.last_frame
    }

    /// The batch that would take a detection at `now`.
    pub fn open_batch(&self, now: Duration) -> Option<OpenBatch> {
        self.batches.open(now)
    }

    /// There are tracks that must end some time.
    pub fn has_tracks(&self) -> bool {
        !self.tracker.tracks().is_empty()
    }

    /// Share of the picture that moved in the latest frame.
    pub fn motion_share(&self) -> f32 {
        self.motion_share
    }

    /// Looks at a frame.
    pub fn look(&mut self, frame: &Arc<Frame>, outside: &Outside<'_>) -> FrameOutcome {
        let at = Moment { mono: frame.meta.captured_mono, wall: frame.meta.captured_at };
        self.last_frame = at.mono;
        self.motion_share = self.gate.look(frame).share;
        self.tracker.set_thresholds(outside.threshold, self.settings.min_confidence);
        let found = if self.is_worth_a_look(at.mono) { (outside.detect)(frame) } else { None };
        let mut outcome = self.empty_outcome(Some(Arc::clone(frame)));
        outcome.view = self.look_at_view(frame, outside);
        if let Some(candidates) = found {
            self.last_look = Some(at.mono);
            let candidates = self.that_matter(candidates);
            let next_id = || TrackId(outside.next_track.fetch_add(1, Ordering::Relaxed));
            let over = self.tracker.update(at, &candidates, next_id);
            self.report_seen(at.mono, frame, outside, &mut outcome);
            self.report_over(at.mono, &over, outside, &mut outcome);
        }
        outcome.tracks = self.views(at.mono);
        outcome
    }

    /// No frame has come until `now`. Ends what can no longer be seen; `None`
    /// when nothing changed.
    pub fn tick(&mut self, now: Duration, outside: &Outside<'_>) -> Option<FrameOutcome> {
        let is_silent = now.saturating_sub(self.last_frame) >= SILENT_AFTER;
        (is_silent && self.has_tracks()).then(|| self.finish(now, outside))
    }

    /// Ends all tracks and events: the camera is silent, removed, or the box
    /// goes down.
    pub fn finish(&mut self, now: Duration, outside: &Outside<'_>) -> FrameOutcome {
        let over = self.tracker.drain();
        let mut outcome = self.empty_outcome(None);
        self.report_over(now, &over, outside, &mut outcome);
        outcome
    }

    fn empty_outcome(&self, frame: Option<Arc<Frame>>) -> FrameOutcome {
        FrameOutcome {
            frame,
            camera: self.settings.camera.clone(),
            tracks: Vec::new(),
            detections: Vec::new(),
            batch: None,
            events: Vec::new(),
            snapshots: Vec::new(),
            view: None,
        }
    }

    fn look_at_view(&mut self, frame: &Frame, outside: &Outside<'_>) -> Option<ViewNews> {
        Some(match self.view.look(frame, self.settings.view_threshold)? {
            Look::Usual => ViewNews::Usual,
            Look::Unwatched => ViewNews::Unwatched,
            Look::Changed(change) => ViewNews::Changed(SceneChange {
                id: SceneChangeId(outside.output.next_event_id().0),
                revision: 0,
                camera: self.settings.camera.clone(),
                detected_at: frame.meta.captured_at,
                change: change.change_type,
                similarity: change.similarity,
                acknowledged_at: None,
                clock_trusted: outside.clock_trusted,
            }),
        })
    }

    /// Something moves, something must be found again, a sensor has seen somebody, or
    /// it is time anyway.
    fn is_worth_a_look(&self, now: Duration) -> bool {
        let is_due =
            |last: Duration| now.saturating_sub(last) >= self.settings.idle_interval || now < last;
        self.motion_share >= self.settings.motion_threshold
            || self.tracker.is_watching()
            || now < self.attending_until
            || self.last_look.is_none_or(is_due)
    }

    fn that_matter(&self, mut candidates: Vec<Candidate>) -> Vec<Candidate> {
        let classes = &self.settings.classes;
        if !classes.is_empty() {
            candidates.retain(|found| classes.iter().any(|class| class == found.label.as_str()));
        }
        let masks = &self.settings.masks;
        candidates.retain(|found| !masks.iter().any(|mask| mask.hides(found.bbox.foot())));
        candidates
    }

    fn report_seen(
        &mut self,
        now: Duration,
        frame: &Frame,
        outside: &Outside<'_>,
        outcome: &mut FrameOutcome,
    ) {
        let is_news = |track: &&Track| track.is_confirmed() && track.is_seen_at(now);
        let seen: Vec<&Track> = self.tracker.tracks().iter().filter(is_news).collect();
        let reported = seen.iter().filter(|track| {
            let known = self.incidents.get(&track.id());
            known.is_none_or(|incident| incident.wants_detection(now, track))
        });
        let reported: Vec<TrackId> = reported.map(|track| track.id()).collect();
        // One frame, one batch, however many objects.
        let batch = (!reported.is_empty()).then(|| self.batches.add(now, reported.len()));
        let scene = scene(&self.settings, seen_persons(self.tracker.tracks()), outside);
        for track in seen {
            let incident = self.incidents.entry(track.id()).or_insert_with(|| {
                let id = outside.output.next_event_id();
                let batch = batch.clone().expect("a track without an incident is reported");
                // The clock may have been set since the track began.
                let is_dated = outside.clock_trusted && Clock::is_plausible(track.started_at());
                let seen_within_day = self.regulars.see(now, track.label());
                let camera = &self.settings.camera;
                Incident::new(id, camera, batch, track, seen_within_day, is_dated)
            });
            if let Some(batch) = batch.as_ref().filter(|_| reported.contains(&track.id())) {
                let id = outside.output.next_detection_id();
                outcome.detections.push(incident.detection(id, batch.clone(), track, frame));
            }
            if let Some((event, is_best)) = incident.see(now, track, &scene) {
                outcome.snapshots.extend(is_best.then_some(event.id));
                outcome.events.push(event);
            }
        }
        outcome.batch = batch;
    }

    fn report_over(
        &mut self,
        now: Duration,
        over: &[Track],
        outside: &Outside<'_>,
        outcome: &mut FrameOutcome,
    ) {
        let scene = scene(&self.settings, seen_persons(self.tracker.tracks()), outside);
        for track in over {
            if let Some(mut incident) = self.incidents.remove(&track.id()) {
                outcome.events.push(incident.end(now, track, &scene));
            }
        }
    }

    fn views(&self, now: Duration) -> Vec<TrackView> {
        let is_here = |track: &&Track| {
            let missing = track.missing_since().map(|since| now.saturating_sub(since));
            track.is_confirmed() && missing.is_none_or(|missing| missing <= VIEW_WITHIN)
        };
        self.tracker.tracks().iter().filter(is_here).map(view).collect()
    }
}

fn scene<'a>(
    settings: &'a LaneSettings,
    persons_present: usize,
    outside: &Outside<'a>,
) -> Scene<'a> {
    Scene {
        camera_name: &settings.camera_name,
        zones: &settings.zones,
        persons_present,
        assessor: outside.assessor,
    }
}

fn seen_persons(tracks: &[Track]) -> usize {
    let is_person = |track: &&Track| {
        track.is_confirmed()
            && track.missing_since().is_none()
            && track.label().as_str() == "person"
    };
    tracks.iter().filter(is_person).count()
}

fn view(track: &Track) -> TrackView {
    TrackView {
        id: track.id(),
        label: track.label().clone(),
        confidence: track.confidence(),
        bbox: track.bbox(),
        dwell: track.dwell(),
        is_stationary: track.is_stationary(),
    }
}

#[cfg(test)]
#[path = "lane_tests.rs"]
mod tests;
