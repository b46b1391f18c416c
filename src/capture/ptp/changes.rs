//! Properties that changed, told together.

use std::collections::BTreeSet;
use std::time::Duration;

/// How long changes are gathered before they are told: a dial turns several
/// properties at once.
pub(super) const COALESCE: Duration = Duration::from_millis(50);

/// The codes that changed and have not been told yet. Bounded by the number of
/// properties.
#[derive(Debug, Default)]
pub(super) struct Changes {
    codes: BTreeSet<u32>,
    since: Option<Duration>,
}

impl Changes {
    /// Notes what changed at `now`.
    pub(super) fn note(&mut self, codes: impl IntoIterator<Item = u32>, now: Duration) {
        self.codes.extend(codes);
        if !self.codes.is_empty() {
            self.since.get_or_insert(now);
        }
    }

    /// When they are to be told, if there are any.
    pub(super) fn due_at(&self) -> Option<Duration> {
        self.since.map(|since| since + COALESCE)
    }

    /// All of them, once it is time.
    pub(super) fn take_due(&mut self, now: Duration) -> Option<Vec<u32>> {
        self.due_at().filter(|due| now >= *due)?;
        self.since = None;
        Some(std::mem::take(&mut self.codes).into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_within_the_span_is_told_once_and_in_order() {
        let at = Duration::from_millis;
        let mut changes = Changes::default();
        changes.note([], at(0));
        assert_eq!(changes.due_at(), None);
        changes.note([0x105, 0x104], at(10));
        changes.note([0x105], at(40));
        assert_eq!(changes.take_due(at(59)), None);
        assert_eq!(changes.take_due(at(60)), Some(vec![0x104, 0x105]));
        assert_eq!(changes.take_due(at(200)), None);
    }
}
