//! Joins the rooms: the one place that names concrete drivers.
//!
//! [`start`] reads like a table of contents, in start order; the stop runs
//! through it in reverse. Whatever can work without a missing part starts
//! without it and says so in health: no detector, no store, a camera that is
//! away.

mod announce;
mod backup;
mod cameras;
mod claim;
mod clips;
pub(crate) mod device;
mod drivers;
mod factory_reset;
mod figures;
mod fleet;
mod governor;
mod house;
pub(crate) mod panel;
mod parts;
pub(crate) mod proof;
mod reload;
mod start_note;
mod steering;
mod stills;
mod store_check;
mod system;
mod tuning;
pub(crate) mod uploads;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use log::{error, info, warn};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

use crate::api::{self, ApiContext, ApiHandles, Tune};
use crate::assess::{Alerts, AlertsContext, Analyst, AnalystContext, Rules};
use crate::board::{MotionLog, Sensors};
use crate::capture::ptp::{PtpCameras, PtpContext, StillsPlace};
use crate::capture::{Cameras, CaptureContext, Controls, Directory};
use crate::cli::{Exit, Run};
use crate::config::{ConfigError, Environment, Settings, StateDirError};
use crate::domain::{CAMERA_BOOK, TUNING, Tuning};
use crate::health::{Health, LogRing, Metrics, Progress, watchdog};
use crate::infer::{self, InferStats};
use crate::jobs::{ExportContext, Exports, Jobs, JobsContext};
use crate::live::Hub;
use crate::logging;
use crate::media::{LiveViews, Snapshots};
use crate::pipeline::{
    Pipeline, Recorder, RecorderContext, StreamControlContext, StreamControls, Surroundings,
};
use crate::rt::{Claim, Clock, FreeBytes, Stop, Tasks, with_causes};
use crate::store::Store;
use crate::store::disk::{Disk as _, Ground, RealDisk};
use announce::announce;
use cameras::AllCameras;
use fleet::Layered;
use house::House;
use reload::{Reloader, Taps};
use steering::{Asked, Changed, Signals, steer};
use system::SystemSampler;

/// Async worker threads. The service waits far more than it works; inference,
/// capture and the disk have threads of their own.
const RUNTIME_WORKERS: usize = 2;

/// Longest time from the stop signal to the end of the process: well below
/// systemd's 90 s, long enough for a last sync on a slow card.
const DRAIN_LIMIT: Duration = Duration::from_secs(8);

/// Longest wait of the cameras for what was set about them: a store that takes longer
/// to open must not keep the box blind.
const BOOK_LIMIT: Duration = Duration::from_secs(3);

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// Mistakes in the configuration.
    #[error("{}", with_causes(.0))]
    Config(#[from] ConfigError),
    /// Another instance runs.
    #[error(transparent)]
    StateDir(StateDirError),
    /// None of the addresses can be served.
    #[error("{}", with_causes(.0))]
    Bind(#[from] api::BindError),
    /// The system refuses threads or memory.
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
}

impl AppError {
    /// The exit code that goes with it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Config(ConfigError::Mistakes { .. }) => Exit::Faults,
            Self::StateDir(_) => Exit::InUse,
            Self::Config(_) | Self::Bind(_) | Self::System(_) => Exit::Failed,
        }
    }
}

/// Runs the appliance until SIGTERM or SIGINT.
///
/// # Errors
/// When nothing useful could be started.
pub fn start(run: &Run, environment: &Environment) -> Result<(), AppError> {
    let clock = Clock::system();
    let logs = LogRing::default();
    logging::install(environment, clock.clone(), logs.clone());
    let mut layered = Layered::new(run, environment);
    let file = layered.load()?;
    let claim = claim::state_dir(&file.state_dir)?;
    factory_reset::carry_out(&file.state_dir);
    let settings = layered.settle(file, clock.now());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(RUNTIME_WORKERS)
        .thread_name("service")
        .enable_all()
        .build()?;
    let stop = Stop::new();
    let started = appliance(settings, clock, claim.clone(), logs, Arc::new(layered), &stop);
    let result = runtime.block_on(started);
    stop.set();
    // Tasks have been joined; whatever blocks a pool thread now is left behind.
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(claim);
    result
}

async fn appliance(
    settings: Settings,
    clock: Clock,
    claim: Claim,
    logs: LogRing,
    layered: Arc<Layered>,
    stop: &Stop,
) -> Result<(), AppError> {
    let listeners = api::bind(&settings.api.listen)?;
    let addresses = addresses(&listeners);
    let signals = Signals::new()?;

    let health = Health::new(clock.clone());
    let metrics = Metrics::default();
    let progress = Progress::new(clock.clone());
    let tasks = supervised_tasks(stop, &health);
    let hub = Hub::new(clock.clone(), metrics.clone());
    let directory = Directory::default();
    let health_watch = announce(&health, &directory, &hub, &clock);

    let dir = &settings.state_dir;
    let snapshots = Snapshots::open_claimed(
        claim.clone(),
        dir.join("media/snapshots"),
        settings.store.media_max_bytes,
        &health,
        &metrics,
        &tasks,
        stop,
    );
    let clips = clips::open(claim.clone(), &settings, &clock, &health, &metrics, (&tasks, stop));
    let recordings =
        clips::recordings(claim.clone(), &settings, &clock, &health, &metrics, (&tasks, stop));
    let store = Store::open_on(
        Ground { claim: claim.clone(), ..Ground::default() },
        dir,
        settings.store.clone(),
        clock.clone(),
        &health,
        &metrics,
        &tasks,
        stop,
    );
    store.show_progress(&progress);
    clips::forget_dropped(&store, (&snapshots, &clips), &hub, &clock);
    clips::announce_redated(&store, &hub);
    let motion_log = MotionLog::new(clock.monotonic());
    let has_motion_sensor = settings.board.gpio.motion_sensor.is_some();
    let alerts = Alerts::start(AlertsContext {
        reader: Arc::new(store.clone()),
        writer: Arc::new(store.clone()),
        hub: hub.clone(),
        motion_log: has_motion_sensor.then(|| motion_log.clone()),
        clock: clock.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })?;
    let analyst = settings.analyst.clone().and_then(|settings| {
        let alerts = alerts.clone();
        let context = AnalystContext {
            writer: Arc::new(store.clone()),
            hub: hub.clone(),
            on_verdict: Arc::new(move |event| alerts.see(event)),
            clock: clock.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        };
        let started = Analyst::start(settings, context);
        started.inspect_err(|reason| error!(reason:%; "The rules judge alone.")).ok()
    });
    let house = House {
        device: device::id(settings.device_id.clone(), dir),
        clock: clock.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    device::show(&house.device, &metrics);
    let stills = stills::open(claim, &settings, &house);
    let all_cameras = AllCameras::new(dir, clock.clone());
    let watched = uploads::Watched {
        directory: directory.clone(),
        cameras: Arc::clone(&all_cameras),
        clips: clips.clone(),
    };
    let (uploads, upload_desk) =
        uploads::start(&settings, &store, &snapshots, watched, house.clone());
    let views = LiveViews::new(&metrics);
    let recorder = Recorder::start(RecorderContext {
        writer: Arc::new(store.clone()),
        reader: Arc::new(store.clone()),
        snapshots: snapshots.clone(),
        clips: clips.clone(),
        hub: hub.clone(),
        on_event: {
            let (alerts, analyst) = (alerts.clone(), analyst.clone());
            Arc::new(move |event| {
                alerts.see(event);
                analyst.iter().for_each(|analyst| analyst.see(event));
            })
        },
        views: views.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })?;
    let jobs = Jobs::start(JobsContext {
        clock: clock.clone(),
        hub: hub.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })?;
    let exports = Exports::open(ExportContext {
        jobs: jobs.clone(),
        reader: Arc::new(store.clone()),
        snapshots: snapshots.clone(),
        records: backup::records(dir),
        dir: dir.join("exports"),
        free_bytes: free_bytes(dir),
        min_free_bytes: settings.store.min_free_bytes,
    });

    let stats = Arc::new(InferStats::default());
    let rules = Arc::new(Rules::default());
    let surroundings = Surroundings {
        stats: Arc::clone(&stats),
        output: recorder,
        assessor: Arc::<Rules>::clone(&rules),
        clock: clock.clone(),
        metrics: metrics.clone(),
        health: health.clone(),
        progress: progress.clone(),
    };
    let pipeline = Arc::new(Pipeline::new(None, surroundings));
    // Live pictures matter even to a box that cannot detect; health says why.
    let detector = infer::load(&settings.infer, Some(dir), &clock);
    let detector_info = detector.as_ref().ok().map(|detector| detector.info().clone());
    pipeline.set_detector(detector);
    pipeline.start(&tasks, settings.infer.workers, stop)?;
    let panel = panel::start(panel::Surroundings {
        settings: &settings,
        hub: &hub,
        store: &store,
        alerts: &alerts,
        motion_log,
        clips: &clips,
        pipeline: pipeline.clone(),
        clock: &clock,
        health: &health,
        metrics: &metrics,
        progress: &progress,
        tasks: &tasks,
        stop,
    })?;

    let sampler = SystemSampler::new(
        clock.clone(),
        Sensors::system(),
        directory.clone(),
        health.clone(),
        Arc::clone(&stats),
        pipeline.clone(),
        settings.infer.workers,
    );
    let controls = Controls::default();
    let ptp = PtpCameras::new(PtpContext {
        controls: controls.clone(),
        directory: directory.clone(),
        stills: StillsPlace {
            root: stills::place(dir),
            min_free_bytes: settings.store.min_free_bytes,
            free_bytes: free_bytes(dir),
        },
    });
    let stream_controls = StreamControls::new(StreamControlContext {
        controls: controls.clone(),
        directory: directory.clone(),
        views: views.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
        stills: stills::place(dir),
        free_bytes: free_bytes(dir),
        min_free_bytes: settings.store.min_free_bytes,
    });
    let asked_to_stop = Arc::new(Notify::new());
    let (apply, applies) = mpsc::channel(fleet::APPLIES);
    let fleet = fleet::start(
        fleet::Joined {
            settings: &settings,
            layered: &layered,
            directory: &directory,
            apply,
            stop_program: &asked_to_stop,
        },
        &house,
    );
    let (tune_pipeline, tunings) = tuning::channel();
    let (tune_cameras, camera_changes) = tuning::channel();
    let tune: Tune = {
        let all_cameras = Arc::clone(&all_cameras);
        Arc::new(move |setting| match setting.key.as_str() {
            CAMERA_BOOK => {
                all_cameras.set_book(&setting);
                tune_cameras(setting);
            }
            _ => tune_pipeline(setting),
        })
    };
    let api_settings = Arc::new(ArcSwap::from_pointee(settings.api.clone()));
    let context = Arc::new(ApiContext::new(ApiHandles {
        settings: Arc::clone(&api_settings),
        clock: clock.clone(),
        version: env!("CARGO_PKG_VERSION"),
        hub: hub.clone(),
        reader: Arc::new(store.clone()),
        writer: Arc::new(store.clone()),
        alerts,
        analyst,
        uploads,
        fleet,
        jobs,
        exports,
        store_check: store_check::maker(dir),
        cameras: directory.clone(),
        camera_desk: Arc::<AllCameras>::clone(&all_cameras),
        live_views: views.clone(),
        snapshots: snapshots.clone(),
        clips: clips.clone(),
        recordings: recordings.clone(),
        health: health.clone(),
        progress: progress.clone(),
        metrics: metrics.clone(),
        detector: detector_info,
        system_status: {
            let sampler = sampler.clone();
            Arc::new(move || sampler.status())
        },
        tune: Arc::clone(&tune),
        configured: figures::configured(Arc::clone(&all_cameras), settings.store.max_age),
        storage: figures::storage(
            dir.clone(),
            settings.store.clone(),
            store.clone(),
            (snapshots, clips.clone(), stills.clone(), recordings.clone()),
        ),
        pipeline: figures::pipeline(pipeline.clone(), stats),
        controls: controls.clone(),
        stills,
        logs,
        shutdown: {
            let asked = Arc::clone(&asked_to_stop);
            Arc::new(move || asked.notify_one())
        },
    }));
    start_note::write(&house, store.clone());
    parts::start(&house, Sensors::system(), dir);
    governor::start(&house, Sensors::system(), &panel::profile(&settings), pipeline.clone());
    let settings_kept = tuning::restore(store.clone(), &[TUNING, CAMERA_BOOK], tune, stop.clone());
    tasks.spawn("settings", settings_kept);
    tasks.spawn("service", api::serve(listeners, context, stop.clone()));
    tasks.spawn("system-status", sampler.run(hub.clone(), health_watch, stop.clone()));
    tasks.spawn("watchdog", watchdog::feed(health.clone(), progress, stop.clone()));

    // A camera that somebody has switched off must not film while the box starts.
    if let Some(book) = tuning::stored(&store, CAMERA_BOOK, BOOK_LIMIT).await {
        all_cameras.set_book(&book);
    }
    let taps = Taps::default();
    let capture = CaptureContext {
        tasks: tasks.clone(),
        clock: clock.clone(),
        health,
        metrics,
        directory: directory.clone(),
        stop: stop.clone(),
    };
    let decoders = panel::decoders(&settings);
    let mut reloader = Reloader {
        cameras: Cameras::new(capture, drivers::factory(ptp.clone(), decoders), taps.factory()),
        ptp,
        directory,
        stream_controls,
        taps,
        clips,
        recordings,
        light: panel.light,
        pipeline,
        rules,
        store,
        tuning: Tuning::default(),
        views,
        api: api_settings,
        hub,
        clock: clock.clone(),
        layered: Arc::clone(&layered),
        all: all_cameras,
        upload: upload_desk,
        loaded: None,
        applied: None,
    };
    let state_dir = settings.state_dir.clone();
    fleet::announce(&settings, &addresses, &house);
    reloader.apply(settings);
    for address in addresses {
        info!("Dashboard: http://{address}/");
    }
    watchdog::ready();

    let asked = Asked { presses: panel.presses, stop: asked_to_stop };
    let changes = Changed { tunings, cameras: camera_changes, fleet: applies };
    let press = steer(signals, changes, asked, &mut reloader).await;
    watchdog::stopping();
    if let Some(press) = press {
        panel::obey(press, &state_dir);
    }
    stop.set();
    drain(&tasks, &clock).await;
    Ok(())
}

fn free_bytes(dir: &Path) -> FreeBytes {
    let dir = dir.to_owned();
    Arc::new(move || RealDisk.free_bytes(&dir))
}

fn addresses(listeners: &[TcpListener]) -> Vec<std::net::SocketAddr> {
    listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
}

/// A task that ends without being asked is named in the log and in health.
fn supervised_tasks(stop: &Stop, health: &Health) -> Tasks {
    let health = health.clone();
    Tasks::new(stop.clone(), move |end| {
        let (task, reason) = (end.task.as_str(), end.reason.as_str());
        error!(task, reason; "A task ended although it should have gone on.");
        health.component(format!("task.{task}")).unhealthy(
            format!("the task {task} ended: {reason}"),
            "restart the daemon and report this with the log",
        );
    })
}

async fn drain(tasks: &Tasks, clock: &Clock) {
    let (tasks, clock) = (tasks.clone(), clock.clone());
    let left = tokio::task::spawn_blocking(move || tasks.join(&clock, DRAIN_LIMIT)).await;
    match left {
        Ok(left) if left.is_empty() => info!("Stopped."),
        Ok(left) => {
            let tasks = left.join(", ");
            warn!(tasks; "Stopped; these tasks did not end in time.");
        }
        Err(reason) => warn!(reason:%; "Stopped without waiting for all tasks."),
    }
}
