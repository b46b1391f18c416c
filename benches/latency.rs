//! Decode-to-detection latency: from the moment a picture leaves the decoder to
//! the moment its detections leave the pipeline, on the shipped footage at its
//! own pace (768x576, 10 pictures a second, one worker). Float and int8 in one
//! run; a few seconds each.
#![allow(clippy::print_stdout, reason = "a bench prints its table")]
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a bench may fail loudly")]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchpost::assess::Rules;
use watchpost::capture::gst::GstDriver;
use watchpost::capture::{Driver as _, FrameSink};
use watchpost::config::{Environment, Overrides, Settings};
use watchpost::domain::{DetectionId, EventId, Frame, FrameTap, SessionId};
use watchpost::health::{Health, Metrics, Progress};
use watchpost::infer::{self, InferSettings, InferStats, ModelChoice};
use watchpost::pipeline::{FrameOutcome, Output, Pipeline, Surroundings};
use watchpost::rt::{Clock, Stop, Tasks};

/// How long each network is measured.
const SPAN: Duration = Duration::from_secs(20);

fn main() {
    println!("decode to detections, footage 768x576 at 10 pictures/s, one worker");
    println!(
        "{:<10} {:>8} {:>8} {:>8} {:>8} {:>10} {:>9}",
        "network", "pictures", "p50 ms", "p95 ms", "p99 ms", "inferences", "RSS MiB"
    );
    for (name, model) in [("float", ModelChoice::F32), ("int8", ModelChoice::Int8)] {
        let (mut spans, inferences) = measure(model);
        spans.sort();
        let at =
            |share: f64| spans[((spans.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
        println!(
            "{name:<10} {:>8} {:>8.1} {:>8.1} {:>8.1} {inferences:>10} {:>9}",
            spans.len(),
            at(0.5),
            at(0.95),
            at(0.99),
            resident_mib()
        );
    }
}

fn measure(model: ModelChoice) -> (Vec<Duration>, u64) {
    let clock = Clock::system();
    let stop = Stop::new();
    let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
    let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
    let stopwatch = Arc::new(Stopwatch::new(clock.clone()));
    let stats = Arc::new(InferStats::default());
    let settings = InferSettings { model, ..InferSettings::default() };
    let detector = infer::load(&settings, None, &clock).unwrap();
    let surroundings = Surroundings {
        stats: Arc::clone(&stats),
        output: stopwatch.clone(),
        assessor: Arc::new(Rules::default()),
        clock: clock.clone(),
        metrics,
        health,
        progress: Progress::new(clock.clone()),
    };
    let pipeline = Pipeline::new(Some(detector), surroundings);
    let demo = Settings::demo(&Environment::new(), &Overrides::default()).unwrap();
    let camera = &demo.cameras[0];
    let slot = pipeline.add_lane(camera.lane.clone());
    pipeline.start(&tasks, 1, &stop).unwrap();

    let taps = vec![stopwatch.clone() as Arc<dyn FrameTap>, slot];
    let sink =
        FrameSink::new(camera.capture.id.clone(), SessionId(1), clock.clone(), taps, |_, _| ());
    let mut driver = GstDriver::new(&camera.capture).unwrap();
    let ending = stop.clone();
    let capture = std::thread::spawn(move || driver.run(&sink, &ending));
    stop.wait(SPAN);
    stop.set();
    capture.join().unwrap().unwrap();
    tasks.join(&clock, SPAN);
    let spans = std::mem::take(&mut *stopwatch.spans.lock().unwrap());
    (spans, stats.totals().0)
}

/// Looks at the clock when a picture comes from the decoder and when the
/// pipeline is done with it.
struct Stopwatch {
    clock: Clock,
    decoded: Mutex<BTreeMap<u64, Duration>>,
    spans: Mutex<Vec<Duration>>,
    ids: AtomicU64,
}

impl Stopwatch {
    fn new(clock: Clock) -> Self {
        Self { clock, decoded: Mutex::default(), spans: Mutex::default(), ids: AtomicU64::new(1) }
    }
}

impl FrameTap for Stopwatch {
    fn offer(&self, frame: &Arc<Frame>) {
        self.decoded.lock().unwrap().insert(frame.meta.sequence, self.clock.monotonic());
    }
}

impl Output for Stopwatch {
    fn next_detection_id(&self) -> DetectionId {
        DetectionId(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn next_event_id(&self) -> EventId {
        EventId(self.ids.fetch_add(1, Ordering::Relaxed))
    }

    fn frame_done(&self, outcome: FrameOutcome) {
        let Some(frame) = outcome.frame else { return };
        if let Some(decoded) = self.decoded.lock().unwrap().remove(&frame.meta.sequence) {
            self.spans.lock().unwrap().push(self.clock.monotonic().saturating_sub(decoded));
        }
    }
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}
