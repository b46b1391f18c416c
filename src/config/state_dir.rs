//! The state directory: made when missing, private to the daemon's user, and
//! owned by one instance at a time.
//!
//! The lock is the kernel's (flock on `<state>/lock`): it goes with the process,
//! however that ends. The file holds the process id of its owner for people.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use super::Environment;

/// Only the daemon's user may look into the state directory.
const MODE: u32 = 0o700;

/// The file that is locked.
const LOCK: &str = "lock";

/// Most bytes of the lock file that are read: a process id.
const PID_MAX_BYTES: u64 = 32;

/// The state directory, locked for as long as this value lives.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    lock: File,
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another instance uses it. The daemon must not start.
    #[error(
        "another instance{} uses {}; stop that one, or give this one another --state-dir",
        owner(.pid),
        .path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// The other instance's process, if it could be read.
        pid: Option<u32>,
    },
    /// It cannot be made or written. The daemon can run without keeping anything.
    #[error(
        "cannot write to the state directory {}: {reason}; mount it writable, let the daemon's user own it, or choose another with --state-dir",
        .path.display()
    )]
    Unwritable {
        /// The directory.
        path: PathBuf,
        /// The system's reason.
        reason: io::Error,
    },
}

impl StateDir {
    /// Makes the directory if need be and takes its lock.
    ///
    /// # Errors
    /// When another instance has the lock, or the directory cannot be written.
    pub fn acquire(path: &Path) -> Result<Self, StateDirError> {
        let unwritable = |reason| StateDirError::Unwritable { path: path.to_owned(), reason };
        DirBuilder::new().recursive(true).mode(MODE).create(path).map_err(unwritable)?;
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join(LOCK))
            .map_err(unwritable)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StateDirError::InUse { path: path.to_owned(), pid: read_pid(&lock) });
            }
            Err(TryLockError::Error(reason)) => return Err(unwritable(reason)),
        }
        write_pid(&mut lock).map_err(unwritable)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the lock is still the one that others meet. It is not when the
    /// directory was deleted, replaced or mounted over.
    pub fn is_in_place(&self) -> bool {
        match (std::fs::metadata(self.path.join(LOCK)), self.lock.metadata()) {
            (Ok(named), Ok(held)) => (named.dev(), named.ino()) == (held.dev(), held.ino()),
            _ => false,
        }
    }
}

/// Where the demo keeps its state: the place for it in the user's home
/// (XDG Base Directory Specification 0.8), or below `/tmp` without a home.
pub fn for_demo(environment: &Environment) -> PathBuf {
    let absolute =
        |name: &str| environment.get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .unwrap_or_else(|| PathBuf::from("/tmp"))
        .join("watchpost-demo")
}

fn owner(pid: &Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}

fn read_pid(lock: &File) -> Option<u32> {
    let mut text = String::new();
    lock.take(PID_MAX_BYTES).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(lock: &mut File) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_second_instance_is_told_who_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let first = StateDir::acquire(&path).unwrap();
        let said = StateDir::acquire(&path).unwrap_err().to_string();
        assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
        assert!(said.contains("--state-dir"), "{said}");
        drop(first);
        StateDir::acquire(&path).unwrap();
    }

    #[test]
    fn a_lock_whose_directory_was_replaced_locks_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state");
        let first = StateDir::acquire(&path).unwrap();
        assert!(first.is_in_place());
        std::fs::remove_dir_all(&path).unwrap();
        assert!(!first.is_in_place());
        let _second = StateDir::acquire(&path).unwrap();
        assert!(!first.is_in_place());
    }

    #[test]
    fn nobody_else_may_look_into_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/state");
        StateDir::acquire(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, MODE);
    }

    #[test]
    fn a_path_that_cannot_be_a_directory_is_a_sentence_the_daemon_can_go_on_with() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = StateDir::acquire(&file.path().join("state")).unwrap_err();
        assert!(matches!(error, StateDirError::Unwritable { .. }), "{error}");
    }

    #[test]
    fn the_demo_lives_in_the_users_home() {
        let environment = |name: &str, value: &str| {
            for_demo(&Environment::from([(name.to_owned(), value.to_owned())]))
        };
        assert_eq!(environment("HOME", "/h"), Path::new("/h/.local/state/watchpost-demo"));
        assert_eq!(environment("XDG_STATE_HOME", "/s"), Path::new("/s/watchpost-demo"));
        assert_eq!(environment("XDG_STATE_HOME", "rel"), Path::new("/tmp/watchpost-demo"));
    }
}
