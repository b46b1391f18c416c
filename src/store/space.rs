//! Room on the disk: how much is free, and a reserve for when there is none.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use log::warn;

use super::disk::Disk;

/// sled cannot open on a full disk (measured); after giving up this much it can.
const BALLAST_BYTES: u64 = 8 << 20;
const NAME: &str = "ballast";

/// A file that only takes up room until the room is needed.
pub(super) struct Ballast {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    min_free_bytes: u64,
}

impl Ballast {
    /// The ballast of a store directory.
    pub fn new(disk: &Arc<dyn Disk>, dir: &Path, min_free_bytes: u64) -> Self {
        Self { disk: Arc::clone(disk), dir: dir.to_owned(), min_free_bytes }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// Whether the reserve is there.
    pub fn is_there(&self) -> bool {
        let files = self.disk.list(&self.dir).unwrap_or_default();
        files.iter().any(|(name, bytes)| name == NAME && *bytes >= BALLAST_BYTES)
    }

    /// Takes up the room again once there is plenty.
    pub fn restore(&self) {
        let has_room = self
            .disk
            .free_bytes(&self.dir)
            .is_some_and(|free| free >= self.min_free_bytes.saturating_add(2 * BALLAST_BYTES));
        if self.is_there() || !has_room {
            return;
        }
        if let Err(error) = self.disk.reserve(&self.path(), BALLAST_BYTES) {
            // Half a ballast helps nobody.
            let _ = self.disk.remove(&self.path());
            warn!(error:%; "The reserve for a full disk could not be made.");
        }
    }

    /// Gives the room back.
    pub fn release(&self) {
        match self.disk.remove(&self.path()) {
            Ok(()) => warn!("The disk is full; the reserve of 8 MiB is given up."),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => warn!(error:%; "The reserve for a full disk could not be given up."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::disk::RealDisk;
    use super::*;

    #[test]
    fn the_reserve_is_given_up_when_needed_and_made_again_when_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        let disk: Arc<dyn Disk> = Arc::new(RealDisk);
        let ballast = Ballast::new(&disk, dir.path(), 0);
        ballast.restore();
        assert!(ballast.is_there());
        ballast.release();
        ballast.release();
        assert!(!ballast.is_there());
        Ballast::new(&disk, dir.path(), u64::MAX / 2).restore();
        assert!(!ballast.is_there(), "no room was left to the system");
    }
}
