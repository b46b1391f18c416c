//! The thread that writes clips: takes what the lanes have, keeps the limits, says
//! how it went.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use log::{info, warn};

use super::clip_files::{ClipFiles, PartFile};
use super::clip_lane::{ClipLane, Step};
use super::clip_settings::ClipLimits;
use super::clips::{ClipNews, ClipsContext, Shared};
use crate::domain::EventId;
use crate::health::{Component, Counter, Metrics};
use crate::rt::{Claim, Clock, FreeBytes, Stop};

/// Largest clip: two minutes of 8 Mbit/s. What comes after is left out.
const CLIP_BYTES_MAX: u64 = 120 << 20;

/// Clips go when less than this is left above the space that belongs to the
/// system; records and pictures go only below that.
pub(super) const AHEAD_BYTES: u64 = 64 << 20;

/// Clips removed in one pass, so that writing goes on in between.
const PASS: usize = 16;

/// Clips that were removed, by reason.
pub(super) struct Removed {
    age: Counter,
    bytes: Counter,
    space: Counter,
    kept: Counter,
    failed: Counter,
}

impl Removed {
    pub fn new(metrics: &Metrics) -> Self {
        let removed = |reason| {
            let help = "Clips removed by retention.";
            metrics.counter("watchpost_clips_removed_total", help, &[("reason", reason)])
        };
        Self {
            age: removed("age"),
            bytes: removed("bytes"),
            space: removed("space"),
            kept: metrics.counter("watchpost_clips_total", "Clips kept.", &[]),
            failed: metrics.counter(
                "watchpost_clips_failed_total",
                "Clips that could not be written, or not to their end.",
                &[],
            ),
        }
    }
}

/// What the thread works with.
pub(super) struct ClipWriter {
    files: ClipFiles,
    claim: Claim,
    limits: ClipLimits,
    free_bytes: FreeBytes,
    clock: Clock,
    health: Component,
    figures: Removed,
    parts: HashMap<EventId, PartFile>,
    /// News that nobody has heard yet.
    news: Option<ClipNews>,
    is_scanned: bool,
    is_failing: bool,
}

impl ClipWriter {
    pub fn new(context: ClipsContext) -> Self {
        let ClipsContext { claim, dir, limits, free_bytes, clock, health, metrics, .. } = context;
        Self {
            files: ClipFiles::new(dir),
            claim,
            limits,
            free_bytes,
            clock,
            health: health.component("clips"),
            figures: Removed::new(&metrics),
            parts: HashMap::new(),
            news: None,
            is_scanned: false,
            is_failing: false,
        }
    }

    /// Until the box stops; what is open then is finished.
    pub fn run(&mut self, shared: &Shared, stop: &Stop) {
        let begun = self.begin();
        self.report(begun);
        while !stop.is_set() {
            self.turn(shared);
        }
        shared.end_lanes();
        self.turn(shared);
    }

    fn turn(&mut self, shared: &Shared) {
        let (lanes, removals) = shared.next();
        if !removals.is_empty() && self.begin().is_ok() {
            self.files.remove(&removals);
        }
        let mut written = Vec::new();
        for lane in lanes {
            let steps = lane.steps();
            if steps.is_empty() {
                written.push(Arc::clone(&lane));
            }
            steps.into_iter().for_each(|step| self.write(shared, &lane, step));
        }
        shared.forget_leaving(&written);
        self.trim();
        self.show(shared);
        if let Some(listener) = shared.listener()
            && let Some(news) = self.news.take()
        {
            listener(news);
        }
    }

    /// Makes sure that the place is ours and known.
    fn begin(&mut self) -> io::Result<()> {
        self.claim.take().map_err(|refused| io::Error::other(refused.to_string()))?;
        if !self.is_scanned {
            let recovered = self.files.scan()?;
            self.is_scanned = true;
            if !recovered.is_empty() {
                info!(clips = recovered.len(); "Clips of the last run were unfinished; what there was of them is kept.");
            }
            self.news = Some(ClipNews::Known);
        }
        Ok(())
    }

    fn write(&mut self, shared: &Shared, lane: &ClipLane, step: Step) {
        let Step { id, format, frames, events } = step;
        let outcome = self.append(shared, id, &format, frames);
        let is_full = matches!(outcome, Ok(bytes) if bytes > CLIP_BYTES_MAX);
        let has_failed = outcome.is_err();
        self.report(outcome.map(drop));
        if has_failed {
            self.figures.failed.inc();
        }
        let events = events.or_else(|| (is_full || has_failed).then(|| lane.close(id)));
        if let Some(events) = events {
            self.finish(shared, id, events);
        }
    }

    /// Writes frames of a clip; its bytes so far.
    fn append(
        &mut self,
        shared: &Shared,
        id: EventId,
        format: &crate::domain::VideoFormat,
        frames: Vec<Arc<crate::domain::EncodedFrame>>,
    ) -> io::Result<u64> {
        self.begin()?;
        self.make_room()?;
        let mut part = match self.parts.remove(&id) {
            Some(part) => part,
            None => self.files.create(id, format)?,
        };
        let mut outcome = Ok(());
        for frame in frames {
            outcome = part.push(frame);
            if outcome.is_err() {
                break;
            }
        }
        let bytes = part.bytes();
        if part.has_pictures() {
            shared.growing().insert(id, bytes);
        }
        self.parts.insert(id, part);
        outcome.map(|()| bytes)
    }

    fn finish(&mut self, shared: &Shared, id: EventId, events: Vec<EventId>) {
        let size = match self.parts.remove(&id) {
            Some(mut part) => {
                // What is there already is worth keeping without the rest.
                let flushed = part.flush();
                self.report(flushed);
                let finished = self.files.finish(id, part);
                let size = finished.as_ref().ok().copied().flatten();
                let has_failed = finished.is_err();
                self.report(finished.map(drop));
                if has_failed {
                    shared.growing().remove(&id);
                    // What is on the disk is finished, and told, at the next start.
                    return;
                }
                size
            }
            None => None,
        };
        if size.is_some() {
            self.figures.kept.inc();
        }
        self.show(shared);
        shared.growing().remove(&id);
        if let Some(listener) = shared.listener() {
            listener(ClipNews::Finished { file: id, events, size });
        }
    }

    /// Clips go before the system runs out of space, and before all else.
    fn make_room(&mut self) -> io::Result<()> {
        let wanted = self.limits.min_free_bytes.saturating_add(AHEAD_BYTES);
        let is_short = |writer: &Self| (writer.free_bytes)().is_some_and(|free| free < wanted);
        for _ in 0..PASS {
            if !is_short(self) || !self.files.remove_oldest() {
                break;
            }
            self.figures.space.inc();
        }
        let least = self.limits.min_free_bytes;
        match (self.free_bytes)() {
            Some(free) if free < least => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }

    fn trim(&mut self) {
        if !self.is_scanned {
            return;
        }
        let is_dated = self.clock.is_trusted();
        let limit = self.limits.age.filter(|_| is_dated).map(|age| self.clock.now().before(age));
        for _ in 0..PASS {
            if limit.is_some_and(|limit| self.files.remove_older(limit)) {
                self.figures.age.inc();
            } else if self.files.bytes() > self.limits.bytes && self.files.remove_oldest() {
                self.figures.bytes.inc();
            } else {
                break;
            }
        }
    }

    fn show(&self, shared: &Shared) {
        shared.bytes.set(self.files.bytes() as f64);
        let mut kept = shared.kept();
        if !kept.iter().copied().eq(self.files.events()) {
            *kept = self.files.events().collect();
        }
    }

    /// Says in health how it went, and in the log when that changed.
    fn report(&mut self, outcome: io::Result<()>) {
        let was_failing = std::mem::replace(&mut self.is_failing, outcome.is_err());
        match outcome {
            Ok(()) => self.health.healthy("Clips are kept."),
            Err(error) => {
                if !was_failing {
                    warn!(error:%; "A clip could not be written; every new one is another try.");
                }
                self.health.degraded(
                    format!("Clips are not kept: {error}."),
                    "Check that the state directory is writable and has space left.",
                );
            }
        }
    }
}
