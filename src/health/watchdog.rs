//! The service manager's view: READY, STATUS, WATCHDOG, STOPPING, each tied to
//! what the box really does (sd_notify(3)). Without a service manager nothing
//! is sent.

use std::time::Duration;

use log::{error, info};
use sd_notify::NotifyState;

use super::{Health, Progress, State};
use crate::rt::Stop;

/// How often the status line is renewed, and the longest wait between two looks
/// at progress.
const STATUS_INTERVAL: Duration = Duration::from_secs(5);

/// Tells the service manager that the box can serve.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Tells the service manager that the configuration is being read again, or
/// that this is done.
pub fn reloaded() {
    notify(&[NotifyState::Ready]);
}

/// Tells the service manager that the box is going down on purpose.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

/// Feeds the watchdog as long as every stage makes progress, and keeps the
/// status line true. A stuck stage is named once; the service manager then
/// restarts the daemon.
pub async fn feed(health: Health, progress: Progress, stop: Stop) {
    // Half the watchdog's limit, as sd_watchdog_enabled(3) recommends.
    let interval = sd_notify::watchdog_enabled().map_or(STATUS_INTERVAL, |limit| limit / 2);
    let mut was_stuck = false;
    while tokio::time::timeout(interval.min(STATUS_INTERVAL), stop.stopped()).await.is_err() {
        let stuck = progress.stuck();
        if stuck.is_empty() {
            if was_stuck {
                info!("All stages move again.");
            }
            notify(&[NotifyState::Watchdog, NotifyState::Status(&status_line(&health))]);
        } else if !was_stuck {
            for (stage, age) in &stuck {
                let stage = stage.as_str();
                error!(stage, age_ms = age.as_millis() as u64; "A stage is stuck; the watchdog is no longer fed.");
            }
        }
        was_stuck = !stuck.is_empty();
    }
}

fn status_line(health: &Health) -> String {
    let reports = health.reports();
    let troubles: Vec<_> = reports.iter().filter(|report| report.state != State::Healthy).collect();
    match troubles.first() {
        None => "all is well".to_owned(),
        Some(first) => {
            let more = match troubles.len() {
                1 => String::new(),
                n => format!(" (and {} more)", n - 1),
            };
            format!("{}: {}{more}", first.component, first.message)
        }
    }
}

fn notify(states: &[NotifyState<'_>]) {
    // A missing socket means no service manager; a failing one cannot be helped
    // from here, and the daemon works without it.
    let _ = sd_notify::notify(states);
}
