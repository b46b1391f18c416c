//! What the threads of one camera share: the body, the connections, the faults.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::net::sockopt::set_socket_linger;

use crate::body::Body;
use crate::fault::{Fault, Faults};
use crate::operations::{Answer, Load};

/// What has happened so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Sessions that were opened.
    pub sessions: u64,
    /// Operations by their code, as far as they were answered.
    pub operations: BTreeMap<u16, u64>,
    /// Files, or parts of them, that were asked for; live view does not count.
    pub transfers: u64,
    /// Live-view pictures.
    pub frames: u64,
    /// Events that went unheard because nobody fetched them.
    pub events_dropped: u64,
    /// Events sent.
    pub events_sent: u64,
    /// Photographs taken.
    pub taken: u64,
}

/// The cable, so to speak.
#[derive(Debug, Default)]
pub struct Link {
    /// Whether it is plugged in.
    pub is_plugged: bool,
    /// Whether the port is open.
    pub is_listening: bool,
    /// Number of the connection that has the camera.
    pub owner: Option<u32>,
    /// Number of the next connection.
    pub next: u32,
    /// All sockets, to be reset.
    pub sockets: BTreeMap<u64, TcpStream>,
    /// Number of the next socket.
    pub next_socket: u64,
}

impl Link {
    /// Ends all connections without a farewell.
    pub fn reset(&mut self) {
        for socket in self.sockets.values() {
            // A socket that is gone already is as good.
            let _ = set_socket_linger(socket, Some(Duration::ZERO));
            let _ = socket.shutdown(std::net::Shutdown::Both);
        }
        self.owner = None;
    }
}

/// What the lock protects.
#[derive(Debug)]
pub struct State {
    /// The body.
    pub body: Body,
    /// The connections.
    pub link: Link,
    /// The faults.
    pub faults: Faults,
    /// What has happened.
    pub stats: Stats,
    /// Whether everything is to end.
    pub is_stopping: bool,
    /// When the camera was switched on.
    pub started: Instant,
}

impl State {
    /// Lets happen what is due and begins the faults whose time has come.
    pub fn advance(&mut self, now: Instant) {
        self.faults.begin_after(now - self.started);
        let storm = self.faults.lasting(|fault| match fault {
            Fault::PropertyStorm(per_second) => Some(*per_second),
            _ => None,
        });
        self.body.storm(storm, now);
        let is_unplugged = self.has(Fault::Unplug);
        if is_unplugged && self.link.is_plugged {
            self.link.is_plugged = false;
            self.link.reset();
        }
        self.body.advance(now);
        self.stats.events_dropped = self.body.events_dropped;
        self.stats.taken = self.body.shots;
    }

    /// When the next thing is due.
    pub fn due(&self) -> Option<Instant> {
        let fault = self.faults.next_after().map(|delay| self.started + delay);
        self.body.due().into_iter().chain(fault).min()
    }

    /// Counts what is about to be sent; says what goes wrong with it.
    pub fn count(&mut self, answer: &Answer) -> Option<Fault> {
        match answer.load {
            Load::Dataset => None,
            Load::Frame => {
                self.stats.frames += 1;
                None
            }
            Load::File | Load::Memory => {
                self.stats.transfers += 1;
                self.faults.begin_transfer(self.stats.transfers)
            }
        }
    }

    /// Whether this fault lasts.
    pub fn has(&self, fault: Fault) -> bool {
        self.faults.lasting(|other| (*other == fault).then_some(())).is_some()
    }
}

/// The lock and its bell, rung whenever something is different.
#[derive(Debug)]
pub struct Shared {
    /// Where it listens.
    pub address: SocketAddr,
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    /// A camera at this address.
    pub fn new(address: SocketAddr, state: State) -> Self {
        Self { address, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// A look inside; a thread that has panicked does not keep others out.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something to the state, lets happen what is due, and rings the bell.
    pub fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        let mut state = self.lock();
        let result = act(&mut state);
        state.advance(Instant::now());
        drop(state);
        self.changed.notify_all();
        result
    }

    /// Waits until `is_so`, or until `timeout` is over; says whether it is.
    pub fn wait(&self, timeout: Duration, mut is_so: impl FnMut(&mut State) -> bool) -> bool {
        let state = self.lock();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, timeout, |state| !is_so(state))
            .unwrap_or_else(PoisonError::into_inner);
        is_so(&mut state)
    }
}
