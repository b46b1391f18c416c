//! Counts what is in a store.

use std::fs;
use std::path::{Path, PathBuf};

use super::{OnProgress, for_each_segment, go_on};
use crate::domain::Timestamp;
use crate::store::disk::RealDisk;
use crate::store::frame::Found;
use crate::store::stored::{self, Body};
use crate::store::{Record, StoreError};

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

/// Counts what is in the store in `dir`.
///
/// # Errors
/// When the journal cannot be listed or a segment cannot be read.
pub fn stats(dir: &Path) -> Result<StoreStats, StoreError> {
    stats_with(dir, &mut go_on)
}

/// [`stats`], telling how far it is.
///
/// # Errors
/// As [`stats`].
pub fn stats_with(dir: &Path, on_progress: OnProgress<'_>) -> Result<StoreStats, StoreError> {
    let mut stats = StoreStats { index_bytes: bytes_below(dir, "index-"), ..Default::default() };
    for_each_segment(&RealDisk, dir, on_progress, |segment| {
        stats.segments += 1;
        stats.journal_bytes += segment.bytes.len() as u64;
        for found in segment.scan() {
            if let Found::Frame { body, .. } = found
                && let Body::Commit(records) = stored::decode(body)
            {
                records.flatten().for_each(|record| stats.add(&record));
            }
        }
        Ok(())
    })?;
    Ok(stats)
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
