//! Fetches signed configuration and sees it through its trial.
//!
//! One task, one document at a time. What is written down comes before what is done: a
//! document is on the disk as `trial` before it is applied, so whatever ends the program
//! meanwhile, the next start has the one before. A version that was taken up is never
//! taken up again, nor is a lower one; only a trial that the box did not survive is
//! repeated, once.

use std::sync::Arc;
use std::time::Duration;

use log::{error, info, warn};

use super::status::Teller;
use super::trial::{End, prove};
use super::{
    Change, Document, Note, PullSettings, PullStatus, Shelf, Source, Standing, Subject, TRIES_MAX,
    Verdict, Vitals,
};
use crate::health::{Health, Metrics};
use crate::rt::{Backoff, Clock, Stop, Tasks};

/// Wait after the first failure; it doubles up to the usual interval.
const RETRY: Duration = Duration::from_secs(30);

/// Boxes that start together look within this time, at random.
const FIRST_WITHIN: Duration = Duration::from_secs(60);

/// What the fetching works with.
pub struct PullContext {
    /// Settings.
    pub settings: PullSettings,
    /// The name of this box.
    pub device: Arc<str>,
    /// What its fleet is called.
    pub fleet: Option<String>,
    /// Where documents come from.
    pub source: Arc<dyn Source>,
    /// Where they are kept.
    pub shelf: Shelf,
    /// The box.
    pub subject: Arc<dyn Subject>,
    /// The clock.
    pub clock: Clock,
    /// Gets the component `fleet.config`.
    pub health: Health,
    /// Gets the figures.
    pub metrics: Metrics,
    /// Where the task runs.
    pub tasks: Tasks,
    /// Ends it.
    pub stop: Stop,
}

/// Fetching at work.
pub struct Pull {
    context: PullContext,
    teller: Teller,
    note: Option<Note>,
}

impl Pull {
    /// Starts on the current runtime, with what the start of the program has found.
    pub fn start(context: PullContext, standing: Standing) -> Arc<std::sync::Mutex<PullStatus>> {
        let teller = Teller::new(context.source.address(), &context.health, &context.metrics);
        let status = teller.status();
        let Standing { layer, is_trial, note, trouble } = standing;
        teller.tell(|status| {
            status.version = layer.as_ref().map(|layer| layer.version);
            (status.is_trial, status.last, status.trouble) = (is_trial, note.clone(), trouble);
        });
        let tasks = context.tasks.clone();
        let on_trial = layer.filter(|_| is_trial);
        tasks.spawn("fleet-config", Self { context, teller, note }.run(on_trial));
        status
    }

    async fn run(mut self, on_trial: Option<Document>) {
        if let Some(document) = on_trial {
            let before = self.note.as_ref().map(|note| note.before.clone()).unwrap_or_default();
            self.on_trial(&document, &before).await;
        }
        let interval = self.context.settings.interval;
        let mut retry = Backoff::new(RETRY.min(interval), interval);
        let mut wait = FIRST_WITHIN.min(interval).mul_f64(fastrand::f64());
        let stop = self.context.stop.clone();
        while tokio::time::timeout(wait, stop.stopped()).await.is_err() {
            wait = if self.look().await {
                retry.reset();
                interval.mul_f64(1.0 - fastrand::f64() / 4.0)
            } else {
                retry.next_delay()
            };
        }
    }

    /// Looks for a document; false when there was no answer.
    async fn look(&mut self) -> bool {
        let have = self.note.as_ref().map_or(0, |note| note.version);
        let answer = self.context.source.fetch(have).await;
        let now = self.context.clock.now();
        match answer {
            Err(reason) => {
                self.teller.count("failed");
                self.teller.tell(|status| status.trouble = Some(reason.to_string()));
                return false;
            }
            Ok(None) => {
                self.teller.count("none");
                self.teller.tell(|status| {
                    (status.fetched_at, status.trouble) = (Some(now), None);
                });
            }
            Ok(Some(bytes)) => {
                self.teller.tell(|status| status.fetched_at = Some(now));
                self.take(&bytes).await;
            }
        }
        true
    }

    async fn take(&mut self, bytes: &[u8]) {
        let document = match self.open(bytes) {
            Ok(Some(document)) => document,
            Ok(None) => {
                self.teller.count("unchanged");
                return self.teller.tell(|status| status.trouble = None);
            }
            Err(reason) => {
                self.teller.count("refused");
                warn!(reason = reason.as_str(); "Configuration of the fleet is refused.");
                return self.teller.tell(|status| status.trouble = Some(reason));
            }
        };
        let version = document.version;
        self.teller.tell(|status| status.trouble = None);
        match self.context.subject.check(Some(&document.toml)) {
            Err(reason) => {
                self.teller.count("refused");
                warn!(version, reason = reason.as_str(); "Configuration of the fleet is refused.");
                let note = self.next_note(version, Verdict::Refused, reason);
                let written = self.context.shelf.forget(&note);
                self.remember(note, written);
            }
            Ok(change) => self.try_out(document, bytes, change).await,
        }
    }

    /// The document, if it is one for this box that was not taken up before.
    fn open(&self, bytes: &[u8]) -> Result<Option<Document>, String> {
        let context = &self.context;
        let document = Document::open(bytes, &context.settings.keys)
            .and_then(|document| {
                document.check_addressee(&context.device, context.fleet.as_deref())?;
                Ok(document)
            })
            .map_err(|error| error.to_string())?;
        let Some(note) = &self.note else { return Ok(Some(document)) };
        let version = document.version;
        if version < note.version {
            let known = note.version;
            return Err(format!("version {version} is offered, although {known} was already"));
        }
        let is_again = version == note.version;
        let is_over = match note.verdict {
            Verdict::Waiting => context.shelf.is_waiting(),
            Verdict::Trial => false,
            Verdict::Interrupted => note.tries >= TRIES_MAX,
            Verdict::Kept | Verdict::Refused | Verdict::Reverted => true,
        };
        Ok((!is_again || !is_over).then_some(document))
    }

    async fn try_out(&mut self, document: Document, bytes: &[u8], change: Change) {
        let (context, version) = (&self.context, document.version);
        let cameras = context.subject.cameras();
        let before = Vitals { cameras, upstreams: context.subject.upstreams().await };
        let verdict = match change {
            Change::Live => Verdict::Trial,
            Change::Restart => Verdict::Waiting,
        };
        let mut note = self.next_note(version, verdict, String::new());
        note.before = before.clone();
        let written = match change {
            Change::Live => context.shelf.begin(bytes, &note),
            Change::Restart => context.shelf.arm(bytes, &note),
        };
        let is_written = written.is_ok();
        self.remember(note, written);
        if !is_written {
            return;
        }
        info!(version; "Configuration of the fleet is tried.");
        match change {
            Change::Live => {
                self.context.subject.apply(Some(document.toml.clone())).await;
                self.teller.tell(|status| {
                    (status.version, status.is_trial) = (Some(version), true);
                });
                self.on_trial(&document, &before).await;
            }
            Change::Restart => {
                if self.context.subject.restart() {
                    self.context.stop.stopped().await;
                }
            }
        }
    }

    async fn on_trial(&mut self, document: &Document, before: &Vitals) {
        let context = &self.context;
        let limit = context.settings.trial;
        let subject = Arc::clone(&context.subject);
        let version = document.version;
        match prove(&*subject, before, limit, &context.clock, &context.stop).await {
            End::Stopped => {}
            End::Proven => {
                self.teller.count("kept");
                info!(version; "Configuration of the fleet holds.");
                let note = self.next_note(version, Verdict::Kept, String::new());
                let written = self.context.shelf.keep(&note);
                self.conclude(note, written, Some(version));
            }
            End::Lost(reason) => self.revert(version, reason).await,
        }
    }

    async fn revert(&mut self, version: u64, mut reason: String) {
        self.teller.count("reverted");
        let subject = Arc::clone(&self.context.subject);
        let back = self.context.shelf.current(&self.context.settings.keys);
        let (back, toml) = back.map(|document| (document.version, document.toml)).unzip();
        let change = subject.check(toml.as_deref());
        warn!(version, reason = reason.as_str(); "Configuration of the fleet is taken back.");
        let mut note = self.next_note(version, Verdict::Reverted, reason.clone());
        let written = self.context.shelf.forget(&note);
        subject.apply(toml).await;
        self.conclude(note.clone(), written, back);
        if change != Ok(Change::Restart) {
            return;
        }
        if subject.restart() {
            return self.context.stop.stopped().await;
        }
        reason.push_str("; parts of it are in force until the service is restarted");
        note.message = reason;
        let written = self.context.shelf.forget(&note);
        self.remember(note, written);
    }

    fn next_note(&self, version: u64, verdict: Verdict, message: String) -> Note {
        let known = self.note.as_ref().filter(|note| note.version == version);
        let (tries, at) = (known.map_or(0, |note| note.tries), self.context.clock.now());
        Note { version, verdict, message, at, tries, before: Vitals::default() }
    }

    fn remember(&mut self, note: Note, written: std::io::Result<()>) {
        self.note = Some(note.clone());
        let trouble = trouble(written);
        self.teller.tell(|status| (status.last, status.trouble) = (Some(note), trouble));
    }

    /// A trial is over, and this version is in force now; all of it is told at once.
    fn conclude(&mut self, note: Note, written: std::io::Result<()>, in_force: Option<u64>) {
        self.note = Some(note.clone());
        let trouble = trouble(written);
        self.teller.tell(|status| {
            (status.version, status.is_trial) = (in_force, false);
            (status.last, status.trouble) = (Some(note), trouble);
        });
    }
}

fn trouble(written: std::io::Result<()>) -> Option<String> {
    let reason = written.err()?;
    error!(reason:%; "Configuration of the fleet cannot be kept.");
    Some(format!("it cannot be kept: {reason}"))
}

#[cfg(test)]
#[path = "pull_tests.rs"]
mod tests;
