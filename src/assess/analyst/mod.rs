//! The analyst: a language model that gives a second opinion on events, where one is
//! configured.
//!
//! Any server that speaks OpenAI's chat completions will do (llama.cpp, Ollama,
//! vLLM). It is asked once about an event, when the event is over and the rules have
//! judged it; its answer replaces summary and reasoning and may move the score by
//! [`SWAY`]. Whatever goes wrong, the verdict of the rules stays: a circuit breaker
//! keeps a server that fails from being asked, and nothing waits for it.
//!
//! At most [`QUEUE`] events wait for their turn and [`FLIGHTS_MAX`] are asked about at
//! a time; what is beyond that is not asked about by itself, and counted. What the
//! server sends is bounded in time and bytes and must be JSON of a fixed form; names
//! of zones and cameras go to it as data. Pictures stay on the box.

mod breaker;
mod client;
mod desk;
mod flight;
mod prompt;
mod reply;
mod settings;
#[cfg(test)]
mod testing;
mod verdict;

pub use breaker::{BreakerFigures, BreakerState};
pub use desk::AnalystContext;
pub use flight::{Stage, Watch};
pub use settings::AnalystSettings;

use std::sync::Arc;
use std::time::Duration;

use self::desk::Desk;
use crate::domain::Event;

/// Events that wait for the analyst. A busy hour has a few dozen that matter; when
/// full, the newest keeps the verdict of the rules.
const QUEUE: usize = 32;

/// Events asked about at a time: the one whose turn it is, and what people look at.
const FLIGHTS_MAX: usize = 4;

/// How far the analyst may move the score of the rules: neither a confused model nor
/// words in the name of a zone can hush up an event, or make one critical that is
/// not remarkable.
const SWAY: i32 = 30;

/// How the reasoning of an event begins that the analyst has judged.
const MARK: &str = "Analyst: ";

/// The analyst of this box. Cheap to clone.
#[derive(Clone)]
pub struct Analyst(Arc<Desk>);

/// Why the analyst has no verdict.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnalystError {
    /// It takes too long.
    #[error("the analyst did not answer within {0:?}")]
    Timeout(Duration),
    /// There is no connection to it.
    #[error("the analyst cannot be reached: {0}")]
    Unreachable(String),
    /// It refuses.
    #[error("the analyst answered with status {0}")]
    Refused(u16),
    /// It does not keep to the form it was asked for.
    #[error("the answer of the analyst cannot be used: {0}")]
    Unusable(&'static str),
    /// The box goes down.
    #[error("the box is stopping")]
    Stopping,
}

impl AnalystError {
    /// The code that clients of the analysis stream know.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "LLM_TIMEOUT",
            Self::Unreachable(_) => "LLM_CONNECTION_ERROR",
            Self::Refused(_) => "LLM_SERVER_ERROR",
            Self::Unusable(_) => "inference_failed",
            Self::Stopping => "CANCELLED",
        }
    }

    /// What a person can do about it.
    fn next_step(&self) -> &'static str {
        match self {
            Self::Timeout(_) => "give it more time (analyst.timeout), or a smaller model",
            Self::Unreachable(_) => "check that its server runs and that analyst.url is right",
            Self::Refused(401 | 403) => "check analyst.api_key",
            Self::Refused(404) => "check analyst.url and analyst.model",
            Self::Refused(_) => "see the log of its server",
            Self::Unusable(_) => "choose a model that follows instructions",
            Self::Stopping => "wait until the box is back",
        }
    }
}

impl Analyst {
    /// Starts it.
    ///
    /// # Errors
    /// When the client for its address cannot be made.
    pub fn start(settings: AnalystSettings, context: AnalystContext) -> Result<Self, AnalystError> {
        Desk::start(settings, context).map(Self)
    }

    /// An event was stored and announced. Never blocks.
    pub fn see(&self, event: &Event) {
        self.0.see(event);
    }

    /// Follows the analysis of an event, which begins now unless it is under way. `None`
    /// when the verdict that the event carries is the one to show: the analyst has
    /// judged it, it still goes on, or the analyst is not to be asked now.
    ///
    /// When everyone who follows has gone, the question is withdrawn.
    pub fn follow(&self, event: &Event) -> Option<Watch> {
        self.0.follow(event)
    }

    /// How its circuit breaker stands.
    pub fn breaker(&self) -> BreakerFigures {
        self.0.breaker()
    }

    /// The name of its model.
    pub fn model(&self) -> &str {
        self.0.model()
    }
}

/// Whether the analyst has judged this event.
fn is_judged(event: &Event) -> bool {
    event.reasoning.starts_with(MARK)
}
