//! Where video is kept; nothing is recorded until a test does it.

use std::path::Path;
use std::sync::Arc;

use watchpost::health::{Health, Metrics};
use watchpost::media::{RecordingLimits, Recordings, RecordingsContext};
use watchpost::rt::{Claim, Clock, Stop, Tasks};

/// Recordings below `media`.
pub fn recordings(
    media: &Path,
    clock: &Clock,
    health: &Health,
    (tasks, stop): (&Tasks, &Stop),
) -> Recordings {
    Recordings::open(RecordingsContext {
        claim: Claim::free(),
        dir: media.join("recordings"),
        limits: RecordingLimits { bytes: 1 << 20, age: None, min_free_bytes: 0 },
        free_bytes: Arc::new(|| None),
        clock: clock.clone(),
        health: health.clone(),
        metrics: Metrics::default(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })
}
