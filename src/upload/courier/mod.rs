//! A courier for each upstream: chooses what goes next, sends it, and draws the
//! consequences.
//!
//! One request at a time, but for alerts beside a medium that is one long request. What is due in a more urgent lane goes first; requests are
//! cut so that they take about two seconds on the line as it is, so an alert never waits
//! long behind pictures. Nothing is counted as delivered before the upstream said so.

mod sending;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{info, warn};
use tokio::sync::Notify;

use super::budget::Budget;
use super::figures::Figures;
use super::gather::Selection;
use super::hashed_clips::HashedClips;
use super::line::{FAILURES_TOLD, Line};
use super::outbox::{Limits, Outbox};
use super::patience::Patience;
use super::saved::Shelf;
use super::status::{LaneStatus, UpstreamStatus};
use super::uploads::UploadsContext;
use super::{Lane, SendError, Sent, Transport, UploadSettings};
use crate::health::Component;
use crate::rt::{Clock, Stop};
use crate::store::Feed;

/// Bytes of a request that are not its items.
const HEAD_BYTES: u64 = 1 << 10;

/// Steps of counting before something else gets its turn; a step reads a quarter of
/// a MiB.
const COUNT_STEPS: usize = 64;

/// How long to wait for a store that cannot tell yet, and before a failed disk is
/// read again.
const STORE_WAIT: Duration = Duration::from_secs(1);

/// Health is told at least this often, because it speaks of ages.
const REPORT: Duration = Duration::from_secs(10);

/// One way upstream at work.
pub(super) struct Courier {
    pub name: &'static str,
    transport: Arc<dyn Transport>,
    pub outbox: Arc<Outbox>,
    feed: Arc<dyn Feed>,
    settings: UploadSettings,
    budget: Budget,
    device: Arc<str>,
    clock: Clock,
    health: Component,
    figures: Figures,
    lanes: Vec<Lane>,
    /// There is something to do that the journal does not tell.
    pub wake: Notify,
    /// Set when it has ended.
    pub gone: Stop,
    line: Mutex<Line>,
}

/// What to do next.
enum Choice {
    /// Send what waits in this lane, at most so many bytes.
    Lane(Lane, u64),
    /// Nothing now; look again after this.
    Wait(Duration),
}

impl Courier {
    /// At rest.
    pub fn new(
        name: &'static str,
        transport: Arc<dyn Transport>,
        context: &UploadsContext,
    ) -> Self {
        let settings = context.settings.clone();
        let is_used = |lane: &Lane| {
            transport.takes(*lane)
                && match lane {
                    Lane::Media => settings.has_snapshots,
                    Lane::Clips => settings.has_clips && context.clips.is_some(),
                    Lane::Alerts | Lane::Events | Lane::Bulk => true,
                }
        };
        let lanes: Vec<_> = Lane::ALL.into_iter().filter(is_used).collect();
        let selection = Selection {
            lanes: lanes.clone(),
            detections: settings.detections,
            snapshots: context.snapshots.clone(),
            clips: context.clips.clone().map(HashedClips::new),
        };
        let shelf = Shelf {
            upstream: name,
            reader: Arc::clone(&context.reader),
            writer: Arc::clone(&context.writer),
        };
        let limits = Limits { items: settings.batch_items, bytes: settings.batch_bytes };
        let (feed, clock) = (Arc::clone(&context.feed), context.clock.clone());
        let outbox = Outbox::new(Arc::clone(&feed), shelf, clock.clone(), selection, limits);
        let patience = Patience::new(settings.retry_first, settings.retry_longest);
        let line = Line::new(patience, settings.batch_bytes);
        Self {
            name,
            transport,
            outbox: Arc::new(outbox),
            feed,
            budget: Budget::new(&settings),
            settings,
            device: Arc::clone(&context.device),
            clock,
            health: context.health.component(format!("upload.{name}")),
            figures: Figures::new(&context.metrics, name, &lanes),
            lanes,
            wake: Notify::new(),
            gone: Stop::new(),
            line: Mutex::new(line),
        }
    }

    /// Until the stop, which breaks off what is being sent, or until it is to leave, which
    /// does not.
    pub async fn run(self: Arc<Self>, stop: Stop, leave: Stop) {
        let _end = End(self.gone.clone());
        tokio::select! {
            () = stop.stopped() => {}
            () = self.work(&leave) => {}
        }
    }

    async fn work(self: &Arc<Self>, leave: &Stop) {
        let mut end = self.feed.end();
        self.report();
        while !leave.is_set() {
            let turn = self.turn().await;
            self.report();
            let more = async {
                // A store that is gone has nothing more.
                if end.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                () = leave.stopped() => return,
                () = self.wake.notified() => {}
                () = more => {}
                () = tokio::time::sleep(turn.min(REPORT)) => {}
            }
        }
    }

    /// Does one thing; how long there is nothing to do after it.
    async fn turn(self: &Arc<Self>) -> Duration {
        let counted = self.on_disk(|courier| courier.count()).await;
        let is_counted = match counted {
            Ok(Some(is_counted)) => is_counted,
            Ok(None) => return STORE_WAIT,
            Err(reason) => {
                warn!(reason, upstream = self.name; "The journal could not be read; it is tried again.");
                return STORE_WAIT;
            }
        };
        let wait = self.line().patience.wait(self.clock.monotonic());
        if wait > Duration::ZERO {
            return wait;
        }
        if let Some(()) = self.try_wanted().await {
            return Duration::ZERO;
        }
        match self.choose() {
            // First all that waits is known, so that nothing urgent is behind.
            Choice::Lane(lane, _) if !is_counted && lane != Lane::Alerts => Duration::ZERO,
            Choice::Lane(lane, room) => self.send_from(lane, room).await,
            Choice::Wait(_) if !is_counted => Duration::ZERO,
            Choice::Wait(wait) => {
                self.keep_up().await;
                wait
            }
        }
    }

    /// Whether all that waits is counted; `None` while the store cannot tell.
    fn count(&self) -> Result<Option<bool>, String> {
        if !self.outbox.settle() {
            return Ok(None);
        }
        for _ in 0..COUNT_STEPS {
            if self.outbox.count().map_err(|error| error.to_string())? {
                return Ok(Some(true));
            }
        }
        Ok(Some(false))
    }

    /// The most urgent lane that is due and may send.
    fn choose(&self) -> Choice {
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let (spent, _) = self.outbox.spent();
        let mut wait = REPORT;
        let mut held = None;
        let mut is_waiting = false;
        for lane in Lane::ALL {
            let backlog = self.outbox.backlog(lane);
            let Some(since) = backlog.since else { continue };
            is_waiting = true;
            let is_full = backlog.waiting >= self.settings.batch_items as u64
                || backlog.waiting_bytes >= self.settings.batch_bytes;
            let age = now.saturating_sub(since);
            if lane != Lane::Alerts && !is_full && age < self.settings.batch_age {
                wait = wait.min(self.settings.batch_age - age);
                continue;
            }
            match self.budget.room(lane, spent, wall) {
                Ok(room) => return Choice::Lane(lane, room),
                Err(why) => {
                    wait = wait.min(why.wait);
                    held = held.or(Some(why.reason));
                }
            }
        }
        let mut line = self.line();
        line.state = match (held, is_waiting) {
            (Some(_), _) => "held",
            (None, true) => "waiting",
            (None, false) => "idle",
        };
        line.reason = held.map(|reason| format!("held back: {reason}"));
        Choice::Wait(wait)
    }

    /// While nothing goes out, the line stands all the same.
    async fn keep_up(&self) {
        let Some((bytes, result)) = self.transport.keep_up().await else { return };
        if bytes > 0 {
            self.figures.bytes.add(bytes);
            self.outbox.spend(bytes);
        }
        match result {
            Ok(()) if self.line().patience.failures() > 0 => self.succeed(),
            Ok(()) => {}
            Err(error) => self.fail(&error),
        }
    }

    /// Tries a dead letter again, if somebody wants that.
    async fn try_wanted(self: &Arc<Self>) -> Option<()> {
        let wanted = self.on_disk(|courier| courier.outbox.next_wanted()).await;
        let (lane, item) = wanted.ok().flatten()?;
        let (key, bytes) = (item.key.clone(), self.settings.batch_bytes);
        let parcel = self.parcel(lane, vec![item], bytes)?;
        let attempt = self.send(&parcel).await;
        self.outbox.spend(attempt.bytes);
        match attempt.result {
            Ok(Sent::Whole { rejected, .. }) => {
                self.outbox.tried(&key, rejected.first().map(|(_, reason)| reason.as_str()));
                self.succeed();
            }
            Ok(Sent::Part) => self.succeed(),
            Err(SendError::Rejected { reason }) => self.outbox.tried(&key, Some(&reason)),
            Err(error) => self.fail(&error),
        }
        Some(())
    }

    fn succeed(&self) {
        if self.line().succeed() {
            info!(upstream = self.name; "The upload goes on.");
        }
    }

    fn fail(&self, error: &SendError) {
        self.figures.failures.inc();
        if self.line().fail(error, self.clock.monotonic()) {
            warn!(reason:% = error, upstream = self.name; "The upload fails; it is tried again and again.");
        }
    }

    /// Nothing goes to this upstream any more.
    pub fn retire(&self) {
        self.figures.clear();
        self.health.remove();
    }

    /// Has the upstream told what has changed beside the journal.
    pub fn look_again(&self) {
        self.transport.look_again();
        self.wake.notify_one();
    }

    /// How it is.
    pub fn status(&self) -> UpstreamStatus {
        let (spent, last_success) = self.outbox.spent();
        let (now, wall) = (self.clock.monotonic(), self.clock.now());
        let line = self.line();
        let wait = line.patience.wait(now);
        UpstreamStatus {
            name: self.name,
            address: self.transport.address(),
            state: line.state,
            reason: line.reason.clone(),
            lanes: self
                .lanes
                .iter()
                .map(|lane| LaneStatus::of(*lane, self.outbox.backlog(*lane)))
                .collect(),
            bytes_today: spent.today(wall),
            last_success,
            next_try: (line.patience.failures() > 0).then(|| wall.after(wait)),
            failures: line.patience.failures(),
            dead_letters: self.outbox.dead(),
        }
    }

    /// Says in health and figures how it is.
    fn report(&self) {
        let (status, now) = (self.status(), self.clock.now());
        let next_step = self.line().next_step.clone();
        self.figures.show(&status, now);
        let sentence = status.sentence(now);
        let dead = status.dead_letters.len();
        if status.failures >= FAILURES_TOLD {
            self.health.degraded(
                sentence,
                next_step.unwrap_or_else(|| {
                    "Check the uplink and the upstream; it is tried again by itself.".to_owned()
                }),
            );
        } else if dead > 0 {
            self.health.degraded(
                format!("{dead} items were refused by the upstream. {sentence}"),
                "Look at GET /api/system/upload for the reasons, and have them tried again there.",
            );
        } else {
            self.health.healthy(sentence);
        }
    }

    /// Runs what reads the disk where that may be done.
    async fn on_disk<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let courier = Arc::clone(self);
        let done = tokio::task::spawn_blocking(move || work(&courier)).await;
        done.unwrap_or_else(|error| Err(error.to_string()))
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a courier has ended, however it did.
struct End(Stop);

impl Drop for End {
    fn drop(&mut self) {
        self.0.set();
    }
}
