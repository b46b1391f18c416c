//! Where the analyst works: the queue of events that are over, and the analyses.

use std::sync::{Arc, OnceLock};

use log::{debug, info, warn};
use tokio::sync::{mpsc, oneshot, watch};

use super::breaker::{Breaker, BreakerFigures, BreakerState, Leave};
use super::client::Client;
use super::flight::{Boarded, Flights, Stage, Watch};
use super::verdict::{Verdict, reasoning_so_far};
use super::{AnalystError, AnalystSettings, QUEUE, is_judged, prompt};
use crate::domain::Event;
use crate::health::{Component, Counter, Health, Metrics};
use crate::live::{Hub, LiveMessage};
use crate::rt::{Clock, Stop, Tasks};
use crate::store::{Durability, Writer};

/// What the analyst works with.
pub struct AnalystContext {
    /// Keeps its verdicts.
    pub writer: Arc<dyn Writer>,
    /// Tells everyone.
    pub hub: Hub,
    /// Hears of every event that it has judged, on the thread of the store; must not
    /// block.
    pub on_verdict: Arc<dyn Fn(&Event) + Send + Sync>,
    /// Times the breaker.
    pub clock: Clock,
    /// Hears of `analyst`.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where its tasks are started.
    pub tasks: Tasks,
    /// Stops them.
    pub stop: Stop,
}

pub struct Desk {
    settings: AnalystSettings,
    client: Client,
    context: AnalystContext,
    component: Component,
    breaker: Breaker,
    flights: Flights,
    queue: mpsc::Sender<Event>,
    answered: Counter,
    failed: Counter,
    dropped: Counter,
}

impl Desk {
    pub fn start(
        settings: AnalystSettings,
        context: AnalystContext,
    ) -> Result<Arc<Self>, AnalystError> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let counted = |name, about| context.metrics.counter(name, about, &[]);
        let component = context.health.component("analyst");
        component.healthy("it has not been asked yet");
        let desk = Arc::new(Self {
            client: Client::new(&settings)?,
            component,
            breaker: Breaker::default(),
            flights: Flights::default(),
            queue,
            answered: counted("watchpost_analyst_verdicts_total", "Events the analyst judged."),
            failed: counted("watchpost_analyst_failures_total", "Questions without a verdict."),
            dropped: counted(
                "watchpost_analyst_dropped_total",
                "Events that kept the verdict of the rules because too many waited or failed.",
            ),
            settings,
            context,
        });
        desk.context.tasks.spawn("analyst", Arc::clone(&desk).work(waiting));
        Ok(desk)
    }

    pub fn see(&self, event: &Event) {
        let matters = event.ended_at.is_some() && event.risk.value() >= self.settings.min_risk;
        if matters && !is_judged(event) && self.queue.try_send(event.clone()).is_err() {
            self.dropped.inc();
        }
    }

    pub fn follow(self: &Arc<Self>, event: &Event) -> Option<Watch> {
        // While it goes on, the rules judge it anew every second.
        if event.ended_at.is_none() || is_judged(event) {
            return None;
        }
        if self.breaker().state == BreakerState::Open {
            return None;
        }
        match self.flights.board(event.id) {
            Boarded::Joined(watch) => Some(watch),
            Boarded::Full => None,
            Boarded::First(stages, watch) => {
                let Some(leave) = self.breaker.ask(self.context.clock.monotonic()) else {
                    self.flights.land(event.id, &stages);
                    return None;
                };
                // It ends by itself, whatever becomes of the program.
                let stop = self.context.stop.child();
                let (desk, event, ended) = (Arc::clone(self), event.clone(), stop.clone());
                self.context.tasks.until(stop).spawn("analysis", async move {
                    desk.analyze(event, leave, stages).await;
                    ended.set();
                });
                Some(watch)
            }
        }
    }

    pub fn breaker(&self) -> BreakerFigures {
        self.breaker.figures(self.context.clock.monotonic())
    }

    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// One event after the other.
    async fn work(self: Arc<Self>, mut waiting: mpsc::Receiver<Event>) {
        let stop = self.context.stop.clone();
        loop {
            let event = tokio::select! {
                () = stop.stopped() => return,
                event = waiting.recv() => event,
            };
            let Some(event) = event else { return };
            match self.follow(&event) {
                Some(watch) => watch.ended().await,
                None => {
                    self.dropped.inc();
                    debug!(event = event.id.0; "The verdict of the rules stays.");
                }
            }
        }
    }

    async fn analyze(&self, event: Event, leave: Leave, stages: watch::Sender<Stage>) {
        let id = event.id;
        let stage = tokio::select! {
            biased;
            // Nobody waits for it any more.
            () = stages.closed() => None,
            () = self.context.stop.stopped() => Some(Stage::Failed(AnalystError::Stopping)),
            asked = self.ask(&event, &stages) => Some(self.conclude(event, leave, asked).await),
        };
        self.flights.land(id, &stages);
        if let Some(stage) = stage {
            stages.send_replace(stage);
        }
    }

    async fn ask(
        &self,
        event: &Event,
        stages: &watch::Sender<Stage>,
    ) -> Result<Verdict, AnalystError> {
        let body = prompt::body(&self.settings, event);
        let on_text = |text: &str| {
            let reasoning = reasoning_so_far(text);
            stages.send_if_modified(|stage| {
                let is_news = *stage != Stage::Thinking(reasoning.clone());
                if is_news {
                    *stage = Stage::Thinking(reasoning);
                }
                is_news
            });
        };
        let limit = self.settings.timeout;
        let answer = tokio::time::timeout(limit, self.client.ask(&body, on_text)).await;
        Verdict::read(&answer.map_err(|_| AnalystError::Timeout(limit))??)
    }

    async fn conclude(
        &self,
        event: Event,
        leave: Leave,
        asked: Result<Verdict, AnalystError>,
    ) -> Stage {
        match asked {
            Ok(verdict) => {
                leave.succeed();
                self.answered.inc();
                self.component.healthy(format!("{} answers", self.settings.model));
                Stage::Done(Box::new(self.keep(event, verdict).await))
            }
            Err(error) => {
                leave.fail(self.context.clock.monotonic());
                self.failed.inc();
                self.say(&error);
                Stage::Failed(error)
            }
        }
    }

    /// Once for each change; the counter tells how often.
    fn say(&self, error: &AnalystError) {
        let BreakerFigures { state, failures } = self.breaker();
        if failures == 1 {
            warn!(reason:% = error; "The analyst has no verdict; that of the rules stays.");
        } else if state == BreakerState::Open {
            info!(failures, reason:% = error; "The analyst is left alone for a minute.");
        }
        let message = format!("{error}; the rules judge alone meanwhile");
        self.component.degraded(message, error.next_step());
    }

    /// Stored, then announced. What people wrote on the event stays; one that was
    /// judged in the meantime stays as it is.
    async fn keep(&self, event: Event, verdict: Verdict) -> Event {
        let judged = verdict.apply(event.clone());
        let known = Arc::new(OnceLock::new());
        let seen = Arc::clone(&known);
        let change = move |latest: Option<Event>| {
            let latest = latest?;
            if is_judged(&latest) {
                // Set once: the closure runs once.
                let _ = seen.set(latest);
                return None;
            }
            Some(verdict.apply(latest))
        };
        let (tx, rx) = oneshot::channel();
        let (hub, on_verdict) = (self.context.hub.clone(), Arc::clone(&self.context.on_verdict));
        let done = move |kept: Result<Option<Event>, _>| {
            let kept = kept.ok().flatten();
            if let Some(event) = &kept {
                hub.publish(LiveMessage::Event(Arc::new(event.clone())));
                on_verdict(event);
            }
            // Who asked may have stopped.
            let _ = tx.send(kept);
        };
        let writer = &self.context.writer;
        writer.amend_event(event.id, Box::new(change), Durability::Synced, Box::new(done));
        let kept = rx.await.ok().flatten();
        kept.or_else(|| known.get().cloned()).unwrap_or(judged)
    }
}
