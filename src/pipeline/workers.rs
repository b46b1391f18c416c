//! The workers: a fixed set of threads that take turns over all cameras.
//!
//! A worker that fails on a frame (a panic in our code or the engine's) gives
//! that camera a fresh lane and goes on. When told to stop, the last worker ends
//! all tracks, so that no event stays open.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use log::{error, warn};

use super::board::{Board, LaneMetrics, Next, Turn, TurnTask};
use super::lane::Outside;
use super::{FrameOutcome, Lane, LaneSettings, OpenBatch, Output, ViewNews};
use crate::domain::{Assessor, CameraId, Candidate, Frame, FrameTap};
use crate::health::{Component, Health, Metrics, Progress, ProgressMark, SpanFigures, Spans};
use crate::infer::{Detector, InferError, InferStats};
use crate::rt::{Clock, Stop, Tasks, panic_message};

/// A worker that has not finished a turn for this long is stuck. The slowest
/// supported board needs about a second for a frame.
const TURN_LIMIT: Duration = Duration::from_secs(30);

/// What the pipeline is connected with.
pub struct Surroundings {
    /// Counts inferences and the time they take.
    pub stats: Arc<InferStats>,
    /// Where results go.
    pub output: Arc<dyn Output>,
    /// Judges events.
    pub assessor: Arc<dyn Assessor>,
    /// Time, for how long inference takes and how long a camera is silent.
    pub clock: Clock,
    /// Counters.
    pub metrics: Metrics,
    /// Where the component `detector` reports.
    pub health: Health,
    /// Where each worker shows that it moves, as stage `detect-N`.
    pub progress: Progress,
}

/// All lanes and their workers.
pub struct Pipeline(Arc<Shared>);

struct Shared {
    around: Surroundings,
    board: Arc<Board>,
    detector: RwLock<Option<Arc<dyn Detector>>>,
    health: Component,
    is_failing: AtomicBool,
    next_track: AtomicU64,
    frame_spans: Spans,
    working: AtomicUsize,
}

impl Pipeline {
    /// A pipeline without lanes. Until there is a detector it sees motion only.
    pub fn new(detector: Option<Arc<dyn Detector>>, around: Surroundings) -> Self {
        let shared = Arc::new(Shared {
            board: Arc::new(Board::new(around.clock.clone())),
            detector: RwLock::new(None),
            health: around.health.component("detector"),
            is_failing: AtomicBool::new(false),
            next_track: AtomicU64::new(1),
            frame_spans: Spans::default(),
            working: AtomicUsize::new(0),
            around,
        });
        match detector {
            Some(detector) => shared.set_detector(detector),
            None => shared.health.degraded(
                "the detection network is not loaded; only motion is noticed",
                "wait until it is loaded",
            ),
        }
        Self(shared)
    }

    /// The detector is ready, or cannot be had: then health says why.
    pub fn set_detector(&self, loaded: Result<Arc<dyn Detector>, InferError>) {
        match loaded {
            Ok(detector) => self.0.set_detector(detector),
            Err(failure) => {
                let message = format!("{}; only motion is noticed", with_source(&failure));
                error!(reason = message.as_str(); "There is no detector.");
                self.0.health.unhealthy(message, failure.next_step());
            }
        }
    }

    /// Adds a camera; frames go into the returned tap. A camera that is already
    /// there gets the new settings.
    pub fn add_lane(&self, settings: LaneSettings) -> Arc<dyn FrameTap> {
        self.0.board.add(settings, &self.0.around.metrics)
    }

    /// Changes the settings of a camera; its tracks and events go on.
    pub fn replace_settings(&self, settings: LaneSettings) {
        self.0.board.replace(settings);
    }

    /// Removes a camera. A worker ends its events.
    pub fn remove_lane(&self, camera: &CameraId) {
        self.0.board.remove(camera);
    }

    /// Every camera looks at this share, 0..=1, of the frames it is set to look at: the
    /// board is near its limits.
    pub fn set_look_share(&self, share: f32) {
        self.0.board.set_look_share(share);
    }

    /// These cameras (empty: all) look at every frame for `span`, moving or not:
    /// something else has noticed that somebody is there. Never waits for a worker.
    pub fn attend(&self, cameras: &[CameraId], span: Duration) {
        self.0.board.attend(cameras, self.0.around.clock.monotonic() + span);
    }

    /// Starts `workers` threads (at least one) that work until `stop`.
    ///
    /// # Errors
    /// When the system refuses a thread; those started before go on.
    pub fn start(&self, tasks: &Tasks, workers: usize, stop: &Stop) -> io::Result<()> {
        for number in 0..workers.max(1) {
            let name = format!("detect-{number}");
            let mark = self.0.around.progress.stage(name.clone(), TURN_LIMIT);
            let (shared, stop) = (Arc::clone(&self.0), stop.clone());
            // Counted before it runs, so that none can be the last too early.
            self.0.working.fetch_add(1, Ordering::SeqCst);
            let stage = name.clone();
            let worker = move || {
                shared.work(&mark, &stop);
                shared.around.progress.remove(&stage);
            };
            tasks.spawn_thread(name, worker).inspect_err(|_| {
                self.0.working.fetch_sub(1, Ordering::SeqCst);
            })?;
        }
        Ok(())
    }

    /// Frames that wait for a worker.
    pub fn pending(&self) -> usize {
        self.0.board.depth().0
    }

    /// Frames in work.
    pub fn processing(&self) -> usize {
        self.0.board.depth().1
    }

    /// How long it takes from the exposure of a frame until what it gave is handed
    /// on.
    pub fn frame_spans(&self) -> SpanFigures {
        self.0.frame_spans.figures()
    }

    /// The batches that take more detections, by camera. Waits for lanes that are in
    /// work: an inference each at most.
    pub fn open_batches(&self) -> Vec<(CameraId, OpenBatch)> {
        let now = self.0.around.clock.monotonic();
        let open = |(camera, lane): (CameraId, Arc<Mutex<Lane>>)| {
            let batch = lock(&lane).open_batch(now)?;
            Some((camera, batch))
        };
        self.0.board.lanes().into_iter().filter_map(open).collect()
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        // Without workers nobody else lets a waiting driver go.
        if self.0.working.load(Ordering::SeqCst) == 0 {
            self.0.board.close();
        }
    }
}

impl Shared {
    fn work(&self, mark: &ProgressMark, stop: &Stop) {
        loop {
            mark.touch();
            match self.board.next(stop) {
                Next::Turn(turn) => self.take(*turn),
                Next::Idle => {}
                Next::Stopped => break,
            }
        }
        if self.working.fetch_sub(1, Ordering::SeqCst) == 1 {
            for lane in self.board.close() {
                self.end(&lane);
            }
        }
    }

    fn take(&self, turn: Turn) {
        let number = turn.number();
        let lane = Arc::clone(&turn.lane);
        let done = catch_unwind(AssertUnwindSafe(|| self.run(turn)));
        if let Err(panic) = done {
            let reason = panic_message(panic.as_ref());
            error!(reason; "Looking at a frame failed; this camera's tracks start over.");
            // A lane that cannot even be ended is beyond help; it is replaced
            // either way.
            let _ = catch_unwind(AssertUnwindSafe(|| self.end(&lane)));
            let mut lane = lock(&lane);
            *lane = lane.renewed();
        }
        let has_tracks = lock(&lane).has_tracks();
        self.board.done(number, has_tracks);
    }

    fn run(&self, turn: Turn) {
        let mut lane = lock(&turn.lane);
        if let Some(settings) = turn.new_settings {
            lane.set_settings(settings);
        }
        lane.attend(turn.attend_until);
        let outcome = match turn.task {
            TurnTask::Look(frame) => {
                let outcome =
                    self.with_outside(&turn.metrics, |outside| lane.look(&frame, outside));
                turn.metrics.motion.set(f64::from(lane.motion_share()));
                outcome
            }
            TurnTask::Tick(silent_for) => {
                let now = lane.last_frame() + silent_for;
                let Some(outcome) = self.without_eyes(|outside| lane.tick(now, outside)) else {
                    return;
                };
                outcome
            }
            TurnTask::Leave => {
                drop(lane);
                return self.end(&turn.lane);
            }
        };
        let exposed_at = outcome.frame.as_ref().map(|frame| frame.meta.captured_mono);
        self.around.output.frame_done(outcome);
        if let Some(at) = exposed_at {
            self.frame_spans.record(self.around.clock.monotonic().saturating_sub(at));
        }
    }

    /// Ends a lane's tracks and events, and what was said of its view.
    fn end(&self, lane: &Mutex<Lane>) {
        let mut lane = lock(lane);
        let now = lane.last_frame();
        let outcome = self.without_eyes(|outside| lane.finish(now, outside));
        self.around.output.frame_done(FrameOutcome { view: Some(ViewNews::Unwatched), ..outcome });
    }

    fn with_outside<T>(&self, metrics: &LaneMetrics, work: impl FnOnce(&Outside<'_>) -> T) -> T {
        let detector = self.detector.read().unwrap_or_else(PoisonError::into_inner).clone();
        let threshold = detector.as_ref().map_or(1.0, |detector| detector.info().threshold);
        let detect = |frame: &Frame| self.detect(detector.as_deref()?, frame, metrics);
        work(&self.outside(threshold, &detect))
    }

    fn without_eyes<T>(&self, work: impl FnOnce(&Outside<'_>) -> T) -> T {
        work(&self.outside(1.0, &|_| None))
    }

    fn outside<'a>(
        &'a self,
        threshold: f32,
        detect: &'a dyn Fn(&Frame) -> Option<Vec<Candidate>>,
    ) -> Outside<'a> {
        Outside {
            detect,
            threshold,
            assessor: self.around.assessor.as_ref(),
            output: self.around.output.as_ref(),
            next_track: &self.next_track,
            clock_trusted: self.around.clock.is_trusted(),
        }
    }

    fn detect(
        &self,
        detector: &dyn Detector,
        frame: &Frame,
        metrics: &LaneMetrics,
    ) -> Option<Vec<Candidate>> {
        let start = self.around.clock.monotonic();
        let found = detector.detect(frame);
        self.around.stats.record(self.around.clock.monotonic().saturating_sub(start));
        match found {
            Ok(candidates) => {
                metrics.inferred.inc();
                if self.is_failing.swap(false, Ordering::Relaxed) {
                    self.report_ready(detector);
                }
                Some(candidates)
            }
            Err(failure) => {
                metrics.failed.inc();
                self.report_failure(frame, &failure);
                None
            }
        }
    }

    fn set_detector(&self, detector: Arc<dyn Detector>) {
        self.report_ready(detector.as_ref());
        *self.detector.write().unwrap_or_else(PoisonError::into_inner) = Some(detector);
    }

    fn report_ready(&self, detector: &dyn Detector) {
        let info = detector.info();
        let (width, height) = info.input_px;
        self.health.healthy(format!("{} at {width}x{height}: {}", info.name, info.chosen_because));
    }

    /// Said once; the counter tells how often it happens.
    fn report_failure(&self, frame: &Frame, failure: &InferError) {
        if !self.is_failing.swap(true, Ordering::Relaxed) {
            let (camera, reason) = (frame.meta.camera.as_str(), with_source(failure));
            warn!(camera, reason = reason.as_str(); "The network failed on a frame.");
            self.health.degraded(reason, failure.next_step());
        }
    }
}

fn with_source(failure: &InferError) -> String {
    match std::error::Error::source(failure) {
        Some(source) => format!("{failure}: {source}"),
        None => failure.to_string(),
    }
}

fn lock(lane: &Mutex<Lane>) -> MutexGuard<'_, Lane> {
    lane.lock().unwrap_or_else(PoisonError::into_inner)
}
