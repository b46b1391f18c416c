//! Takes the lines of an export into a store that is open.
//!
//! What is there already is not doubled, so an import may be repeated. A line
//! that is none of an export is passed over and named. Holds one line (at most
//! [`LINE_MAX`]) and one group of records in memory.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufRead, Read as _};
use std::sync::mpsc::sync_channel;

use super::export::Line;
use crate::domain::DetectionId;
use crate::store::journal::io_error;
use crate::store::{Durability, Reader as _, Record, RecordId, Store, StoreError, Writer as _};

/// Longest line: the largest record with every character escaped.
const LINE_MAX: u64 = 8 << 20;
/// Records, and bytes of their lines, that are written at once. The stored form
/// is shorter than its line, so that a group fits into one commit.
const GROUP_RECORDS: usize = 256;
const GROUP_BYTES: usize = 512 << 10;
/// Above this no id is given out; beyond it clients that count in doubles err.
const ID_MAX: u64 = 1 << 53;
/// Most faults kept in words; the counter goes on counting.
pub const FAULTS_MAX: usize = 100;

/// What an import did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Records that are new in the store.
    pub added: u64,
    /// Records that were there, or events in a later revision.
    pub known: u64,
    /// Lines that were passed over.
    pub faults: u64,
    /// The first [`FAULTS_MAX`] of them: number and reason.
    pub fault_lines: Vec<String>,
}

/// An import under way.
pub struct Import<'a> {
    store: &'a Store,
    group: Vec<(u64, Record)>,
    group_bytes: usize,
    detections: HashSet<DetectionId>,
    revised: HashMap<RecordId, u32>,
    report: Imported,
}

impl<'a> Import<'a> {
    /// Into `store`, which must be current
    /// ([`Store::wait_until_current`]).
    pub fn new(store: &'a Store) -> Self {
        Self {
            store,
            group: Vec::new(),
            group_bytes: 0,
            detections: HashSet::new(),
            revised: HashMap::new(),
            report: Imported::default(),
        }
    }

    /// Reads `input` to its end; `on_progress` hears how many bytes are done.
    ///
    /// # Errors
    /// When the input cannot be read or the store cannot keep what it is given.
    /// What was added before stays.
    pub fn run(
        mut self,
        input: &mut dyn BufRead,
        on_progress: &mut dyn FnMut(u64),
    ) -> Result<Imported, StoreError> {
        let (mut line, mut number, mut done_bytes) = (Vec::new(), 0, 0);
        loop {
            line.clear();
            let read = (&mut *input)
                .take(LINE_MAX)
                .read_until(b'\n', &mut line)
                .map_err(io_error("read the import"))?;
            if read == 0 {
                break;
            }
            number += 1;
            done_bytes += read as u64;
            if read as u64 == LINE_MAX && line.last() != Some(&b'\n') {
                done_bytes += skip_line(input).map_err(io_error("read the import"))?;
                self.fault(number, "longer than any record");
            } else {
                self.take_line(number, line.trim_ascii())?;
            }
            on_progress(done_bytes);
        }
        self.write_group()?;
        Ok(self.report)
    }

    fn take_line(&mut self, number: u64, line: &[u8]) -> Result<(), StoreError> {
        if line.is_empty() {
            return Ok(());
        }
        let record = match serde_json::from_slice::<Line>(line) {
            Ok(Line::ClockShiftV1(_)) => return Ok(()),
            Ok(parsed) => match parsed.into_record() {
                Some(record) => record,
                None => {
                    self.fault(number, "a value in it is none of its kind");
                    return Ok(());
                }
            },
            Err(error) => {
                self.fault(number, &error.to_string());
                return Ok(());
            }
        };
        if counter_of(&record).is_some_and(|id| id >= ID_MAX) {
            self.fault(number, "the id is larger than any id of a store");
            return Ok(());
        }
        if self.is_known(&record)? {
            self.report.known += 1;
            return Ok(());
        }
        if self.group.len() >= GROUP_RECORDS || self.group_bytes + line.len() > GROUP_BYTES {
            self.write_group()?;
        }
        self.group_bytes += line.len();
        match (&record, record.id()) {
            (Record::Detection(seen), _) => drop(self.detections.insert(seen.id)),
            (_, Some(id)) => drop(self.revised.insert(id, record.revision())),
            (_, None) => {}
        }
        self.group.push((number, record));
        Ok(())
    }

    fn is_known(&self, record: &Record) -> Result<bool, StoreError> {
        if let Record::Detection(seen) = record {
            return Ok(
                self.detections.contains(&seen.id) || self.store.detection(seen.id)?.is_some()
            );
        }
        let Some(id) = record.id() else { return Ok(false) };
        let known = match self.revised.get(&id) {
            Some(waiting) => Some(*waiting),
            None => self.store.revision(id)?,
        };
        Ok(known.is_some_and(|known| known >= record.revision()))
    }

    /// Writes what has come together, synced.
    fn write_group(&mut self) -> Result<(), StoreError> {
        self.group_bytes = 0;
        self.detections.clear();
        self.revised.clear();
        let group = std::mem::take(&mut self.group);
        let Some((first, _)) = group.first() else { return Ok(()) };
        let (number, count) = (*first, group.len() as u64);
        let records: Vec<_> = group.into_iter().map(|(_, record)| record).collect();
        self.store.continue_ids_above(&records);
        let (tx, rx) = sync_channel(1);
        // The receiver waits for exactly this answer.
        let done = Box::new(move |result| drop(tx.send(result)));
        self.store.submit(records, Durability::Synced, done);
        match rx.recv() {
            Ok(Ok(())) => self.report.added += count,
            Ok(Err(StoreError::Io { what, reason })) if count == 1 => {
                self.fault(number, &format!("cannot {what}: {reason}"));
            }
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(StoreError::Unavailable("it has stopped".into())),
        }
        Ok(())
    }

    fn fault(&mut self, number: u64, reason: &str) {
        self.report.faults += 1;
        if self.report.fault_lines.len() < FAULTS_MAX {
            self.report.fault_lines.push(format!("line {number}: {reason}"));
        }
    }
}

/// The id, if it is one that the store counts.
fn counter_of(record: &Record) -> Option<u64> {
    match record {
        Record::Detection(seen) => Some(seen.id.0),
        Record::Event(happened) => Some(happened.id.0),
        Record::SceneChange(change) => Some(change.id.0),
        Record::Alert(_) | Record::AlertRule(_) | Record::Setting(_) | Record::Removed(_) => None,
    }
}

/// Passes over the rest of a line; its bytes.
fn skip_line(input: &mut dyn BufRead) -> io::Result<u64> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        skipped += used as u64;
        if end.is_some() || used == 0 {
            return Ok(skipped);
        }
    }
}
