//! Incidents: the events of one camera while their objects are there.
//!
//! An event is created the moment its track is confirmed and ends with the track.
//! In between it is sent again only when something a person would notice has
//! changed (risk, zone, a clearly better picture), at most about once a second.
//! There is one incident per confirmed track, so at most as many as tracks.

use std::time::Duration;

use super::track::Track;
use crate::domain::{
    Assessor, BBox, BatchId, CameraId, Detection, DetectionId, Event, EventId, Frame, Sighting,
    Timestamp, Zone,
};

/// Least time between two revisions of an event.
const REVISION_INTERVAL: Duration = Duration::from_secs(1);
/// Wall and monotonic time of a track that are this far apart tell that the clock
/// was set; a camera's drift is less.
const CLOCK_STEP: Duration = Duration::from_secs(2);
/// Least time between two snapshots of an event.
const SNAPSHOT_INTERVAL: Duration = Duration::from_secs(2);
/// A picture must be this much better to replace the last: each one is encoded
/// and written to flash.
const CLEARLY_BETTER: f32 = 1.3;
/// Worth of a picture in which the border cuts the object.
const CUT_FACTOR: f32 = 0.5;
/// Closer to the border than this, the object is cut.
const BORDER: f32 = 0.005;
/// An object that stands still is reported this often.
const STATIONARY_INTERVAL: Duration = Duration::from_secs(10);

/// What an incident needs to know about its camera.
pub struct Scene<'a> {
    /// Name for people.
    pub camera_name: &'a str,
    /// Areas with rules of their own.
    pub zones: &'a [Zone],
    /// Persons in the picture.
    pub persons_present: usize,
    /// Judges.
    pub assessor: &'a dyn Assessor,
}

/// One event and its object.
#[derive(Debug)]
pub struct Incident {
    event: Event,
    stays: Vec<Stay>,
    last_detection: Option<Duration>,
    last_sent: Option<Duration>,
    last_snapshot: Option<Duration>,
    best_picture: f32,
    /// Most persons seen together; the count of the moment would make the risk
    /// jump with every occlusion.
    persons_most: usize,
    seen_within_day: Option<usize>,
    sent: Option<Essence>,
}

/// What makes a new revision worth sending.
#[derive(Debug, PartialEq)]
struct Essence {
    risk: u8,
    zones: usize,
    label: String,
}

/// An object in a zone.
#[derive(Debug)]
struct Stay {
    zone: String,
    since: Duration,
}

impl Incident {
    /// The incident of a track that has just been confirmed.
    pub fn new(
        id: EventId,
        camera: &CameraId,
        batch: BatchId,
        track: &Track,
        seen_within_day: Option<usize>,
        clock_trusted: bool,
    ) -> Self {
        let event = Event {
            id,
            revision: 0,
            camera: camera.clone(),
            batch,
            track: track.id(),
            label: track.label().clone(),
            confidence: 0.0,
            bbox: track.bbox(),
            zones: Vec::new(),
            risk: crate::domain::RiskScore::default(),
            summary: String::new(),
            reasoning: String::new(),
            detection_count: 0,
            started_at: track.started_at(),
            updated_at: seen_at(track),
            ended_at: None,
            has_snapshot: false,
            clip: None,
            clock_trusted,
            reviewed: false,
            notes: String::new(),
            snooze_until: None,
        };
        Self {
            event,
            stays: Vec::new(),
            last_detection: None,
            last_sent: None,
            last_snapshot: None,
            best_picture: 0.0,
            persons_most: 0,
            seen_within_day,
            sent: None,
        }
    }

    /// Whether this sighting is to be reported as a detection.
    pub fn wants_detection(&self, now: Duration, track: &Track) -> bool {
        let is_due = |last: Duration| now.saturating_sub(last) >= STATIONARY_INTERVAL;
        !track.is_stationary() || self.last_detection.is_none_or(is_due)
    }

    /// The detection of this sighting.
    pub fn detection(
        &mut self,
        id: DetectionId,
        batch: BatchId,
        track: &Track,
        frame: &Frame,
    ) -> Detection {
        self.last_detection = Some(frame.meta.captured_mono);
        self.event.detection_count = self.event.detection_count.saturating_add(1);
        Detection {
            id,
            camera: self.event.camera.clone(),
            track: track.id(),
            batch,
            event: self.event.id,
            label: track.label().clone(),
            confidence: track.confidence(),
            bbox: track.bbox(),
            frame_width_px: frame.width_px(),
            frame_height_px: frame.height_px(),
            frame_sequence: frame.meta.sequence,
            captured_at: frame.meta.captured_at,
        }
    }

    /// The track was seen at `now`. Returns the event if it is to be sent, and
    /// whether this frame is its best picture so far.
    pub fn see(
        &mut self,
        now: Duration,
        track: &Track,
        scene: &Scene<'_>,
    ) -> Option<(Event, bool)> {
        self.take_over(now, track, scene);
        let is_due = |last: Option<Duration>, interval| {
            last.is_none_or(|last| now.saturating_sub(last) >= interval)
        };
        if !is_due(self.last_sent, REVISION_INTERVAL) {
            return None;
        }
        let picture = worth(track);
        let is_best = picture > self.best_picture * CLEARLY_BETTER
            && is_due(self.last_snapshot, SNAPSHOT_INTERVAL);
        let essence = self.essence();
        if !is_best && self.sent.as_ref() == Some(&essence) {
            return None;
        }
        if is_best {
            (self.best_picture, self.last_snapshot) = (picture, Some(now));
            self.event.has_snapshot = true;
            self.event.bbox = track.bbox();
        }
        Some((self.send(now, essence), is_best))
    }

    /// The track is gone. Returns the event's last revision.
    pub fn end(&mut self, now: Duration, track: &Track, scene: &Scene<'_>) -> Event {
        self.assess(track, scene);
        self.event.ended_at = Some(seen_at(track));
        let essence = self.essence();
        self.send(now, essence)
    }

    fn take_over(&mut self, now: Duration, track: &Track, scene: &Scene<'_>) {
        self.event.label = track.label().clone();
        self.event.updated_at = seen_at(track);
        self.event.confidence = track.best_confidence();
        self.enter_zones(now, &track.bbox(), scene.zones);
        self.assess(track, scene);
    }

    fn assess(&mut self, track: &Track, scene: &Scene<'_>) {
        self.persons_most = self.persons_most.max(scene.persons_present);
        let verdict = scene.assessor.assess(&Sighting {
            camera_name: scene.camera_name,
            label: &self.event.label,
            confidence: self.event.confidence,
            dwell: track.dwell(),
            zones: &self.event.zones,
            is_stationary: track.is_stationary(),
            persons_present: self.persons_most,
            seen_within_day: self.seen_within_day,
            at: self.event.clock_trusted.then_some(track.seen_at()),
        });
        self.event.risk = verdict.risk;
        self.event.summary = verdict.summary;
        self.event.reasoning = verdict.reasoning;
    }

    fn enter_zones(&mut self, now: Duration, bbox: &BBox, zones: &[Zone]) {
        let label = &self.event.label;
        self.stays
            .retain(|stay| zones.iter().any(|z| z.name == stay.zone && z.contains(label, bbox)));
        for zone in zones.iter().filter(|zone| zone.contains(label, bbox)) {
            let since = match self.stays.iter().find(|stay| stay.zone == zone.name) {
                Some(stay) => stay.since,
                None => {
                    self.stays.push(Stay { zone: zone.name.clone(), since: now });
                    now
                }
            };
            let is_new = !self.event.zones.contains(&zone.name);
            if is_new && now.saturating_sub(since) >= zone.min_dwell {
                self.event.zones.push(zone.name.clone());
            }
        }
    }

    fn essence(&self) -> Essence {
        let Event { risk, zones, label, .. } = &self.event;
        Essence { risk: risk.value(), zones: zones.len(), label: label.to_string() }
    }

    fn send(&mut self, now: Duration, essence: Essence) -> Event {
        if self.sent.is_some() {
            self.event.revision = self.event.revision.saturating_add(1);
        }
        (self.sent, self.last_sent) = (Some(essence), Some(now));
        self.event.clone()
    }
}

/// When the track was seen last, by the clock that showed its beginning: setting
/// the clock meanwhile makes no event longer, or shorter than nothing.
fn seen_at(track: &Track) -> Timestamp {
    let (at, by_dwell) = (track.seen_at(), track.started_at().after(track.dwell()));
    let is_off = at.since(by_dwell).max(by_dwell.since(at)) > CLOCK_STEP;
    if is_off { by_dwell } else { at }
}

/// How good a picture of the object this is: sure, large and whole.
fn worth(track: &Track) -> f32 {
    let bbox = track.bbox();
    let is_cut = bbox.x < BORDER
        || bbox.y < BORDER
        || bbox.right() > 1.0 - BORDER
        || bbox.bottom() > 1.0 - BORDER;
    // Never 0, so that the first picture is always better than none.
    let whole = (track.confidence() * bbox.area()).max(1e-9);
    if is_cut { whole * CUT_FACTOR } else { whole }
}
