//! A courier for each upstream: chooses what goes next, sends it, and draws the
//! consequences.
//!
//! One request at a time. What is due in a more urgent lane goes first; requests are
//! cut so that they take about [`TURN`] on the line as it is, so an alert never waits
//! long behind pictures. Nothing is counted as delivered before the upstream said so.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{info, warn};
use tokio::sync::Notify;

use super::budget::Budget;
use super::figures::Figures;
use super::gather::Selection;
use super::outbox::{Limits, Outbox};
use super::patience::Patience;
use super::saved::Shelf;
use super::status::{LaneStatus, UpstreamStatus};
use super::uploads::UploadsContext;
use super::{Attempt, Item, Lane, Parcel, SendError, Sent, Transport, UploadSettings};
use crate::health::Component;
use crate::rt::{Clock, Stop};
use crate::store::Feed;

/// A request should take about this long.
const TURN: Duration = Duration::from_secs(2);

/// Bytes of a request on a slow line, at least: half of it is heads below.
const TURN_BYTES_MIN: u64 = 4 << 10;

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

/// So many items refused one by one, without another being taken in between, are no
/// accident: from then on the upstream gets time between two of them.
const STRIKES: u32 = 3;

/// Failures in a row that are worth a word in health: one happens on every line.
const FAILURES_TOLD: u32 = 2;

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

/// How the line has been of late.
struct Line {
    state: &'static str,
    patience: Patience,
    strikes: u32,
    /// Bytes that go in about a [`TURN`].
    turn_bytes: u64,
    reason: Option<String>,
    next_step: Option<String>,
    is_told: bool,
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
            transport.takes(*lane) && (*lane != Lane::Media || settings.has_snapshots)
        };
        let lanes: Vec<_> = Lane::ALL.into_iter().filter(is_used).collect();
        let selection = Selection {
            lanes: lanes.clone(),
            detections: settings.detections,
            snapshots: context.snapshots.clone(),
        };
        let shelf = Shelf {
            upstream: name,
            reader: Arc::clone(&context.reader),
            writer: Arc::clone(&context.writer),
        };
        let limits = Limits { items: settings.batch_items, bytes: settings.batch_bytes };
        let (feed, clock) = (Arc::clone(&context.feed), context.clock.clone());
        let outbox = Outbox::new(Arc::clone(&feed), shelf, clock.clone(), selection, limits);
        let line = Line {
            state: "starting",
            patience: Patience::new(settings.retry_first, settings.retry_longest),
            strikes: 0,
            turn_bytes: settings.batch_bytes.min(64 << 10),
            reason: None,
            next_step: None,
            is_told: false,
        };
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

    async fn send_from(self: &Arc<Self>, lane: Lane, room: u64) -> Duration {
        let (turn_bytes, is_open) = {
            let mut line = self.line();
            line.state = if line.patience.is_open() { "open" } else { "sending" };
            (line.turn_bytes, line.patience.is_open())
        };
        let room = room.saturating_sub(HEAD_BYTES);
        let most = if is_open { 1 } else { self.settings.batch_items };
        let bytes = turn_bytes.min(room);
        let items = match self.on_disk(move |courier| courier.outbox.next(lane, most, bytes)).await
        {
            Ok(items) => items,
            Err(reason) => {
                warn!(reason, upstream = self.name; "What is to be uploaded could not be read; it is tried again.");
                return STORE_WAIT;
            }
        };
        // What was counted is gone, or too large for what is left of the budget.
        let Some(first) = items.first() else { return Duration::ZERO };
        if lane != Lane::Media && first.bytes > room {
            self.line().state = "held";
            return REPORT;
        }
        let Some(parcel) = self.parcel(lane, items, bytes) else { return STORE_WAIT };
        let attempt = self.send(&parcel).await;
        self.conclude(&parcel, attempt);
        Duration::ZERO
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

    fn parcel(&self, lane: Lane, items: Vec<Item>, turn_bytes: u64) -> Option<Parcel> {
        let journal = self.outbox.journal()?;
        let turn_bytes = turn_bytes.max(TURN_BYTES_MIN);
        Some(Parcel { device: Arc::clone(&self.device), journal, lane, items, turn_bytes })
    }

    async fn send(&self, parcel: &Parcel) -> Attempt {
        let began = self.clock.monotonic();
        let attempt = self.transport.send(parcel).await;
        let took = self.clock.monotonic().saturating_sub(began);
        self.figures.bytes.add(attempt.bytes);
        if attempt.result.is_ok() && attempt.bytes >= TURN_BYTES_MIN {
            self.learn(attempt.bytes, took);
        }
        attempt
    }

    /// Follows the line: half what it was, half what it is.
    fn learn(&self, bytes: u64, took: Duration) {
        let rate = bytes as f64 / took.as_secs_f64().max(0.001);
        let fits = (rate * TURN.as_secs_f64()) as u64;
        let most = self.settings.batch_bytes.max(TURN_BYTES_MIN);
        let mut line = self.line();
        line.turn_bytes = (line.turn_bytes / 2 + fits.min(most) / 2).clamp(TURN_BYTES_MIN, most);
    }

    fn conclude(&self, parcel: &Parcel, attempt: Attempt) {
        let (lane, count) = (parcel.lane, parcel.items.len());
        match attempt.result {
            Ok(Sent::Whole { rejected, .. }) => {
                let reason = |item: &Item| {
                    let found = rejected.iter().find(|(key, _)| *key == item.key);
                    found.map(|(_, reason)| (item.clone(), reason.clone()))
                };
                let buried: Vec<_> = parcel.items.iter().filter_map(reason).collect();
                if !buried.is_empty() && !self.outbox.bury(lane, &buried) {
                    self.outbox.spend(attempt.bytes);
                    return self.fail(&too_many_dead());
                }
                let sent = count - buried.len();
                self.outbox.confirm(lane, count, sent, attempt.bytes);
                self.figures.sent.add(sent as u64);
                self.succeed();
            }
            Ok(Sent::Part) => {
                self.outbox.spend(attempt.bytes);
                self.succeed();
            }
            Err(SendError::Rejected { reason }) => {
                self.outbox.spend(attempt.bytes);
                self.refuse(lane, count, reason);
            }
            Err(error) => {
                self.outbox.spend(attempt.bytes);
                self.fail(&error);
            }
        }
    }

    fn refuse(&self, lane: Lane, count: usize, reason: String) {
        if !self.outbox.refuse(lane, count, &reason) {
            return self.fail(&too_many_dead());
        }
        let strikes = {
            let mut line = self.line();
            line.strikes += u32::from(count == 1);
            line.strikes
        };
        if strikes >= STRIKES {
            self.fail(&SendError::Unavailable { reason, retry_after: None });
        }
    }

    fn succeed(&self) {
        let mut line = self.line();
        if line.is_told {
            info!(upstream = self.name; "The upload goes on.");
        }
        line.patience.succeeded();
        (line.strikes, line.is_told) = (0, false);
        (line.reason, line.next_step) = (None, None);
    }

    fn fail(&self, error: &SendError) {
        self.figures.failures.inc();
        let retry_after = match error {
            SendError::Unavailable { retry_after, .. } => *retry_after,
            SendError::Denied { .. } | SendError::Rejected { .. } => None,
        };
        let mut line = self.line();
        line.patience.failed(self.clock.monotonic(), retry_after, fastrand::f64());
        line.state = if line.patience.is_open() { "open" } else { "retrying" };
        line.reason = Some(error.to_string());
        line.next_step = match error {
            SendError::Denied { next_step, .. } => Some(next_step.clone()),
            SendError::Unavailable { .. } | SendError::Rejected { .. } => None,
        };
        if line.patience.failures() >= FAILURES_TOLD && !line.is_told {
            line.is_told = true;
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

fn too_many_dead() -> SendError {
    SendError::Denied {
        reason: "the upstream refuses more items than dead letters are kept".to_owned(),
        next_step: "Look at GET /api/system/upload for the reasons; have them tried again, or \
                    mend the upstream."
            .to_owned(),
    }
}
