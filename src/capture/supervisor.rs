//! Keeps every configured camera running.
//!
//! One named thread per camera opens its driver, judges how a session ended and
//! opens it again; one more thread looks at all of them each second. What
//! happens to one camera never delays another. Bounded by the configuration:
//! there are as many threads as cameras, and nothing is queued here.

mod lane;
mod report;
mod stats;
mod watch;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use log::error;

use self::lane::{Ending, Lane};
use self::report::CameraReport;
use self::stats::CameraStats;
use super::{CameraSettings, CaptureError, Directory, Driver};
use crate::domain::{CameraId, FrameTap};
use crate::health::{Health, Metrics};
use crate::rt::{Clock, Stop, Tasks};

/// Makes the driver of one session.
pub type DriverFactory =
    Arc<dyn Fn(&CameraSettings) -> Result<Box<dyn Driver>, CaptureError> + Send + Sync>;

/// Names those who look at every frame of a camera.
pub type TapFactory = Arc<dyn Fn(&CameraId) -> Vec<Arc<dyn FrameTap>> + Send + Sync>;

/// What the cameras run on and report to.
#[derive(Clone)]
pub struct CaptureContext {
    /// Where the threads are started.
    pub tasks: Tasks,
    /// Dates the frames.
    pub clock: Clock,
    /// Hears of `camera.<id>`.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Holds what others may know.
    pub directory: Directory,
    /// Stops all cameras.
    pub stop: Stop,
}

/// All cameras that run.
pub struct Cameras {
    shared: Arc<Shared>,
    running: BTreeMap<CameraId, Running>,
    /// Cameras that were told to stop; whoever takes the id next waits for them.
    ending: BTreeMap<CameraId, Stop>,
    has_watch: bool,
}

/// What the threads of all cameras share.
struct Shared {
    context: CaptureContext,
    open: DriverFactory,
    taps: TapFactory,
    next_session: AtomicU64,
    watched: Mutex<BTreeMap<CameraId, Watched>>,
}

/// What the watch looks at.
#[derive(Clone)]
struct Watched {
    report: Arc<CameraReport>,
    stats: Arc<CameraStats>,
}

struct Running {
    settings: CameraSettings,
    ending: Ending,
}

impl Cameras {
    /// No cameras yet; [`Self::apply`] starts them. `open` makes a driver per
    /// session, `taps` is asked once per session.
    pub fn new(context: CaptureContext, open: DriverFactory, taps: TapFactory) -> Self {
        let shared = Shared {
            context,
            open,
            taps,
            next_session: AtomicU64::new(1),
            watched: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            running: BTreeMap::new(),
            ending: BTreeMap::new(),
            has_watch: false,
        }
    }

    /// Makes the running cameras those of `wanted`: new ones start, missing ones
    /// stop, changed ones stop and start again, equal ones run on untouched. Does
    /// not wait for any of it. Of two settings with one id the last counts.
    pub fn apply(&mut self, wanted: Vec<CameraSettings>) {
        let wanted: BTreeMap<_, _> =
            wanted.into_iter().map(|camera| (camera.id.clone(), camera)).collect();
        self.ending.retain(|_, ended| !ended.is_set());
        self.stop_all_but(&wanted);
        self.watch();
        for (id, settings) in wanted {
            if !self.running.contains_key(&id) {
                self.start(settings);
            }
        }
    }

    fn stop_all_but(&mut self, wanted: &BTreeMap<CameraId, CameraSettings>) {
        let known = std::mem::take(&mut self.running);
        for (id, camera) in known {
            match wanted.get(&id) {
                Some(settings) if *settings == camera.settings => {
                    self.running.insert(id, camera);
                }
                replacement => {
                    camera.ending.is_replaced.store(replacement.is_some(), Ordering::Relaxed);
                    camera.ending.stop.set();
                    self.ending.insert(id, camera.ending.ended);
                }
            }
        }
    }

    fn start(&mut self, settings: CameraSettings) {
        let ending = Ending {
            stop: self.shared.context.stop.child(),
            ended: Stop::new(),
            is_replaced: Arc::new(AtomicBool::new(false)),
        };
        let lane = Lane::new(
            Arc::clone(&self.shared),
            settings.clone(),
            ending.clone(),
            self.ending.get(&settings.id).cloned(),
        );
        let tasks = self.shared.context.tasks.until(ending.stop.clone());
        match tasks.spawn_thread(format!("cam {}", settings.id), move || lane.run()) {
            Ok(()) => {
                self.running.insert(settings.id.clone(), Running { settings, ending });
            }
            Err(error) => self.shared.cannot_start(&settings.id, &error),
        }
    }

    fn watch(&mut self) {
        if !self.has_watch {
            let shared = Arc::clone(&self.shared);
            let tasks = self.shared.context.tasks.until(self.shared.context.stop.clone());
            self.has_watch =
                tasks.spawn_thread("camera watch", move || watch::run(&shared)).is_ok();
        }
    }
}

impl Shared {
    fn watched(&self) -> std::sync::MutexGuard<'_, BTreeMap<CameraId, Watched>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot_start(&self, id: &CameraId, reason: &std::io::Error) {
        error!(camera:% = id, reason:%; "The system refuses a thread for this camera.");
        self.context.health.component(format!("camera.{id}")).unhealthy(
            format!("the system refuses a thread: {reason}"),
            "free memory or raise the limit of tasks, then reload the configuration",
        );
    }
}
