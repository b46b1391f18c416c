//! A line between the box and a peer: everything goes through, counted, up to where it
//! is held.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};

use super::PATIENCE;

/// Bytes that pass at once.
const PIECE: usize = 1 << 10;

/// Told of every piece: how many bytes it has, and how many went up so far with it.
type Toll = dyn Fn(usize, u64) + Send + Sync;

#[derive(Default)]
struct Up {
    passed: u64,
    held_at: Option<u64>,
}

/// Ends with the test's process.
#[derive(Clone)]
pub struct Line {
    pub address: SocketAddr,
    up: Arc<(Mutex<Up>, Condvar)>,
    toll: Arc<Toll>,
}

impl Line {
    /// To a peer.
    pub fn to(peer: SocketAddr) -> Self {
        Self::with_toll(peer, |_, _| {})
    }

    /// To a peer; `toll` is told of what goes up before it does.
    pub fn with_toll(peer: SocketAddr, toll: impl Fn(usize, u64) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let line = Self { address, up: Arc::default(), toll: Arc::new(toll) };
        let ours = line.clone();
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let Ok(far) = TcpStream::connect(peer) else { continue };
                let (near_up, far_up) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let line = ours.clone();
                std::thread::spawn(move || line.carry_up(near_up, far_up));
                std::thread::spawn(move || carry_down(far, near));
            }
        });
        line
    }

    /// No more than so many bytes go up, until [`Self::release`].
    pub fn hold_at(&self, bytes: u64) {
        self.up.0.lock().unwrap().held_at = Some(bytes);
        self.up.1.notify_all();
    }

    /// All goes up again.
    pub fn release(&self) {
        self.up.0.lock().unwrap().held_at = None;
        self.up.1.notify_all();
    }

    /// Waits until so many bytes went up.
    pub fn wait(&self, bytes: u64) {
        let (up, changed) = &*self.up;
        let waited =
            changed.wait_timeout_while(up.lock().unwrap(), PATIENCE, |up| up.passed < bytes);
        let (up, result) = waited.unwrap();
        assert!(!result.timed_out(), "only {} of {bytes} bytes went up", up.passed);
    }

    fn carry_up(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut piece = [0; PIECE];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            let (up, changed) = &*self.up;
            let is_held = |up: &mut Up| up.held_at.is_some_and(|at| up.passed >= at);
            let mut up = changed.wait_while(up.lock().unwrap(), is_held).unwrap();
            up.passed += count as u64;
            let passed = up.passed;
            drop(up);
            changed.notify_all();
            (self.toll)(count, passed);
            if to.write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    }
}

fn carry_down(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}
