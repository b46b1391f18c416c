//! Changes of things with revisions as one step: the latest revision is read,
//! changed and written by the writer thread, so that nobody comes in between.
//!
//! The latest revision is the one waiting in the same group, else the one written
//! lately (at most [`RECENT`] are remembered, so that the running events never
//! need the index), else the one the index points to. Without a complete index a
//! thing of an earlier run cannot be told; its change is refused.

use std::collections::{HashMap, VecDeque};

use super::handle::too_large;
use super::healing::{heal, latest};
use super::index::{Index, IndexError};
use super::records::Records;
use super::shared::{Shared, Submit, Task};
use super::stored;
use super::writer::Engine;
use super::{Amended, Change, Done, Durability, Record, RecordId, RecordKind, StoreError};

/// Things remembered as they were last written: more than run at the same time.
/// About 1 kB each.
const RECENT: usize = 256;

/// The latest revisions of what was written last.
#[derive(Default)]
pub(super) struct Recent {
    records: HashMap<RecordId, Record>,
    /// In the order of their first mention; what is forgotten is found in the
    /// index.
    order: VecDeque<RecordId>,
    /// Events from here on were never seen by an earlier run.
    first_of_run: u64,
    /// The highest event that was forgotten.
    forgotten: u128,
    /// Revisions whose writing failed, at most [`RECENT`]: they may be on the disk
    /// all the same, so their numbers are not used again.
    failed: VecDeque<(RecordId, u32)>,
}

impl Recent {
    /// Nothing yet; ids of events below `first_of_run` belong to earlier runs.
    pub fn new(first_of_run: u64) -> Self {
        Self { first_of_run, ..Self::default() }
    }

    /// The record is in the journal.
    pub fn note(&mut self, record: Record) {
        let Some(id) = record.id() else { return };
        match self.records.get_mut(&id) {
            Some(known) if known.revision() > record.revision() => {}
            Some(known) => *known = record,
            None => {
                self.records.insert(id, record);
                self.order.push_back(id);
            }
        }
        while self.order.len() > RECENT {
            let Some(oldest) = self.order.pop_front() else { return };
            if oldest.kind == RecordKind::Event {
                self.forgotten = self.forgotten.max(oldest.id);
            }
            self.records.remove(&oldest);
        }
    }

    /// The record may be in the journal, or not.
    pub fn note_failed(&mut self, record: &Record) {
        self.failed.extend(record.id().map(|id| (id, record.revision())));
        if self.failed.len() > RECENT {
            self.failed.pop_front();
        }
    }

    /// The first revision that nothing on the disk can have.
    fn free_revision(&self, id: RecordId, latest: Option<&Record>) -> u32 {
        let failed = self.failed.iter().filter(|(known, _)| *known == id);
        let used = failed.map(|(_, revision)| *revision).chain(latest.map(Record::revision));
        used.max().map_or(0, |highest| highest.saturating_add(1))
    }

    /// Retention has dropped these.
    pub fn drop_all(&mut self, ids: &[RecordId]) {
        ids.iter().for_each(|id| drop(self.records.remove(id)));
        self.order.retain(|id| self.records.contains_key(id));
    }

    /// Whether something that is not remembered cannot exist.
    fn would_know(&self, id: RecordId) -> bool {
        id.kind == RecordKind::Event
            && id.id >= u128::from(self.first_of_run)
            && id.id > self.forgotten
    }
}

/// A submit whose bytes are known.
pub(super) struct Ready {
    /// Empty when there is nothing to write.
    pub body: Vec<u8>,
    pub revised: Vec<Record>,
    pub records: usize,
    pub durability: Durability,
    answer: Answer,
}

enum Answer {
    Written(Done),
    Amended(Box<Result<Option<Record>, StoreError>>, Amended<Record>),
}

impl Ready {
    /// Tells the owner what came of writing it.
    pub fn answer(self, result: Result<(), StoreError>) {
        match self.answer {
            Answer::Written(done) => done(result),
            Answer::Amended(change, done) => done(match *change {
                Ok(Some(record)) => result.map(|()| Some(record)),
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
            Task::Write { body, revised, done } => {
                Ready { body, revised, records, durability, answer: Answer::Written(done) }
            }
            Task::Amend { id, change, done } => {
                let result = amend(engine, &ready, id, change);
                let (body, record) = match result {
                    Ok(Some((body, record))) => (body, Ok(Some(record))),
                    Ok(None) => (Vec::new(), Ok(None)),
                    Err(error) => (Vec::new(), Err(error)),
                };
                let revised: Vec<_> = record.iter().flatten().cloned().collect();
                let (records, answer) = (revised.len(), Answer::Amended(Box::new(record), done));
                Ready { body, revised, records, durability, answer }
            }
        });
    }
    ready
}

/// The changed record and its frame; `None` when nothing is to change.
fn amend(
    engine: &mut Engine,
    before: &[Ready],
    id: RecordId,
    change: Change<Record>,
) -> Result<Option<(Vec<u8>, Record)>, StoreError> {
    let latest = match latest_in(before, id) {
        Some(record) => Some(record),
        None => latest_written(engine, id)?,
    };
    let next_revision = engine.recent.free_revision(id, latest.as_ref());
    let known = latest.filter(|record| !record.is_removal());
    let Some(mut record) = change(known) else { return Ok(None) };
    if record.id() != Some(id) {
        return Err(StoreError::Io {
            what: format!("change {:?} {}", id.kind, id.id),
            reason: "the change gave something else".into(),
        });
    }
    record.set_revision(record.revision().max(next_revision));
    let body = stored::encode_commit(std::slice::from_ref(&record)).map_err(|_| too_large(1))?;
    Ok(Some((body, record)))
}

fn latest_in(before: &[Ready], id: RecordId) -> Option<Record> {
    let revised = before.iter().flat_map(|ready| &ready.revised);
    revised.filter(|record| record.id() == Some(id)).max_by_key(|record| record.revision()).cloned()
}

fn latest_written(engine: &mut Engine, id: RecordId) -> Result<Option<Record>, StoreError> {
    if let Some(record) = engine.recent.records.get(&id) {
        return Ok(Some(record.clone()));
    }
    if engine.recent.would_know(id) {
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
fn look_up(engine: &Engine, index: &Index, id: RecordId) -> Result<Option<Record>, IndexError> {
    let (disk, dir) = (engine.journal.disk(), engine.shared.journal_dir());
    for _ in 0..2 {
        let Some((pointer, _)) = latest(index, id)? else { return Ok(None) };
        match Records::new(disk, dir.clone()).read(pointer) {
            Ok(record) if record.id() == Some(id) => return Ok(Some(record)),
            _ => heal(index, id, &engine.journal)?,
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
    use crate::domain::EventId;

    #[test]
    fn only_the_latest_revisions_of_so_many_events_are_remembered() {
        let mut recent = Recent::new(1);
        for id in 1..=RECENT as u64 + 10 {
            recent.note(Record::Event(event(id, 2, 0)));
            recent.note(Record::Event(event(id, 1, 0)));
        }
        assert_eq!(recent.records.len(), RECENT);
        assert!(recent.records.values().all(|record| record.revision() == 2));
        let would_know = |id| recent.would_know(EventId(id).into());
        assert!(!would_know(10) && would_know(11));
    }
}
