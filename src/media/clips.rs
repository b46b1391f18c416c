//! Clips: the video of every event, as the camera sent it.
//!
//! Each camera fills a bounded pre-roll in memory; one named thread writes what
//! events want of it. A slow disk costs frames of clips, which are counted, and
//! never a picture of the detection. Memory: [`HELD_MAX_BYTES`] for the pre-rolls
//! of all cameras together, and one fragment (at most 2 MiB and a picture) for each
//! open clip. Clips go before anything else does: beyond their own limits of bytes
//! and age, and as soon as less than [`AHEAD_BYTES`] are left above what the system
//! is to keep.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::MediaError;
use super::clip_files;
use super::clip_lane::{ClipLane, ClipState, LaneFigures};
use super::clip_settings::{ClipLimits, RecordSettings};
use super::clip_writer::ClipWriter;
use super::recording::{PlayError, Playback};
use crate::domain::{CameraId, Clip, ClipSize, EventId, FrameTap};
use crate::health::{Counter, Gauge, Health, Metrics};
use crate::rt::{Claim, Clock, FreeBytes, Stop, Tasks};

/// Encoded video held for all cameras, for their pre-rolls.
pub const HELD_MAX_BYTES: u64 = 48 << 20;

/// And for one: eight seconds of 16 Mbit/s.
const HELD_PER_CAMERA_MAX_BYTES: u64 = 16 << 20;

/// While a clip is open, its camera is looked at this often.
const WRITE_INTERVAL: Duration = Duration::from_millis(250);

/// Ids waiting for removal; what goes beyond is left to the other limits.
const REMOVALS: usize = 1 << 16;

/// What became of clips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClipNews {
    /// A clip is whole, or came to nothing.
    Finished {
        /// Its name.
        file: EventId,
        /// The events it shows.
        events: Vec<EventId>,
        /// Absent when there is none after all.
        size: Option<ClipSize>,
    },
    /// The clips of the run before are known, and whole.
    Known,
}

/// Hears of news on the writer's thread; must not block.
pub type OnClip = Arc<dyn Fn(ClipNews) + Send + Sync>;

/// What clips are made with.
pub struct ClipsContext {
    /// The right to `dir`.
    pub claim: Claim,
    /// Where the files are.
    pub dir: PathBuf,
    /// How much is kept.
    pub limits: ClipLimits,
    /// Room on the disk of `dir`.
    pub free_bytes: FreeBytes,
    /// The clock.
    pub clock: Clock,
    /// Hears of `clips`.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where the thread is started.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}

/// The clips of all events. Cheap to clone.
#[derive(Clone)]
pub struct Clips(Arc<Shared>);

/// The files of the clips, for whoever hears of them. Cheap to clone.
#[derive(Clone)]
pub struct ClipFilesView(Weak<Shared>);

impl ClipFilesView {
    /// Whether the clip of an event is being recorded.
    pub fn is_open(&self, event: EventId) -> bool {
        let lanes = self.0.upgrade().map(|shared| shared.lanes()).unwrap_or_default();
        lanes.iter().any(|lane| lane.is_open(event))
    }

    /// What a clip of an earlier run measures; `None` when it is not there. Reads
    /// the disk.
    pub fn measure(&self, file: EventId) -> Option<ClipSize> {
        let shared = self.0.upgrade()?;
        clip_files::measure(&shared.dir, file).ok().flatten()
    }
}

/// What the cameras, the service and the writer share.
pub(super) struct Shared {
    pub dir: PathBuf,
    clock: Clock,
    metrics: Metrics,
    queue: Mutex<Queue>,
    wake: Condvar,
    kept: Mutex<BTreeSet<EventId>>,
    /// Clips in the making, and their bytes that are synced: at most two for each
    /// camera.
    growing: Mutex<BTreeMap<EventId, u64>>,
    playbacks: Arc<AtomicUsize>,
    pub bytes: Gauge,
}

#[derive(Default)]
struct Queue {
    lanes: BTreeMap<CameraId, Arc<ClipLane>>,
    /// Cameras that were removed, until their clips are written.
    leaving: Vec<Arc<ClipLane>>,
    removals: Vec<EventId>,
    on_news: Option<OnClip>,
    has_work: bool,
}

impl Clips {
    /// Starts the writer. Never fails: what is wrong is said in the health
    /// component `clips`, and every clip is a new try.
    pub fn open(context: ClipsContext) -> Self {
        let ClipsContext { health, metrics, tasks, stop, .. } = &context;
        let (health, tasks, stop) = (health.clone(), tasks.clone(), stop.clone());
        let shared = Arc::new(Shared {
            dir: context.dir.clone(),
            clock: context.clock.clone(),
            metrics: metrics.clone(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            kept: Mutex::default(),
            growing: Mutex::default(),
            playbacks: Arc::default(),
            bytes: metrics.gauge("watchpost_clip_bytes", "Bytes of all clips.", &[]),
        });
        let mut writer = ClipWriter::new(context);
        let worker = Arc::clone(&shared);
        if let Err(error) = tasks.spawn_thread("clips", move || writer.run(&worker, &stop)) {
            health.component("clips").unhealthy(
                format!("The thread that writes clips could not be started: {error}."),
                "Restart the service; raise the limit of tasks if it happens again.",
            );
        }
        Self(shared)
    }

    /// Who hears what became of clips. What is not heard of is told at the next
    /// start.
    pub fn on_news(&self, listener: impl Fn(ClipNews) + Send + Sync + 'static) {
        self.0.lock().on_news = Some(Arc::new(listener));
        self.0.wake_up();
    }

    /// The video of a camera, from now on or otherwise than before.
    pub fn insert(&self, camera: &CameraId, settings: RecordSettings) -> Arc<dyn FrameTap> {
        let mut queue = self.0.lock();
        let lane = queue.lanes.entry(camera.clone()).or_insert_with(|| self.0.lane(camera));
        let lane = Arc::clone(lane);
        lane.set(settings);
        queue.share_out();
        lane
    }

    /// A camera is gone; what is open of it is written.
    pub fn remove_camera(&self, camera: &CameraId) {
        let mut queue = self.0.lock();
        if let Some(lane) = queue.lanes.remove(camera) {
            lane.end();
            queue.leaving.push(lane);
            queue.share_out();
        }
        drop(queue);
        self.0.wake_up();
    }

    /// The motion sensor has begun to see something: clips of events at these cameras
    /// (none: all) that begin within `span` show what was before that, as far as the
    /// memory for video reaches. Never blocks.
    pub fn attend(&self, cameras: &[CameraId], span: Duration) {
        let now = self.0.clock.monotonic();
        let queue = self.0.lock();
        let is_meant = |camera: &CameraId| cameras.is_empty() || cameras.contains(camera);
        let lanes = queue.lanes.iter().filter(|(camera, _)| is_meant(camera));
        lanes.for_each(|(_, lane)| lane.attend(now, now + span));
    }

    /// An event has begun, with a picture taken at `at` (monotonic). Returns where
    /// its video will be, if its camera has any. Never blocks.
    pub fn begin(&self, camera: &CameraId, event: EventId, at: Duration) -> Option<Clip> {
        let clip = self.0.lane_of(camera)?.begin(event, at);
        self.0.wake_up();
        clip
    }

    /// An event has ended, with a picture taken at `at`.
    pub fn end(&self, camera: &CameraId, event: EventId, at: Duration) {
        if let Some(lane) = self.0.lane_of(camera) {
            lane.end_event(event, at);
        }
    }

    /// Whether events of a camera get clips now.
    pub fn recording(&self, camera: &CameraId) -> ClipState {
        self.0.lane_of(camera).map_or(ClipState::Off, |lane| lane.recording())
    }

    /// A look at the files that keeps nothing alive.
    pub fn files(&self) -> ClipFilesView {
        ClipFilesView(Arc::downgrade(&self.0))
    }

    /// Whether a clip is on the disk.
    pub fn is_kept(&self, file: EventId) -> bool {
        self.0.kept().contains(&file)
    }

    /// A clip, opened, and its bytes; `None` when it is not there. Reads the disk.
    ///
    /// # Errors
    /// When the file is there but cannot be read.
    pub fn load(&self, file: EventId) -> Result<Option<(File, u64)>, MediaError> {
        let read = || {
            let Some(file) = clip_files::open(&self.0.dir, file)? else { return Ok(None) };
            let bytes = file.metadata()?.len();
            Ok(Some((file, bytes)))
        };
        read().map_err(|error: std::io::Error| MediaError::Io {
            what: format!("read the clip of event {file}"),
            reason: error.to_string(),
        })
    }

    /// The first `length` of a clip, of which there is so much at least once it was
    /// there: also of one that is still being recorded. `None` when nothing of it is on
    /// the disk. Reads the disk.
    ///
    /// # Errors
    /// When too many are read at the same time, or the disk fails.
    pub fn play(&self, file: EventId, length: Duration) -> Result<Option<Playback>, PlayError> {
        let what = format!("the clip of event {file}");
        let synced = self.0.growing().get(&file).copied();
        let opened = match synced {
            Some(_) => clip_files::open_growing(&self.0.dir, file),
            None => clip_files::open(&self.0.dir, file),
        };
        let measured = opened.and_then(|file| file.map(|file| measured(file, synced)).transpose());
        let measured = measured.map_err(|source| PlayError::Read { what: what.clone(), source });
        let Some((bytes, file)) = measured? else { return Ok(None) };
        Playback::of_file((&what, file), bytes, length, &self.0.playbacks)
    }

    /// Bytes of all clips.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.value() as u64
    }

    /// Removes the clips of `events`, soon. Never blocks.
    pub fn remove(&self, events: &[EventId]) {
        let mut queue = self.0.lock();
        let room = REMOVALS.saturating_sub(queue.removals.len());
        queue.removals.extend(events.iter().take(room));
        drop(queue);
        self.0.wake_up();
    }
}

/// A file and how much of it counts; all unless told.
fn measured(file: File, bytes: Option<u64>) -> io::Result<(u64, File)> {
    let bytes = bytes.map_or_else(|| file.metadata().map(|meta| meta.len()), Ok)?;
    Ok((bytes, file))
}

impl Shared {
    fn lane(&self, camera: &CameraId) -> Arc<ClipLane> {
        let labels = [("camera", camera.as_str())];
        let counter = |name, help| self.metrics.counter(name, help, &labels);
        let dropped: Counter = counter(
            "watchpost_clip_frames_dropped_total",
            "Encoded frames given up because the disk or the memory for them did not suffice.",
        );
        let held_bytes = self.metrics.gauge(
            "watchpost_pre_roll_bytes",
            "Encoded video held in memory.",
            &labels,
        );
        Arc::new(ClipLane::new(self.clock.clone(), LaneFigures { dropped, held_bytes }))
    }

    fn lane_of(&self, camera: &CameraId) -> Option<Arc<ClipLane>> {
        self.lock().lanes.get(camera).cloned()
    }

    /// Waits for something to do; the lanes, and what is to be removed.
    pub fn next(&self) -> (Vec<Arc<ClipLane>>, Vec<EventId>) {
        let is_idle = |queue: &mut Queue| !queue.has_work && queue.removals.is_empty();
        let (mut queue, _) = self
            .wake
            .wait_timeout_while(self.lock(), WRITE_INTERVAL, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        queue.has_work = false;
        (queue.all(), std::mem::take(&mut queue.removals))
    }

    fn lanes(&self) -> Vec<Arc<ClipLane>> {
        self.lock().all()
    }

    /// Ends all lanes: the box stops.
    pub fn end_lanes(&self) {
        self.lock().lanes.values().for_each(|lane| lane.end());
    }

    /// Lanes of removed cameras have been written.
    pub fn forget_leaving(&self, written: &[Arc<ClipLane>]) {
        let is_written = |lane: &Arc<ClipLane>| written.iter().any(|w| Arc::ptr_eq(w, lane));
        self.lock().leaving.retain(|lane| !is_written(lane));
    }

    /// Who hears of news, if anybody does yet.
    pub fn listener(&self) -> Option<OnClip> {
        self.lock().on_news.clone()
    }

    pub fn kept(&self) -> MutexGuard<'_, BTreeSet<EventId>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn growing(&self) -> MutexGuard<'_, BTreeMap<EventId, u64>> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake_up(&self) {
        self.lock().has_work = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn all(&self) -> Vec<Arc<ClipLane>> {
        self.lanes.values().chain(&self.leaving).cloned().collect()
    }

    /// Each camera may hold the same share.
    fn share_out(&self) {
        let count = self.lanes.len().max(1) as u64;
        let share = (HELD_MAX_BYTES / count).min(HELD_PER_CAMERA_MAX_BYTES);
        self.lanes.values().for_each(|lane| lane.set_held_max(share));
    }
}

#[cfg(test)]
#[path = "clips_tests.rs"]
mod tests;
