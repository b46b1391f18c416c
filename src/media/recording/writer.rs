//! The thread that writes recordings: takes what the lanes have, keeps the limits,
//! says how it went.
//!
//! What was written is synced every [`SYNC_INTERVAL`], all cameras one after the
//! other, and can be asked for then: a cut of power takes so much at most, and the
//! card sees a sync for each camera in that time whatever the rate of frames.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::files;
use super::index::Segment;
use super::lane::Lane;
use super::track::{Change, Desk, Track, taken_at};
use super::{RecordingsContext, Shared};
use crate::domain::CameraId;
use crate::health::{Component, Counter, Metrics};
use crate::media::RecordingLimits;
use crate::rt::{Claim, Clock, FreeBytes, Stop};

/// How often the queues are emptied.
const WRITE_INTERVAL: Duration = Duration::from_millis(500);

/// Between two syncs.
const SYNC_INTERVAL: Duration = Duration::from_secs(4);

/// Recordings go when less than this is left above the space that belongs to the
/// system: 128 MiB before clips begin to go.
pub(super) const AHEAD_BYTES: u64 = 192 << 20;

/// Segments removed in one pass, so that writing goes on in between.
const PASS: usize = 16;

/// Segments without a date that get one when the clock is set: nine hours of one
/// camera. Those beyond keep the date they have.
const UNDATED_MAX: usize = 512;

/// Health speaks of lost frames for so long after the last.
const LOSS_SHOWN: Duration = Duration::from_secs(60);

struct Figures {
    age: Counter,
    bytes: Counter,
    space: Counter,
    written: Counter,
    failed: Counter,
}

impl Figures {
    fn new(metrics: &Metrics) -> Self {
        let removed = |reason| {
            let help = "Segments of recordings removed by retention.";
            metrics.counter("watchpost_segments_removed_total", help, &[("reason", reason)])
        };
        let counter = |name, help| metrics.counter(name, help, &[]);
        Self {
            age: removed("age"),
            bytes: removed("bytes"),
            space: removed("space"),
            written: counter("watchpost_recording_written_bytes_total", "Bytes recorded."),
            failed: counter(
                "watchpost_recording_failed_total",
                "Times that a recording could not be written.",
            ),
        }
    }
}

/// What the thread works with.
pub(super) struct Writer {
    claim: Claim,
    limits: RecordingLimits,
    free_bytes: FreeBytes,
    clock: Clock,
    health: Component,
    figures: Figures,
    tracks: BTreeMap<CameraId, Track>,
    next_number: u64,
    synced: Duration,
    /// Segments written while the clock was not set, and when they were begun.
    undated: Vec<(CameraId, u64, Duration)>,
    dropped: u64,
    lost: Option<Duration>,
    is_scanned: bool,
    failure: Option<String>,
    /// How this turn went, if anything was done.
    outcome: Option<io::Result<()>>,
}

impl Writer {
    pub fn new(context: &RecordingsContext) -> Self {
        Self {
            claim: context.claim.clone(),
            limits: context.limits,
            free_bytes: Arc::clone(&context.free_bytes),
            clock: context.clock.clone(),
            health: context.health.component("recordings"),
            figures: Figures::new(&context.metrics),
            tracks: BTreeMap::new(),
            next_number: 1,
            synced: Duration::ZERO,
            undated: Vec::new(),
            dropped: 0,
            lost: None,
            is_scanned: false,
            failure: None,
            outcome: None,
        }
    }

    /// Until the box stops; what is open then is finished.
    pub fn run(&mut self, shared: &Shared, stop: &Stop) {
        while !stop.wait(WRITE_INTERVAL) {
            self.turn(shared);
        }
        shared.lanes().iter().for_each(|(_, lane)| lane.set_on(false));
        self.turn(shared);
    }

    /// One look at all cameras.
    pub fn turn(&mut self, shared: &Shared) {
        let now = self.clock.monotonic();
        let is_sync_due = now.saturating_sub(self.synced) >= SYNC_INTERVAL;
        // A box that never recorded anything gets no directory.
        if !self.is_scanned && shared.dir.is_dir() {
            let begun = self.begin(shared);
            self.note(begun);
        }
        let lanes = shared.lanes();
        for (camera, lane) in &lanes {
            self.follow(shared, camera, lane);
        }
        if is_sync_due {
            self.synced = now;
            self.sync(shared);
        }
        self.redate(shared);
        self.trim(shared);
        shared.show_bytes();
        self.conclude();
        self.report(&lanes);
    }

    /// Makes sure that the place is ours and known.
    fn begin(&mut self, shared: &Shared) -> io::Result<()> {
        self.claim.take().map_err(|refused| io::Error::other(refused.to_string()))?;
        if !self.is_scanned {
            let found = files::scan_all(&shared.dir)?;
            let mut index = shared.index();
            found.iter().for_each(|(camera, number, segment)| index.put(camera, *number, *segment));
            self.next_number = index.next_number();
            self.is_scanned = true;
            if !found.is_empty() {
                info!(segments = found.len(), bytes = index.bytes(); "Recordings of earlier runs are there.");
            }
        }
        Ok(())
    }

    /// Writes what a camera has sent.
    fn follow(&mut self, shared: &Shared, camera: &CameraId, lane: &Lane) {
        let batch = lane.take();
        let is_idle = batch.frames.is_empty() && !self.tracks.contains_key(camera);
        if is_idle {
            return;
        }
        if let Err(error) = self.begin(shared).and_then(|()| self.make_room(shared)) {
            self.abandon(shared, camera);
            return self.note(Err(error));
        }
        let mut track = self.tracks.remove(camera).unwrap_or_else(|| Track::new(camera.clone()));
        let mut desk = Desk {
            dir: &shared.dir,
            clock: &self.clock,
            next_number: &mut self.next_number,
            changes: Vec::new(),
            written_bytes: 0,
        };
        let mut outcome = Ok(());
        for waiting in batch.frames {
            outcome = outcome.and(track.push(waiting, &mut desk));
        }
        if batch.is_over {
            outcome = outcome.and(track.end(&mut desk));
        }
        let Desk { changes, written_bytes, .. } = desk;
        self.figures.written.add(written_bytes);
        if !batch.is_over {
            self.tracks.insert(camera.clone(), track);
        }
        self.learn(shared, camera, changes);
        if outcome.is_err() || written_bytes > 0 {
            self.note(outcome);
        }
    }

    /// Nothing can be written now; what is there of a camera is kept as it is.
    fn abandon(&mut self, shared: &Shared, camera: &CameraId) {
        let Some(mut track) = self.tracks.remove(camera) else { return };
        let mut desk = Desk {
            dir: &shared.dir,
            clock: &self.clock,
            next_number: &mut self.next_number,
            changes: Vec::new(),
            written_bytes: 0,
        };
        let ended = track.end(&mut desk);
        let changes = desk.changes;
        self.learn(shared, camera, changes);
        self.note(ended);
    }

    fn learn(&mut self, shared: &Shared, camera: &CameraId, changes: Vec<Change>) {
        let mut index = shared.index();
        for change in changes {
            match change {
                Change::Finished { number, segment, begun } => {
                    index.put(camera, number, segment);
                    let is_undated = !Clock::is_plausible(segment.start);
                    if is_undated && self.undated.len() < UNDATED_MAX {
                        self.undated.push((camera.clone(), number, begun));
                    }
                }
                Change::Gone { number } => index.remove(camera, number),
            }
        }
    }

    fn sync(&mut self, shared: &Shared) {
        let mut outcome = Ok(());
        for (camera, track) in &mut self.tracks {
            match track.sync() {
                Ok(Some((number, segment))) => shared.index().put(camera, number, segment),
                Ok(None) => {}
                Err(error) => outcome = Err(error),
            }
        }
        if outcome.is_err() {
            self.note(outcome);
        }
    }

    /// The clock was set: what was recorded before gets its date.
    fn redate(&mut self, shared: &Shared) {
        if self.undated.is_empty() || !self.clock.is_trusted() {
            return;
        }
        for (camera, number, begun) in std::mem::take(&mut self.undated) {
            let Some(known) = shared.index().get(&camera, number) else { continue };
            let dated = Segment { start: taken_at(&self.clock, begun), ..known };
            match files::redate(&shared.dir, &camera, number, (&known, &dated)) {
                Ok(()) => shared.index().put(&camera, number, dated),
                Err(error) => {
                    warn!(camera = camera.as_str(), number, error:%; "A segment keeps its wrong date.");
                }
            }
        }
    }

    /// Recordings go before the system runs out of space, and before clips.
    fn make_room(&mut self, shared: &Shared) -> io::Result<()> {
        let wanted = self.limits.min_free_bytes.saturating_add(AHEAD_BYTES);
        for _ in 0..PASS {
            let is_short = (self.free_bytes)().is_some_and(|free| free < wanted);
            if !is_short || !shared.remove_oldest() {
                break;
            }
            self.figures.space.inc();
        }
        // The last of it belongs to clips, pictures and records.
        let least = self.limits.min_free_bytes.saturating_add(AHEAD_BYTES / 2);
        match (self.free_bytes)() {
            Some(free) if free < least => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn trim(&mut self, shared: &Shared) {
        if !self.is_scanned {
            return;
        }
        // Also when nothing is recorded any more: others fill the disk too.
        let _ = self.make_room(shared);
        let now = self.clock.now();
        let limit = self.limits.age.filter(|_| self.clock.is_trusted()).map(|age| now.before(age));
        for _ in 0..PASS {
            let is_much = shared.index().bytes() > self.limits.bytes || shared.index().is_full();
            if limit.is_some_and(|limit| shared.remove_older(limit, now)) {
                self.figures.age.inc();
            } else if is_much && shared.remove_oldest() {
                self.figures.bytes.inc();
            } else {
                break;
            }
        }
    }

    /// How it went; of several the failure counts.
    fn note(&mut self, outcome: io::Result<()>) {
        if outcome.is_err() {
            self.figures.failed.inc();
        }
        self.outcome = match self.outcome.take() {
            Some(Err(known)) => Some(Err(known)),
            _ => Some(outcome),
        };
    }

    /// What this turn changed, in the log.
    fn conclude(&mut self) {
        let Some(outcome) = self.outcome.take() else { return };
        let was_failing = self.failure.is_some();
        self.failure = outcome.err().map(|error| error.to_string());
        match &self.failure {
            Some(error) if !was_failing => {
                warn!(error:%; "Recordings cannot be written; every keyframe is another try.");
            }
            None if was_failing => info!("Recordings are written again."),
            _ => {}
        }
    }

    /// Says in health how it goes; nothing on a box that records nothing.
    fn report(&mut self, lanes: &[(CameraId, Arc<Lane>)]) {
        let on = lanes.iter().filter(|(_, lane)| lane.is_on()).count();
        let dropped = lanes.iter().map(|(_, lane)| lane.dropped()).sum();
        if dropped != std::mem::replace(&mut self.dropped, dropped) {
            self.lost = Some(self.clock.monotonic());
        }
        let is_shown = |at: Duration| self.clock.monotonic().saturating_sub(at) < LOSS_SHOWN;
        if on == 0 && self.failure.is_none() {
            return self.health.remove();
        }
        match &self.failure {
            Some(error) => self.health.degraded(
                format!("Nothing is recorded: {error}."),
                "Check that the state directory is writable and has space left.",
            ),
            None if self.lost.is_some_and(is_shown) => self.health.degraded(
                format!("The disk is too slow; {dropped} frames were not recorded so far."),
                "Use a faster card or disk, or record fewer cameras.",
            ),
            None => self.health.healthy(match on {
                1 => "One camera is recorded all the time.".to_owned(),
                _ => format!("{on} cameras are recorded all the time."),
            }),
        }
    }
}
