//! The list of jobs and what each has said.
//!
//! Bounded: finished jobs go after [`KEPT`] and beyond [`FINISHED_MAX`], log lines
//! beyond [`LINES_MAX`] a job, the oldest first.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::{JobError, WAITING_MAX, Work};
use crate::domain::{Job, JobId, JobLogLevel, JobLogLine, JobResult, JobState, JobType, Timestamp};
use crate::rt::Stop;

/// How long a finished job is remembered (realtime contract 3.7).
const KEPT: Duration = Duration::from_secs(60 * 60);
/// Most finished jobs remembered.
const FINISHED_MAX: usize = 50;
/// Most log lines of one job.
const LINES_MAX: usize = 1000;

/// All jobs, oldest first.
#[derive(Default)]
pub(super) struct Book {
    entries: Vec<Entry>,
}

/// One job.
pub(super) struct Entry {
    /// As it is now.
    pub job: Job,
    /// What it has said.
    pub lines: VecDeque<Arc<JobLogLine>>,
    /// Somebody wants it to end.
    pub is_cancelled: Arc<AtomicBool>,
    /// Set when nothing more is said.
    pub ended: Stop,
    /// What is to be done; taken when it begins, or never will.
    pub work: Option<Box<dyn Work>>,
    finished_mono: Option<Duration>,
}

impl Book {
    /// Takes a job.
    pub fn add(
        &mut self,
        job_type: JobType,
        work: Box<dyn Work>,
        at: Timestamp,
    ) -> Result<Job, JobError> {
        let waiting = self.entries.iter().filter(|entry| entry.job.state == JobState::Pending);
        if waiting.count() >= WAITING_MAX {
            return Err(JobError::Busy);
        }
        let job = Job {
            id: JobId::fresh(),
            job_type,
            state: JobState::Pending,
            progress: 0,
            processed: 0,
            total: None,
            created_at: at,
            started_at: None,
            finished_at: None,
            result: None,
            error: None,
        };
        self.entries.push(Entry {
            job: job.clone(),
            lines: VecDeque::new(),
            is_cancelled: Arc::default(),
            ended: Stop::new(),
            work: Some(work),
            finished_mono: None,
        });
        Ok(job)
    }

    /// One job.
    pub fn get(&self, id: JobId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.job.id == id)
    }

    fn get_mut(&mut self, id: JobId) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.job.id == id)
    }

    /// All jobs, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().rev()
    }

    /// The next job to work on, which runs from now on.
    pub fn begin(&mut self, at: Timestamp) -> Option<(Job, Box<dyn Work>, Arc<AtomicBool>)> {
        let can_begin = |entry: &&mut Entry| entry.work.is_some();
        let entry = self.entries.iter_mut().find(can_begin)?;
        let work = entry.work.take()?;
        entry.job.state = JobState::Running;
        entry.job.started_at = Some(at);
        Some((entry.job.clone(), work, Arc::clone(&entry.is_cancelled)))
    }

    /// So much is done. Returns the job when another tenth is.
    pub fn advance(&mut self, id: JobId, processed: u64, total: u64) -> Option<Job> {
        let job = &mut self.get_mut(id)?.job;
        let before = job.progress;
        // 100 is for what is really over.
        let percent = processed.saturating_mul(100).checked_div(total).unwrap_or(0).min(99) as u8;
        (job.processed, job.total) = (processed, Some(total));
        job.progress = percent.max(before);
        (job.progress / 10 > before / 10).then(|| job.clone())
    }

    /// Notes a line.
    pub fn say(
        &mut self,
        id: JobId,
        at: Timestamp,
        level: JobLogLevel,
        message: String,
        context: Vec<(&'static str, u64)>,
    ) -> Option<Arc<JobLogLine>> {
        let entry = self.get_mut(id)?;
        let line = Arc::new(JobLogLine { job: id, at, level, message, context });
        if entry.lines.len() == LINES_MAX {
            entry.lines.pop_front();
        }
        entry.lines.push_back(Arc::clone(&line));
        Some(line)
    }

    /// The job is over; whoever follows its log is told with `Entry::ended`.
    pub fn finish(
        &mut self,
        id: JobId,
        outcome: Result<JobResult, (JobState, String)>,
        (at, mono): (Timestamp, Duration),
    ) -> Option<(Job, Stop)> {
        let entry = self.get_mut(id)?;
        let job = &mut entry.job;
        match outcome {
            Ok(result) => {
                (job.state, job.progress, job.result) = (JobState::Completed, 100, Some(result));
            }
            Err((state, reason)) => (job.state, job.error) = (state, Some(reason)),
        }
        job.finished_at = Some(at);
        entry.finished_mono = Some(mono);
        entry.work = None;
        Some((job.clone(), entry.ended.clone()))
    }

    /// Asks a job to end. One that has not begun is over at once, which the caller
    /// says with [`Book::finish`]: true then.
    pub fn cancel(&mut self, id: JobId) -> Result<bool, JobError> {
        let entry = self.get_mut(id).ok_or(JobError::Unknown)?;
        if entry.job.state.is_final() {
            return Err(JobError::Finished(entry.job.state));
        }
        entry.is_cancelled.store(true, Ordering::Relaxed);
        Ok(entry.work.take().is_some())
    }

    /// Forgets what was over long ago.
    pub fn forget_old(&mut self, now: Duration) {
        let is_recent =
            |entry: &Entry| entry.finished_mono.is_none_or(|at| now.saturating_sub(at) < KEPT);
        self.entries.retain(is_recent);
        let finished = self.entries.iter().filter(|entry| entry.job.state.is_final()).count();
        let mut surplus = finished.saturating_sub(FINISHED_MAX);
        self.entries.retain(|entry| {
            let goes = surplus > 0 && entry.job.state.is_final();
            surplus -= usize::from(goes);
            !goes
        });
    }
}
