//! Dead letters: items that the upstream refuses for what they are.
//!
//! At most [`DEAD_MAX`] for each upstream; when the list is full, the lane waits with
//! the next one rather than lose it. A dead letter refers to its record in the
//! journal, which retention may remove.

use serde::{Deserialize, Serialize};

use super::Lane;
use crate::domain::Timestamp;
use crate::store::Mark;

/// Most dead letters of an upstream: enough to see what they have in common.
pub const DEAD_MAX: usize = 200;

/// Longest reason that is kept, in characters.
const REASON_MAX: usize = 200;

/// An item that the upstream refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its key.
    pub key: String,
    /// Its lane.
    pub lane: Lane,
    /// Where its record stands.
    pub at: Mark,
    /// What the upstream said.
    pub reason: String,
    /// When it said so first.
    pub since: Timestamp,
    /// How often it said so.
    pub tries: u32,
    /// Somebody wants it tried again.
    #[serde(default)]
    pub is_wanted: bool,
}

impl DeadLetter {
    /// Refused for the first time.
    pub(super) fn new(key: String, lane: Lane, at: Mark, reason: &str, since: Timestamp) -> Self {
        Self { key, lane, at, reason: shortened(reason), since, tries: 1, is_wanted: false }
    }

    /// Refused again.
    pub(super) fn refused(&mut self, reason: &str) {
        self.reason = shortened(reason);
        self.tries = self.tries.saturating_add(1);
        self.is_wanted = false;
    }
}

fn shortened(reason: &str) -> String {
    reason.chars().take(REASON_MAX).collect()
}
