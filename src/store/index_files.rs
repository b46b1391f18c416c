//! Where the index lies, and where it goes when it cannot be used.
//!
//! `index-<n>` with the highest number is in use. One that refuses, panics, takes
//! too long or is of another format becomes `quarantine-<n>` (the last one is
//! kept for whoever wants to know why), and the next number begins empty. No
//! number is used twice, so a new index is never where a stuck open may still be
//! writing.

use std::fs;
use std::io;
use std::path::Path;

use log::warn;

use super::disk::{Disk as _, RealDisk};
use super::index::{Index, IndexError};

const INDEX: &str = "index-";
const QUARANTINE: &str = "quarantine-";

/// Opens the index of a store directory; an empty one if there is none. Slow on a
/// damaged store. Also removes what was left when indexes were replaced.
pub(super) fn open(dir: &Path, stretch_bytes: u32) -> Result<Index, IndexError> {
    let newest_aside = remove_all_but_newest(dir, QUARANTINE).unwrap_or(0);
    let number = remove_all_but_newest(dir, INDEX).unwrap_or(newest_aside + 1);
    Index::open(&dir.join(format!("{INDEX}{number}")), stretch_bytes)
}

/// Moves the newest index to quarantine.
pub(super) fn move_newest_aside(dir: &Path) {
    let Some(number) = numbers(dir, INDEX).into_iter().max() else { return };
    let (from, to) = (format!("{INDEX}{number}"), format!("{QUARANTINE}{number}"));
    let moved = fs::rename(dir.join(from), dir.join(to)).and_then(|()| RealDisk.sync_dir(dir));
    if let Err(error) = moved {
        warn!(error:%; "The old index could not be moved to quarantine.");
    }
}

/// Removes every index; the next one is built from the journal.
pub(super) fn remove_all(dir: &Path) -> io::Result<()> {
    for number in numbers(dir, INDEX) {
        fs::remove_dir_all(dir.join(format!("{INDEX}{number}")))?;
    }
    RealDisk.sync_dir(dir)
}

/// Removes what is kept in quarantine: the disk is full.
pub(super) fn remove_quarantine(dir: &Path) {
    for number in numbers(dir, QUARANTINE) {
        remove(dir, QUARANTINE, number);
    }
}

fn remove_all_but_newest(dir: &Path, prefix: &str) -> Option<u64> {
    let mut numbers = numbers(dir, prefix);
    numbers.sort_unstable();
    let newest = numbers.pop();
    numbers.into_iter().for_each(|number| remove(dir, prefix, number));
    newest
}

fn remove(dir: &Path, prefix: &str, number: u64) {
    if let Err(error) = fs::remove_dir_all(dir.join(format!("{prefix}{number}"))) {
        warn!(error:%; "An index that is no longer used could not be removed.");
    }
}

fn numbers(dir: &Path, prefix: &str) -> Vec<u64> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter_map(|name| name.strip_prefix(prefix)?.parse().ok()).collect()
}
