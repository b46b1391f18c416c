//! The thread that works through the jobs, and the handle to it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{error, info};

use super::JobError;
use super::book::Book;
use crate::domain::{Job, JobChange, JobId, JobLogLevel, JobLogLine, JobResult, JobState, JobType};
use crate::live::{Hub, LiveMessage};
use crate::rt::{Clock, Stop, Tasks, panic_message};

/// How long the idle thread waits before it looks at the stop signal.
const IDLE: Duration = Duration::from_millis(250);

/// Work of a job. It runs on the thread of the jobs and may block, but must ask
/// [`Desk::go_on`] at least every few hundred milliseconds.
pub trait Work: Send {
    /// Does it.
    ///
    /// # Errors
    /// When it was stopped, or why it cannot be done.
    fn run(self: Box<Self>, desk: &Desk<'_>) -> Result<JobResult, WorkError>;
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkError {
    /// Somebody stopped it, or the box goes down.
    #[error("cancelled by user")]
    Cancelled,
    /// In one sentence, with what to do.
    #[error("{0}")]
    Failed(String),
}

/// All jobs of the box. Cheap to clone.
#[derive(Clone)]
pub struct Jobs(Arc<Inner>);

struct Inner {
    clock: Clock,
    hub: Hub,
    stop: Stop,
    book: Mutex<Book>,
    wake: Condvar,
}

/// What the jobs need.
pub struct JobsContext {
    /// The clock.
    pub clock: Clock,
    /// Tells everyone.
    pub hub: Hub,
    /// Where the thread is started.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}

impl Jobs {
    /// Starts the thread.
    ///
    /// # Errors
    /// When the system refuses one.
    pub fn start(context: JobsContext) -> std::io::Result<Self> {
        let JobsContext { clock, hub, tasks, stop } = context;
        let (book, wake) = Default::default();
        let inner = Arc::new(Inner { clock, hub, stop, book, wake });
        let worker = Arc::clone(&inner);
        tasks.spawn_thread("jobs", move || worker.run())?;
        Ok(Self(inner))
    }

    /// Takes a job.
    ///
    /// # Errors
    /// When too many wait.
    pub fn submit(&self, job_type: JobType, work: Box<dyn Work>) -> Result<Job, JobError> {
        let now = self.0.clock.monotonic();
        let mut book = self.0.lock();
        book.forget_old(now);
        let job = book.add(job_type, work, self.0.clock.now())?;
        drop(book);
        self.0.wake.notify_one();
        Ok(job)
    }

    /// All jobs that are remembered, newest first.
    pub fn list(&self) -> Vec<Job> {
        let now = self.0.clock.monotonic();
        let mut book = self.0.lock();
        book.forget_old(now);
        book.newest_first().map(|entry| entry.job.clone()).collect()
    }

    /// One job.
    pub fn get(&self, id: JobId) -> Option<Job> {
        self.0.lock().get(id).map(|entry| entry.job.clone())
    }

    /// What a job has said so far, oldest line first, at most the last 1000.
    pub fn log(&self, id: JobId) -> Option<Vec<Arc<JobLogLine>>> {
        self.0.lock().get(id).map(|entry| entry.lines.iter().cloned().collect())
    }

    /// Follows the log of a job: `subscribe` is given the lines that have been said,
    /// and runs while no other is, so nothing is missed or doubled. The signal is set
    /// when nothing more will be said.
    pub fn follow<T>(
        &self,
        id: JobId,
        subscribe: impl FnOnce(&VecDeque<Arc<JobLogLine>>) -> T,
    ) -> Option<(Stop, T)> {
        let book = self.0.lock();
        let entry = book.get(id)?;
        Some((entry.ended.clone(), subscribe(&entry.lines)))
    }

    /// Asks a job to end; it does so within moments.
    ///
    /// # Errors
    /// When there is none, or it is over.
    pub fn cancel(&self, id: JobId) -> Result<Job, JobError> {
        let is_over = self.0.lock().cancel(id)?;
        if is_over {
            self.0.conclude(id, Err(WorkError::Cancelled));
        }
        self.get(id).ok_or(JobError::Unknown)
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        while !self.stop.is_set() {
            let mut book = self.lock();
            let Some((job, work, is_cancelled)) = book.begin(self.clock.now()) else {
                drop(self.wake.wait_timeout(book, IDLE).unwrap_or_else(PoisonError::into_inner));
                continue;
            };
            drop(book);
            self.work(job, work, &is_cancelled);
        }
    }

    fn work(&self, job: Job, work: Box<dyn Work>, is_cancelled: &AtomicBool) {
        let (id, job_type) = (job.id, job.job_type.as_str());
        info!(job:% = id, job_type; "A job begins.");
        self.hub.publish(LiveMessage::Job(Arc::new(job), JobChange::Started));
        let desk = Desk { inner: self, id, is_cancelled };
        desk.say(JobLogLevel::Info, format!("The {job_type} begins."), &[]);
        let done = catch_unwind(AssertUnwindSafe(|| work.run(&desk)));
        let outcome = done.unwrap_or_else(|panic| {
            Err(WorkError::Failed(format!("the job failed: {}", panic_message(panic.as_ref()))))
        });
        self.conclude(id, outcome);
    }

    /// The last line, the final state, and the end of the log, in this order.
    fn conclude(&self, id: JobId, outcome: Result<JobResult, WorkError>) {
        let (level, message) = match &outcome {
            Ok(result) => (JobLogLevel::Info, result.message.clone()),
            Err(WorkError::Cancelled) => (JobLogLevel::Warning, "Cancelled.".to_owned()),
            Err(WorkError::Failed(reason)) => (JobLogLevel::Error, reason.clone()),
        };
        match &outcome {
            Err(WorkError::Failed(reason)) => error!(job:% = id, reason:%; "A job failed."),
            _ => info!(job:% = id; "A job is over: {message}"),
        }
        self.say(id, level, message, &[]);
        let outcome = outcome.map_err(|error| match error {
            WorkError::Cancelled => (JobState::Cancelled, error.to_string()),
            WorkError::Failed(reason) => (JobState::Failed, reason),
        });
        let now = (self.clock.now(), self.clock.monotonic());
        let finished = self.lock().finish(id, outcome, now);
        if let Some((job, ended)) = finished {
            let job = Arc::new(job);
            let changes: &[_] = match job.state {
                JobState::Completed => &[JobChange::Completed],
                JobState::Cancelled => &[JobChange::Failed, JobChange::Cancelled],
                _ => &[JobChange::Failed],
            };
            for change in changes {
                self.hub.publish(LiveMessage::Job(Arc::clone(&job), *change));
            }
            ended.set();
        }
    }

    /// Published under the lock, so that [`Jobs::follow`] misses and doubles none.
    fn say(&self, id: JobId, level: JobLogLevel, message: String, context: &[(&'static str, u64)]) {
        let mut book = self.lock();
        if let Some(line) = book.say(id, self.clock.now(), level, message, context.to_vec()) {
            self.hub.publish(LiveMessage::JobLog(line));
        }
    }
}

/// Where a job reports and asks whether it should go on.
pub struct Desk<'a> {
    inner: &'a Inner,
    id: JobId,
    is_cancelled: &'a AtomicBool,
}

impl Desk<'_> {
    /// The job's id, for names of files.
    pub fn id(&self) -> JobId {
        self.id
    }

    /// Goes on, or ends because somebody wants it to.
    ///
    /// # Errors
    /// [`WorkError::Cancelled`].
    pub fn go_on(&self) -> Result<(), WorkError> {
        let is_over = self.is_cancelled.load(Ordering::Relaxed) || self.inner.stop.is_set();
        if is_over { Err(WorkError::Cancelled) } else { Ok(()) }
    }

    /// So many of so many items are done.
    pub fn progress(&self, processed: u64, total: u64) {
        let news = self.inner.lock().advance(self.id, processed, total);
        if let Some(job) = news {
            let message = format!("{} % done", job.progress / 10 * 10);
            let figures = [("processed", processed), ("total", total)];
            self.inner.hub.publish(LiveMessage::Job(Arc::new(job), JobChange::Progress));
            self.say(JobLogLevel::Info, message, &figures);
        }
    }

    /// A line in the job's log.
    pub fn say(
        &self,
        level: JobLogLevel,
        message: impl Into<String>,
        figures: &[(&'static str, u64)],
    ) {
        self.inner.say(self.id, level, message.into(), figures);
    }
}
