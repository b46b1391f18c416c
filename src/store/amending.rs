//! Changes of events as one step: the latest revision is read, changed and
//! written by the writer thread, so that nobody comes in between.
//!
//! The latest revision is the one waiting in the same group, else the one written
//! lately (at most [`RECENT_EVENTS`] are remembered, so that the running events
//! never need the index), else the one the index points to. Without a complete
//! index an event of an earlier run cannot be told; its change is refused.

use std::collections::{HashMap, VecDeque};

use super::handle::too_large;
use super::healing::heal_event;
use super::index::{Index, IndexError};
use super::records::Records;
use super::shared::{Shared, Submit, Task};
use super::stored;
use super::writer::Engine;
use super::{Amended, Change, Done, Durability, Record, StoreError};
use crate::domain::{Event, EventId};

/// Events remembered as they were last written: more than run at the same time.
/// About 1 kB each.
const RECENT_EVENTS: usize = 256;

/// The latest revisions of the events written last.
#[derive(Default)]
pub(super) struct Recent {
    events: HashMap<u64, Event>,
    /// In the order of their first mention; a forgotten event is found in the
    /// index.
    order: VecDeque<u64>,
    /// Events from here on were never seen by an earlier run.
    first_of_run: u64,
    /// The highest that was forgotten.
    forgotten: u64,
}

impl Recent {
    /// Nothing yet; ids below `first_of_run` belong to earlier runs.
    pub fn new(first_of_run: u64) -> Self {
        Self { first_of_run, ..Self::default() }
    }

    /// The event is in the journal.
    pub fn note(&mut self, event: Event) {
        let id = event.id.0;
        match self.events.get_mut(&id) {
            Some(known) if known.revision > event.revision => {}
            Some(known) => *known = event,
            None => {
                self.events.insert(id, event);
                self.order.push_back(id);
            }
        }
        while self.order.len() > RECENT_EVENTS {
            let oldest = self.order.pop_front();
            self.forgotten = self.forgotten.max(oldest.unwrap_or(0));
            oldest.map(|id| self.events.remove(&id));
        }
    }

    /// Retention has dropped these.
    pub fn drop_events(&mut self, ids: &[u64]) {
        ids.iter().for_each(|id| drop(self.events.remove(id)));
        self.order.retain(|id| self.events.contains_key(id));
    }

    /// Whether an event that is not remembered cannot exist.
    fn knows_all_from(&self, id: u64) -> bool {
        id >= self.first_of_run && id > self.forgotten
    }
}

/// A submit whose bytes are known.
pub(super) struct Ready {
    /// Empty when there is nothing to write.
    pub body: Vec<u8>,
    pub events: Vec<Event>,
    pub records: usize,
    pub durability: Durability,
    answer: Answer,
}

enum Answer {
    Written(Done),
    Amended(Result<Option<Event>, StoreError>, Amended),
}

impl Ready {
    /// Tells the owner what came of writing it.
    pub fn answer(self, result: Result<(), StoreError>) {
        match self.answer {
            Answer::Written(done) => done(result),
            Answer::Amended(change, done) => done(match change {
                Ok(Some(event)) => result.map(|()| Some(event)),
                other => other,
            }),
        }
    }
}

/// Turns a group into what is to be written, running the changes in order.
pub(super) fn prepare(engine: &mut Engine, group: Vec<Submit>) -> Vec<Ready> {
    let mut ready = Vec::<Ready>::with_capacity(group.len());
    for Submit { task, records, durability } in group {
        ready.push(match task {
            Task::Write { body, events, done } => {
                Ready { body, events, records, durability, answer: Answer::Written(done) }
            }
            Task::Amend { id, change, done } => {
                let result = amend(engine, &ready, id, change);
                let (body, event) = match result {
                    Ok(Some((body, event))) => (body, Ok(Some(event))),
                    Ok(None) => (Vec::new(), Ok(None)),
                    Err(error) => (Vec::new(), Err(error)),
                };
                let events: Vec<_> = event.iter().flatten().cloned().collect();
                let (records, answer) = (events.len(), Answer::Amended(event, done));
                Ready { body, events, records, durability, answer }
            }
        });
    }
    ready
}

/// The changed event and its frame; `None` when nothing is to change.
fn amend(
    engine: &mut Engine,
    before: &[Ready],
    id: EventId,
    change: Change,
) -> Result<Option<(Vec<u8>, Event)>, StoreError> {
    let latest = match latest_in(before, id) {
        Some(event) => Some(event),
        None => latest_written(engine, id)?,
    };
    let next_revision = latest.as_ref().map_or(0, |event| event.revision.saturating_add(1));
    let Some(mut event) = change(latest) else { return Ok(None) };
    event.id = id;
    event.revision = event.revision.max(next_revision);
    let body = stored::encode_commit(&[Record::Event(event.clone())]).map_err(|_| too_large(1))?;
    Ok(Some((body, event)))
}

fn latest_in(before: &[Ready], id: EventId) -> Option<Event> {
    let events = before.iter().flat_map(|ready| &ready.events);
    events.filter(|event| event.id == id).max_by_key(|event| event.revision).cloned()
}

fn latest_written(engine: &mut Engine, id: EventId) -> Result<Option<Event>, StoreError> {
    if let Some(event) = engine.recent.events.get(&id.0) {
        return Ok(Some(event.clone()));
    }
    if engine.recent.knows_all_from(id.0) {
        return Ok(None);
    }
    let Some(index) = engine.indexing.current().cloned() else {
        return Err(StoreError::Unavailable("the index is being built again".into()));
    };
    let found = look_up(engine, &index, id).map_err(|error| {
        engine.indexing.fail(&error);
        StoreError::Unavailable("the index is being built again".into())
    })?;
    Ok(found)
}

/// Through the index; a damaged revision makes way for the one before first.
fn look_up(engine: &Engine, index: &Index, id: EventId) -> Result<Option<Event>, IndexError> {
    let (disk, dir) = (engine.journal.disk(), engine.shared.journal_dir());
    for _ in 0..2 {
        let Some(entry) = index.event(id.0)? else { return Ok(None) };
        match Records::new(disk, dir.clone()).read(entry.pointer()) {
            Ok(Record::Event(event)) if event.id == id => return Ok(Some(event)),
            _ => heal_event(index, id.0, &engine.journal)?,
        }
    }
    Ok(None)
}

/// Counts a refused submit and answers it.
pub(super) fn refuse(shared: &Shared, submit: Submit, error: StoreError) {
    shared.metrics.refused.add(submit.records as u64);
    submit.refuse(error);
}

#[cfg(test)]
mod tests {
    use super::super::testing::event;
    use super::*;

    #[test]
    fn only_the_latest_revisions_of_so_many_events_are_remembered() {
        let mut recent = Recent::new(1);
        for id in 1..=RECENT_EVENTS as u64 + 10 {
            recent.note(event(id, 2, 0));
            recent.note(event(id, 1, 0));
        }
        assert_eq!(recent.events.len(), RECENT_EVENTS);
        assert!(recent.events.values().all(|event| event.revision == 2));
        assert!(!recent.knows_all_from(10) && recent.knows_all_from(11));
    }
}
