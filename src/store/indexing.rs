//! Keeps the index up to date while records are being written.
//!
//! The index is opened on a thread of its own, so that a slow or damaged one
//! never delays a record. Until it knows the whole journal it is filled in small
//! steps between the groups; from then on every group is added as it is written.
//! When it fails it is moved aside and the filling begins anew, at growing
//! intervals.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use log::{info, warn};

use super::catch_up::{CatchUp, Start};
use super::healing::heal;
use super::index::{Changes, Index, IndexError};
use super::index_files;
use super::journal::{Journal, Place};
use super::outline::stretch_bytes;
use super::shared::{Shared, Status};
use crate::rt::Backoff;

/// Opening takes about 8 ms per MB and several times that on a small board; a
/// store of the largest size is open long before this.
const OPEN_DEADLINE: Duration = Duration::from_secs(60);
/// How often it is looked whether the index is open.
const OPEN_POLL: Duration = Duration::from_millis(5);
/// The index is rebuilt from the journal when it is lost, so it is synced seldom.
const FLUSH: Duration = Duration::from_secs(30);
/// Delays between tries to get a working index.
const RETRY: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(300));

/// The index as the writer thread sees it.
pub(super) struct Indexing {
    shared: Arc<Shared>,
    state: State,
    backoff: Backoff,
    next_flush: Duration,
}

enum State {
    Opening {
        answer: Receiver<Result<Index, IndexError>>,
        since: Duration,
    },
    CatchingUp(Arc<Index>, Box<CatchUp>),
    Current(Arc<Index>),
    Failed {
        retry_at: Duration,
    },
    /// None is kept on this ground.
    Absent,
}

impl Indexing {
    /// Begins to open the index.
    pub fn begin(shared: &Arc<Shared>) -> Self {
        let mut indexing = Self {
            shared: Arc::clone(shared),
            state: State::Failed { retry_at: Duration::ZERO },
            backoff: Backoff::new(RETRY.0, RETRY.1),
            next_flush: shared.clock.monotonic() + FLUSH,
        };
        if shared.ground.has_index {
            indexing.open();
        } else {
            indexing.state = State::Absent;
            shared.set_status(Status::NoIndex("there is none here".into()));
        }
        indexing
    }

    /// How long there is nothing to do here; `None` for no opinion.
    pub fn time_to_wait(&self) -> Option<Duration> {
        match self.state {
            State::Opening { .. } => Some(OPEN_POLL),
            State::CatchingUp(..) => Some(Duration::ZERO),
            State::Current(_) | State::Failed { .. } | State::Absent => None,
        }
    }

    /// The index, if it knows the whole journal.
    pub fn current(&self) -> Option<&Arc<Index>> {
        match &self.state {
            State::Current(index) => Some(index),
            State::Opening { .. }
            | State::CatchingUp(..)
            | State::Failed { .. }
            | State::Absent => None,
        }
    }

    /// Frames were written and end at `end`. False when the index has failed.
    pub fn add(&mut self, places: &[Place], bodies: &[&[u8]], end: Place) -> bool {
        let State::Current(index) = &self.state else { return true };
        let mut changes = Changes::new(index);
        let added = places
            .iter()
            .zip(bodies)
            .try_for_each(|(place, body)| changes.add_frame(*place, body))
            .and_then(|()| changes.apply(Some(end)));
        if let Err(error) = &added {
            self.fail(error);
        }
        added.is_ok()
    }

    /// Does a little of what is due; true when the status has changed.
    pub fn step(&mut self, journal: &Journal) -> bool {
        if self.shared.index_failed.swap(false, Ordering::Relaxed)
            && self.shared.index.load().is_some()
        {
            self.fail(&IndexError("a query met damage".into()));
            return true;
        }
        let now = self.shared.clock.monotonic();
        match &mut self.state {
            State::Opening { answer, since } => match answer.try_recv() {
                Ok(opened) => self.attach(opened, journal),
                Err(TryRecvError::Disconnected) => {
                    self.fail(&IndexError("the thread that opens it has died".into()));
                }
                Err(TryRecvError::Empty) if now >= *since + OPEN_DEADLINE => {
                    self.fail(&IndexError(format!("not open after {OPEN_DEADLINE:?}")));
                }
                Err(TryRecvError::Empty) => return false,
            },
            State::CatchingUp(index, catch_up) => {
                match catch_up.step(index, &self.shared.metrics, journal) {
                    Ok(false) => return false,
                    Ok(true) => self.become_current(),
                    Err(error) => self.fail(&error),
                }
            }
            State::Current(index) => {
                let index = Arc::clone(index);
                let Err(error) = self.tend(&index, journal, now) else { return false };
                self.fail(&error);
            }
            State::Failed { retry_at } if now >= *retry_at => self.open(),
            State::Failed { .. } | State::Absent => return false,
        }
        true
    }

    fn tend(&mut self, index: &Index, journal: &Journal, now: Duration) -> Result<(), IndexError> {
        if let Some(id) = self.shared.next_damaged() {
            heal(index, id, journal)?;
        }
        if now >= self.next_flush {
            self.next_flush = now + FLUSH;
            index.flush()?;
            self.shared.metrics.wear.set_index_bytes(index.bytes_on_disk()?);
        }
        Ok(())
    }

    /// The index cannot be used: it is moved aside, and an empty one will take
    /// its place.
    pub fn fail(&mut self, error: &IndexError) {
        warn!(error:%; "The index is moved aside; it will be built again from the journal.");
        self.shared.index.store(None);
        self.shared.metrics.index_rebuilds.inc();
        index_files::move_newest_aside(&self.shared.dir);
        let retry_at = self.shared.clock.monotonic() + self.backoff.next_delay();
        self.state = State::Failed { retry_at };
        self.shared.set_status(Status::NoIndex(error.to_string()));
    }

    /// The journal is closed and ends at `end`.
    pub fn finish(&mut self, end: Place) {
        self.shared.index.store(None);
        let left = match &self.state {
            State::Current(index) => {
                Changes::new(index).apply(Some(end)).and_then(|()| index.flush())
            }
            State::CatchingUp(index, _) => index.flush(),
            State::Opening { .. } | State::Failed { .. } | State::Absent => Ok(()),
        };
        if let Err(error) = left {
            info!(error:%; "The index was not written out; it is brought up to date at the start.");
        }
    }

    fn open(&mut self) {
        // One answer, and a thread that ends with it. When it never does, it is
        // left behind with the directory it is stuck on.
        let (tx, answer) = sync_channel(1);
        let dir = self.shared.dir.clone();
        let stretch_bytes = stretch_bytes(self.shared.settings.journal_max_bytes);
        let spawned = thread::Builder::new().name("store-open".into()).spawn(move || {
            let _ = tx.send(index_files::open(&dir, stretch_bytes));
        });
        // Without a thread the channel is closed, which the next step sees.
        if let Err(error) = spawned {
            warn!(error:%; "No thread to open the index.");
        }
        let since = self.shared.clock.monotonic();
        self.state = State::Opening { answer, since };
    }

    fn attach(&mut self, opened: Result<Index, IndexError>, journal: &Journal) {
        let started = opened.and_then(|index| {
            let start = CatchUp::after(&index, journal)?;
            Ok((Arc::new(index), start))
        });
        match started {
            Ok((index, Start::At(catch_up))) => {
                let is_current = catch_up.is_done(journal);
                self.shared.index.store(Some(Arc::clone(&index)));
                self.state = State::CatchingUp(index, catch_up);
                self.shared.set_status(Status::CatchingUp);
                if is_current {
                    self.become_current();
                }
            }
            Ok((index, Start::Ahead)) => {
                drop(index);
                self.fail(&IndexError("it knows more than the journal".into()));
                self.open();
            }
            Err(error) => self.fail_and_reopen(&error),
        }
    }

    /// The first failure is healed at once, later ones after a delay.
    fn fail_and_reopen(&mut self, error: &IndexError) {
        self.fail(error);
        if self.shared.metrics.index_rebuilds.value() == 1 {
            self.open();
        }
    }

    fn become_current(&mut self) {
        let before = std::mem::replace(&mut self.state, State::Failed { retry_at: Duration::ZERO });
        if let State::CatchingUp(index, _) = before {
            self.state = State::Current(index);
            self.backoff.reset();
            self.shared.set_status(Status::Current);
        }
    }
}
