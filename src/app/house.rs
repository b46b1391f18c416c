//! What every room that works on its own shares with the others.

use std::sync::Arc;

use crate::health::{Health, Metrics};
use crate::rt::{Clock, Stop, Tasks};

/// Handed to rooms that start tasks. Cheap to clone.
#[derive(Clone)]
pub struct House {
    /// The name of this box.
    pub device: Arc<str>,
    /// The clock.
    pub clock: Clock,
    /// Component states.
    pub health: Health,
    /// The figures.
    pub metrics: Metrics,
    /// Where they run.
    pub tasks: Tasks,
    /// Ends them.
    pub stop: Stop,
}
