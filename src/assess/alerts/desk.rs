//! Where events come in, alerts go out, and people act on both alerts and rules.
//! Everything is stored first and announced second.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use log::warn;

use super::engine::{Engine, Verdict, When};
use super::motion::Motion;
use super::start;
use crate::board::MotionLog;
use crate::domain::{
    Alert, AlertAction, AlertId, AlertRule, AlertStatus, Event, RiskLevel, RuleId, Timestamp,
};
use crate::health::{Component, Counter, Health, Metrics};
use crate::live::{AlertChange, AlertNews, Hub, LiveMessage};
use crate::rt::{Clock, Stop, Tasks};
use crate::store::{Amended, Change, Durability, Reader, Record, StoreError, Writer};

/// Events that wait until the rules are known: some minutes of a busy box. When
/// full, the oldest is dropped and counted; what is stored of it is judged all the
/// same when the rules are there.
pub(super) const WAITING: usize = 256;

/// Asks the rules. Cheap to clone; clones are the same.
#[derive(Clone)]
pub struct Alerts(Arc<Desk>);

/// What [`Alerts`] works with.
pub struct AlertsContext {
    /// Finds rules, earlier alerts and events.
    pub reader: Arc<dyn Reader>,
    /// Keeps alerts and rules.
    pub writer: Arc<dyn Writer>,
    /// Tells everyone.
    pub hub: Hub,
    /// What the motion sensor has seen, if one is wired to the box.
    pub motion_log: Option<MotionLog>,
    /// Dates alerts.
    pub clock: Clock,
    /// Told whether rules are known.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where a thread is started if the store is not ready.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}

/// What came of acting on an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Acted {
    /// The alert as it is now.
    Done(Alert),
    /// Too late: this is how it stands.
    Late(Alert),
    /// There is no such alert.
    Missing,
}

pub(super) struct Desk {
    pub(super) reader: Arc<dyn Reader>,
    pub(super) writer: Arc<dyn Writer>,
    pub(super) clock: Clock,
    health: Component,
    motion_log: Option<MotionLog>,
    hub: Hub,
    state: Mutex<State>,
    created: Counter,
    unsaved: Counter,
    dropped: Counter,
}

struct State {
    engine: Engine,
    /// Until the rules are known.
    waiting: Option<VecDeque<Event>>,
}

impl Alerts {
    /// Reads the rules, or keeps trying on a thread named `alerts` until the store
    /// can tell them.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(context: AlertsContext) -> io::Result<Self> {
        let AlertsContext { reader, writer, hub, motion_log, clock, health, metrics, tasks, stop } =
            context;
        let counter = |name, help| metrics.counter(name, help, &[]);
        let desk = Arc::new(Desk {
            reader,
            writer,
            clock,
            health: health.component("alerts"),
            motion_log,
            hub,
            state: Mutex::new(State { engine: Engine::default(), waiting: Some(VecDeque::new()) }),
            created: counter("watchpost_alerts_created_total", "Alerts that rules raised."),
            unsaved: counter(
                "watchpost_alerts_unsaved_total",
                "Alerts announced although the store could not keep them.",
            ),
            dropped: counter(
                "watchpost_alerts_dropped_total",
                "Events not judged because the rules were not known for too long.",
            ),
        });
        start::begin(&desk, &tasks, &stop)?;
        Ok(Self(desk))
    }

    /// Asks the rules about an event that is stored and announced. Never blocks.
    pub fn see(&self, event: &Event) {
        self.0.see(event);
    }

    /// The motion sensor has begun to see something: asks about the events that wait
    /// for it. Never blocks.
    pub fn see_motion(&self) {
        let verdicts = self.0.lock().engine.judge_waiting(self.0.when(self.0.clock.now()));
        verdicts.into_iter().for_each(|verdict| self.0.keep(verdict));
    }

    /// What the motion sensor has seen by now.
    pub fn motion(&self) -> Motion<'_> {
        self.0.motion()
    }

    /// Whether a motion sensor is wired to the box.
    pub fn has_motion_sensor(&self) -> bool {
        self.0.motion_log.is_some()
    }

    /// How many rules there are; `None` until they are known.
    pub fn rule_count(&self) -> Option<usize> {
        let state = self.0.lock();
        state.waiting.is_none().then(|| state.engine.rules().count())
    }

    /// Keeps a new rule; it holds when `done` runs. `done` gets what was kept.
    pub fn add_rule(&self, rule: AlertRule, done: Amended<AlertRule>) {
        if self.rule_count().is_none() {
            return done(Err(not_known()));
        }
        let (desk, kept) = (Arc::clone(&self.0), rule.clone());
        let done = move |result: Result<(), StoreError>| {
            done(result.map(|()| {
                desk.with_rules(|engine| engine.set_rule(kept.clone()));
                Some(kept)
            }));
        };
        self.0.writer.submit(vec![Record::AlertRule(rule)], Durability::Synced, Box::new(done));
    }

    /// Changes a rule; the change holds when `done` runs. `done` gets the rule, or
    /// `None` when there is none or nothing is to change.
    pub fn change_rule(&self, id: RuleId, change: Change<AlertRule>, done: Amended<AlertRule>) {
        if self.rule_count().is_none() {
            return done(Err(not_known()));
        }
        let desk = Arc::clone(&self.0);
        let done = move |result: Result<Option<AlertRule>, StoreError>| {
            if let Ok(Some(rule)) = &result {
                desk.with_rules(|engine| engine.set_rule(rule.clone()));
            }
            done(result);
        };
        self.0.writer.amend_alert_rule(id, change, Durability::Synced, Box::new(done));
    }

    /// Removes a rule for good; `done` hears whether there was one.
    pub fn remove_rule(
        &self,
        id: RuleId,
        done: impl FnOnce(Result<bool, StoreError>) + Send + 'static,
    ) {
        if self.rule_count().is_none() {
            return done(Err(not_known()));
        }
        let desk = Arc::clone(&self.0);
        let done = move |result: Result<Option<Record>, StoreError>| {
            if matches!(result, Ok(Some(_))) {
                desk.with_rules(|engine| engine.remove_rule(id));
            }
            done(result.map(|removed| removed.is_some()));
        };
        let now = self.0.clock.now();
        self.0.writer.remove(id.into(), now, Durability::Synced, Box::new(done));
    }

    /// Acknowledges or dismisses an alert. Of two who do it at once, one is late.
    pub fn act(
        &self,
        id: AlertId,
        action: AlertAction,
        done: impl FnOnce(Result<Acted, StoreError>) + Send + 'static,
    ) {
        let (desk, now) = (Arc::clone(&self.0), self.0.clock.now());
        let seen = Arc::new(OnceLock::new());
        let found = Arc::clone(&seen);
        let change = move |alert: Option<Alert>| {
            let alert = found.get_or_init(|| alert).as_ref();
            alert?.after(action, now)
        };
        let done = move |result: Result<Option<Alert>, StoreError>| {
            done(result.map(|changed| match (changed, seen.get()) {
                (Some(alert), _) => {
                    desk.announce_action(action, &alert);
                    Acted::Done(alert)
                }
                (None, Some(Some(alert))) => Acted::Late(alert.clone()),
                (None, _) => Acted::Missing,
            }));
        };
        self.0.writer.amend_alert(id, Box::new(change), Durability::Synced, Box::new(done));
    }
}

fn not_known() -> StoreError {
    StoreError::Unavailable("the alert rules are not known yet".into())
}

impl Desk {
    fn see(self: &Arc<Self>, event: &Event) {
        let mut state = self.lock();
        if let Some(waiting) = &mut state.waiting {
            waiting.push_back(event.clone());
            if waiting.len() > WAITING {
                waiting.pop_front();
                self.dropped.inc();
            }
            return;
        }
        let verdict = state.engine.judge(event, self.when(self.clock.now()));
        drop(state);
        self.keep(verdict);
    }

    /// The rules are known: judges what earlier runs have left, then what has
    /// waited.
    pub(super) fn take_over(self: &Arc<Self>, engine: Engine, missed: &[Event]) {
        let mut state = self.lock();
        state.engine = engine;
        let mut verdicts = Vec::new();
        let waiting = state.waiting.take().unwrap_or_default();
        let is_waiting = |event: &&Event| waiting.iter().any(|known| known.id == event.id);
        for event in missed.iter().filter(|event| !is_waiting(event)) {
            verdicts.push(state.engine.judge_missed(event, self.when(event.updated_at)));
        }
        for event in waiting {
            verdicts.push(state.engine.judge(&event, self.when(event.updated_at)));
        }
        drop(state);
        self.report();
        verdicts.into_iter().for_each(|verdict| self.keep(verdict));
    }

    fn with_rules(&self, change: impl FnOnce(&mut Engine)) {
        change(&mut self.lock().engine);
        self.report();
    }

    /// Says in health how many rules there are, or which can never hold.
    fn report(&self) {
        let state = self.lock();
        let count = state.engine.rules().count();
        let asks_in_vain = |rule: &&AlertRule| {
            self.motion_log.is_none() && rule.is_enabled && rule.motion_within.is_some()
        };
        let in_vain = state.engine.rules().find(asks_in_vain).map(|rule| rule.name.clone());
        drop(state);
        match in_vain {
            Some(name) => self.health.degraded(
                format!("the alert rule \"{name}\" asks for a motion sensor, and none is wired"),
                "configure [gpio.motion_sensor] and restart, or change the rule",
            ),
            None => self.health.healthy(format!("Alert rules: {count}.")),
        }
    }

    /// The rules are not known yet.
    pub(super) fn report_wait(&self, reason: &StoreError) {
        self.health.degraded(
            format!("Alert rules are not known yet: {reason}."),
            "Wait; events are judged when the store is there.",
        );
    }

    fn motion(&self) -> Motion<'_> {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        Motion::new(self.motion_log.as_ref(), now, monotonic)
    }

    fn when(&self, at: Timestamp) -> When<'_> {
        let (now, clock_trusted) = (self.clock.now(), self.clock.is_trusted());
        When { at, now, clock_trusted, motion: self.motion() }
    }

    fn keep(self: &Arc<Self>, Verdict { alerts, raised }: Verdict) {
        if !alerts.is_empty() {
            let desk = Arc::clone(self);
            let records = alerts.iter().cloned().map(Record::Alert).collect();
            let done = move |result| desk.announce_created(alerts, result);
            self.writer.submit(records, Durability::Synced, Box::new(done));
        }
        for (id, severity) in raised {
            self.raise(id, severity);
        }
    }

    fn announce_created(&self, alerts: Vec<Alert>, kept: Result<(), StoreError>) {
        self.created.add(alerts.len() as u64);
        if let Err(error) = kept {
            self.unsaved.add(alerts.len() as u64);
            let count = alerts.len();
            warn!(error:%, count; "Alerts are announced although they could not be kept.");
        }
        for alert in alerts {
            self.announce(AlertChange::Created, alert);
        }
    }

    /// What somebody has acknowledged stays as it was seen.
    fn raise(self: &Arc<Self>, id: AlertId, severity: RiskLevel) {
        let (desk, now) = (Arc::clone(self), self.clock.now());
        let change = move |alert: Option<Alert>| {
            let is_open = |alert: &Alert| {
                matches!(alert.status, AlertStatus::Pending | AlertStatus::Delivered)
            };
            let alert = alert.filter(|alert| is_open(alert) && alert.severity < severity)?;
            Some(Alert { severity, updated_at: now, ..alert })
        };
        let done = move |result: Result<Option<Alert>, StoreError>| match result {
            Ok(Some(alert)) => desk.announce(AlertChange::SeverityRaised, alert),
            Ok(None) => {}
            Err(error) => {
                desk.unsaved.inc();
                warn!(error:%, alert:% = id; "An alert could not be made more severe.");
            }
        };
        self.writer.amend_alert(id, Box::new(change), Durability::Synced, Box::new(done));
    }

    fn announce_action(&self, action: AlertAction, alert: &Alert) {
        match action {
            AlertAction::Acknowledge => self.announce(AlertChange::Acknowledged, alert.clone()),
            AlertAction::Dismiss => {
                self.announce(AlertChange::Dismissed, alert.clone());
                self.announce(AlertChange::Resolved, alert.clone());
            }
        }
    }

    fn announce(&self, change: AlertChange, alert: Alert) {
        self.hub.publish(LiveMessage::Alert(Arc::new(AlertNews { change, alert })));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
