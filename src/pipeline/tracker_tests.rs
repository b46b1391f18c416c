//! Labelled sequences: who should keep which id.

use super::*;
use crate::domain::Timestamp;
use crate::pipeline::testing::{candidate, person};

/// Runs a sequence at a frame rate.
struct Sequence {
    tracker: Tracker,
    next: u64,
    at: Duration,
    step: Duration,
    over: Vec<TrackId>,
}

impl Sequence {
    fn at_fps(fps: f32) -> Self {
        Self {
            tracker: Tracker::new(0.4, 0.5),
            next: 0,
            at: Duration::ZERO,
            step: Duration::from_secs_f32(1.0 / fps),
            over: Vec::new(),
        }
    }

    fn frame(&mut self, candidates: &[Candidate]) {
        self.at += self.step;
        let at = Moment { mono: self.at, wall: Timestamp::default().after(self.at) };
        let next = &mut self.next;
        let over = self.tracker.update(at, candidates, || {
            *next += 1;
            TrackId(*next)
        });
        self.over.extend(over.iter().filter(|t| t.is_confirmed()).map(Track::id));
    }

    /// Frames for `span`; `scene` gives the candidates at a time since its start.
    fn run(&mut self, span_s: f32, scene: impl Fn(f32) -> Vec<Candidate>) {
        let start = self.at;
        while self.at + self.step <= start + Duration::from_secs_f32(span_s) {
            let t = (self.at + self.step - start).as_secs_f32();
            self.frame(&scene(t));
        }
    }

    /// Ids of the confirmed tracks seen in the latest frame, from left to right.
    fn ids(&self) -> Vec<u64> {
        let is_here = |track: &&Track| track.is_confirmed() && track.is_seen_at(self.at);
        let mut here: Vec<_> = self.tracker.tracks().iter().filter(is_here).collect();
        here.sort_by(|a, b| a.bbox().x.total_cmp(&b.bbox().x));
        here.iter().map(|track| track.id().0).collect()
    }
}

#[test]
fn two_persons_who_cross_keep_their_ids() {
    for fps in [4.0, 10.0, 15.0] {
        let mut sequence = Sequence::at_fps(fps);
        // They meet in the middle, a little apart in depth.
        let scene =
            |t: f32| vec![person(0.8, 0.2 + 0.08 * t, 0.50), person(0.8, 0.8 - 0.08 * t, 0.54)];
        sequence.run(2.0, scene);
        let before = sequence.ids();
        sequence.run(6.5, |t| scene(t + 2.0));
        let after = sequence.ids();
        assert_eq!(before.len(), 2, "{fps} fps");
        assert_eq!(after, [before[1], before[0]], "{fps} fps: they have changed sides");
        assert!(sequence.over.is_empty());
    }
}

#[test]
fn a_walker_keeps_the_id_behind_a_lamp_post() {
    let mut sequence = Sequence::at_fps(5.0);
    let walker = |t: f32| vec![person(0.7, 0.2 + 0.06 * t, 0.5)];
    sequence.run(4.0, walker);
    let before = sequence.ids();
    sequence.run(1.6, |_| Vec::new());
    sequence.run(2.0, |t| walker(t + 5.6));
    assert_eq!(sequence.ids(), before);
}

#[test]
fn a_half_hidden_person_is_carried_on_by_weak_candidates() {
    let mut sequence = Sequence::at_fps(5.0);
    sequence.run(2.0, |_| vec![person(0.7, 0.5, 0.5)]);
    let before = sequence.ids();
    sequence.run(8.0, |_| vec![person(0.25, 0.5, 0.5)]);
    assert_eq!(sequence.ids(), before);
    let mut stranger = Sequence::at_fps(5.0);
    stranger.run(8.0, |_| vec![person(0.25, 0.5, 0.5)]);
    assert!(stranger.tracker.tracks().is_empty(), "weak candidates begin nothing");
}

#[test]
fn frames_that_are_missing_at_random_do_not_change_ids() {
    let mut random = fastrand::Rng::with_seed(11);
    for fps in [2.0, 8.0] {
        let mut sequence = Sequence::at_fps(fps);
        let scene = |t: f32| {
            vec![person(0.8, 0.15 + 0.05 * t, 0.4), candidate("car", 0.7, (0.7, 0.8), (0.3, 0.2))]
        };
        sequence.run(3.0, scene);
        let mut before = sequence.ids();
        while sequence.at < Duration::from_secs(12) {
            let t = (sequence.at + sequence.step).as_secs_f32();
            let seen: Vec<_> = scene(t).into_iter().filter(|_| random.f32() > 0.3).collect();
            sequence.frame(&seen);
        }
        sequence.run(1.0, |t| scene(12.0 + t));
        // The walker has passed the car by now.
        before.reverse();
        assert_eq!(sequence.ids(), before, "{fps} fps");
        assert_eq!(before.len(), 2);
    }
}

#[test]
fn a_flicker_is_never_confirmed() {
    let mut sequence = Sequence::at_fps(10.0);
    for _ in 0..20 {
        sequence.run(0.2, |_| vec![person(0.9, 0.3, 0.3)]);
        sequence.run(1.0, |_| Vec::new());
        assert!(sequence.tracker.tracks().iter().all(|track| !track.is_confirmed()));
    }
    assert!(sequence.over.is_empty());
}

#[test]
fn without_one_sure_sighting_nothing_is_confirmed() {
    let mut sequence = Sequence::at_fps(10.0);
    sequence.run(5.0, |_| vec![person(0.45, 0.3, 0.3)]);
    assert!(sequence.ids().is_empty());
    sequence.run(0.1, |_| vec![person(0.6, 0.3, 0.3)]);
    assert_eq!(sequence.ids(), [1]);
}

#[test]
fn a_parked_car_stays_one_object_while_people_pass_in_front() {
    let mut sequence = Sequence::at_fps(4.0);
    let car = || candidate("car", 0.8, (0.5, 0.6), (0.3, 0.2));
    sequence.run(15.0, |_| vec![car()]);
    assert!(sequence.tracker.tracks()[0].is_stationary());
    assert!(!sequence.tracker.is_watching(), "what rests need not be watched");
    for _ in 0..5 {
        // The network loses it, then takes it for a truck, then sees half of it.
        sequence.run(4.0, |_| vec![person(0.8, 0.5, 0.6)]);
        sequence.run(1.0, |_| vec![candidate("truck", 0.6, (0.5, 0.6), (0.3, 0.2))]);
        sequence.run(0.75, |_| vec![candidate("car", 0.6, (0.43, 0.6), (0.12, 0.2))]);
        sequence.run(20.0, |_| vec![car()]);
    }
    let car = &sequence.tracker.tracks()[0];
    assert_eq!((car.id(), car.label().as_str()), (TrackId(1), "car"));
    assert!(car.is_stationary());
}

#[test]
fn a_car_that_drives_off_is_no_longer_stationary_and_ends() {
    let mut sequence = Sequence::at_fps(5.0);
    sequence.run(15.0, |_| vec![candidate("car", 0.8, (0.3, 0.6), (0.2, 0.15))]);
    sequence.run(4.0, |t| vec![candidate("car", 0.8, (0.3 + 0.12 * t, 0.6), (0.2, 0.15))]);
    assert_eq!(sequence.ids(), [1]);
    assert!(!sequence.tracker.tracks()[0].is_stationary());
    sequence.run(5.0, |_| Vec::new());
    assert_eq!(sequence.over, [TrackId(1)]);
}

#[test]
fn classes_that_are_never_confused_never_share_a_track() {
    let mut sequence = Sequence::at_fps(5.0);
    sequence.run(2.0, |_| vec![person(0.8, 0.5, 0.5)]);
    sequence.run(1.0, |_| vec![candidate("dog", 0.8, (0.5, 0.5), (0.05, 0.16))]);
    assert_eq!(sequence.ids(), [2]);
}

#[test]
fn a_flood_of_objects_stays_bounded() {
    let mut sequence = Sequence::at_fps(5.0);
    let crowd = |shift: f32| -> Vec<Candidate> {
        let spot = |n: u32| (shift + 0.09 * (n % 10) as f32, 0.05 + 0.09 * (n / 10) as f32);
        (0..100).map(|n| candidate("person", 0.8, spot(n), (0.02, 0.02))).collect()
    };
    (0..20).for_each(|n| sequence.frame(&crowd(0.02 + 0.05 * (n % 2) as f32)));
    assert!(sequence.tracker.tracks().len() <= TRACKS_MAX);
}
