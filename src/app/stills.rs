//! Where stills are, and for how long.

use std::path::{Path, PathBuf};

use super::free_bytes;
use super::house::House;
use crate::config::Settings;
use crate::media::{StillLimits, Stills, StillsContext};
use crate::rt::Claim;

/// Photographs and kept frames.
pub fn place(state_dir: &Path) -> PathBuf {
    state_dir.join("media/stills")
}

/// The stills of the box.
pub fn open(claim: Claim, settings: &Settings, house: &House) -> Stills {
    let dir: &Path = &settings.state_dir;
    Stills::open(StillsContext {
        claim,
        root: place(dir),
        limits: StillLimits {
            bytes: settings.store.stills_max_bytes,
            age: settings.store.stills_max_age,
            min_free_bytes: settings.store.min_free_bytes,
        },
        free_bytes: free_bytes(dir),
        clock: house.clock.clone(),
        health: house.health.clone(),
        metrics: house.metrics.clone(),
        tasks: house.tasks.clone(),
        stop: house.stop.clone(),
    })
}
