//! The ground everything runs on: time, stopping, named tasks, waiting.

mod backoff;
mod clock;
mod stop;
mod task;

pub use backoff::Backoff;
pub use clock::Clock;
pub use stop::Stop;
pub use task::{Tasks, UnexpectedEnd, panic_message};
