//! The port: takes connections while the cable is in, lets go of everything when
//! it is pulled.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crate::operations::Identity;
use crate::session;
use crate::shared::{Link, Shared, State};

/// Connections at once; a host has two. What comes beyond is closed.
const CONNECTIONS_MAX: usize = 8;
/// How often a port that is taken is tried again.
const BIND_PAUSE: Duration = Duration::from_millis(20);
/// How long a knock may take to be heard.
const KNOCK_PAUSE: Duration = Duration::from_millis(200);
/// How long to wait for anything to happen, when nothing is due.
const IDLE: Duration = Duration::from_secs(3600);

/// Takes connections until the end.
pub fn listen(listener: TcpListener, shared: &Arc<Shared>, identity: &Arc<Identity>) {
    let mut listener = Some(listener);
    loop {
        shared.with(|state| state.link.is_listening = listener.is_some());
        if let Some(open) = listener.take() {
            accept_all(&open, shared, identity);
        }
        shared.with(|state| state.link.is_listening = false);
        shared.wait(IDLE, |state| state.link.is_plugged || state.is_stopping);
        if shared.lock().is_stopping {
            return;
        }
        // What was there before may still be closing.
        listener = TcpListener::bind(shared.address).ok();
        if listener.is_none() {
            shared.wait(BIND_PAUSE, |state| state.is_stopping);
        }
    }
}

fn accept_all(listener: &TcpListener, shared: &Arc<Shared>, identity: &Arc<Identity>) {
    for stream in listener.incoming() {
        let is_over = {
            let state = shared.lock();
            state.is_stopping || !state.link.is_plugged
        };
        if is_over {
            return;
        }
        let Ok(stream) = stream else { continue };
        // A connection that cannot be served is closed; the host tries again.
        let _ = start(stream, shared, identity);
    }
}

fn start(stream: TcpStream, shared: &Arc<Shared>, identity: &Arc<Identity>) -> io::Result<()> {
    let kept = stream.try_clone()?;
    let Some(number) = shared.with(|state| state.link.keep(kept)) else { return Ok(()) };
    let (served, identity) = (Arc::clone(shared), Arc::clone(identity));
    let serve = move || {
        // How a connection ends is the host's matter; the camera goes on.
        let _ = session::serve(stream, &served, &identity);
        served.with(|state| state.link.sockets.remove(&number));
    };
    let started = thread::Builder::new().name("camera-connection".to_owned()).spawn(serve);
    if let Err(error) = started {
        shared.with(|state| state.link.sockets.remove(&number));
        return Err(error);
    }
    Ok(())
}

/// Lets happen what is due, until the end; wakes the port when the cable is pulled.
pub fn tick(shared: &Shared) {
    loop {
        shared.with(|_| ());
        let due = shared.lock().due();
        let is_open_too_long = |state: &State| {
            state.link.is_listening && (state.is_stopping || !state.link.is_plugged)
        };
        let wait = due.map_or(IDLE, |at| at.saturating_duration_since(Instant::now()));
        shared
            .wait(wait, |state| state.due() != due || is_open_too_long(state) || state.is_stopping);
        let state = shared.lock();
        let (is_open, is_stopping) = (is_open_too_long(&state), state.is_stopping);
        drop(state);
        if is_open {
            knock(shared.address);
            shared.wait(KNOCK_PAUSE, |state| !is_open_too_long(state));
        } else if is_stopping {
            return;
        }
    }
}

/// The port waits for connections and sees what has changed only when one comes.
fn knock(mut address: SocketAddr) {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    // Whether it was taken shows in the state.
    let _ = TcpStream::connect_timeout(&address, KNOCK_PAUSE);
}

impl Link {
    /// Takes the camera, if nobody has it; gives the number of the connection.
    pub fn claim(&mut self) -> Option<u32> {
        if self.owner.is_some() || !self.is_plugged {
            return None;
        }
        self.next += 1;
        self.owner = Some(self.next);
        self.owner
    }

    /// Keeps a socket so that it can be reset; `None` when there are too many.
    pub fn keep(&mut self, socket: TcpStream) -> Option<u64> {
        if self.sockets.len() >= CONNECTIONS_MAX || !self.is_plugged {
            return None;
        }
        self.next_socket += 1;
        self.sockets.insert(self.next_socket, socket);
        Some(self.next_socket)
    }
}
