//! The ground everything runs on: time, stopping, named tasks, waiting, words of errors.

mod backoff;
mod causes;
mod claim;
mod clock;
pub mod heap;
mod room;
mod stop;
#[cfg(target_env = "gnu")]
mod sys;
mod task;

pub use backoff::Backoff;
pub use causes::{said_with_causes, with_causes};
pub use claim::{Claim, Refused};
pub use clock::Clock;
pub use room::FreeBytes;
pub use stop::Stop;
pub use task::{Tasks, UnexpectedEnd, panic_message};
