//! Work that lasts as long as a test wants.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use watchpost::domain::JobResult;
use watchpost::jobs::{Desk, Work, WorkError};

/// What holds the checks of the store back until a test opens it.
#[derive(Clone, Default)]
pub struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub fn open(&self) {
        *self.0.0.lock().unwrap() = true;
        self.0.1.notify_all();
    }
}

/// A check of the store that ends when the gate is open, or when it is stopped.
pub struct Gated(pub Gate);

impl Work for Gated {
    fn run(self: Box<Self>, desk: &Desk<'_>) -> Result<JobResult, WorkError> {
        let (is_open, opened) = &*self.0.0;
        let mut open = is_open.lock().unwrap();
        while !*open {
            desk.go_on()?;
            open = opened.wait_timeout(open, Duration::from_millis(10)).unwrap().0;
        }
        desk.progress(1, 2);
        Ok(JobResult { message: "All well.".to_owned(), records: 2, ..JobResult::default() })
    }
}
