//! What works, what does not, why, and what to do: component states, progress
//! for readiness and the watchdog, and the metrics registry.

mod components;
mod log_ring;
mod metrics;
mod progress;
mod spans;
pub mod watchdog;

pub use components::{Component, Health, Report, State};
pub use log_ring::{LOG_LINES_MAX, LogLine, LogRing};
pub use metrics::{Counter, Gauge, Metrics};
pub use progress::{Progress, ProgressMark};
pub use spans::{SpanFigures, Spans};
