//! Looks at all cameras each second: keeps their rate in the directory true and
//! names a driver that no longer comes back from a call.

use std::time::Duration;

use super::{Shared, Watched};

/// How often the cameras are looked at.
const TURN: Duration = Duration::from_secs(1);

/// Until the cameras are stopped.
pub(super) fn run(shared: &Shared) {
    while !shared.context.stop.wait(TURN) {
        // A copy, so that a camera's thread never waits for the watch.
        let cameras: Vec<Watched> = shared.watched().values().cloned().collect();
        cameras.iter().for_each(look_at);
    }
}

fn look_at(camera: &Watched) {
    let snapshot = camera.stats.look();
    camera.report.seen(&snapshot);
}
