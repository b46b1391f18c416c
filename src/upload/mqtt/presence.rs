//! Who is there: whether something of a class is seen by a camera.
//!
//! The box knows only what this run has seen; of what an earlier run said it is told
//! which pairs of camera and class there were. Nothing lasts from an earlier run, because
//! tracks do not: those pairs begin empty.
//! Bounded: [`PAIRS_MAX`] pairs, [`LASTING_MAX`] events of each.

use std::collections::{BTreeMap, BTreeSet};

use super::super::wire::EventV1;

/// Most events of one class that are remembered as lasting: more objects are not told
/// apart. Beyond it the oldest counts as over.
const LASTING_MAX: usize = 64;

/// Most pairs of camera and class that are announced.
const PAIRS_MAX: usize = 2048;

/// Camera and class.
pub(super) type Pair = (String, String);

/// Lasting events by camera and class.
#[derive(Default)]
pub(super) struct Presence(BTreeMap<Pair, BTreeSet<u64>>);

/// What an event changes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub pair: Pair,
    pub is_new: bool,
    pub is_there: bool,
}

impl Presence {
    /// This pair was announced by an earlier run.
    pub fn recall(&mut self, pair: Pair) {
        self.0.entry(pair).or_default();
    }

    /// An event begins, goes on or ends; `None` when there are too many pairs.
    pub fn see(&mut self, event: &EventV1) -> Option<Seen> {
        let pair = (event.camera_id.clone(), event.object_type.clone());
        let is_new = !self.0.contains_key(&pair);
        if is_new && self.0.len() >= PAIRS_MAX {
            return None;
        }
        let lasting = self.0.entry(pair.clone()).or_default();
        match event.ended_at {
            None => lasting.insert(event.id),
            Some(_) => lasting.remove(&event.id),
        };
        if lasting.len() > LASTING_MAX {
            lasting.pop_first();
        }
        Some(Seen { pair, is_new, is_there: !lasting.is_empty() })
    }

    /// Every pair, and whether something is there.
    pub fn all(&self) -> impl Iterator<Item = (&Pair, bool)> {
        self.0.iter().map(|(pair, lasting)| (pair, !lasting.is_empty()))
    }

    /// The classes of a camera that is no more.
    pub fn forget(&mut self, camera: &str) -> Vec<Pair> {
        let gone: Vec<_> = self.0.keys().filter(|(of, _)| of == camera).cloned().collect();
        gone.iter().for_each(|pair| drop(self.0.remove(pair)));
        gone
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::testing::event;
    use super::*;

    #[test]
    fn somebody_is_there_until_the_last_one_is_gone() {
        let mut presence = Presence::default();
        let mut is_there = |id, is_over| presence.see(&event(id, is_over)).unwrap().is_there;
        assert!(is_there(1, false));
        assert!(is_there(2, false));
        assert!(is_there(1, true));
        assert!(!is_there(2, true));
        assert!(!is_there(2, true), "told again after a restart");
    }

    #[test]
    fn what_an_earlier_run_said_is_over_and_more_pairs_than_that_are_not_announced() {
        let mut presence = Presence::default();
        let pair = |number: usize| ("yard".to_owned(), format!("class {number}"));
        (0..PAIRS_MAX).for_each(|number| presence.recall(pair(number)));
        assert!(presence.all().all(|(_, is_there)| !is_there));
        assert_eq!(presence.see(&event(1, false)), None);
        assert_eq!(presence.forget("yard").len(), PAIRS_MAX);
        assert!(presence.see(&event(1, false)).unwrap().is_new);
    }
}
