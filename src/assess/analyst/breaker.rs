//! A circuit breaker: who fails again and again is left alone for a while.
//!
//! Closed until [`FAILURES_MAX`] questions in a row have failed, then open for
//! [`OPEN_FOR`], then half open: one question at a time, of which [`SUCCESSES`] must
//! succeed, and none may fail, before it closes (realtime contract 3.8). It always
//! recovers by itself. Reads no clock.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FAILURES_MAX: u32 = 5;
const OPEN_FOR: Duration = Duration::from_secs(60);
const SUCCESSES: u32 = 2;

/// What the breaker lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Everything.
    Closed,
    /// One question at a time, to see.
    HalfOpen,
    /// Nothing.
    Open,
}

impl BreakerState {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half_open",
            Self::Open => "open",
        }
    }
}

/// How a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerFigures {
    /// What it lets through.
    pub state: BreakerState,
    /// Questions that have failed since the last success.
    pub failures: u32,
}

/// Cheap to clone; clones are the same breaker.
#[derive(Clone, Default)]
pub struct Breaker(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    successes: u32,
    open_until: Option<Duration>,
    is_probing: bool,
}

/// Leave to ask one question. Dropped without a result, it was withdrawn, which says
/// nothing about who was asked.
pub struct Leave(Breaker);

impl Breaker {
    /// Leave to ask at `now`, monotonic time.
    pub fn ask(&self, now: Duration) -> Option<Leave> {
        let mut state = self.lock();
        match state.at(now) {
            BreakerState::Open => return None,
            BreakerState::HalfOpen if state.is_probing => return None,
            BreakerState::HalfOpen => state.is_probing = true,
            BreakerState::Closed => {}
        }
        Some(Leave(self.clone()))
    }

    /// How it stands at `now`.
    pub fn figures(&self, now: Duration) -> BreakerFigures {
        let state = self.lock();
        BreakerFigures { state: state.at(now), failures: state.failures }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Leave {
    /// The question was answered.
    pub fn succeed(self) {
        let mut state = self.0.lock();
        state.successes += 1;
        if state.open_until.is_none() || state.successes >= SUCCESSES {
            *state = State::default();
        }
    }

    /// It was not, at `now`.
    pub fn fail(self, now: Duration) {
        let mut state = self.0.lock();
        state.failures = state.failures.saturating_add(1);
        state.successes = 0;
        if state.failures >= FAILURES_MAX {
            state.open_until = Some(now + OPEN_FOR);
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.lock().is_probing = false;
    }
}

impl State {
    fn at(&self, now: Duration) -> BreakerState {
        match self.open_until {
            None => BreakerState::Closed,
            Some(until) if now < until => BreakerState::Open,
            Some(_) => BreakerState::HalfOpen,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);
    const LATER: Duration = Duration::from_secs(160);

    fn opened() -> Breaker {
        let breaker = Breaker::default();
        (0..FAILURES_MAX).for_each(|_| breaker.ask(NOW).unwrap().fail(NOW));
        breaker
    }

    #[test]
    fn it_opens_after_five_failures_in_a_row_and_one_success_counts_them_anew() {
        let breaker = Breaker::default();
        (0..4).for_each(|_| breaker.ask(NOW).unwrap().fail(NOW));
        breaker.ask(NOW).unwrap().succeed();
        (0..4).for_each(|_| breaker.ask(NOW).unwrap().fail(NOW));
        assert_eq!(
            breaker.figures(NOW),
            BreakerFigures { state: BreakerState::Closed, failures: 4 }
        );
        breaker.ask(NOW).unwrap().fail(NOW);
        assert!(breaker.ask(NOW).is_none());
        assert_eq!(breaker.figures(NOW).state, BreakerState::Open);
    }

    #[test]
    fn after_a_minute_one_at_a_time_may_ask_and_two_successes_close_it() {
        let breaker = opened();
        let first = breaker.ask(LATER).unwrap();
        assert!(breaker.ask(LATER).is_none(), "one is asking");
        first.succeed();
        assert_eq!(breaker.figures(LATER).state, BreakerState::HalfOpen);
        breaker.ask(LATER).unwrap().succeed();
        assert_eq!(
            breaker.figures(LATER),
            BreakerFigures { state: BreakerState::Closed, failures: 0 }
        );
    }

    #[test]
    fn a_failure_while_half_open_opens_it_again_and_a_withdrawn_question_does_not() {
        let breaker = opened();
        drop(breaker.ask(LATER).unwrap());
        breaker.ask(LATER).unwrap().fail(LATER);
        assert_eq!(breaker.figures(LATER).state, BreakerState::Open);
        assert_eq!(breaker.figures(LATER + OPEN_FOR).state, BreakerState::HalfOpen);
    }
}
