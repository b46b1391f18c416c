//! The store, opened by a command instead of the daemon.

use std::time::Duration;

use crate::config::StateDir;
use crate::health::{Health, Metrics, State};
use crate::rt::{Clock, Stop, Tasks};
use crate::store::{Store, StoreError, StoreSettings};

/// How often it is looked whether the index is complete.
const LOOK: Duration = Duration::from_millis(200);
/// Longest wait for the end of the store's thread.
const CLOSE_LIMIT: Duration = Duration::from_secs(60);

/// An open store that drops nothing while it is open.
pub struct Session {
    pub store: Store,
    health: Health,
    clock: Clock,
    tasks: Tasks,
    stop: Stop,
    _state_dir: StateDir,
}

impl Session {
    /// Opens the store in a directory that is held, and waits until all of it can
    /// be found; that takes as long as building the index does.
    pub fn open(state_dir: StateDir) -> Result<Self, StoreError> {
        let (clock, stop) = (Clock::system(), Stop::new());
        let health = Health::new(clock.clone());
        let tasks = Tasks::new(stop.clone(), |_| ());
        let settings = StoreSettings {
            journal_max_bytes: u64::MAX,
            max_age: None,
            min_free_bytes: 0,
            ..StoreSettings::default()
        };
        let dir = state_dir.path().to_owned();
        let metrics = Metrics::default();
        let store = Store::open(dir, settings, clock.clone(), &health, &metrics, &tasks, &stop);
        let session = Self { store, health, clock, tasks, stop, _state_dir: state_dir };
        while !session.store.wait_until_current(LOOK) {
            session.check()?;
        }
        Ok(session)
    }

    fn check(&self) -> Result<(), StoreError> {
        let reports = self.health.reports();
        match reports.iter().find(|report| report.state == State::Unhealthy) {
            Some(report) => Err(StoreError::Unavailable(report.message.clone())),
            None => Ok(()),
        }
    }

    /// Everything is written and synced.
    pub fn close(self) {
        self.stop.set();
        drop(self.store);
        self.tasks.join(&self.clock, CLOSE_LIMIT);
    }
}
