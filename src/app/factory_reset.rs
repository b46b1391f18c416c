//! Forgetting everything: records, pictures, exports and what was set at run time.
//!
//! The button orders it, the next start carries it out, before anything is opened.
//! The order goes last, so that a power cut in between only makes it begin again.
//! The configuration file is not the program's to change, and stays.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use log::{error, warn};

/// The order, in the state directory.
const ORDER: &str = "factory-reset";

/// What stays: the lock, which the program holds, and the order itself.
const STAYS: [&str; 2] = ["lock", ORDER];

/// Orders it for the next start.
///
/// # Errors
/// When the state directory cannot be written.
pub fn order(state_dir: &Path) -> io::Result<()> {
    File::create(state_dir.join(ORDER))?.sync_all()?;
    File::open(state_dir)?.sync_all()
}

/// Carries it out if it was ordered. Whatever cannot be deleted is named in the
/// log, and tried again at the next start.
pub fn carry_out(state_dir: &Path) {
    if !state_dir.join(ORDER).exists() {
        return;
    }
    warn!("Forgetting everything, as the button ordered.");
    let done = clear(state_dir).and_then(|()| fs::remove_file(state_dir.join(ORDER)));
    if let Err(reason) = done {
        error!(reason:%; "Not everything could be forgotten; the next start tries again.");
    }
}

fn clear(state_dir: &Path) -> io::Result<()> {
    for entry in fs::read_dir(state_dir)? {
        let entry = entry?;
        if STAYS.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        // A link is deleted, never followed.
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    File::open(state_dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = entries.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn nothing_is_forgotten_without_an_order() {
        let state = tempfile::tempdir().unwrap();
        fs::write(state.path().join("clock-shifts"), "x").unwrap();
        carry_out(state.path());
        assert_eq!(names(state.path()), ["clock-shifts"]);
    }

    #[test]
    fn an_order_forgets_all_but_the_lock_and_follows_no_link() {
        let state = tempfile::tempdir().unwrap();
        let outside = tempfile::tempdir().unwrap();
        fs::write(outside.path().join("kept"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), state.path().join("link")).unwrap();
        fs::create_dir_all(state.path().join("media/snapshots")).unwrap();
        for file in ["lock", "journal-1", "media/snapshots/1.jpg"] {
            fs::write(state.path().join(file), "x").unwrap();
        }
        order(state.path()).unwrap();
        carry_out(state.path());
        assert_eq!(names(state.path()), ["lock"]);
        assert_eq!(names(outside.path()), ["kept"]);
    }
}
