//! Supervised units of the running program, by name.
//!
//! A task that returns while the program is not stopping, or that panics, is
//! reported with its name; nothing ends silently.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::{Clock, Stop};

/// How often a bounded wait looks again.
const POLL: Duration = Duration::from_millis(5);

/// How a task ended although nobody had asked it to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnexpectedEnd {
    /// Its name.
    pub task: String,
    /// The panic message, or that it simply returned.
    pub reason: String,
}

type OnEnd = Arc<dyn Fn(UnexpectedEnd) + Send + Sync>;

/// All long-lived tasks of the program.
#[derive(Clone)]
pub struct Tasks {
    stop: Stop,
    on_end: OnEnd,
    running: Arc<Mutex<Vec<Running>>>,
}

struct Running {
    name: String,
    handle: Handle,
}

enum Handle {
    Thread(thread::JoinHandle<()>),
    Async(tokio::task::JoinHandle<()>),
}

impl Handle {
    fn is_finished(&self) -> bool {
        match self {
            Self::Thread(handle) => handle.is_finished(),
            Self::Async(handle) => handle.is_finished(),
        }
    }
}

impl Tasks {
    /// No tasks yet. `on_end` is told, on the task's own thread, about each that
    /// ends before `stop` is set.
    pub fn new(stop: Stop, on_end: impl Fn(UnexpectedEnd) + Send + Sync + 'static) -> Self {
        Self { stop, on_end: Arc::new(on_end), running: Arc::default() }
    }

    /// The same tasks, for work that may end before the program does: whoever ends
    /// after `stop` (a child of the program's stop) is not reported.
    #[must_use]
    pub fn until(&self, stop: Stop) -> Self {
        Self { stop, ..self.clone() }
    }

    /// Runs blocking work on a thread of its own, named `name` (the kernel shows
    /// the first 15 bytes).
    ///
    /// # Errors
    /// When the system refuses another thread.
    pub fn spawn_thread(
        &self,
        name: impl Into<String>,
        work: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let name = name.into();
        let report = self.reporter(&name);
        let handle = thread::Builder::new().name(name.clone()).spawn(move || {
            report(catch_unwind(AssertUnwindSafe(work)).err());
        })?;
        self.remember(name, Handle::Thread(handle));
        Ok(())
    }

    /// Runs async work on the current runtime.
    pub fn spawn(&self, name: impl Into<String>, work: impl Future<Output = ()> + Send + 'static) {
        let name = name.into();
        let report = self.reporter(&name);
        let handle = tokio::spawn(async move {
            report(AssertUnwindSafe(work).catch_unwind().await.err());
        });
        self.remember(name, Handle::Async(handle));
    }

    /// Waits until all tasks have ended or `limit` has passed; the names of those
    /// still running are returned.
    pub fn join(&self, clock: &Clock, limit: Duration) -> Vec<String> {
        let deadline = clock.monotonic() + limit;
        loop {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            running.retain(|task| !task.handle.is_finished());
            if running.is_empty() || clock.monotonic() >= deadline {
                return running.iter().map(|task| task.name.clone()).collect();
            }
            drop(running);
            thread::park_timeout(POLL);
        }
    }

    fn remember(&self, name: String, handle: Handle) {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|task| !task.handle.is_finished());
        running.push(Running { name, handle });
    }

    fn reporter(&self, name: &str) -> impl FnOnce(Option<Box<dyn Any + Send>>) + Send + 'static {
        let (task, stop, on_end) = (name.to_owned(), self.stop.clone(), Arc::clone(&self.on_end));
        move |panic| {
            let reason = match panic {
                Some(payload) => format!("panicked: {}", panic_message(payload.as_ref())),
                None if stop.is_set() => return,
                None => "returned although it should have gone on".to_owned(),
            };
            on_end(UnexpectedEnd { task, reason });
        }
    }
}

/// The text of a caught panic.
pub fn panic_message(payload: &(dyn Any + Send)) -> &str {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn a_panicking_thread_is_reported_by_name() {
        let (tx, rx) = mpsc::sync_channel(1);
        let tasks = Tasks::new(Stop::new(), move |end| tx.send(end).unwrap());
        tasks.spawn_thread("camera yard", || panic!("lens cap")).unwrap();
        let end = rx.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(end.task, "camera yard");
        assert_eq!(end.reason, "panicked: lens cap");
    }

    #[test]
    fn work_that_was_asked_to_end_early_is_not_reported_but_still_joined() {
        let (program, own) = (Stop::new(), Stop::new());
        let (tx, rx) = mpsc::sync_channel(1);
        let tasks = Tasks::new(program, move |end| tx.send(end).unwrap());
        let waiter = own.clone();
        let work = move || while !waiter.wait(Duration::from_secs(1)) {};
        tasks.until(own.clone()).spawn_thread("camera yard", work).unwrap();
        assert_eq!(tasks.join(&Clock::system(), Duration::ZERO), ["camera yard"]);
        own.set();
        assert!(tasks.join(&Clock::system(), Duration::from_secs(10)).is_empty());
        assert!(rx.try_recv().is_err());
    }

    #[test]
    fn tasks_that_end_after_the_stop_are_not_reported() {
        let stop = Stop::new();
        let (tx, rx) = mpsc::sync_channel(1);
        let tasks = Tasks::new(stop.clone(), move |end| tx.send(end).unwrap());
        tasks
            .spawn_thread("patient", {
                let stop = stop.clone();
                move || while !stop.wait(Duration::from_secs(1)) {}
            })
            .unwrap();
        stop.set();
        assert_eq!(tasks.join(&Clock::system(), Duration::from_secs(10)), Vec::<String>::new());
        assert!(rx.try_recv().is_err());
    }
}
