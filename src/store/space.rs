//! Room on the disk: how much is free, and a reserve for when there is none.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use log::warn;
use rustix::fs::{FallocateFlags, fallocate, statvfs};

/// sled cannot open on a full disk (measured); after giving up this much it can.
const BALLAST_BYTES: u64 = 8 << 20;

/// Bytes that may be written to the disk of `dir`; `None` when it does not say.
pub(super) fn free_bytes(dir: &Path) -> Option<u64> {
    let stat = statvfs(dir).ok()?;
    Some(stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// A file that only takes up room until the room is needed.
pub(super) struct Ballast {
    path: PathBuf,
    min_free_bytes: u64,
}

impl Ballast {
    /// The ballast of a store directory.
    pub fn new(dir: &Path, min_free_bytes: u64) -> Self {
        Self { path: dir.join("ballast"), min_free_bytes }
    }

    /// Whether the reserve is there.
    pub fn is_there(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|meta| meta.len() >= BALLAST_BYTES)
    }

    /// Takes up the room again once there is plenty.
    pub fn restore(&self) {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let has_room = free_bytes(dir)
            .is_some_and(|free| free >= self.min_free_bytes.saturating_add(2 * BALLAST_BYTES));
        if self.is_there() || !has_room {
            return;
        }
        if let Err(error) = self.create() {
            // Half a ballast helps nobody.
            let _ = fs::remove_file(&self.path);
            warn!(error:%; "The reserve for a full disk could not be made.");
        }
    }

    /// Gives the room back.
    pub fn release(&self) {
        match fs::remove_file(&self.path) {
            Ok(()) => warn!("The disk is full; the reserve of 8 MiB is given up."),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!(error:%; "The reserve for a full disk could not be given up."),
        }
    }

    fn create(&self) -> io::Result<()> {
        let file = File::create(&self.path)?;
        // Where the file system cannot reserve blocks, a sparse file would be no
        // reserve: the error is the answer.
        Ok(fallocate(&file, FallocateFlags::empty(), 0, BALLAST_BYTES)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_given_up_when_needed_and_made_again_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let ballast = Ballast::new(dir.path(), 0);
        ballast.restore();
        assert!(ballast.is_there());
        ballast.release();
        ballast.release();
        assert!(!ballast.is_there());
        Ballast::new(dir.path(), u64::MAX / 2).restore();
        assert!(!ballast.is_there(), "no room was left to the system");
    }
}
