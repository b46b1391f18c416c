use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

use super::*;
use crate::domain::{Job, JobLogLevel, JobResult, JobState, JobType, Timestamp};
use crate::health::Metrics;
use crate::live::Hub;
use crate::rt::{Clock, Stop, Tasks};

const DEADLINE: Duration = Duration::from_secs(20);

struct Bench {
    jobs: Jobs,
    clock: Clock,
    stop: Stop,
    tasks: Tasks,
}

impl Bench {
    fn new() -> Self {
        let clock = Clock::manual(Timestamp::from_unix_ms(1_760_000_000_000));
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let hub = Hub::new(clock.clone(), Metrics::default());
        let (clock2, tasks2, stop2) = (clock.clone(), tasks.clone(), stop.clone());
        let context = JobsContext { clock: clock2, hub, tasks: tasks2, stop: stop2 };
        Self { jobs: Jobs::start(context).unwrap(), clock, stop, tasks }
    }

    /// A job that begins, waits to be told to go on, and does a step each time.
    fn stepper(&self) -> (Job, SyncSender<()>) {
        let (tx, rx) = sync_channel(4);
        let job = self.jobs.submit(JobType::StoreCheck, Box::new(Stepper(Mutex::new(rx)))).unwrap();
        (job, tx)
    }

    fn ended(&self, job: &Job) -> Job {
        let (ended, ()) = self.jobs.follow(job.id, |_| ()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { tokio::time::timeout(DEADLINE, ended.stopped()).await }).unwrap();
        self.jobs.get(job.id).unwrap()
    }

    fn lines(&self, job: &Job) -> Vec<(JobLogLevel, String)> {
        let lines = self.jobs.log(job.id).unwrap();
        lines.iter().map(|line| (line.level, line.message.clone())).collect()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        self.stop.set();
        self.tasks.join(&Clock::system(), DEADLINE);
    }
}

struct Stepper(Mutex<Receiver<()>>);

impl Work for Stepper {
    fn run(self: Box<Self>, desk: &Desk<'_>) -> Result<JobResult, WorkError> {
        let steps = self.0.into_inner().unwrap();
        for step in 1..=4 {
            desk.go_on()?;
            // Ends when the test has no more steps.
            if steps.recv().is_err() {
                break;
            }
            desk.progress(step, 4);
        }
        desk.go_on()?;
        Ok(JobResult { message: "All well.".to_owned(), records: 4, ..JobResult::default() })
    }
}

struct Panics;

impl Work for Panics {
    fn run(self: Box<Self>, _: &Desk<'_>) -> Result<JobResult, WorkError> {
        panic!("a mistake of ours");
    }
}

#[test]
fn a_job_runs_and_says_how_far_it_is() {
    let bench = Bench::new();
    let (job, steps) = bench.stepper();
    assert_eq!((job.state, job.progress), (JobState::Pending, 0));
    (0..4).for_each(|_| steps.send(()).unwrap());
    let job = bench.ended(&job);
    assert_eq!((job.state, job.progress, job.total), (JobState::Completed, 100, Some(4)));
    assert_eq!(job.result.unwrap().records, 4);
    let said: Vec<_> = bench.lines(&bench.jobs.list()[0]).into_iter().map(|line| line.1).collect();
    let expected = [
        "The store_check begins.",
        "20 % done",
        "50 % done",
        "70 % done",
        "90 % done",
        "All well.",
    ];
    assert_eq!(said, expected);
}

#[test]
fn a_running_job_and_a_waiting_one_can_be_stopped_and_neither_twice() {
    let bench = Bench::new();
    let (running, steps) = bench.stepper();
    let (waiting, _) = bench.stepper();
    let cancelled = bench.jobs.cancel(waiting.id).unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert_eq!(bench.jobs.cancel(waiting.id), Err(JobError::Finished(JobState::Cancelled)));
    assert!(bench.jobs.cancel(running.id).is_ok());
    drop(steps);
    let job = bench.ended(&running);
    assert_eq!((job.state, job.error.as_deref()), (JobState::Cancelled, Some("cancelled by user")));
    assert_eq!(bench.lines(&job).last().unwrap().0, JobLogLevel::Warning);
    // The one after them is not in anybody's way.
    let (next, steps) = bench.stepper();
    drop(steps);
    assert_eq!(bench.ended(&next).state, JobState::Completed);
}

#[test]
fn a_job_that_panics_has_failed_and_the_next_one_runs() {
    let bench = Bench::new();
    let job = bench.jobs.submit(JobType::Export, Box::new(Panics)).unwrap();
    let failed = bench.ended(&job);
    assert_eq!(failed.state, JobState::Failed);
    assert!(failed.error.unwrap().contains("a mistake of ours"));
    let (next, steps) = bench.stepper();
    drop(steps);
    assert_eq!(bench.ended(&next).state, JobState::Completed);
}

#[test]
fn only_so_many_wait_and_finished_ones_are_forgotten_after_an_hour() {
    let bench = Bench::new();
    let (first, steps) = bench.stepper();
    // It runs when it has said so.
    let others: Vec<_> = std::iter::from_fn(|| {
        let (_, rx) = sync_channel(1);
        let work = Box::new(Stepper(Mutex::new(rx)));
        bench.jobs.submit(JobType::StoreCheck, work).ok()
    })
    .collect();
    assert!((WAITING_MAX - 1..=WAITING_MAX).contains(&others.len()), "{}", others.len());
    drop(steps);
    bench.ended(&first);
    others.iter().for_each(|job| _ = bench.ended(job));
    assert_eq!(bench.jobs.list().len(), others.len() + 1);
    bench.clock.advance(Duration::from_secs(3_599));
    assert_eq!(bench.jobs.list().len(), others.len() + 1);
    bench.clock.advance(Duration::from_secs(2));
    assert_eq!(bench.jobs.list(), []);
    assert_eq!(bench.jobs.cancel(first.id), Err(JobError::Unknown));
}

#[test]
fn whoever_follows_a_log_gets_every_line_once() {
    let bench = Bench::new();
    let (job, steps) = bench.stepper();
    steps.send(()).unwrap();
    let follow = || bench.jobs.follow(job.id, |lines| lines.len()).unwrap();
    let (ended, said) = follow();
    assert!(said <= 2 && !ended.is_set());
    drop(steps);
    bench.ended(&job);
    let (ended, said) = follow();
    assert_eq!(said, 3);
    assert!(ended.is_set());
}
