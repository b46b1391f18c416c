//! Snapshots: the best picture of every event and its thumbnail, kept on disk.
//!
//! One named thread encodes and writes. At most [`QUEUE`] pictures wait, because
//! each holds a raw frame; when full, an older picture of the same event goes
//! first, then the oldest. Pictures carry no burnt-in boxes: where the object was
//! is the event's `bbox`. A picture reported as kept is on the disk under its
//! final name, synced; a torn file never has that name.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use log::{info, warn};

use super::jpeg::JpegEncoder;
use super::snapshot_files::SnapshotFiles;
use super::{MediaError, SnapshotSize};
use crate::domain::{BBox, EventId, Frame};
use crate::health::{Component, Counter, Gauge, Health, Metrics};
use crate::rt::{Claim, Stop, Tasks};

/// Pictures waiting for the disk; at 1080p each holds 3 MB.
const QUEUE: usize = 8;
/// Ids waiting for removal; what goes beyond is left to the byte limit.
const REMOVALS: usize = 1 << 16;
/// JPEG quality of snapshots: people zoom into them.
const QUALITY: u8 = 88;
/// How long the idle thread waits before it looks at the stop signal.
const IDLE: Duration = Duration::from_millis(250);
/// Oldest pictures removed at once when the disk is full.
const RELIEF: usize = 16;

/// Told on the snapshot thread when a picture is kept, or cannot be; must not
/// block.
pub type SaveDone = Box<dyn FnOnce(Result<(), MediaError>) + Send>;

/// The snapshots of all events. Cheap to clone.
#[derive(Clone)]
pub struct Snapshots(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    queue: Mutex<Queue>,
    wake: Condvar,
    dropped: Counter,
    bytes: Gauge,
}

#[derive(Default)]
struct Queue {
    saves: VecDeque<Save>,
    removals: Vec<EventId>,
    is_closed: bool,
}

struct Save {
    event: EventId,
    frame: Arc<Frame>,
    focus: BBox,
    done: SaveDone,
}

impl Snapshots {
    /// Snapshots under `dir`, at most `max_bytes` of them. Never fails: what is
    /// wrong with the directory is said in the health component `snapshots`, and
    /// every picture is a new try.
    pub fn open(
        dir: impl Into<PathBuf>,
        max_bytes: u64,
        health: &Health,
        metrics: &Metrics,
        tasks: &Tasks,
        stop: &Stop,
    ) -> Self {
        Self::open_claimed(Claim::free(), dir, max_bytes, health, metrics, tasks, stop)
    }

    /// [`Self::open`] in a place that another process may have: nothing is
    /// touched there before it is this one's.
    pub fn open_claimed(
        claim: Claim,
        dir: impl Into<PathBuf>,
        max_bytes: u64,
        health: &Health,
        metrics: &Metrics,
        tasks: &Tasks,
        stop: &Stop,
    ) -> Self {
        let dir = dir.into();
        let dropped = metrics.counter(
            "watchpost_snapshots_dropped_total",
            "Snapshots given up because the disk was too slow.",
            &[],
        );
        let shared = Arc::new(Shared {
            dir: dir.clone(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            dropped,
            bytes: metrics.gauge("watchpost_snapshot_bytes", "Bytes of all snapshots.", &[]),
        });
        let mut desk = Desk {
            claim,
            is_scanned: false,
            files: SnapshotFiles::new(dir),
            encoder: JpegEncoder::default(),
            max_bytes,
            health: health.component("snapshots"),
            is_failing: false,
            kept: metrics.counter("watchpost_snapshots_total", "Snapshots kept.", &[]),
            bytes: shared.bytes.clone(),
        };
        let (worker, stop) = (Arc::clone(&shared), stop.clone());
        if let Err(error) = tasks.spawn_thread("snapshots", move || desk.run(&worker, &stop)) {
            shared.lock().is_closed = true;
            health.component("snapshots").unhealthy(
                format!("The snapshot thread could not be started: {error}."),
                "Restart the service; raise the limit of tasks if it happens again.",
            );
        }
        Self(shared)
    }

    /// Bytes of all snapshots and thumbnails.
    pub fn bytes(&self) -> u64 {
        self.0.bytes.value() as u64
    }

    /// Keeps `frame` as the picture of `event`, in place of an earlier one; the
    /// thumbnail shows the surroundings of `focus`. Never blocks.
    pub fn save(&self, event: EventId, frame: Arc<Frame>, focus: BBox, done: SaveDone) {
        let given_up = {
            let mut queue = self.0.lock();
            if queue.is_closed {
                drop(queue);
                return done(Err(closed()));
            }
            let given_up = (queue.saves.len() >= QUEUE).then(|| {
                let same = queue.saves.iter().position(|save| save.event == event);
                queue.saves.remove(same.unwrap_or(0))
            });
            queue.saves.push_back(Save { event, frame, focus, done });
            given_up.flatten()
        };
        self.0.wake.notify_one();
        if let Some(save) = given_up {
            self.0.dropped.inc();
            (save.done)(Err(MediaError::Overloaded));
        }
    }

    /// The picture of an event, if there is one. Reads the disk.
    ///
    /// # Errors
    /// When the file is there but cannot be read or is absurdly large.
    pub fn load(&self, event: EventId, size: SnapshotSize) -> Result<Option<Bytes>, MediaError> {
        SnapshotFiles::load(&self.0.dir, event, size)
    }

    /// Bytes of the picture of an event, if there is one. Asks the disk.
    pub fn size_of(&self, event: EventId) -> Option<u64> {
        SnapshotFiles::size_of(&self.0.dir, event)
    }

    /// Removes the pictures of `events`, soon. Never blocks.
    pub fn remove(&self, events: &[EventId]) {
        let mut queue = self.0.lock();
        let room = REMOVALS.saturating_sub(queue.removals.len());
        queue.removals.extend(events.iter().take(room));
        drop(queue);
        self.0.wake.notify_one();
    }
}

fn closed() -> MediaError {
    MediaError::Io { what: "keep a snapshot".into(), reason: "the service is stopping".into() }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be done next; waits a moment when there is nothing.
    fn next(&self) -> (Option<Save>, Vec<EventId>) {
        let is_idle = |queue: &mut Queue| queue.saves.is_empty() && queue.removals.is_empty();
        let (mut queue, _) = self
            .wake
            .wait_timeout_while(self.lock(), IDLE, is_idle)
            .unwrap_or_else(PoisonError::into_inner);
        (queue.saves.pop_front(), std::mem::take(&mut queue.removals))
    }

    fn is_finished(&self, stop: &Stop) -> bool {
        if !stop.is_set() {
            return false;
        }
        let mut queue = self.lock();
        queue.is_closed = true;
        queue.saves.is_empty() && queue.removals.is_empty()
    }
}

/// What the snapshot thread works with.
struct Desk {
    claim: Claim,
    is_scanned: bool,
    files: SnapshotFiles,
    encoder: JpegEncoder,
    max_bytes: u64,
    health: Component,
    is_failing: bool,
    kept: Counter,
    bytes: Gauge,
}

impl Desk {
    fn run(&mut self, shared: &Shared, stop: &Stop) {
        let begun = self.begin();
        self.report(&begun);
        // After the stop no new work is taken, and at most QUEUE pictures are left.
        while !shared.is_finished(stop) {
            let (save, removals) = shared.next();
            if !removals.is_empty() && self.begin().is_ok() {
                self.files.remove(&removals);
            }
            if let Some(Save { event, frame, focus, done }) = save {
                let result = self.keep(event, &frame, &focus);
                self.report(&result);
                done(result);
            }
            self.trim(shared);
        }
    }

    /// Makes sure that the place is ours and known.
    fn begin(&mut self) -> Result<(), MediaError> {
        if let Err(refused) = self.claim.take() {
            let what = "use the place of the snapshots".into();
            return Err(MediaError::Io { what, reason: refused.to_string() });
        }
        if !self.is_scanned {
            self.files.scan()?;
            self.is_scanned = true;
        }
        Ok(())
    }

    fn keep(&mut self, event: EventId, frame: &Frame, focus: &BBox) -> Result<(), MediaError> {
        self.begin()?;
        let (full, thumbnail) = self.encoder.encode_with_thumbnail(frame, focus, QUALITY)?;
        let mut result = self.files.store(event, &full, &thumbnail);
        if result.is_err() && self.files.is_disk_full() {
            let relieved = self.files.remove_oldest(RELIEF);
            info!(removed = relieved; "The disk is full; the oldest snapshots were removed.");
            result = self.files.store(event, &full, &thumbnail);
        }
        if result.is_ok() {
            self.kept.inc();
        }
        result
    }

    fn trim(&mut self, shared: &Shared) {
        if !self.is_scanned {
            return;
        }
        // One pass removes a bounded number, so that waiting pictures get a turn.
        for _ in 0..QUEUE {
            if self.files.bytes() <= self.max_bytes || self.files.remove_oldest(1) == 0 {
                break;
            }
        }
        if self.files.bytes() > self.max_bytes {
            shared.wake.notify_one();
        }
        self.bytes.set(self.files.bytes() as f64);
    }

    /// Says in health how it went, and in the log when that changed.
    fn report(&mut self, result: &Result<(), MediaError>) {
        let was_failing = std::mem::replace(&mut self.is_failing, result.is_err());
        match result {
            Ok(()) => self.health.healthy("Snapshots are kept."),
            Err(error) => {
                if !was_failing {
                    warn!(error:%; "Snapshots are not kept; every new one is another try.");
                }
                self.health.unhealthy(
                    format!("Snapshots are not kept: {error}."),
                    "Check that the state directory is writable and has space left.",
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::mpsc;

    use super::super::testing::frame;
    use super::*;
    use crate::domain::{ColorSpace, PixelFormat, Timestamp};
    use crate::rt::Clock;

    struct Bench {
        snapshots: Snapshots,
        health: Health,
        tasks: Tasks,
        stop: Stop,
    }

    fn bench(dir: &Path, max_bytes: u64) -> Bench {
        let stop = Stop::new();
        let health = Health::new(Clock::manual(Timestamp::default()));
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let metrics = Metrics::default();
        let snapshots = Snapshots::open(dir, max_bytes, &health, &metrics, &tasks, &stop);
        Bench { snapshots, health, tasks, stop }
    }

    impl Bench {
        fn save(&self, event: u64) -> Result<(), MediaError> {
            let (tx, rx) = mpsc::sync_channel(1);
            let done = Box::new(move |result| tx.send(result).unwrap());
            self.snapshots.save(EventId(event), picture(), focus(), done);
            rx.recv_timeout(Duration::from_secs(20)).unwrap()
        }

        fn finish(self) {
            self.stop.set();
            assert!(self.tasks.join(&Clock::system(), Duration::from_secs(20)).is_empty());
        }
    }

    fn focus() -> BBox {
        BBox::from_corners(0.4, 0.4, 0.6, 0.8)
    }

    fn picture() -> Arc<Frame> {
        Arc::new(frame((640, 360), PixelFormat::Nv12, ColorSpace::Bt601Limited, 0))
    }

    #[test]
    fn a_kept_snapshot_is_found_again_after_a_restart_in_both_sizes() {
        let dir = tempfile::tempdir().unwrap();
        let first = bench(dir.path(), u64::MAX);
        first.save(7).unwrap();
        first.save(7).unwrap();
        first.finish();
        let second = bench(dir.path(), u64::MAX);
        for (size, width) in [(SnapshotSize::Full, 640), (SnapshotSize::Thumbnail, 320)] {
            let jpeg = second.snapshots.load(EventId(7), size).unwrap().unwrap();
            assert_eq!(turbojpeg::read_header(&jpeg).unwrap().width, width);
        }
        assert!(second.snapshots.load(EventId(8), SnapshotSize::Full).unwrap().is_none());
        second.finish();
    }

    #[test]
    fn beyond_the_byte_limit_the_oldest_events_lose_their_pictures() {
        let dir = tempfile::tempdir().unwrap();
        let measure = bench(&dir.path().join("measure"), u64::MAX);
        measure.save(1).unwrap();
        let load = |s: &Snapshots, id, size| s.load(EventId(id), size).unwrap();
        let pair = [SnapshotSize::Full, SnapshotSize::Thumbnail]
            .map(|size| load(&measure.snapshots, 1, size).unwrap().len() as u64);
        measure.finish();
        let limited = bench(&dir.path().join("limited"), pair.iter().sum::<u64>() * 2);
        (1..=4).for_each(|event| limited.save(event).unwrap());
        let snapshots = limited.snapshots.clone();
        limited.finish();
        let left: Vec<_> =
            (1..=4).filter(|id| load(&snapshots, *id, SnapshotSize::Full).is_some()).collect();
        assert_eq!(left, [3, 4]);
    }

    #[test]
    fn removed_events_lose_their_pictures() {
        let dir = tempfile::tempdir().unwrap();
        let bench = bench(dir.path(), u64::MAX);
        (1..=3).for_each(|event| bench.save(event).unwrap());
        bench.snapshots.remove(&[EventId(1), EventId(2), EventId(99)]);
        let snapshots = bench.snapshots.clone();
        bench.finish();
        let left: Vec<_> = (1..=3)
            .filter(|id| snapshots.load(EventId(*id), SnapshotSize::Thumbnail).unwrap().is_some())
            .collect();
        assert_eq!(left, [3]);
    }

    #[test]
    fn a_directory_that_cannot_be_used_is_said_and_healed_without_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("media");
        std::fs::write(&place, "in the way").unwrap();
        let bench = bench(&place, u64::MAX);
        assert!(matches!(bench.save(1), Err(MediaError::Io { .. })));
        assert_eq!(bench.health.reports()[0].state, crate::health::State::Unhealthy);
        std::fs::remove_file(&place).unwrap();
        bench.save(2).unwrap();
        assert_eq!(bench.health.reports()[0].state, crate::health::State::Healthy);
        bench.finish();
    }

    #[test]
    fn a_flood_drops_the_older_picture_of_the_same_event_first_and_tells_its_owner() {
        let dropped = Metrics::default().counter("dropped_total", "", &[]);
        let shared = Shared {
            dir: PathBuf::new(),
            queue: Mutex::default(),
            wake: Condvar::new(),
            dropped: dropped.clone(),
            bytes: Gauge::default(),
        };
        let snapshots = Snapshots(Arc::new(shared));
        let (tx, rx) = mpsc::sync_channel(64);
        for event in (0..QUEUE as u64).chain([3, 100]) {
            let tx = tx.clone();
            let done = Box::new(move |result: Result<(), _>| {
                tx.send((event, result.is_err())).unwrap();
            });
            snapshots.save(EventId(event), picture(), focus(), done);
        }
        assert_eq!(rx.try_iter().collect::<Vec<_>>(), [(3, true), (0, true)]);
        assert_eq!(dropped.value(), 2);
        assert_eq!(snapshots.0.lock().saves.len(), QUEUE);
    }
}
