//! Alerts: rules that people make, asked about every event.
//!
//! [`Alerts`] hears of an event after it was stored and announced, on the thread
//! that stores, asks the rules at once, has the alert synced and announces it: so
//! the order on every stream is detection, event, alert. There is no queue in
//! between but the store's own. An alert that the store refuses is announced all
//! the same, counted and logged.
//!
//! Cooldowns and what was raised already are read from the stored alerts at the
//! start. An event that was stored when its alert was not (a crash in between) is
//! judged then, as of its own time. Until the store can tell, events wait, at most
//! [`desk::WAITING`] of them.

mod conditions;
mod dedup;
mod desk;
mod engine;
mod motion;
mod schedule;
mod start;
#[cfg(test)]
mod testing;

pub use conditions::{Check, ReadyRule};
pub use dedup::{KEY_MAX, TEMPLATE_DEFAULT, is_template};
pub use desk::{Acted, Alerts, AlertsContext};
pub use motion::Motion;
pub use schedule::{Times, is_timezone};

/// Most rules: each is asked about every event.
pub const RULES_MAX: usize = 256;
