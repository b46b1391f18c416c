//! The last lines of the log, for whoever asks the box itself.
//!
//! Holds at most [`LOG_LINES_MAX`] lines of at most [`MESSAGE_MAX_CHARS`]
//! characters; when full, the oldest goes. Never blocks for longer than a copy.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use log::Level;

use crate::domain::Timestamp;

/// Lines that are kept (camera SDK contract, `GET /api/server/logs`).
pub const LOG_LINES_MAX: usize = 1000;

/// A longer message is cut: it is a sentence with fields, never a document.
const MESSAGE_MAX_CHARS: usize = 500;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// When it was written.
    pub at: Timestamp,
    /// How much it matters.
    pub level: Level,
    /// The sentence and its fields.
    pub message: String,
    /// The camera it is about, if it names one.
    pub camera: Option<String>,
}

/// The last lines of the log. Cheap to clone; clones share the lines.
#[derive(Clone, Default)]
pub struct LogRing(Arc<Mutex<VecDeque<LogLine>>>);

impl LogRing {
    /// Adds a line.
    pub fn push(&self, mut line: LogLine) {
        if let Some((end, _)) = line.message.char_indices().nth(MESSAGE_MAX_CHARS) {
            line.message.truncate(end);
        }
        let mut lines = self.lock();
        if lines.len() >= LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Up to `max` lines that matter at least as much as `level`, newest first.
    pub fn newest(&self, level: Level, max: usize) -> Vec<LogLine> {
        self.lock().iter().rev().filter(|line| line.level <= level).take(max).cloned().collect()
    }

    /// Lines that are kept now.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether nothing has been said yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<LogLine>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(level: Level, message: &str) -> LogLine {
        LogLine { at: Timestamp::default(), level, message: message.to_owned(), camera: None }
    }

    #[test]
    fn the_newest_lines_of_a_level_come_first_and_no_more_than_wanted() {
        let ring = LogRing::default();
        for (level, message) in
            [(Level::Error, "a"), (Level::Info, "b"), (Level::Warn, "c"), (Level::Error, "d")]
        {
            ring.push(line(level, message));
        }
        let messages = |level, max| -> Vec<String> {
            ring.newest(level, max).into_iter().map(|line| line.message).collect()
        };
        assert_eq!(messages(Level::Warn, 2), ["d", "c"]);
        assert_eq!(messages(Level::Error, 9), ["d", "a"]);
    }

    #[test]
    fn a_flood_of_long_lines_stays_within_its_bounds() {
        let ring = LogRing::default();
        (0..LOG_LINES_MAX + 5).for_each(|_| ring.push(line(Level::Info, &"\u{e4}".repeat(9000))));
        let lines = ring.newest(Level::Trace, usize::MAX);
        assert_eq!((lines.len(), ring.len()), (LOG_LINES_MAX, LOG_LINES_MAX));
        assert!(lines.iter().all(|line| line.message.chars().count() == MESSAGE_MAX_CHARS));
    }
}
