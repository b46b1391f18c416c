//! What clips, recordings and stills are kept with, each in a directory of its own.

use std::path::PathBuf;
use std::time::Duration;

use crate::health::{Health, Metrics};
use crate::rt::{Claim, Clock, FreeBytes, Stop, Tasks};

/// How much of one kind is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MediaLimits {
    /// The oldest go beyond this many bytes.
    pub bytes: u64,
    /// And when they are older than this, if set.
    pub age: Option<Duration>,
    /// Space left to the system.
    pub min_free_bytes: u64,
}

/// What one kind is kept with.
#[derive(Clone)]
pub struct MediaContext {
    /// The right to `dir`.
    pub claim: Claim,
    /// Where the files are.
    pub dir: PathBuf,
    /// How much is kept.
    pub limits: MediaLimits,
    /// Room on the disk of `dir`.
    pub free_bytes: FreeBytes,
    /// The clock.
    pub clock: Clock,
    /// Hears of a component named like the kind.
    pub health: Health,
    /// Gets the counters.
    pub metrics: Metrics,
    /// Where the thread is started.
    pub tasks: Tasks,
    /// Stops it.
    pub stop: Stop,
}
