//! The files that jobs have made, until somebody fetches them or they get old.
//!
//! `<dir>/<job id>-<name>`; a file in the making ends in `.part` and is removed at
//! the next start. A finished file is synced before the job says so. At most
//! [`FILES_MAX`] files and [`BYTES_MAX`] bytes stay, the newest.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use log::{info, warn};

use super::WorkError;
use crate::domain::JobId;
use crate::rt::FreeBytes;

/// Most files kept.
const FILES_MAX: usize = 20;
/// Most bytes kept, and most bytes of one file.
const BYTES_MAX: u64 = 1 << 30;
/// How often the free space is looked at.
const LOOK_BYTES: u64 = 4 << 20;

/// The files. Cheap to clone.
#[derive(Clone)]
pub(super) struct Shelf {
    dir: PathBuf,
    free_bytes: FreeBytes,
    min_free_bytes: u64,
}

/// A finished file.
#[derive(Debug)]
pub struct Download {
    /// Its name for people.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The file, open; it can be read to its end even when it is removed.
    pub file: File,
}

/// A file in the making.
pub(super) struct Part {
    path: PathBuf,
    target: PathBuf,
    file: BufWriter<File>,
    written: u64,
    next_look: u64,
    shelf: Shelf,
}

impl Shelf {
    /// The shelf in `dir`, which always leaves `min_free_bytes` to the system.
    pub fn open(dir: PathBuf, free_bytes: FreeBytes, min_free_bytes: u64) -> Self {
        let shelf = Self { dir, free_bytes, min_free_bytes };
        let parts = shelf.files().into_iter().filter(|path| is_part(path));
        let removed = parts.filter(|path| fs::remove_file(path).is_ok()).count();
        if removed > 0 {
            info!(files = removed; "Removed exports that were half written at the last stop.");
        }
        shelf
    }

    /// A new file of a job.
    pub fn create(&self, job: JobId, name: &str) -> Result<Part, WorkError> {
        let target = self.dir.join(format!("{job}-{name}"));
        let path = self.dir.join(format!("{job}-{name}.part"));
        let file = fs::create_dir_all(&self.dir).and_then(|()| File::create_new(&path));
        let file = BufWriter::new(file.map_err(|error| failed("create", &path, &error))?);
        Ok(Part { path, target, file, written: 0, next_look: 0, shelf: self.clone() })
    }

    /// The file of a job, if it is there.
    pub fn find(&self, job: JobId) -> Option<Download> {
        let path = self.path_of(job)?;
        let name = path.file_name()?.to_str()?.strip_prefix(&format!("{job}-"))?;
        let file = File::open(&path).ok()?;
        let bytes = file.metadata().ok()?.len();
        Some(Download { name: format!("watchpost-{name}"), bytes, file })
    }

    /// Removes the file of a job; false when there is none.
    pub fn remove(&self, job: JobId) -> bool {
        self.path_of(job).is_some_and(|path| fs::remove_file(path).is_ok())
    }

    fn path_of(&self, job: JobId) -> Option<PathBuf> {
        let prefix = format!("{job}-");
        let is_its = |path: &PathBuf| {
            !is_part(path)
                && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&prefix))
        };
        self.files().into_iter().find(is_its)
    }

    fn files(&self) -> Vec<PathBuf> {
        // A directory that is not there has no files.
        let Ok(entries) = fs::read_dir(&self.dir) else { return Vec::new() };
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }

    /// Removes the oldest files beyond the limits.
    fn tidy(&self) {
        let described = |path: PathBuf| {
            let meta = fs::metadata(&path).ok()?;
            Some((meta.modified().ok()?, meta.len(), path))
        };
        let mut files: Vec<_> = self.files().into_iter().filter_map(described).collect();
        files.sort_by_key(|(modified, ..)| std::cmp::Reverse(*modified));
        let mut bytes = 0;
        for (number, (_, len, path)) in files.into_iter().enumerate() {
            bytes += len;
            if number >= FILES_MAX || bytes > BYTES_MAX {
                // It is tried again with the next export.
                if let Err(error) = fs::remove_file(&path) {
                    warn!(file:% = path.display(), error:%; "An old export could not be removed.");
                }
            }
        }
    }
}

impl Part {
    /// The file is complete: it gets its name, for good. Its size is returned.
    pub fn keep(mut self) -> Result<u64, WorkError> {
        let mut keep = || -> io::Result<()> {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.path, &self.target)?;
            File::open(&self.shelf.dir)?.sync_all()
        };
        keep().map_err(|error| failed("write", &self.target, &error))?;
        self.shelf.tidy();
        Ok(self.written)
    }

    fn look(&mut self) -> io::Result<()> {
        let full = |what: &str| io::Error::new(io::ErrorKind::StorageFull, what.to_owned());
        if self.written > BYTES_MAX {
            return Err(full("the file would be larger than 1 GiB; choose a shorter span of time"));
        }
        if self.written >= self.next_look {
            self.next_look = self.written + LOOK_BYTES;
            let least = self.shelf.min_free_bytes.saturating_add(LOOK_BYTES);
            if (self.shelf.free_bytes)().is_some_and(|free| free < least) {
                return Err(full("no space is left for it; remove old exports or free some space"));
            }
        }
        Ok(())
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.look()?;
        let written = self.file.write(bytes)?;
        self.written += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it was kept; otherwise the next start removes it.
        let _ = fs::remove_file(&self.path);
    }
}

fn is_part(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "part")
}

fn failed(what: &str, path: &Path, error: &io::Error) -> WorkError {
    WorkError::Failed(format!("cannot {what} {}: {error}", path.display()))
}
