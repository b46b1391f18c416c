//! The footage that comes with the program, as a file that is on no disk.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsRawFd as _;
use std::path::PathBuf;

use rustix::fs::{MemfdFlags, memfd_create};

use super::super::CaptureError;

/// Pedestrians, 79.5 s at 10 fps; tests/footage/PROVENANCE.md tells its origin.
static FOOTAGE: &[u8] = include_bytes!("../../../tests/footage/vtest_full_768x576_10fps.mp4");

/// The footage in anonymous memory (4 MB, freed with this value).
pub(super) struct Footage(File);

impl Footage {
    /// Copies the footage into memory that has a file descriptor.
    pub(super) fn open() -> Result<Self, CaptureError> {
        let failed =
            |source| CaptureError::Open { source_name: "the built-in footage".to_owned(), source };
        let fd = memfd_create("footage", MemfdFlags::CLOEXEC).map_err(|e| failed(e.into()))?;
        let mut file = File::from(fd);
        file.write_all(FOOTAGE).map_err(failed)?;
        Ok(Self(file))
    }

    /// Where this process can open it again.
    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.0.as_raw_fd()))
    }
}
