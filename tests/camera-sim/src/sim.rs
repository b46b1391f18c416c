//! The handle of a running camera.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::body::Body;
use crate::card::CardFile;
use crate::fault::{Armed, Fault, Faults, When};
use crate::operations::Identity;
use crate::options::Options;
use crate::packet::Value;
use crate::pictures::Still;
use crate::server;
use crate::shared::{Link, Shared, State, Stats};

/// How long closing and opening the port may take.
const PORT_WAIT: Duration = Duration::from_secs(10);

/// A running camera; dropping it switches it off.
#[derive(Debug)]
pub struct Sim {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

impl Sim {
    /// Opens the port. The camera can be connected to when this returns.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((options.listen, options.port))?;
        let address = listener.local_addr()?;
        let now = Instant::now();
        let mut faults = Faults::default();
        options.faults.iter().for_each(|armed| faults.arm(*armed));
        let state = State {
            body: Body::new(&options, now),
            link: Link { is_plugged: true, is_listening: true, ..Link::default() },
            faults,
            stats: Stats::default(),
            is_stopping: false,
            started: now,
        };
        let shared = Arc::new(Shared::new(address, state));
        let identity = Arc::new(Identity { model: options.model, serial: options.serial });
        let (listening, ticking) = (Arc::clone(&shared), Arc::clone(&shared));
        let mut sim = Self { shared, threads: Vec::new() };
        sim.spawn("camera-port", move || server::listen(listener, &listening, &identity))?;
        sim.spawn("camera-clock", move || server::tick(&ticking))?;
        Ok(sim)
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(name.to_owned());
        self.threads.push(thread.spawn(run)?);
        Ok(())
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// Its port in the words of libgphoto2, `ptpip:127.0.0.1:15740:15740`: the
    /// second number is that of the event connection, which otherwise is 15740
    /// whatever the first one says.
    pub fn port(&self) -> String {
        format!("ptpip:{}:{}", self.shared.address, self.shared.address.port())
    }

    /// This goes wrong: now, or with the next file that is fetched.
    pub fn inject(&self, fault: Fault) {
        self.arm(Armed { fault, when: When::Now });
    }

    /// This will go wrong.
    pub fn arm(&self, armed: Armed) {
        self.shared.with(|state| state.faults.arm(armed));
    }

    /// Nothing goes wrong any more, what is armed included; a pulled cable stays out.
    pub fn clear_faults(&self) {
        self.shared.with(|state| {
            let is_unplugged = !state.link.is_plugged;
            state.faults.clear();
            if is_unplugged {
                state.faults.arm(Armed { fault: Fault::Unplug, when: When::Now });
            }
        });
    }

    /// Pulls the cable: connections are reset, and when this returns nobody listens.
    pub fn unplug(&self) -> bool {
        self.inject(Fault::Unplug);
        self.shared.wait(PORT_WAIT, |state| !state.link.is_listening)
    }

    /// Plugs it in again; says whether the port is open when this returns.
    pub fn plug_in(&self) -> bool {
        self.shared.with(|state| {
            state.faults.end(Fault::Unplug);
            state.link.is_plugged = true;
        });
        self.shared.wait(PORT_WAIT, |state| state.link.is_listening)
    }

    /// Somebody presses the shutter of the body; says whether it could.
    pub fn press_shutter(&self) -> bool {
        self.shared.with(|state| state.body.press(Instant::now())) == crate::body::Worked::Done
    }

    /// Somebody turns a dial: the property changes and the host is told.
    pub fn turn(&self, code: u16, number: i64) {
        self.shared.with(|state| state.body.put(code, number));
    }

    /// Value of a property; `None` when there is no such property.
    pub fn value(&self, code: u16) -> Option<Value> {
        self.shared.lock().body.properties.find(code).map(|property| property.current.clone())
    }

    /// The photographs taken, the newest last, at most 64.
    pub fn stills(&self) -> Vec<Still> {
        self.shared.lock().body.taken.iter().cloned().collect()
    }

    /// The files on both cards.
    pub fn card_files(&self) -> Vec<CardFile> {
        self.shared.lock().body.cards.files()
    }

    /// The controls that the host worked, with their values, the newest last, at
    /// most 1,024.
    pub fn actions(&self) -> Vec<(u16, i64)> {
        self.shared.lock().body.actions.iter().copied().collect()
    }

    /// What has happened so far.
    pub fn stats(&self) -> Stats {
        self.shared.lock().stats.clone()
    }

    /// Whether a host has the camera.
    pub fn is_connected(&self) -> bool {
        self.shared.lock().link.owner.is_some()
    }

    /// Waits until the figures are so, or until `timeout` is over; says whether
    /// they are.
    pub fn wait_until(&self, timeout: Duration, is_so: impl Fn(&Stats) -> bool) -> bool {
        self.shared.wait(timeout, |state| is_so(&state.stats))
    }

    /// Waits until a host has the camera, or has it no more.
    pub fn wait_for_host(&self, timeout: Duration, is_there: bool) -> bool {
        self.shared.wait(timeout, |state| state.link.owner.is_some() == is_there)
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.shared.with(|state| {
            state.is_stopping = true;
            state.link.reset();
        });
        for thread in self.threads.drain(..) {
            // A thread that panicked has said so already.
            let _ = thread.join();
        }
        self.shared.wait(PORT_WAIT, |state| state.link.sockets.is_empty());
    }
}
