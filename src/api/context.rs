//! What the service may touch: handles, nothing it owns.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;

use super::ApiSettings;
use super::camera_desk::CameraDesk;
use super::error::ApiError;
use super::figures::{ConfiguredSource, PipelineSource, StorageSource};
use super::sdk::Desk;
use crate::assess::{Alerts, Analyst};
use crate::capture::{Controls, Directory};
use crate::domain::Setting;
use crate::fleet::Fleet;
use crate::health::{Health, LogRing, Metrics, Progress};
use crate::infer::DetectorInfo;
use crate::jobs::{Exports, Jobs, Work};
use crate::live::{HistoryBounds, Hub, SystemStatus};
use crate::media::{Clips, LiveViews, Recordings, Snapshots, Stills};
use crate::rt::Clock;
use crate::store::{Reader, Writer};
use crate::upload::Uploads;

/// Blocking calls (store, disk, JPEG) at a time. More would only queue at the
/// disk, each with a thread.
const BLOCKING_MAX: usize = 4;

/// Figures of the whole box, asked for when they are sent.
pub type SystemStatusSource = Arc<dyn Fn() -> SystemStatus + Send + Sync>;

/// Has a setting applied that was just stored. Must not block.
pub type Tune = Arc<dyn Fn(Setting) + Send + Sync>;

/// Has the daemon stopped. Must not block.
pub type Shutdown = Arc<dyn Fn() + Send + Sync>;

/// Makes the work of a job.
pub type MakeWork = Arc<dyn Fn() -> Box<dyn Work> + Send + Sync>;

/// The handles of the service, as `app` fills them in.
pub struct ApiHandles {
    /// Settings; a reload replaces them and holds from the next request on.
    pub settings: Arc<ArcSwap<ApiSettings>>,
    /// The clock. Its monotonic time counts from the start of the daemon.
    pub clock: Clock,
    /// Version of the daemon.
    pub version: &'static str,
    /// Live messages.
    pub hub: Hub,
    /// Finds records.
    pub reader: Arc<dyn Reader>,
    /// Keeps records.
    pub writer: Arc<dyn Writer>,
    /// Alerts and their rules.
    pub alerts: Alerts,
    /// The ways upstream.
    pub uploads: Uploads,
    /// The fleet this box belongs to.
    pub fleet: Fleet,
    /// Who gives a second opinion on events, if anybody.
    pub analyst: Option<Analyst>,
    /// Long work.
    pub jobs: Jobs,
    /// Records as files.
    pub exports: Exports,
    /// Makes checks of the store.
    pub store_check: MakeWork,
    /// The cameras.
    pub cameras: Directory,
    /// Where cameras are made and changed.
    pub camera_desk: Arc<dyn CameraDesk>,
    /// Live pictures.
    pub live_views: LiveViews,
    /// Kept pictures.
    pub snapshots: Snapshots,
    /// Kept video.
    pub clips: Clips,
    /// What is recorded all the time.
    pub recordings: Recordings,
    /// Component states.
    pub health: Health,
    /// Stages that must move.
    pub progress: Progress,
    /// Metrics.
    pub metrics: Metrics,
    /// The detector, if one runs.
    pub detector: Option<DetectorInfo>,
    /// Figures of the whole box.
    pub system_status: SystemStatusSource,
    /// Applies settings that were changed at run time.
    pub tune: Tune,
    /// What the configuration says.
    pub configured: ConfiguredSource,
    /// Room on the disk.
    pub storage: StorageSource,
    /// How the pipeline does.
    pub pipeline: PipelineSource,
    /// What may be asked of the cameras.
    pub controls: Controls,
    /// Stills; they and what clients name go below their directory, and nowhere else.
    pub stills: Stills,
    /// The last lines of the log.
    pub logs: LogRing,
    /// Stops the daemon. Must not block.
    pub shutdown: Shutdown,
}

/// The handles and the few limits that all requests share.
pub struct ApiContext {
    handles: ApiHandles,
    blocking: Arc<Semaphore>,
    /// What the camera SDK's clients have set that no camera keeps.
    pub(super) desk: Desk,
}

impl ApiContext {
    /// A context over these handles.
    pub fn new(handles: ApiHandles) -> Self {
        let settings = handles.settings.load();
        let (max_age, max_bytes) = (settings.replay_max_age, settings.replay_max_bytes);
        drop(settings);
        handles.hub.set_history(HistoryBounds { max_age, max_bytes });
        let blocking = Arc::new(Semaphore::new(BLOCKING_MAX));
        Self { handles, blocking, desk: Desk::default() }
    }

    /// How long the daemon has been running.
    pub(super) fn uptime(&self) -> Duration {
        self.clock.monotonic()
    }

    /// Runs work that blocks on a thread where it may.
    pub(super) async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, ApiError> {
        let stopping = |_| ApiError::unavailable("stopping", "the box is stopping");
        let permit = Arc::clone(&self.blocking).acquire_owned().await.map_err(stopping)?;
        let done = tokio::task::spawn_blocking(move || {
            // Freed when the work ends, not when the client has gone.
            let _permit = permit;
            work()
        });
        done.await.map_err(|_| ApiError::unavailable("failed", "the work ended unexpectedly"))
    }
}

impl std::ops::Deref for ApiContext {
    type Target = ApiHandles;

    fn deref(&self) -> &ApiHandles {
        &self.handles
    }
}
