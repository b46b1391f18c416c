//! Stills that nobody removes.

use std::path::Path;
use std::sync::Arc;

use watchpost::health::{Health, Metrics};
use watchpost::media::{StillLimits, Stills, StillsContext};
use watchpost::rt::{Claim, Clock, Stop, Tasks};

/// Stills below `media`. What their keeper reports is not what the tests ask for.
pub fn kept(media: &Path, clock: &Clock, metrics: &Metrics, tasks: &Tasks, stop: &Stop) -> Stills {
    Stills::open(StillsContext {
        claim: Claim::free(),
        root: media.join("stills"),
        limits: StillLimits { bytes: 1 << 30, age: None, min_free_bytes: 0 },
        free_bytes: Arc::new(|| None),
        clock: clock.clone(),
        health: Health::new(clock.clone()),
        metrics: metrics.clone(),
        tasks: tasks.clone(),
        stop: stop.clone(),
    })
}
