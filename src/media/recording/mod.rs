//! Recordings: the video of cameras that are recorded all the time, as they sent it.
//!
//! Each camera fills a bounded queue; one named thread writes segments of about a
//! minute. The files are the truth: the index is made of their names at each start.
//! A slow disk costs frames of recordings, which are counted, and never a picture of
//! the detection or of a clip. Recordings go before anything else does: beyond their
//! own limits of bytes and age, and as soon as the disk fills up. Memory:
//! [`WAITING_MAX_BYTES`] for all cameras together while the disk stands still,
//! otherwise a fragment for each (at most 2 MiB and a picture, mostly shared with
//! its pre-roll), and about 60 bytes for each minute that is kept.

mod files;
mod index;
mod lane;
mod playback;
mod track;
mod writer;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use index::RecordedSpan;
pub use playback::{PLAYBACK_MAX, PLAYBACKS_MAX, PlayError, Playback};

use self::index::Index;
use self::lane::Lane;
use self::writer::Writer;
use super::clip_settings::{RecordMode, RecordingLimits};
use crate::domain::{CameraId, FrameTap, Timestamp};
use crate::health::{Gauge, Health, Metrics};
use crate::rt::{Claim, Clock, FreeBytes, Stop, Tasks};

/// Encoded video that waits for the disk, of all cameras.
pub const WAITING_MAX_BYTES: u64 = 32 << 20;

/// And of one: eight seconds of 8 Mbit/s, as long as a card may think.
const WAITING_PER_CAMERA_MAX_BYTES: u64 = 8 << 20;

/// What recordings are made with.
pub struct RecordingsContext {
    /// The right to `dir`.
    pub claim: Claim,
    /// Where the files are.
    pub dir: PathBuf,
    /// How much is kept.
    pub limits: RecordingLimits,
    /// Room on the disk of `dir`.
    pub free_bytes: FreeBytes,
    /// The clock.
    pub clock: Clock,
    /// Hears of `recordings`.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where the thread is started.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}

/// The recordings of all cameras. Cheap to clone.
#[derive(Clone)]
pub struct Recordings(Arc<Shared>);

/// What the cameras, the service and the writer share.
struct Shared {
    dir: PathBuf,
    clock: Clock,
    metrics: Metrics,
    lanes: Mutex<BTreeMap<CameraId, Arc<Lane>>>,
    index: Mutex<Index>,
    bytes: Gauge,
    playbacks: Arc<AtomicUsize>,
}

impl Recordings {
    /// Starts the writer. Never fails: what is wrong is said in the health component
    /// `recordings`, and every keyframe is a new try.
    pub fn open(context: RecordingsContext) -> Self {
        let recordings = Self::idle(&context);
        let mut writer = Writer::new(&context);
        let (worker, stop) = (Arc::clone(&recordings.0), context.stop.clone());
        let started = context.tasks.spawn_thread("recordings", move || writer.run(&worker, &stop));
        if let Err(error) = started {
            context.health.component("recordings").unhealthy(
                format!("The thread that writes recordings could not be started: {error}."),
                "Restart the service; raise the limit of tasks if it happens again.",
            );
        }
        recordings
    }

    /// Nobody writes yet.
    fn idle(context: &RecordingsContext) -> Self {
        let metrics = context.metrics.clone();
        Self(Arc::new(Shared {
            dir: context.dir.clone(),
            clock: context.clock.clone(),
            lanes: Mutex::default(),
            index: Mutex::default(),
            bytes: metrics.gauge("watchpost_recording_bytes", "Bytes of all recordings.", &[]),
            metrics,
            playbacks: Arc::default(),
        }))
    }

    /// The video of a camera, from now on or otherwise than before.
    pub fn insert(&self, camera: &CameraId, mode: RecordMode) -> Arc<dyn FrameTap> {
        let mut lanes = self.0.lock_lanes();
        let lane = lanes.entry(camera.clone()).or_insert_with(|| self.0.lane(camera));
        let lane = Arc::clone(lane);
        lane.set_on(mode == RecordMode::Continuous);
        share_out(&lanes);
        lane
    }

    /// A camera is gone; what was recorded of it stays until it is old.
    pub fn remove_camera(&self, camera: &CameraId) {
        let lanes = self.0.lock_lanes();
        if let Some(lane) = lanes.get(camera) {
            lane.set_on(false);
            share_out(&lanes);
        }
    }

    /// Whether a camera is to be recorded all the time.
    pub fn is_on(&self, camera: &CameraId) -> bool {
        self.0.lock_lanes().get(camera).is_some_and(|lane| lane.is_on())
    }

    /// Whether it is recorded at the moment.
    pub fn is_recording(&self, camera: &CameraId) -> bool {
        self.0.lock_lanes().get(camera).is_some_and(|lane| lane.is_live())
    }

    /// What there is of a camera from `from` until `until`, in the order in which it
    /// was taken.
    pub fn spans(&self, camera: &CameraId, from: Timestamp, until: Timestamp) -> Vec<RecordedSpan> {
        self.0.index().spans(camera, from, until)
    }

    /// The first picture of a camera that is kept, and the bytes of all; `None` when
    /// nothing is.
    pub fn extent(&self, camera: &CameraId) -> Option<(Timestamp, u64)> {
        self.0.index().extent(camera)
    }

    /// Bytes of all recordings.
    pub fn bytes(&self) -> u64 {
        self.0.index().bytes()
    }

    /// What a camera saw from `from` until `until`, to be read as one file; `None`
    /// when nothing of it is recorded. Reads the disk.
    ///
    /// # Errors
    /// When too many are read at the same time, or the disk fails.
    pub fn play(
        &self,
        camera: &CameraId,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Playback>, PlayError> {
        let segments = self.0.index().between(camera, from, until);
        Playback::open((&self.0.dir, camera), &self.0.playbacks, segments, (from, until))
    }
}

/// Each camera that is recorded may hold the same share.
fn share_out(lanes: &BTreeMap<CameraId, Arc<Lane>>) {
    let count = lanes.values().filter(|lane| lane.is_on()).count().max(1) as u64;
    let share = (WAITING_MAX_BYTES / count).min(WAITING_PER_CAMERA_MAX_BYTES);
    lanes.values().for_each(|lane| lane.set_bytes_max(share));
}

impl Shared {
    fn lane(&self, camera: &CameraId) -> Arc<Lane> {
        let dropped = self.metrics.counter(
            "watchpost_recording_frames_dropped_total",
            "Encoded frames that were not recorded because the disk was too slow.",
            &[("camera", camera.as_str())],
        );
        Arc::new(Lane::new(self.clock.clone(), dropped))
    }

    /// All cameras there were in this run.
    fn lanes(&self) -> Vec<(CameraId, Arc<Lane>)> {
        let lanes = self.lock_lanes();
        lanes.iter().map(|(camera, lane)| (camera.clone(), Arc::clone(lane))).collect()
    }

    fn remove_oldest(&self) -> bool {
        let oldest = self.index().oldest();
        oldest.inspect(|(camera, number)| self.remove(camera, *number)).is_some()
    }

    fn remove_older(&self, limit: Timestamp, now: Timestamp) -> bool {
        let older = self.index().older(limit, now);
        older.inspect(|(camera, number)| self.remove(camera, *number)).is_some()
    }

    fn remove(&self, camera: &CameraId, number: u64) {
        let known = self.index().get(camera, number);
        if let Some(segment) = known {
            files::remove(&self.dir, camera, number, &segment);
        }
        self.index().remove(camera, number);
    }

    fn show_bytes(&self) {
        self.bytes.set(self.index().bytes() as f64);
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock_lanes(&self) -> MutexGuard<'_, BTreeMap<CameraId, Arc<Lane>>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
