//! The files of the snapshots and what they weigh.
//!
//! `<dir>/<id / 1000>/<id>.jpg` and `<id>.thumb.jpg`: a thousand events share a
//! directory, so that none grows without end. A file is written under a temporary
//! name, synced, renamed, and its directory synced. In memory: about 50 bytes per
//! kept event.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use log::info;

use super::{MediaError, SnapshotSize};
use crate::domain::EventId;

/// Largest file that is read back: 8K at full quality stays below.
const FILE_MAX_BYTES: u64 = 32 << 20;
const EVENTS_PER_DIRECTORY: u64 = 1000;
const TEMPORARY: &str = "tmp";

/// The files under one directory.
pub(super) struct SnapshotFiles {
    dir: PathBuf,
    sizes: BTreeMap<EventId, u64>,
    bytes: u64,
    last_error: Option<io::ErrorKind>,
}

impl SnapshotFiles {
    /// Files under `dir`, none known yet.
    pub fn new(dir: PathBuf) -> Self {
        Self { dir, sizes: BTreeMap::new(), bytes: 0, last_error: None }
    }

    /// Learns what is there and removes what a crash left half written.
    pub fn scan(&mut self) -> Result<(), MediaError> {
        let dir = self.dir.clone();
        fs::create_dir_all(&dir).map_err(|error| self.failed("create", &dir, &error))?;
        let mut leftovers = 0_u32;
        for group in entries(&dir).map_err(|error| self.failed("list", &dir, &error))? {
            let files = entries(&group).unwrap_or_default();
            for file in files {
                if file.extension().is_some_and(|ext| ext == TEMPORARY) {
                    leftovers += u32::from(fs::remove_file(&file).is_ok());
                } else if let Some(event) = event_of(&file) {
                    self.add(event, fs::metadata(&file).map_or(0, |meta| meta.len()));
                }
            }
        }
        if leftovers > 0 {
            info!(files = leftovers; "Removed snapshots that were half written at the last stop.");
        }
        Ok(())
    }

    /// Bytes of all known files.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether the last failure was for lack of space.
    pub fn is_disk_full(&self) -> bool {
        matches!(self.last_error, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }

    /// Keeps both pictures of an event, in place of earlier ones.
    pub fn store(
        &mut self,
        event: EventId,
        full: &[u8],
        thumbnail: &[u8],
    ) -> Result<(), MediaError> {
        let path = path_of(&self.dir, event, SnapshotSize::Full);
        let thumbnail_path = path_of(&self.dir, event, SnapshotSize::Thumbnail);
        let group = path.parent().unwrap_or(&self.dir).to_owned();
        let write = || {
            if !group.is_dir() {
                fs::create_dir_all(&group)?;
                File::open(&self.dir)?.sync_all()?;
            }
            write_whole(&thumbnail_path, thumbnail)?;
            write_whole(&path, full)?;
            File::open(&group)?.sync_all()
        };
        write().map_err(|error| self.failed("write", &path, &error))?;
        self.bytes -= self.sizes.remove(&event).unwrap_or(0);
        self.add(event, (full.len() + thumbnail.len()) as u64);
        Ok(())
    }

    /// One picture, if it is there.
    pub fn load(
        dir: &Path,
        event: EventId,
        size: SnapshotSize,
    ) -> Result<Option<Bytes>, MediaError> {
        let path = path_of(dir, event, size);
        let failed =
            |reason: String| MediaError::Io { what: format!("read {}", path.display()), reason };
        let file = match File::open(&path) {
            Ok(file) => file,
            // A file where a directory should be means: no such picture, too.
            Err(error) if is_absence(&error) => return Ok(None),
            Err(error) => return Err(failed(error.to_string())),
        };
        let mut bytes = Vec::new();
        file.take(FILE_MAX_BYTES + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(error.to_string()))?;
        if bytes.len() as u64 > FILE_MAX_BYTES {
            return Err(failed(format!("larger than {FILE_MAX_BYTES} bytes")));
        }
        Ok(Some(bytes.into()))
    }

    /// Bytes of the full picture, if it is there.
    pub fn size_of(dir: &Path, event: EventId) -> Option<u64> {
        fs::metadata(path_of(dir, event, SnapshotSize::Full)).ok().map(|meta| meta.len())
    }

    /// Removes the pictures of `events`.
    pub fn remove(&mut self, events: &[EventId]) {
        for event in events {
            for size in [SnapshotSize::Full, SnapshotSize::Thumbnail] {
                let path = path_of(&self.dir, *event, size);
                // Absent files are what is wanted; others stay counted below and
                // are met again by the next scan.
                let _ = fs::remove_file(&path);
                if let Some(group) = path.parent() {
                    // Succeeds only for an empty directory.
                    let _ = fs::remove_dir(group);
                }
            }
            self.bytes -= self.sizes.remove(event).unwrap_or(0);
        }
    }

    /// Removes the pictures of the `count` oldest events; how many there were.
    pub fn remove_oldest(&mut self, count: usize) -> usize {
        let oldest: Vec<_> = self.sizes.keys().take(count).copied().collect();
        self.remove(&oldest);
        oldest.len()
    }

    fn add(&mut self, event: EventId, bytes: u64) {
        *self.sizes.entry(event).or_default() += bytes;
        self.bytes += bytes;
    }

    fn failed(&mut self, what: &str, path: &Path, error: &io::Error) -> MediaError {
        self.last_error = Some(error.kind());
        MediaError::Io { what: format!("{what} {}", path.display()), reason: error.to_string() }
    }
}

fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn path_of(dir: &Path, EventId(id): EventId, size: SnapshotSize) -> PathBuf {
    let ending = match size {
        SnapshotSize::Full => "jpg",
        SnapshotSize::Thumbnail => "thumb.jpg",
    };
    dir.join((id / EVENTS_PER_DIRECTORY).to_string()).join(format!("{id}.{ending}"))
}

fn event_of(file: &Path) -> Option<EventId> {
    let name = file.file_name()?.to_str()?.strip_suffix(".jpg")?;
    name.strip_suffix(".thumb").unwrap_or(name).parse().ok().map(EventId)
}

fn entries(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
}

fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let temporary = path.with_extension(TEMPORARY);
    let write = || {
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    };
    write().inspect_err(|_| {
        // The scan at the next start removes it if this cannot.
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_half_written_is_removed_and_strange_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = SnapshotFiles::new(dir.path().to_owned());
        files.store(EventId(5), b"full", b"thumb").unwrap();
        let group = dir.path().join("0");
        for name in ["6.tmp", "6.thumb.tmp", "notes.txt", "x.jpg"] {
            fs::write(group.join(name), "half").unwrap();
        }
        let mut again = SnapshotFiles::new(dir.path().to_owned());
        again.scan().unwrap();
        assert_eq!(again.bytes(), 9);
        let mut left: Vec<_> =
            entries(&group).unwrap().iter().map(|p| p.file_name().unwrap().to_owned()).collect();
        left.sort();
        assert_eq!(left, ["5.jpg", "5.thumb.jpg", "notes.txt", "x.jpg"]);
    }

    #[test]
    fn replacing_a_picture_does_not_count_its_bytes_twice() {
        let dir = tempfile::tempdir().unwrap();
        let mut files = SnapshotFiles::new(dir.path().to_owned());
        files.store(EventId(1), b"four", b"two").unwrap();
        files.store(EventId(1), b"longer", b"").unwrap();
        assert_eq!(files.bytes(), 6);
        assert_eq!(files.remove_oldest(3), 1);
        assert_eq!(files.bytes(), 0);
        assert!(SnapshotFiles::load(dir.path(), EventId(1), SnapshotSize::Full).unwrap().is_none());
    }

    #[test]
    fn an_absurdly_large_file_is_refused_instead_of_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = path_of(dir.path(), EventId(1), SnapshotSize::Full);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        File::create(&path).unwrap().set_len(FILE_MAX_BYTES + 1).unwrap();
        let loaded = SnapshotFiles::load(dir.path(), EventId(1), SnapshotSize::Full);
        assert!(matches!(loaded, Err(MediaError::Io { .. })));
    }
}
