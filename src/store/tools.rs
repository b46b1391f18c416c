//! Looks at a store without changing it: for the command line and for support.
//!
//! Reads one segment at a time, so memory is bounded by a segment (5 MiB). A
//! running daemon is not disturbed; its half written last frame may then show as
//! a torn tail.

use std::fs;
use std::path::{Path, PathBuf};

use super::disk::{Disk, RealDisk};
use super::frame::{Found, SEGMENT_HEADER, Scan, read_segment_header};
use super::journal::{io_error, list, read_segment, segment_path};
use super::stored::{self, Body};
use super::{Record, StoreError};
use crate::domain::Timestamp;

/// Most findings kept in a report; the counters go on counting.
pub const FINDINGS_MAX: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Journal segments.
    pub segments: u64,
    /// Undamaged frames.
    pub frames: u64,
    /// Readable records.
    pub records: u64,
    /// Undamaged records that this version of the program cannot read.
    pub unknown_records: u64,
    /// Places that are no frame, between frames, and damaged segment headers.
    pub damaged: u64,
    /// Ends that a power cut left half written: expected, one for each cut.
    pub torn_tails: u64,
    /// Bytes of damaged places and torn tails.
    pub lost_bytes: u64,
    /// The first [`FINDINGS_MAX`] of them, in words.
    pub findings: Vec<String>,
}

/// Figures of a store.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Journal segments.
    pub segments: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of the index.
    pub index_bytes: u64,
    /// Stored detections.
    pub detections: u64,
    /// Stored events, each revision counted.
    pub event_revisions: u64,
    /// Stored alerts, rules, scene changes and settings, each revision counted.
    pub other_revisions: u64,
    /// Time of the oldest record.
    pub oldest: Option<Timestamp>,
    /// Time of the newest record.
    pub newest: Option<Timestamp>,
}

/// Checks every frame and record of the store in `dir`.
///
/// # Errors
/// When the journal cannot be listed or a segment cannot be opened.
pub fn check(dir: &Path) -> Result<CheckReport, StoreError> {
    check_on(&RealDisk, dir)
}

/// [`check`] on another disk.
///
/// # Errors
/// As [`check`].
pub fn check_on(disk: &dyn Disk, dir: &Path) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    for_each_segment(disk, dir, |path, number, bytes| {
        report.segments += 1;
        if read_segment_header(number, bytes).is_none() {
            report.damaged += 1;
            report.note(format!("{}: the header is damaged", path.display()));
        }
        for found in Scan::new(bytes, number, SEGMENT_HEADER as u32) {
            report.add(path, &found);
        }
    })?;
    Ok(report)
}

/// Counts what is in the store in `dir`.
///
/// # Errors
/// When the journal cannot be listed or a segment cannot be opened.
pub fn stats(dir: &Path) -> Result<StoreStats, StoreError> {
    let mut stats = StoreStats { index_bytes: bytes_below(dir, "index-"), ..Default::default() };
    for_each_segment(&RealDisk, dir, |_, number, bytes| {
        stats.segments += 1;
        stats.journal_bytes += bytes.len() as u64;
        for found in Scan::new(bytes, number, SEGMENT_HEADER as u32) {
            if let Found::Frame { body, .. } = found
                && let Body::Commit(records) = stored::decode(body)
            {
                records.flatten().for_each(|record| stats.add(&record));
            }
        }
    })?;
    Ok(stats)
}

impl CheckReport {
    /// Whether nothing but torn tails was found.
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.unknown_records == 0
    }

    fn add(&mut self, path: &Path, found: &Found<'_>) {
        let path = path.display();
        match *found {
            Found::Frame { body, offset } => {
                self.frames += 1;
                let unknown = match stored::decode(body) {
                    Body::Commit(records) => {
                        let all = records.clone().count();
                        let known = records.flatten().count();
                        self.records += known as u64;
                        all - known
                    }
                    Body::Closed(_) | Body::Continued(_) => 0,
                    Body::Unknown => 1,
                };
                if unknown > 0 {
                    self.unknown_records += unknown as u64;
                    self.note(format!("{path}: {unknown} unknown records at byte {offset}"));
                }
            }
            Found::Damaged { offset, len } => {
                self.damaged += 1;
                self.lost_bytes += u64::from(len);
                self.note(format!("{path}: {len} damaged bytes at byte {offset}"));
            }
            Found::Torn { offset, len } => {
                self.torn_tails += 1;
                self.lost_bytes += u64::from(len);
                self.note(format!("{path}: torn after byte {offset}, {len} bytes"));
            }
        }
    }

    fn note(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}

impl StoreStats {
    fn add(&mut self, record: &Record) {
        match record {
            Record::Detection(_) => self.detections += 1,
            Record::Event(_) => self.event_revisions += 1,
            Record::Alert(_)
            | Record::AlertRule(_)
            | Record::SceneChange(_)
            | Record::Setting(_)
            | Record::Removed(_) => self.other_revisions += 1,
        }
        let at = record.touched_at();
        self.oldest = Some(self.oldest.map_or(at, |oldest| oldest.min(at)));
        self.newest = Some(self.newest.map_or(at, |newest| newest.max(at)));
    }
}

/// Shows every undamaged record in the journal of the store in `dir`, oldest
/// first, with its segment; those of one commit come together.
///
/// # Errors
/// As [`check`].
pub fn for_each_commit(
    disk: &dyn Disk,
    dir: &Path,
    mut visit: impl FnMut(u64, Vec<Record>),
) -> Result<(), StoreError> {
    for_each_segment(disk, dir, |_, number, bytes| {
        for found in Scan::new(bytes, number, SEGMENT_HEADER as u32) {
            if let Found::Frame { body, .. } = found
                && let Body::Commit(records) = stored::decode(body)
            {
                visit(number, records.flatten().collect());
            }
        }
    })
}

fn for_each_segment(
    disk: &dyn Disk,
    dir: &Path,
    mut visit: impl FnMut(&Path, u64, &[u8]),
) -> Result<(), StoreError> {
    let journal = dir.join("journal");
    let segments = list(disk, &journal).map_err(io_error(format!("list {}", journal.display())))?;
    for number in segments.into_keys() {
        let path = segment_path(&journal, number);
        let bytes =
            read_segment(disk, &path).map_err(io_error(format!("read {}", path.display())))?;
        visit(&path, number, &bytes);
    }
    Ok(())
}

/// Bytes of the files below the directories in `dir` whose names begin so.
fn bytes_below(dir: &Path, prefix: &str) -> u64 {
    let is_meant = |path: &PathBuf| {
        path.file_name().and_then(|n| n.to_str()).is_some_and(|name| name.starts_with(prefix))
    };
    paths_in(dir).into_iter().filter(is_meant).map(|path| bytes_of(&path)).sum()
}

fn bytes_of(path: &Path) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => paths_in(path).iter().map(|path| bytes_of(path)).sum(),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    }
}

fn paths_in(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
}
