//! What reaches the running daemon from outside: signals, and settings that somebody
//! has changed.

use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;

use super::fleet::Apply;
use super::reload::Reloader;
use super::tuning;
use crate::board::Press;
use crate::health::watchdog;

/// The signals that steer the daemon.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    reload: Signal,
}

impl Signals {
    /// Listens from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn new() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            reload: signal(SignalKind::hangup())?,
        })
    }
}

/// Settings that somebody changes while the daemon runs.
pub struct Changed {
    /// Thresholds, batches, retention.
    pub tunings: tuning::Changes,
    /// The cameras.
    pub cameras: tuning::Changes,
    /// What the fleet has laid over the file.
    pub fleet: Receiver<Apply>,
}

/// Ways to end the daemon beside a signal.
pub struct Asked {
    /// The button of the box.
    pub presses: Receiver<Press>,
    /// A client that may.
    pub stop: Arc<Notify>,
}

/// Applies what is changed from outside, until the daemon is to stop; tells of the
/// press of the button that was the reason.
pub async fn steer(
    mut signals: Signals,
    mut changed: Changed,
    mut asked: Asked,
    reloader: &mut Reloader,
) -> Option<Press> {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return None,
            _ = signals.interrupt.recv() => return None,
            () = asked.stop.notified() => return None,
            Some(press) = asked.presses.recv() => return Some(press),
            _ = signals.reload.recv() => {
                reloader.reload();
                watchdog::reloaded();
            }
            Ok(()) = changed.tunings.changed() => {
                let setting = changed.tunings.borrow_and_update().clone();
                reloader.tune(setting.as_ref().map(tuning::read).unwrap_or_default());
            }
            Some(done) = changed.fleet.recv() => {
                reloader.reload();
                // Who asked may have ended.
                let _ = done.send(());
            }
            Ok(()) = changed.cameras.changed() => reloader.cameras_were_changed(),
        }
    }
}
