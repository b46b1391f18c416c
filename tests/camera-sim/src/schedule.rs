//! What the camera does after a while, in order of time.

use std::time::{Duration, Instant};

/// Something that will happen in the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The lens has focused.
    Focused,
    /// The photograph is taken.
    Exposed,
    /// The zoom has moved a little.
    Zoomed,
    /// A change of a storm.
    Stormed,
}

/// What is due when; one of each sort at most.
#[derive(Debug, Default)]
pub struct Schedule(Vec<(Instant, Due)>);

impl Schedule {
    /// It will happen then, and not at another time.
    pub fn set(&mut self, due: Due, now: Instant, after: Duration) {
        self.cancel(due);
        self.0.push((now + after, due));
    }

    /// It will not happen.
    pub fn cancel(&mut self, due: Due) {
        self.0.retain(|(_, other)| *other != due);
    }

    /// Whether it will happen.
    pub fn has(&self, due: Due) -> bool {
        self.0.iter().any(|(_, other)| *other == due)
    }

    /// Takes what is due first, if its time has come.
    pub fn take(&mut self, now: Instant) -> Option<Due> {
        let first = self.0.iter().enumerate().min_by_key(|(_, (at, _))| *at);
        let at = first.filter(|(_, (at, _))| *at <= now).map(|(at, _)| at)?;
        Some(self.0.swap_remove(at).1)
    }

    /// When the next thing is due.
    pub fn next(&self) -> Option<Instant> {
        self.0.iter().map(|(at, _)| *at).min()
    }
}
