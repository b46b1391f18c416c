//! The pipeline with its workers, through its public interface: whose turn it
//! is, what is dropped, what is never dropped, and how things end.

#![allow(clippy::unwrap_used, reason = "in a test, a failed step is the failed test")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use watchpost::assess::Rules;
use watchpost::domain::{
    BBox, CameraId, Candidate, ColorSpace, DetectionId, EventId, Frame, FrameMeta, Label,
    PixelFormat, Plane, SessionId, Timestamp,
};
use watchpost::health::{Health, Metrics, Progress, State};
use watchpost::infer::{Detector, DetectorInfo, InferError, InferStats};
use watchpost::pipeline::{FrameOutcome, LaneSettings, Output, Pipeline, Surroundings};
use watchpost::rt::{Clock, Stop, Tasks};

/// Longer than any of this takes, even on a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// Sees one person who walks to the right; where follows from the frame.
struct Walker {
    info: DetectorInfo,
    fault: Mutex<Option<Fault>>,
}

#[derive(Clone, Copy)]
enum Fault {
    Error,
    Panic,
}

impl Detector for Walker {
    fn detect(&self, frame: &Frame) -> Result<Vec<Candidate>, InferError> {
        let fault = *self.fault.lock().unwrap();
        match fault {
            Some(Fault::Error) => return Err(InferError::Run("out of numbers".to_owned())),
            Some(Fault::Panic) => panic!("index out of bounds"),
            None => {}
        }
        let x = 0.1 + (frame.meta.sequence % 60) as f32 * 0.01;
        let bbox = BBox::from_corners(x, 0.4, x + 0.06, 0.6);
        Ok(vec![Candidate { label: Label::new("person"), confidence: 0.8, bbox }])
    }

    fn info(&self) -> &DetectorInfo {
        &self.info
    }
}

fn walker() -> Arc<Walker> {
    let info = DetectorInfo {
        name: "walker".to_owned(),
        input_px: (416, 320),
        chosen_because: "this is a test".to_owned(),
        threshold: 0.4,
    };
    Arc::new(Walker { info, fault: Mutex::default() })
}

type OnDone = Box<dyn Fn(&FrameOutcome) + Send + Sync>;

/// Keeps all outcomes.
#[derive(Default)]
struct Recorder {
    ids: AtomicU64,
    outcomes: Mutex<Vec<FrameOutcome>>,
    came: Condvar,
    on_done: Mutex<Option<OnDone>>,
}

impl Output for Recorder {
    fn next_detection_id(&self) -> DetectionId {
        DetectionId(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn next_event_id(&self) -> EventId {
        EventId(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn frame_done(&self, outcome: FrameOutcome) {
        if let Some(on_done) = &*self.on_done.lock().unwrap() {
            on_done(&outcome);
        }
        self.outcomes.lock().unwrap().push(outcome);
        self.came.notify_all();
    }
}

impl Recorder {
    /// Waits until the outcomes are such that `is_enough`.
    fn wait_for(&self, is_enough: impl Fn(&[FrameOutcome]) -> bool) {
        let outcomes = self.outcomes.lock().unwrap();
        let waiting = |outcomes: &mut Vec<FrameOutcome>| !is_enough(outcomes);
        let (outcomes, result) = self.came.wait_timeout_while(outcomes, DEADLINE, waiting).unwrap();
        assert!(!result.timed_out(), "only {} outcomes came", outcomes.len());
    }

    fn sequences(&self, camera: &str) -> Vec<u64> {
        let outcomes = self.outcomes.lock().unwrap();
        let of_camera = outcomes.iter().filter(|outcome| outcome.camera.as_str() == camera);
        of_camera.filter_map(|outcome| Some(outcome.frame.as_ref()?.meta.sequence)).collect()
    }
}

/// A box with nothing but a pipeline.
struct Rig {
    pipeline: Pipeline,
    recorder: Arc<Recorder>,
    metrics: Metrics,
    health: Health,
    clock: Clock,
    stop: Stop,
    tasks: Tasks,
}

impl Rig {
    fn new(detector: Option<Arc<dyn Detector>>) -> Self {
        let clock = Clock::manual(Timestamp::from_unix_ms(1_760_000_000_000));
        let (recorder, metrics) = (Arc::new(Recorder::default()), Metrics::default());
        let health = Health::new(clock.clone());
        let stop = Stop::new();
        let around = Surroundings {
            stats: Arc::new(InferStats::default()),
            output: recorder.clone(),
            assessor: Arc::new(Rules::default()),
            clock: clock.clone(),
            metrics: metrics.clone(),
            health: health.clone(),
            progress: Progress::new(clock.clone()),
        };
        Self {
            pipeline: Pipeline::new(detector, around),
            recorder,
            metrics,
            health,
            clock,
            tasks: Tasks::new(stop.clone(), |end| panic!("{} {}", end.task, end.reason)),
            stop,
        }
    }

    fn start(&self, workers: usize) {
        self.pipeline.start(&self.tasks, workers, &self.stop).unwrap();
    }

    /// Waits until no frame waits or is in work.
    fn wait_until_idle(&self) {
        let clock = Clock::system();
        while self.pipeline.pending() + self.pipeline.processing() > 0 {
            assert!(clock.monotonic() < DEADLINE, "the workers never came to rest");
            std::thread::yield_now();
        }
    }

    /// Stops and waits for the workers.
    fn finish(&self) {
        self.stop.set();
        assert!(self.tasks.join(&Clock::system(), DEADLINE).is_empty(), "the workers went on");
    }

    fn detector_state(&self) -> (State, String) {
        let reports = self.health.reports();
        let report = reports.iter().find(|report| report.component == "detector").unwrap();
        (report.state, report.message.clone())
    }
}

fn settings(camera: &str, is_paced: bool) -> LaneSettings {
    LaneSettings {
        detect_fps: 100.0,
        motion_threshold: 0.01,
        idle_interval: Duration::ZERO,
        is_paced,
        ..LaneSettings::new(camera.parse().unwrap(), camera.to_owned())
    }
}

/// Frame `n` of ten a second, small and gray.
fn frame(camera: &str, n: u64) -> Arc<Frame> {
    let at = Duration::from_millis(n * 100);
    let meta = FrameMeta {
        camera: camera.parse::<CameraId>().unwrap(),
        session: SessionId(1),
        sequence: n,
        captured_at: Timestamp::from_unix_ms(1_760_000_000_000).after(at),
        captured_mono: at,
    };
    let planes = [(0, 64), (64 * 48, 32), (64 * 48 * 5 / 4, 32)];
    let planes = planes.map(|(offset, stride)| Plane { offset, stride });
    let data = vec![100; 64 * 48 * 3 / 2].into();
    let (format, color) = (PixelFormat::I420, ColorSpace::Bt601Limited);
    Arc::new(Frame::new(meta, (64, 48), format, color, &planes, data).unwrap())
}

/// Replays 150 frames of three cameras and writes down what each gave, with the
/// ids that are shared between cameras renumbered in order of appearance.
fn replay(workers: usize) -> BTreeMap<&'static str, Vec<String>> {
    let rig = Rig::new(Some(walker()));
    rig.start(workers);
    let cameras = ["a", "b", "c"];
    std::thread::scope(|scope| {
        for camera in cameras {
            let tap = rig.pipeline.add_lane(settings(camera, true));
            scope.spawn(move || (0..150).for_each(|n| tap.offer(&frame(camera, n))));
        }
    });
    rig.recorder.wait_for(|outcomes| outcomes.len() == 450);
    rig.finish();
    let log = |camera: &'static str| (camera, log_of(&rig.recorder, camera));
    cameras.map(log).into_iter().collect()
}

fn log_of(recorder: &Recorder, camera: &str) -> Vec<String> {
    let outcomes = recorder.outcomes.lock().unwrap();
    let mut known: BTreeMap<String, usize> = BTreeMap::new();
    let mut renumber = |id: String| {
        let next = known.len();
        *known.entry(id).or_insert(next)
    };
    let mut lines = Vec::new();
    for outcome in outcomes.iter().filter(|outcome| outcome.camera.as_str() == camera) {
        let sequence = outcome.frame.as_ref().map(|frame| frame.meta.sequence);
        lines.push(format!("frame {sequence:?} {} tracks", outcome.tracks.len()));
        for d in &outcome.detections {
            let (track, batch) = (renumber(format!("t{}", d.track)), renumber(d.batch.to_string()));
            lines.push(format!("detection {track} {batch} {:?} {}", d.bbox, d.captured_at));
        }
        for e in &outcome.events {
            let id = renumber(format!("e{}", e.id));
            let (risk, count) = (e.risk.value(), e.detection_count);
            lines.push(format!("event {id}.{} {risk} {count} {:?}", e.revision, e.ended_at));
        }
    }
    lines
}

#[test]
fn replayed_footage_gives_the_same_log_whatever_the_number_of_workers() {
    let one = replay(1);
    assert!(one["a"].iter().any(|line| line.starts_with("event")));
    assert_eq!(one["a"], one["b"]);
    assert_eq!(one, replay(4));
}

#[test]
fn paced_frames_are_never_dropped_and_stay_in_order() {
    let rig = Rig::new(Some(walker()));
    rig.start(3);
    let tap = rig.pipeline.add_lane(settings("a", true));
    (0..200).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 200);
    assert_eq!(rig.recorder.sequences("a"), (0..200).collect::<Vec<_>>());
    rig.finish();
}

#[test]
fn of_a_live_camera_only_the_latest_frame_waits_and_the_others_are_counted() {
    let rig = Rig::new(Some(walker()));
    let tap = rig.pipeline.add_lane(settings("a", false));
    (0..5).for_each(|n| tap.offer(&frame("a", n)));
    assert_eq!((rig.pipeline.pending(), rig.pipeline.processing()), (1, 0));
    rig.start(1);
    rig.recorder.wait_for(|outcomes| outcomes.len() == 1);
    assert_eq!(rig.recorder.sequences("a"), [4]);
    let dropped = "watchpost_pipeline_frames_dropped_total{camera=\"a\"} 4";
    assert!(rig.metrics.render().contains(dropped), "{}", rig.metrics.render());
    rig.finish();
}

#[test]
fn a_camera_that_always_has_a_frame_does_not_starve_another() {
    let rig = Rig::new(Some(walker()));
    let busy = rig.pipeline.add_lane(settings("busy", false));
    let quiet = rig.pipeline.add_lane(settings("quiet", false));
    // Whenever its frame is done, the busy camera already has the next.
    let next = AtomicU64::new(1);
    *rig.recorder.on_done.lock().unwrap() = Some(Box::new({
        let busy = Arc::clone(&busy);
        move |_| busy.offer(&frame("busy", next.fetch_add(1, Ordering::Relaxed)))
    }));
    busy.offer(&frame("busy", 0));
    quiet.offer(&frame("quiet", 0));
    rig.start(1);
    rig.recorder.wait_for(|outcomes| outcomes.len() >= 10);
    rig.finish();
    let outcomes = rig.recorder.outcomes.lock().unwrap();
    assert!(outcomes[..2].iter().any(|outcome| outcome.camera.as_str() == "quiet"));
}

#[test]
fn a_camera_is_looked_at_no_more_often_than_configured() {
    let rig = Rig::new(Some(walker()));
    rig.start(1);
    let tap = rig.pipeline.add_lane(LaneSettings { detect_fps: 2.0, ..settings("a", true) });
    (0..50).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 10);
    assert_eq!(rig.recorder.sequences("a"), (0..50).step_by(5).collect::<Vec<_>>());
    assert!(rig.metrics.render().contains("frames_dropped_total{camera=\"a\"} 0"));
    rig.finish();
}

fn has_ended(outcomes: &[FrameOutcome]) -> bool {
    let mut events = outcomes.iter().flat_map(|outcome| &outcome.events);
    events.any(|event| event.ended_at.is_some())
}

#[test]
fn the_events_of_a_silent_camera_end_by_time() {
    let rig = Rig::new(Some(walker()));
    rig.start(1);
    let tap = rig.pipeline.add_lane(settings("a", true));
    (0..20).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 20);
    // The silence begins when the last frame's turn is over.
    rig.wait_until_idle();
    rig.clock.advance(Duration::from_secs(10));
    rig.recorder.wait_for(has_ended);
    let outcomes = rig.recorder.outcomes.lock().unwrap();
    let last = outcomes.last().unwrap();
    assert!(last.frame.is_none());
    let expected = Timestamp::from_unix_ms(1_760_000_001_900);
    assert_eq!(last.events[0].ended_at, Some(expected), "it ends when it was last seen");
    drop(outcomes);
    rig.finish();
}

#[test]
fn removing_a_camera_and_stopping_the_box_end_open_events() {
    for is_removed in [true, false] {
        let rig = Rig::new(Some(walker()));
        rig.start(2);
        let tap = rig.pipeline.add_lane(settings("a", true));
        (0..20).for_each(|n| tap.offer(&frame("a", n)));
        rig.recorder.wait_for(|outcomes| outcomes.len() == 20);
        if is_removed {
            rig.pipeline.remove_lane(&"a".parse().unwrap());
            rig.recorder.wait_for(has_ended);
            tap.offer(&frame("a", 20));
            assert_eq!(rig.pipeline.pending(), 0, "what comes later goes nowhere");
        }
        rig.finish();
        assert!(has_ended(&rig.recorder.outcomes.lock().unwrap()));
    }
}

#[test]
fn a_driver_that_waits_for_room_is_let_go_when_the_box_stops() {
    let rig = Rig::new(Some(walker()));
    let tap = rig.pipeline.add_lane(settings("a", true));
    let was_let_go = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // No worker runs yet: the first fills the slot, the second waits.
            (0..2).for_each(|n| tap.offer(&frame("a", n)));
            was_let_go.store(true, Ordering::SeqCst);
        });
        rig.stop.set();
        rig.start(1);
    });
    assert!(was_let_go.load(Ordering::SeqCst));
    rig.finish();
}

#[test]
fn new_settings_hold_from_the_next_frame_and_keep_the_track() {
    let rig = Rig::new(Some(walker()));
    rig.start(1);
    let tap = rig.pipeline.add_lane(settings("a", true));
    (0..10).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 10);
    let renamed = LaneSettings { camera_name: "Back yard".to_owned(), ..settings("a", true) };
    rig.pipeline.replace_settings(renamed);
    (10..60).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 60);
    rig.finish();
    let outcomes = rig.recorder.outcomes.lock().unwrap();
    let events: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.events).collect();
    assert_eq!(events[0].summary, "Person at a");
    let last = events.last().unwrap();
    assert_eq!((last.id, last.summary.as_str()), (events[0].id, "Person at Back yard"));
}

#[test]
fn without_a_detector_frames_are_still_taken_and_health_says_why() {
    let rig = Rig::new(None);
    rig.start(1);
    let tap = rig.pipeline.add_lane(settings("a", true));
    assert_eq!(rig.detector_state().0, State::Degraded);
    let reason = "it is not ONNX".to_owned();
    let unusable = InferError::Unusable { name: "x.onnx".to_owned(), reason };
    rig.pipeline.set_detector(Err(unusable));
    (0..10).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 10);
    let (state, message) = rig.detector_state();
    assert_eq!(state, State::Unhealthy);
    assert!(message.starts_with("x.onnx is not a usable detection network: it is not ONNX"));

    rig.pipeline.set_detector(Ok(walker()));
    (10..20).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.iter().any(|outcome| !outcome.events.is_empty()));
    assert_eq!(rig.detector_state().0, State::Healthy);
    rig.finish();
}

#[test]
fn a_network_that_fails_degrades_health_until_it_works_again() {
    let walker = walker();
    let rig = Rig::new(Some(walker.clone()));
    rig.start(1);
    let tap = rig.pipeline.add_lane(settings("a", true));
    for (fault, count) in [(Some(Fault::Error), 5), (None, 10)] {
        *walker.fault.lock().unwrap() = fault;
        (count - 5..count).for_each(|n| tap.offer(&frame("a", n)));
        rig.recorder.wait_for(|outcomes| outcomes.len() == count as usize);
        let expected = if fault.is_some() { State::Degraded } else { State::Healthy };
        assert_eq!(rig.detector_state().0, expected);
    }
    assert!(rig.metrics.render().contains("inferences_failed_total{camera=\"a\"} 5"));
    rig.finish();
}

#[test]
fn a_panic_ends_the_camera_s_events_and_the_worker_goes_on() {
    let walker = walker();
    let rig = Rig::new(Some(walker.clone()));
    rig.start(1);
    let tap = rig.pipeline.add_lane(settings("a", true));
    (0..10).for_each(|n| tap.offer(&frame("a", n)));
    rig.recorder.wait_for(|outcomes| outcomes.len() == 10);
    *walker.fault.lock().unwrap() = Some(Fault::Panic);
    tap.offer(&frame("a", 10));
    rig.recorder.wait_for(has_ended);
    *walker.fault.lock().unwrap() = None;
    (11..20).for_each(|n| tap.offer(&frame("a", n)));
    let created = |outcomes: &[FrameOutcome]| {
        let events = outcomes.iter().flat_map(|outcome| &outcome.events);
        events.filter(|event| event.revision == 0).count()
    };
    rig.recorder.wait_for(|outcomes| created(outcomes) == 2);
    rig.finish();
}
