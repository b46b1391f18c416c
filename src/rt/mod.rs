//! The ground everything runs on: time, stopping, named tasks, waiting.

mod backoff;
mod claim;
mod clock;
pub mod heap;
mod room;
mod stop;
#[cfg(target_env = "gnu")]
mod sys;
mod task;

pub use backoff::Backoff;
pub use claim::{Claim, Refused};
pub use clock::Clock;
pub use room::FreeBytes;
pub use stop::Stop;
pub use task::{Tasks, UnexpectedEnd, panic_message};
