//! Where pictures and video are kept. Nothing is removed, and nothing is recorded
//! until a test does it.

use std::path::Path;
use std::sync::Arc;

use watchpost::health::{Health, Metrics};
use watchpost::media::{Clips, MediaContext, MediaLimits, Recordings, Stills};
use watchpost::rt::{Claim, Clock, Stop, Tasks};

/// What is kept below one directory, beside snapshots.
pub struct Kept {
    pub clips: Clips,
    pub recordings: Recordings,
    pub stills: Stills,
}

/// Opens all below `dir`. What the keeper of stills reports is not what tests ask for.
pub fn open(
    dir: &Path,
    clock: &Clock,
    health: &Health,
    metrics: &Metrics,
    (tasks, stop): (&Tasks, &Stop),
) -> Kept {
    let context = |kind, health: &Health| MediaContext {
        claim: Claim::free(),
        dir: dir.join(kind),
        limits: MediaLimits { bytes: 1 << 30, age: None, min_free_bytes: 0 },
        free_bytes: Arc::new(|| None),
        clock: clock.clone(),
        health: health.clone(),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    Kept {
        clips: Clips::open(context("clips", health)),
        recordings: Recordings::open(context("recordings", health)),
        stills: Stills::open(context("stills", &Health::new(clock.clone()))),
    }
}
