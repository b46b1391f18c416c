//! What reaches the running daemon from outside: signals, and settings that somebody
//! has changed.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::reload::Reloader;
use super::tuning;
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

/// Applies what is changed from outside, until the daemon is to stop.
pub async fn steer(
    mut signals: Signals,
    mut tunings: tuning::Changes,
    mut camera_changes: tuning::Changes,
    reloader: &mut Reloader,
) {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
            _ = signals.reload.recv() => {
                reloader.reload();
                watchdog::reloaded();
            }
            Ok(()) = tunings.changed() => {
                let setting = tunings.borrow_and_update().clone();
                reloader.tune(setting.as_ref().map(tuning::read).unwrap_or_default());
            }
            Ok(()) = camera_changes.changed() => reloader.cameras_were_changed(),
        }
    }
}
