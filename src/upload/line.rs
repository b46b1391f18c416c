//! How the line to an upstream has been of late: how much goes in a turn, and how it
//! fails. Plain data; the time is handed in.

use std::time::Duration;

use super::SendError;
use super::patience::Patience;

/// A request should take about this long.
const TURN: Duration = Duration::from_secs(2);

/// Bytes of a request on a slow line, at least: half of it is heads below.
pub(super) const TURN_BYTES_MIN: u64 = 4 << 10;

/// Bytes of the first requests, while nothing is known of the line.
const TURN_BYTES_FIRST: u64 = 64 << 10;

/// So many items refused one by one, without another being taken in between, are no
/// accident: from then on the upstream gets time between two of them.
const STRIKES: u32 = 3;

/// Failures in a row that are worth a word in health: one happens on every line.
pub(super) const FAILURES_TOLD: u32 = 2;

/// See the module.
pub(super) struct Line {
    pub state: &'static str,
    pub patience: Patience,
    strikes: u32,
    /// Bytes that go in about a [`TURN`].
    pub turn_bytes: u64,
    turn_bytes_max: u64,
    pub reason: Option<String>,
    pub next_step: Option<String>,
    is_told: bool,
}

impl Line {
    /// Nothing has gone over it yet; a request never has more than `turn_bytes_max`.
    pub fn new(patience: Patience, turn_bytes_max: u64) -> Self {
        let turn_bytes_max = turn_bytes_max.max(TURN_BYTES_MIN);
        Self {
            state: "starting",
            patience,
            strikes: 0,
            turn_bytes: turn_bytes_max.min(TURN_BYTES_FIRST),
            turn_bytes_max,
            reason: None,
            next_step: None,
            is_told: false,
        }
    }

    /// Follows the line: half what it was, half what it is.
    pub fn learn(&mut self, bytes: u64, took: Duration) {
        let rate = bytes as f64 / took.as_secs_f64().max(0.001);
        let fits = (rate * TURN.as_secs_f64()) as u64;
        let turn = self.turn_bytes / 2 + fits.min(self.turn_bytes_max) / 2;
        self.turn_bytes = turn.clamp(TURN_BYTES_MIN, self.turn_bytes_max);
    }

    /// It worked; true when people were told that it does not.
    pub fn succeed(&mut self) -> bool {
        self.patience.succeeded();
        (self.reason, self.next_step, self.strikes) = (None, None, 0);
        std::mem::take(&mut self.is_told)
    }

    /// It failed at `now`, monotonic; true when it is time to tell people.
    pub fn fail(&mut self, error: &SendError, now: Duration) -> bool {
        let (retry_after, next_step) = match error {
            SendError::Unavailable { retry_after, .. } => (*retry_after, None),
            SendError::Denied { next_step, .. } => (None, Some(next_step.clone())),
            SendError::Rejected { .. } => (None, None),
        };
        self.patience.failed(now, retry_after, fastrand::f64());
        self.state = if self.patience.is_open() { "open" } else { "retrying" };
        (self.reason, self.next_step) = (Some(error.to_string()), next_step);
        let is_news = self.patience.failures() >= FAILURES_TOLD && !self.is_told;
        self.is_told |= is_news;
        is_news
    }

    /// So many items were refused together; true when single ones are refused one after
    /// the other.
    pub fn strike(&mut self, count: usize) -> bool {
        self.strikes += u32::from(count == 1);
        self.strikes >= STRIKES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_follows_the_line_down_and_up_again() {
        let patience = Patience::new(Duration::from_secs(1), Duration::from_secs(60));
        let mut line = Line::new(patience, 256 << 10);
        for _ in 0..12 {
            line.learn(line.turn_bytes, Duration::from_millis(line.turn_bytes / 8));
        }
        assert!((15_000..17_000).contains(&line.turn_bytes), "64 kbit/s: {}", line.turn_bytes);
        for _ in 0..12 {
            line.learn(line.turn_bytes, Duration::from_millis(1));
        }
        assert!(line.turn_bytes > 250 << 10, "{}", line.turn_bytes);
    }
}
