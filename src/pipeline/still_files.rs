//! Names for stills, and their files: whole under their final name, or not there.
//!
//! `<directory>/<prefix><number>.JPG`, numbers of five digits that go up. A file
//! is written under a temporary name, synced, renamed without replacing another,
//! and its directory synced. When less than the configured space is left, nothing
//! is written.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::capture::StillNaming;
use crate::rt::FreeBytes;

/// Names begin so unless somebody chose something else (DCF names of Sony bodies).
const PREFIX_DEFAULT: &str = "DSC";

/// After the highest number it begins at 1 again, as cameras do.
const NUMBER_MAX: u32 = 99_999;

/// Names that are tried before giving up: so many may be taken by others.
const TRIES: u32 = 1000;

/// Writes stills.
pub(super) struct StillFiles {
    naming: StillNaming,
    next: Option<u32>,
    free_bytes: FreeBytes,
    min_free_bytes: u64,
}

impl StillFiles {
    /// Stills in `directory`, which need not exist yet.
    pub(super) fn new(directory: PathBuf, free_bytes: FreeBytes, min_free_bytes: u64) -> Self {
        let naming = StillNaming { directory, prefix: String::new(), start: None };
        Self { naming, next: None, free_bytes, min_free_bytes }
    }

    /// Other names from now on.
    pub(super) fn rename(&mut self, naming: StillNaming) {
        self.next = naming.start;
        self.naming = naming;
    }

    /// Keeps a still; where it is then.
    pub(super) fn keep(&mut self, jpeg: &[u8]) -> io::Result<PathBuf> {
        self.check_space(jpeg.len() as u64)?;
        let directory = self.naming.directory.clone();
        fs::create_dir_all(&directory)?;
        let mut number = match self.next {
            Some(number) => number,
            None => self.highest()?.map_or(1, after),
        };
        let part = directory.join(format!(".{}part", self.prefix()));
        let written = write_synced(&part, jpeg);
        for _ in 0..TRIES {
            if written.is_err() {
                break;
            }
            let path = directory.join(format!("{}{number:05}.JPG", self.prefix()));
            number = after(number);
            if rename_new(&part, &path)? {
                self.next = Some(number);
                File::open(&directory)?.sync_all()?;
                return Ok(path);
            }
        }
        // Best effort: what is left of it is taken over by the next still.
        let _ = fs::remove_file(&part);
        written?;
        Err(io::Error::new(io::ErrorKind::AlreadyExists, "all names are taken"))
    }

    fn prefix(&self) -> &str {
        if self.naming.prefix.is_empty() { PREFIX_DEFAULT } else { &self.naming.prefix }
    }

    fn check_space(&self, bytes: u64) -> io::Result<()> {
        match (self.free_bytes)() {
            Some(free) if free < self.min_free_bytes.saturating_add(bytes) => {
                Err(io::Error::new(io::ErrorKind::StorageFull, "the disk is full"))
            }
            _ => Ok(()),
        }
    }

    /// The highest number that is taken.
    fn highest(&self) -> io::Result<Option<u32>> {
        let mut highest = None;
        for entry in fs::read_dir(&self.naming.directory)? {
            let name = entry?.file_name();
            let number = name.to_str().and_then(|name| {
                name.strip_prefix(self.prefix())?.strip_suffix(".JPG")?.parse::<u32>().ok()
            });
            highest = highest.max(number.filter(|number| *number <= NUMBER_MAX));
        }
        Ok(highest)
    }
}

fn after(number: u32) -> u32 {
    if number >= NUMBER_MAX { 1 } else { number + 1 }
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// False when there is a file of this name already.
fn rename_new(from: &Path, to: &Path) -> io::Result<bool> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::EXIST) => Ok(false),
        // Some file systems know no such renaming.
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if !to.exists() => {
            fs::rename(from, to).map(|()| true)
        }
        Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn files(directory: &Path, free: u64) -> StillFiles {
        StillFiles::new(directory.to_owned(), Arc::new(move || Some(free)), 1000)
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn numbers_go_on_after_a_restart_and_nothing_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = files(dir.path(), 1 << 20);
        first.keep(b"one").unwrap();
        first.keep(b"two").unwrap();
        files(dir.path(), 1 << 20).keep(b"three").unwrap();
        assert_eq!(names(dir.path()), ["DSC00001.JPG", "DSC00002.JPG", "DSC00003.JPG"]);
        assert_eq!(fs::read(dir.path().join("DSC00002.JPG")).unwrap(), b"two");
    }

    #[test]
    fn a_chosen_number_that_is_taken_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut stills = files(dir.path(), 1 << 20);
        fs::write(dir.path().join("SHOT00007.JPG"), b"older").unwrap();
        let directory = dir.path().to_owned();
        stills.rename(StillNaming { directory, prefix: "SHOT".into(), start: Some(7) });
        let path = stills.keep(b"new").unwrap();
        assert_eq!(path.file_name().unwrap(), "SHOT00008.JPG");
        assert_eq!(fs::read(dir.path().join("SHOT00007.JPG")).unwrap(), b"older");
    }

    #[test]
    fn a_full_disk_is_an_error_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let error = files(dir.path(), 1002).keep(b"one").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(names(dir.path()), [""; 0]);
    }

    #[test]
    fn after_the_highest_number_it_begins_again() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("DSC99999.JPG"), b"last").unwrap();
        let path = files(dir.path(), 1 << 20).keep(b"next").unwrap();
        assert_eq!(path.file_name().unwrap(), "DSC00001.JPG");
    }
}
