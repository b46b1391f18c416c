//! Component states: each part of the box says in words how it is.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

use crate::domain::Timestamp;
use crate::rt::Clock;

/// How a component, or the whole box, is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Does its work.
    Healthy,
    /// Does part of its work, or heals itself at the moment.
    Degraded,
    /// Does not do its work.
    Unhealthy,
}

impl State {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What one component says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name, such as `camera.front_door` or `store`.
    pub component: String,
    /// How it is.
    pub state: State,
    /// Why, in one sentence.
    pub message: String,
    /// What a person should do, if anything.
    pub next_step: Option<String>,
    /// Since when it has been in this state.
    pub since: Timestamp,
}

type Listener = Box<dyn Fn(&Report) + Send + Sync>;

/// The states of all components. Cheap to clone; clones share the states.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    clock: Clock,
    reports: Mutex<BTreeMap<String, Report>>,
    listeners: Mutex<Vec<Listener>>,
}

impl Health {
    /// No components yet.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner { clock, reports: Mutex::default(), listeners: Mutex::default() }))
    }

    /// The handle through which the component `name` reports. It appears in the
    /// list with its first report.
    pub fn component(&self, name: impl Into<String>) -> Component {
        Component { health: self.clone(), name: name.into() }
    }

    /// Calls `listener` whenever the state of a component changes, on the thread
    /// that reported; it must not block and must not report itself.
    pub fn on_change(&self, listener: impl Fn(&Report) + Send + Sync + 'static) {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// All reports, ordered by component.
    pub fn reports(&self) -> Vec<Report> {
        self.lock().values().cloned().collect()
    }

    /// The worst state there is, except that one camera of several cannot make
    /// the box unhealthy: `camera.*` counts as degraded while another is well.
    pub fn overall(&self) -> State {
        let reports = self.lock();
        let (cameras, others): (Vec<_>, Vec<_>) =
            reports.values().partition(|report| report.component.starts_with("camera."));
        let worst = others.iter().map(|report| report.state).max().unwrap_or(State::Healthy);
        let worst_camera = cameras.iter().map(|report| report.state).max();
        let best_camera = cameras.iter().map(|report| report.state).min();
        let camera_state = match (best_camera, worst_camera) {
            (Some(State::Unhealthy), _) => State::Unhealthy,
            (_, Some(State::Degraded | State::Unhealthy)) => State::Degraded,
            _ => State::Healthy,
        };
        worst.max(camera_state)
    }

    fn report(&self, component: &str, state: State, message: String, next_step: Option<String>) {
        let changed = {
            let mut reports = self.lock();
            let known = reports.get(component);
            let since = match known {
                Some(known) if known.state == state => known.since,
                _ => self.0.clock.now(),
            };
            let is_new_state = known.is_none_or(|known| known.state != state);
            let report =
                Report { component: component.to_owned(), state, message, next_step, since };
            reports.insert(component.to_owned(), report.clone());
            is_new_state.then_some(report)
        };
        if let Some(report) = changed {
            let listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            listeners.iter().for_each(|listener| listener(&report));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Report>> {
        self.0.reports.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The mouth of one component.
#[derive(Clone)]
pub struct Component {
    health: Health,
    name: String,
}

impl Component {
    /// All is well; `message` says what it does.
    pub fn healthy(&self, message: impl Into<String>) {
        self.health.report(&self.name, State::Healthy, message.into(), None);
    }

    /// Part of the work is not done; `next_step` says what a person should do.
    pub fn degraded(&self, message: impl Into<String>, next_step: impl Into<String>) {
        self.health.report(&self.name, State::Degraded, message.into(), Some(next_step.into()));
    }

    /// The work is not done; `next_step` says what a person should do.
    pub fn unhealthy(&self, message: impl Into<String>, next_step: impl Into<String>) {
        self.health.report(&self.name, State::Unhealthy, message.into(), Some(next_step.into()));
    }

    /// The component no longer exists (a camera was removed).
    pub fn remove(&self) {
        self.health.lock().remove(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn health() -> (Clock, Health) {
        let clock = Clock::manual(Timestamp::from_unix_ms(1_000));
        (clock.clone(), Health::new(clock))
    }

    #[test]
    fn one_blind_camera_of_two_degrades_the_box_and_two_make_it_unhealthy() {
        let (_, health) = health();
        health.component("camera.yard").healthy("12 fps");
        health.component("camera.gate").unhealthy("no route", "check the cable");
        assert_eq!(health.overall(), State::Degraded);
        health.component("camera.yard").unhealthy("no route", "check the cable");
        assert_eq!(health.overall(), State::Unhealthy);
    }

    #[test]
    fn since_tells_when_the_state_began_not_when_it_was_last_reported() {
        let (clock, health) = health();
        let store = health.component("store");
        store.healthy("ok");
        clock.advance(Duration::from_secs(5));
        store.healthy("still ok");
        assert_eq!(health.reports()[0].since, Timestamp::from_unix_ms(1_000));
        store.degraded("disk is slow", "replace the card");
        assert_eq!(health.reports()[0].since, Timestamp::from_unix_ms(6_000));
    }

    #[test]
    fn listeners_hear_changes_of_state_only() {
        let (_, health) = health();
        let heard = Arc::new(Mutex::new(Vec::new()));
        health.on_change({
            let heard = Arc::clone(&heard);
            move |report| heard.lock().unwrap().push(report.state)
        });
        let store = health.component("store");
        store.healthy("ok");
        store.healthy("ok again");
        store.unhealthy("full", "free space");
        assert_eq!(*heard.lock().unwrap(), [State::Healthy, State::Unhealthy]);
    }
}
