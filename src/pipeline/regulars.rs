//! Who comes by often: objects of each class that a camera has followed lately.
//!
//! Kept in memory only: after a restart the box has to watch for a day again before
//! it says anything. At most [`COUNTED_MAX`] moments for each of [`CLASSES_MAX`]
//! classes.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::domain::Label;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// More in a day make no difference.
const COUNTED_MAX: usize = 64;
/// Classes of the built-in networks; what a larger one adds is not counted.
const CLASSES_MAX: usize = 80;

/// What one camera has seen within a day.
#[derive(Debug, Default)]
pub struct Regulars {
    since: Option<Duration>,
    seen: BTreeMap<Label, VecDeque<Duration>>,
}

impl Regulars {
    /// Counts an object that appears at `now`. Returns how many of its class came
    /// within the day before; `None` when nobody has watched for a day.
    pub fn see(&mut self, now: Duration, label: &Label) -> Option<usize> {
        let since = *self.since.get_or_insert(now);
        if !self.seen.contains_key(label) && self.seen.len() >= CLASSES_MAX {
            return None;
        }
        let moments = self.seen.entry(label.clone()).or_default();
        moments.retain(|moment| now.saturating_sub(*moment) < DAY);
        let count = moments.len();
        if moments.len() == COUNTED_MAX {
            moments.pop_front();
        }
        moments.push_back(now);
        (now.saturating_sub(since) >= DAY).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_day_of_watching_tells_who_is_a_regular() {
        let hours = |h: u64| Duration::from_secs(h * 3_600);
        let (cat, person) = (Label::new("cat"), Label::new("person"));
        let mut regulars = Regulars::default();
        for hour in 0..24 {
            assert_eq!(regulars.see(hours(hour), &cat), None);
        }
        assert_eq!(regulars.see(hours(24), &cat), Some(23), "the first is a day ago");
        assert_eq!(regulars.see(hours(24), &person), Some(0));
        assert_eq!(regulars.see(hours(60), &cat), Some(0));
    }

    #[test]
    fn a_crowd_needs_no_more_memory() {
        let mut regulars = Regulars::default();
        (0..10_000).for_each(|ms| _ = regulars.see(Duration::from_millis(ms), &Label::new("cat")));
        assert_eq!(regulars.see(DAY, &Label::new("cat")), Some(COUNTED_MAX));
    }
}
