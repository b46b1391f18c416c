//! How it is with the fleet's configuration, for people and programs.

use std::sync::{Arc, Mutex, PoisonError};

use super::{Note, Verdict};
use crate::domain::Timestamp;
use crate::health::{Component, Counter, Gauge, Health, Metrics};

/// The fleet, as the rest of the box sees it. Cheap to clone.
#[derive(Clone, Default)]
pub struct Fleet {
    /// The name of this box.
    pub device: Arc<str>,
    /// What its fleet is called.
    pub name: Option<String>,
    /// Whether the box announces itself.
    pub is_announced: bool,
    /// Fetching configuration, where that is set up.
    pub pull: Option<Arc<Mutex<PullStatus>>>,
}

/// How it is with fetching.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PullStatus {
    /// Where it is fetched.
    pub address: String,
    /// Version that lies over the file.
    pub version: Option<u64>,
    /// Whether that one has yet to prove itself.
    pub is_trial: bool,
    /// How it went with the last one.
    pub last: Option<Note>,
    /// When it was looked for last, with an answer.
    pub fetched_at: Option<Timestamp>,
    /// What is wrong with the last answer, or why there was none.
    pub trouble: Option<String>,
}

impl Fleet {
    /// How it is with fetching.
    pub fn pull(&self) -> Option<PullStatus> {
        let status = self.pull.as_ref()?;
        Some(status.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// Tells how it is: in the status, in health and in figures.
pub(super) struct Teller {
    status: Arc<Mutex<PullStatus>>,
    component: Component,
    metrics: Metrics,
    version: Gauge,
    trial: Gauge,
}

impl Teller {
    pub fn new(address: String, health: &Health, metrics: &Metrics) -> Self {
        Self {
            status: Arc::new(Mutex::new(PullStatus { address, ..PullStatus::default() })),
            component: health.component("fleet.config"),
            metrics: metrics.clone(),
            version: metrics.gauge(
                "watchpost_fleet_config_version",
                "Version of the fleet's configuration that lies over the file; 0 for none.",
                &[],
            ),
            trial: metrics.gauge(
                "watchpost_fleet_config_trial",
                "1 while a configuration of the fleet has yet to prove itself.",
                &[],
            ),
        }
    }

    pub fn status(&self) -> Arc<Mutex<PullStatus>> {
        Arc::clone(&self.status)
    }

    /// Counts how a look for configuration ended.
    pub fn count(&self, result: &'static str) {
        let help = "Looks for configuration of the fleet, by how they ended.";
        let labels = [("result", result)];
        let counter: Counter = self.metrics.counter("watchpost_fleet_pulls_total", help, &labels);
        counter.inc();
    }

    /// Changes the status and tells everyone.
    pub fn tell(&self, change: impl FnOnce(&mut PullStatus)) {
        let status = {
            let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
            change(&mut status);
            status.clone()
        };
        self.version.set(status.version.unwrap_or_default() as f64);
        self.trial.set(f64::from(u8::from(status.is_trial)));
        let (message, next_step) = sentence(&status);
        match next_step {
            None => self.component.healthy(message),
            Some(step) => self.component.degraded(message, step),
        }
    }
}

/// How it is, and what a person should do.
fn sentence(status: &PullStatus) -> (String, Option<&'static str>) {
    let holds = match status.version {
        None => "the box's own file alone holds".to_owned(),
        Some(version) if status.is_trial => format!("version {version} is tried"),
        Some(version) => format!("version {version} holds"),
    };
    if let Some(trouble) = &status.trouble {
        let step = "Look at what the fleet offers there, and at [fleet] in the box's file.";
        return (format!("{holds}; {}: {trouble}", status.address), Some(step));
    }
    let Some(note) = &status.last else { return (holds, None) };
    let (version, message) = (note.version, &note.message);
    let higher = "Offer a corrected configuration under a higher version.";
    match note.verdict {
        Verdict::Trial | Verdict::Kept => (holds, None),
        Verdict::Waiting => {
            let step = "Restart the service when it suits.";
            (format!("{holds}; version {version} waits for a restart"), Some(step))
        }
        Verdict::Refused => {
            (format!("{holds}; version {version} was refused: {message}"), Some(higher))
        }
        Verdict::Reverted => {
            (format!("{holds}; version {version} was taken back: {message}"), Some(higher))
        }
        Verdict::Interrupted => {
            (format!("{holds}; version {version} was given up: {message}"), Some(higher))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Vitals;

    #[test]
    fn the_sentence_says_what_holds_and_why_the_last_one_does_not() {
        let at = Timestamp::default();
        let note = Note {
            version: 4,
            verdict: Verdict::Reverted,
            message: "the camera yard delivers nothing".to_owned(),
            at,
            tries: 0,
            before: Vitals::default(),
        };
        let status = PullStatus { version: Some(3), last: Some(note), ..PullStatus::default() };
        let (said, step) = sentence(&status);
        assert_eq!(
            said,
            "version 3 holds; version 4 was taken back: the camera yard delivers nothing"
        );
        assert!(step.is_some());
        assert_eq!(
            sentence(&PullStatus::default()),
            ("the box's own file alone holds".to_owned(), None)
        );
    }
}
