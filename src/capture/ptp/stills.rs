//! Stills on the disk: whole or not at all.
//!
//! A still is written under a hidden name, synced, and only then given its own
//! name, which no other file has had: `DSC00001.JPG`, counting up from the highest
//! there is. libgphoto2 begins its names anew with every connection, so they are
//! not used. What a power cut leaves under a hidden name is removed when the
//! directory is used next. Nothing is deleted here: when the space that belongs to
//! the system would be touched, the next still is refused.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::capture::control::StillNaming;
use crate::rt::FreeBytes;

/// What names begin with when nobody has said otherwise (DCF 2.0 allows four
/// letters of choice; Sony's bodies write `DSC`).
const PREFIX: &str = "DSC";

/// With less than this, a failed write is put down to a full disk.
const FULL_BYTES: u64 = 16 * 1024 * 1024;

/// Names that are tried before the directory counts as broken.
const TRIES: u32 = 10_000;

/// Ending of what is not finished.
const PART: &str = ".part";

/// Where stills go, and what must stay free there.
#[derive(Clone)]
pub struct StillsPlace {
    /// Each camera gets a directory of its own below this one.
    pub root: PathBuf,
    /// Space that is left to the system.
    pub min_free_bytes: u64,
    /// Tells the free space.
    pub free_bytes: FreeBytes,
}

/// Why a still was not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum StillError {
    /// The disk is full, or would be.
    #[error("no space left for stills in {}; free some, or choose another directory", .0.display())]
    Full(PathBuf),
    /// The disk refused.
    #[error("cannot {what} {}: {reason}", path.display())]
    Io {
        /// What was attempted.
        what: &'static str,
        /// With which file or directory.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
    /// The camera did not deliver the whole file.
    #[error("the camera sent a damaged file: {0}")]
    Damaged(String),
}

impl StillError {
    /// The system's refusal, told apart from a full disk.
    pub(super) fn io(what: &'static str, path: &Path, reason: io::Error) -> Self {
        match reason.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::Full(path.parent().unwrap_or(path).to_owned())
            }
            _ => Self::Io { what, path: path.to_owned(), reason },
        }
    }
}

/// The stills of one camera.
pub(super) struct Stills {
    place: StillsPlace,
    directory: PathBuf,
    prefix: String,
    next: Option<u32>,
}

impl Stills {
    /// Stills of `camera` in its own directory, or as a client has said.
    pub(super) fn new(place: &StillsPlace, camera: &str, naming: Option<&StillNaming>) -> Self {
        let mut stills = Self {
            place: place.clone(),
            directory: place.root.join(camera),
            prefix: PREFIX.to_owned(),
            next: None,
        };
        if let Some(naming) = naming {
            stills.rename(naming);
        }
        stills
    }

    /// From now on as `naming` says.
    pub(super) fn rename(&mut self, naming: &StillNaming) {
        self.directory.clone_from(&naming.directory);
        let letters = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
        let prefix: String = naming.prefix.chars().filter(letters).take(32).collect();
        self.prefix = if prefix.is_empty() { PREFIX.to_owned() } else { prefix };
        self.next = naming.start;
    }

    /// A file to write a still with this ending (`JPG`) to.
    pub(super) fn begin(&mut self, ending: &str) -> Result<Part, StillError> {
        let directory = &self.directory;
        fs::create_dir_all(directory).map_err(|e| StillError::io("create", directory, e))?;
        self.check_space()?;
        if self.next.is_none() {
            self.next = Some(self.first_free()?);
        }
        Part::create(directory.join(format!(".still.{ending}{PART}")))
    }

    /// Refuses when the system's share of the disk would be touched.
    fn check_space(&self) -> Result<(), StillError> {
        match (self.place.free_bytes)() {
            Some(free) if free < self.place.min_free_bytes => {
                Err(StillError::Full(self.directory.clone()))
            }
            // A file system that does not tell will say itself when it is full.
            Some(_) | None => Ok(()),
        }
    }

    /// Whether hardly anything fits any more.
    pub(super) fn is_full(&self) -> bool {
        let least = self.place.min_free_bytes.max(FULL_BYTES);
        (self.place.free_bytes)().is_some_and(|free| free < least)
    }

    /// Gives a finished still its name.
    pub(super) fn keep(&mut self, part: Part, ending: &str) -> Result<PathBuf, StillError> {
        part.sync()?;
        let mut number = self.next.unwrap_or(1);
        for _ in 0..TRIES {
            let path = self.directory.join(format!("{}{number:05}.{ending}", self.prefix));
            number = number.checked_add(1).unwrap_or(1);
            match part.place(&path) {
                Ok(()) => {
                    self.next = Some(number);
                    sync_directory(&self.directory)?;
                    return Ok(path);
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(StillError::io("name", &path, error)),
            }
        }
        let reason = io::Error::other("too many names are taken");
        Err(StillError::io("name a still in", &self.directory, reason))
    }

    /// One more than the highest number there is; removes what was never finished.
    fn first_free(&self) -> Result<u32, StillError> {
        let directory = &self.directory;
        let entries = fs::read_dir(directory).map_err(|e| StillError::io("read", directory, e))?;
        let mut highest = 0;
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with(".still.") && name.ends_with(PART) {
                // What cannot be removed now is written over later.
                let _ = fs::remove_file(entry.path());
            }
            highest = highest.max(self.number(name).unwrap_or(0));
        }
        Ok(highest.checked_add(1).unwrap_or(1))
    }

    fn number(&self, name: &str) -> Option<u32> {
        let (stem, _) = name.strip_prefix(&self.prefix)?.rsplit_once('.')?;
        stem.parse().ok()
    }
}

/// A file that is not finished: removed unless it is given a name.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
}

impl Part {
    /// Creates the file, in place of an unfinished one of the same name.
    pub(super) fn create(path: PathBuf) -> Result<Self, StillError> {
        let file = File::options().read(true).write(true).create(true).truncate(true).open(&path);
        Ok(Self { file: file.map_err(|e| StillError::io("create", &path, e))?, path })
    }

    /// The open file, for whoever writes it.
    pub(super) fn writer(&self) -> Result<File, StillError> {
        self.file.try_clone().map_err(|e| StillError::io("write", &self.path, e))
    }

    /// Where it is for now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes sure that it is on the disk.
    pub(super) fn sync(&self) -> Result<(), StillError> {
        self.file.sync_all().map_err(|e| StillError::io("write", &self.path, e))
    }

    /// Gives it the name `path`, if no file has it.
    pub(super) fn place(&self, path: &Path) -> io::Result<()> {
        match renameat_with(CWD, &self.path, CWD, path, RenameFlags::NOREPLACE) {
            // Not every file system can (FAT cannot); a link fails alike when the
            // name is taken, and where there are no links nothing is overwritten.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                fs::hard_link(&self.path, path)
            }
            result => Ok(result?),
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Gone already when it was given a name.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes sure that new names in a directory survive a power cut.
pub(super) fn sync_directory(directory: &Path) -> Result<(), StillError> {
    File::open(directory)
        .and_then(|opened| opened.sync_all())
        .map_err(|e| StillError::io("sync", directory, e))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use std::io::Write as _;

    fn place(root: &Path, free_bytes: u64) -> StillsPlace {
        let free_bytes: FreeBytes = Arc::new(move || Some(free_bytes));
        StillsPlace { root: root.to_owned(), min_free_bytes: 100, free_bytes }
    }

    fn take(stills: &mut Stills, text: &str) -> PathBuf {
        let part = stills.begin("JPG").unwrap();
        part.writer().unwrap().write_all(text.as_bytes()).unwrap();
        stills.keep(part, "JPG").unwrap()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap().flatten();
        let mut names: Vec<_> =
            entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn names_count_up_from_the_highest_and_are_never_used_twice() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().join("yard");
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("DSC00041.JPG"), "old").unwrap();
        fs::write(directory.join(".still.JPG.part"), "half").unwrap();
        let mut stills = Stills::new(&place(root.path(), 1000), "yard", None);
        assert_eq!(take(&mut stills, "a"), directory.join("DSC00042.JPG"));
        fs::write(directory.join("DSC00043.JPG"), "somebody else's").unwrap();
        assert_eq!(take(&mut stills, "b"), directory.join("DSC00044.JPG"));
        assert_eq!(fs::read_to_string(directory.join("DSC00043.JPG")).unwrap(), "somebody else's");
        assert_eq!(names(&directory).len(), 4, "nothing half is left");
    }

    #[test]
    fn an_unfinished_still_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let mut stills = Stills::new(&place(root.path(), 1000), "yard", None);
        drop(stills.begin("JPG").unwrap());
        assert_eq!(names(&root.path().join("yard")), [] as [&str; 0]);
    }

    #[test]
    fn the_systems_share_of_the_disk_is_not_touched() {
        let root = tempfile::tempdir().unwrap();
        let mut stills = Stills::new(&place(root.path(), 99), "yard", None);
        let refused = stills.begin("JPG").unwrap_err();
        assert!(refused.to_string().contains("no space left"), "{refused}");
    }

    #[test]
    fn a_client_names_stills_and_cannot_leave_the_directory_with_it() {
        let root = tempfile::tempdir().unwrap();
        let directory = root.path().to_owned();
        let naming = StillNaming { directory, prefix: "../ROLL_7".to_owned(), start: Some(9) };
        let mut stills = Stills::new(&place(root.path(), 1000), "yard", Some(&naming));
        assert_eq!(take(&mut stills, "a"), root.path().join("ROLL_700009.JPG"));
    }
}
