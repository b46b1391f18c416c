//! What one camera reports, frame by frame, with scripted objects.

use std::cell::Cell;
use std::sync::LazyLock;
use std::sync::atomic::AtomicU64;

use super::*;
use crate::assess::Rules;
use crate::domain::{DetectionId, Event, EventId, Mask, Point, Timestamp, Zone};
use crate::pipeline::testing::{candidate, frame_at, person};

#[derive(Default)]
struct Ids(AtomicU64);

impl Output for Ids {
    fn next_detection_id(&self) -> DetectionId {
        DetectionId(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn next_event_id(&self) -> EventId {
        EventId(self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn frame_done(&self, _: FrameOutcome) {}
}

static RULES: LazyLock<Rules> = LazyLock::new(Rules::default);

fn settings() -> LaneSettings {
    LaneSettings {
        motion_threshold: 0.01,
        idle_interval: Duration::from_secs(5),
        ..LaneSettings::new("yard".parse().unwrap(), "Yard".to_owned())
    }
}

/// A lane that sees five frames a second of an unmoving gray picture.
struct Stage {
    lane: Lane,
    ids: Ids,
    tracks: AtomicU64,
    at: Duration,
    /// How far the wall clock was set, milliseconds.
    clock_set_ms: i64,
    looks: Cell<u32>,
}

impl Stage {
    fn new(settings: LaneSettings) -> Self {
        let lane = Lane::new(settings);
        let at = Duration::ZERO;
        let (ids, tracks) = (Ids::default(), AtomicU64::new(1));
        Self { lane, ids, tracks, at, clock_set_ms: 0, looks: Cell::new(0) }
    }

    fn frame(&mut self, candidates: &[Candidate]) -> FrameOutcome {
        self.at += Duration::from_millis(200);
        let mut frame = frame_at(self.at, (64, 48), &[90; 64 * 48]);
        let shown_ms = frame.meta.captured_at.unix_ms() + self.clock_set_ms;
        frame.meta.captured_at = Timestamp::from_unix_ms(shown_ms);
        let frame = Arc::new(frame);
        let detect = |_: &Frame| {
            self.looks.set(self.looks.get() + 1);
            Some(candidates.to_vec())
        };
        self.lane.look(&frame, &outside(&self.ids, &self.tracks, &detect))
    }

    /// The outcomes of `span_s` seconds; `scene` gives the objects at a time.
    fn run(&mut self, span_s: u32, scene: impl Fn(f32) -> Vec<Candidate>) -> Vec<FrameOutcome> {
        let start = self.at;
        (0..span_s * 5).map(|_| self.frame(&scene((self.at - start).as_secs_f32()))).collect()
    }
}

fn outside<'a>(
    ids: &'a Ids,
    next_track: &'a AtomicU64,
    detect: &'a dyn Fn(&Frame) -> Option<Vec<Candidate>>,
) -> Outside<'a> {
    Outside {
        detect,
        threshold: 0.4,
        assessor: &*RULES,
        output: ids,
        next_track,
        clock_trusted: true,
    }
}

fn events(outcomes: &[FrameOutcome]) -> Vec<&Event> {
    outcomes.iter().flat_map(|outcome| &outcome.events).collect()
}

fn walker(t: f32) -> Vec<Candidate> {
    vec![person(0.8, 0.1 + 0.05 * t, 0.5)]
}

#[test]
fn an_event_is_created_with_its_track_and_ends_with_it() {
    let mut stage = Stage::new(settings());
    let mut outcomes = stage.run(4, walker);
    outcomes.extend(stage.run(5, |_| Vec::new()));
    let first = outcomes.iter().position(|outcome| !outcome.events.is_empty()).unwrap();
    let created = &outcomes[first].events[0];
    assert_eq!((created.revision, created.ended_at), (0, None));
    assert_eq!(created.started_at, outcomes[0].frame.as_ref().unwrap().meta.captured_at);
    assert_eq!(outcomes[first].snapshots, [created.id]);
    assert_eq!(outcomes[first].detections[0].event, created.id);
    assert!(outcomes[..first].iter().all(|outcome| outcome.tracks.is_empty()));

    let last_seen = outcomes[19].frame.as_ref().unwrap().meta.captured_at;
    let all = events(&outcomes);
    let ended = all.last().unwrap();
    assert_eq!((ended.id, ended.ended_at), (created.id, Some(last_seen)));
    assert!(all.iter().enumerate().all(|(n, event)| event.revision == n as u32));
    assert_eq!(ended.summary, "Person at Yard");
}

#[test]
fn an_event_lasts_as_long_as_it_did_however_the_clock_is_set_meanwhile() {
    const DECADE_MS: i64 = 10 * 365 * 86_400_000;
    for clock_set_ms in [DECADE_MS, -DECADE_MS] {
        let mut stage = Stage::new(settings());
        let person_stands = |_| vec![person(0.8, 0.5, 0.5)];
        stage.run(2, person_stands);
        stage.clock_set_ms = clock_set_ms;
        let mut outcomes = stage.run(2, person_stands);
        outcomes.extend(stage.run(5, |_| Vec::new()));
        let events = events(&outcomes);
        assert!(!events.is_empty());
        for event in events {
            let ended_at = event.ended_at.unwrap_or(event.updated_at);
            let lasted = ended_at.since(event.started_at);
            assert!(ended_at >= event.updated_at && event.updated_at >= event.started_at);
            assert!(lasted > Duration::from_secs(1) && lasted < Duration::from_secs(5));
        }
    }
}

#[test]
fn every_sighting_of_a_confirmed_track_is_a_detection_of_its_event_and_batch() {
    let mut stage = Stage::new(settings());
    let outcomes = stage.run(6, walker);
    let seen: Vec<_> = outcomes.iter().filter(|outcome| !outcome.detections.is_empty()).collect();
    assert_eq!(seen.len(), 30 - 2, "all but the two before it was believed");
    for outcome in seen {
        let detection = &outcome.detections[0];
        assert_eq!(Some(&detection.batch), outcome.batch.as_ref());
        assert_eq!(detection.bbox, outcome.tracks[0].bbox);
    }
}

#[test]
fn an_unchanged_event_is_not_sent_again() {
    let mut stage = Stage::new(settings());
    let outcomes = stage.run(9, |_| vec![person(0.8, 0.5, 0.5)]);
    assert_eq!(events(&outcomes).len(), 1);
    // Ten seconds make it lingering, which raises the risk.
    let later = stage.run(3, |_| vec![person(0.8, 0.5, 0.5)]);
    let raised = events(&later);
    assert_eq!(raised.len(), 1);
    assert_eq!((raised[0].revision, raised[0].risk.value()), (1, 30));
    assert_eq!(raised[0].reasoning, "person +25; stayed 10 s +5");
}

#[test]
fn a_clearly_better_picture_replaces_the_snapshot_but_not_too_often() {
    let mut stage = Stage::new(settings());
    // Someone comes closer: the box grows a hundredfold in 10 s.
    let closer = |t: f32| {
        let size = 0.04 * 1.26_f32.powf(t);
        vec![candidate("person", 0.8, (0.5, 0.5), (size, size * 1.6))]
    };
    let outcomes = stage.run(10, closer);
    let times: Vec<usize> =
        (0..outcomes.len()).filter(|n| !outcomes[*n].snapshots.is_empty()).collect();
    assert!((4..=6).contains(&times.len()), "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= 10), "two seconds apart: {times:?}");
    for outcome in &outcomes {
        assert!(outcome.snapshots.iter().all(|id| outcome.events.iter().any(|e| e.id == *id)));
    }
}

#[test]
fn a_zone_counts_after_its_dwell_and_names_itself_in_the_summary() {
    let corners = [(0.4, 0.0), (1.0, 0.0), (1.0, 1.0), (0.4, 1.0)];
    let porch = Zone {
        name: "porch".to_owned(),
        polygon: corners.map(|(x, y)| Point { x, y }).to_vec(),
        min_dwell: Duration::from_secs(2),
        classes: Vec::new(),
    };
    let mut stage = Stage::new(LaneSettings { zones: vec![porch], ..settings() });
    // In the zone from second 6 on.
    let before = stage.run(7, walker);
    assert!(events(&before).iter().all(|event| event.zones.is_empty()));
    let after = stage.run(3, |t| walker(t + 7.0));
    let entered = events(&after);
    assert_eq!(entered[0].zones, ["porch"]);
    assert_eq!(entered[0].risk.value(), 45);
    assert!(entered[0].summary.starts_with("Person in porch at Yard"), "{}", entered[0].summary);
}

#[test]
fn what_stands_under_a_mask_is_not_followed() {
    let corners = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)];
    let mask = Mask { polygon: corners.map(|(x, y)| Point { x, y }).to_vec() };
    let mut stage = Stage::new(LaneSettings { masks: vec![mask], ..settings() });
    let outcomes = stage.run(4, walker);
    assert!(outcomes.iter().all(|outcome| outcome.tracks.is_empty() && outcome.events.is_empty()));
}

#[test]
fn classes_that_do_not_matter_are_not_followed() {
    let mut stage = Stage::new(LaneSettings { classes: vec!["car".to_owned()], ..settings() });
    let outcomes = stage.run(4, walker);
    assert!(outcomes.iter().all(|outcome| outcome.tracks.is_empty() && outcome.events.is_empty()));
}

#[test]
fn an_empty_still_scene_is_shown_to_the_network_only_now_and_then() {
    let mut stage = Stage::new(settings());
    stage.run(60, |_| Vec::new());
    assert_eq!(stage.looks.get(), 12, "once per idle interval of 5 s");
}

#[test]
fn while_a_sensor_has_seen_somebody_every_frame_is_looked_at() {
    let mut stage = Stage::new(settings());
    stage.run(10, |_| Vec::new());
    let before = stage.looks.get();
    stage.lane.attend(stage.at + Duration::from_secs(4));
    stage.lane.attend(stage.at + Duration::from_secs(1));
    stage.run(4, |_| Vec::new());
    assert_eq!(stage.looks.get() - before, 19, "until the longer attention ends");
    stage.run(4, |_| Vec::new());
    assert!(stage.looks.get() - before <= 20, "{}", stage.looks.get() - before);
}

#[test]
fn a_parked_car_costs_few_looks_and_few_detections_and_stays_one_event() {
    let mut stage = Stage::new(settings());
    let parked = |_| vec![candidate("car", 0.8, (0.5, 0.5), (0.3, 0.2))];
    let arrival = stage.run(12, parked);
    stage.looks.set(0);
    let mut hours = stage.run(120, parked);
    assert_eq!(stage.looks.get(), 24);
    let detections: usize = hours.iter().map(|outcome| outcome.detections.len()).sum();
    assert_eq!(detections, 12, "one in 10 s");
    assert!(
        hours.iter().all(|outcome| outcome.tracks.len() == 1 && outcome.tracks[0].is_stationary)
    );
    hours.extend(arrival);
    let all = events(&hours);
    assert!(all.iter().all(|event| event.id == all[0].id && event.ended_at.is_none()));
}

#[test]
fn when_the_camera_falls_silent_its_events_end_without_a_frame() {
    let mut stage = Stage::new(settings());
    stage.run(3, walker);
    let at = stage.lane.last_frame();
    let outside = outside(&stage.ids, &stage.tracks, &|_| None);
    assert!(stage.lane.tick(at + Duration::from_secs(4), &outside).is_none());
    let outcome = stage.lane.tick(at + Duration::from_secs(5), &outside).unwrap();
    assert!(outcome.frame.is_none() && outcome.events[0].ended_at.is_some());
    assert!(!stage.lane.has_tracks());
}
