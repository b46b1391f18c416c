//! One camera's thread: open, run, judge, wait, again.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::super::{CameraSettings, CaptureError, FrameSink, Recovery, Rest};
use super::report::CameraReport;
use super::stats::CameraStats;
use super::{Shared, Watched};
use crate::domain::{FrameTap, SessionId};
use crate::rt::{Backoff, Stop, panic_message};

/// Quick tries, for what comes back by itself. The longest leaves room to be
/// back within two seconds after the camera is.
const REOPEN: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(1));

/// Slow tries, for what only a person changes: some cameras lock an account
/// after five wrong passwords in a few minutes.
const OPERATOR: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Longest wait for the previous user of the same camera to let go of it. A
/// driver that hangs for longer is given up; the device then says "busy".
const PREDECESSOR_LIMIT: Duration = Duration::from_secs(10);

/// Readers of paced footage may take their time over a picture.
const PACED_PATIENCE: Duration = Duration::from_secs(3600);

/// How one camera is ended, and how its end is known.
#[derive(Clone)]
pub(super) struct Ending {
    /// Says "stop" to this camera.
    pub stop: Stop,
    /// Set by the thread when it has let go of the camera.
    pub ended: Stop,
    /// Another thread takes over the same id, and with it the entry in the
    /// directory.
    pub is_replaced: Arc<AtomicBool>,
}

/// One camera's thread.
pub(super) struct Lane {
    shared: Arc<Shared>,
    settings: CameraSettings,
    ending: Ending,
    predecessor: Option<Stop>,
    report: Arc<CameraReport>,
    stats: Arc<CameraStats>,
    reopen: Backoff,
    operator: Backoff,
}

impl Lane {
    /// A camera that has its place in the directory and has not been opened.
    pub(super) fn new(
        shared: Arc<Shared>,
        settings: CameraSettings,
        ending: Ending,
        predecessor: Option<Stop>,
    ) -> Self {
        let report = Arc::new(CameraReport::new(&shared.context, &settings));
        let frames = shared.context.metrics.counter(
            "watchpost_capture_frames_total",
            "Pictures delivered by the camera.",
            &[("camera", settings.id.as_str())],
        );
        let patience = match settings.is_paced {
            true => PACED_PATIENCE,
            false => settings.silence_limit(),
        };
        let stats = CameraStats::new(shared.context.clock.clone(), frames, patience);
        if predecessor.is_none() {
            report.begin();
        }
        Self {
            shared,
            settings,
            ending,
            predecessor,
            report,
            stats: Arc::new(stats),
            reopen: Backoff::new(REOPEN.0, REOPEN.1),
            operator: Backoff::new(OPERATOR.0, OPERATOR.1),
        }
    }

    /// Until this camera is stopped.
    pub(super) fn run(mut self) {
        // Whatever happens here, a successor must not wait for it.
        let _ended = SetOnDrop(self.ending.ended.clone());
        self.wait_for_predecessor();
        self.watch(true);
        while !self.ending.stop.is_set() {
            let (outcome, was_established) = self.session();
            if self.ending.stop.is_set() {
                break;
            }
            let error = outcome.err().unwrap_or_else(|| CaptureError::Ended {
                source_name: self.settings.source.describe(),
            });
            self.report.failed(&error, was_established);
            let delay = self.next_delay(error.recovery(), was_established);
            self.ending.stop.wait(delay);
        }
        self.watch(false);
        self.report.ended(self.ending.is_replaced.load(Ordering::Relaxed));
    }

    /// One attempt; how it ended and whether there was a session.
    fn session(&self) -> (Result<(), CaptureError>, bool) {
        let session = SessionId(self.shared.next_session.fetch_add(1, Ordering::Relaxed));
        let sink = self.sink(session);
        self.stats.begin();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            (self.shared.open)(&self.settings)?.run(&sink, &self.ending.stop)
        }));
        self.stats.end();
        let outcome = outcome.unwrap_or_else(|panic| {
            let message = panic_message(panic.as_ref());
            Err(CaptureError::Driver(format!("the driver panicked: {message}")))
        });
        (outcome, sink.was_established())
    }

    fn sink(&self, session: SessionId) -> FrameSink {
        let mut taps: Vec<Arc<dyn FrameTap>> = vec![self.stats.clone()];
        taps.extend((self.shared.taps)(&self.settings.id));
        let [report, resting, decoding] = [(); 3].map(|()| Arc::clone(&self.report));
        let stats = Arc::clone(&self.stats);
        FrameSink::new(
            self.settings.id.clone(),
            session,
            self.shared.context.clock.clone(),
            taps,
            move |frame, model| report.online(frame, model),
        )
        .counting_drops(self.report.drops())
        .decoding_with(move |by| decoding.decoding(by))
        .resting_with(move |rest| {
            match rest {
                Rest::Awake => stats.begin(),
                Rest::Brief | Rest::Blind(_) => stats.rest(),
            }
            resting.resting(rest);
        })
    }

    fn next_delay(&mut self, recovery: Recovery, was_established: bool) -> Duration {
        if was_established {
            self.reopen.reset();
            self.operator.reset();
        }
        match recovery {
            Recovery::Reopen => self.reopen.next_delay(),
            Recovery::NeedsOperator => self.operator.next_delay(),
        }
    }

    fn wait_for_predecessor(&mut self) {
        let Some(predecessor) = self.predecessor.take() else { return };
        let clock = &self.shared.context.clock;
        let deadline = clock.monotonic() + PREDECESSOR_LIMIT;
        // Short waits: this camera may be stopped as well in the meantime.
        while !predecessor.wait(Duration::from_millis(50))
            && !self.ending.stop.is_set()
            && clock.monotonic() < deadline
        {}
        self.report.begin();
    }

    fn watch(&self, is_on: bool) {
        let id = self.settings.id.clone();
        if is_on {
            let (report, stats) = (Arc::clone(&self.report), Arc::clone(&self.stats));
            self.shared.watched().insert(id, Watched { report, stats });
        } else {
            self.shared.watched().remove(&id);
        }
    }
}

/// Sets the signal when it goes out of scope, also through a panic.
struct SetOnDrop(Stop);

impl Drop for SetOnDrop {
    fn drop(&mut self) {
        self.0.set();
    }
}
