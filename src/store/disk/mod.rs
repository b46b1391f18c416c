//! The disk under the journal: a port, so that a power cut, a full disk and a
//! failing card can be played through in memory.
//!
//! Journal segments and the reserve go through it. The index does not: sled
//! opens files itself, and everything in it can be made again from the journal.

mod real;
pub mod sim;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use real::RealDisk;

use crate::rt::Claim;

/// A file system, as far as the store needs one. Nothing outlasts a power cut
/// before its sync has returned: bytes by [`DiskFile::sync`], names by
/// [`Disk::sync_dir`].
pub trait Disk: Send + Sync {
    /// Makes a directory and those above it.
    ///
    /// # Errors
    /// The system's.
    fn create_dirs(&self, dir: &Path) -> io::Result<()>;

    /// Whether there is such a directory.
    fn is_dir(&self, dir: &Path) -> bool;

    /// Names and lengths of the files in `dir`.
    ///
    /// # Errors
    /// The system's.
    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>>;

    /// A new file, for writing at its end.
    ///
    /// # Errors
    /// The system's; `AlreadyExists` when there is one.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// A file that is there, for writing at its end.
    ///
    /// # Errors
    /// The system's.
    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// A file that is there, for reading.
    ///
    /// # Errors
    /// The system's.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Gives a file another name on the same disk, in one step.
    ///
    /// # Errors
    /// The system's; `NotFound` when there is none.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file away.
    ///
    /// # Errors
    /// The system's; `NotFound` when there is none.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in `dir` survive a power cut.
    ///
    /// # Errors
    /// The system's.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// A new file that takes up `bytes` of room, really and not sparsely.
    ///
    /// # Errors
    /// The system's.
    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()>;

    /// Bytes that may be written to the disk of `dir`; `None` when it does not
    /// say.
    fn free_bytes(&self, dir: &Path) -> Option<u64>;
}

/// One open file.
pub trait DiskFile: Send {
    /// Writes some of `bytes` at the end and says how many; when it fails, some
    /// of them may be there.
    ///
    /// # Errors
    /// The system's.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Writes all of `bytes` at the end; when it fails, some of them may be there.
    ///
    /// # Errors
    /// The system's.
    fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match self.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Makes the content survive a power cut.
    ///
    /// # Errors
    /// The system's; what was not synced before may then be lost for good.
    fn sync(&mut self) -> io::Result<()>;

    /// Reads up to `buffer.len()` bytes from `offset` on; fewer only at the end.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;

    /// Length, bytes.
    ///
    /// # Errors
    /// The system's.
    fn size(&self) -> io::Result<u64>;

    /// Whether `path` leads to this very file. True as well when the system does
    /// not tell: writing will.
    fn is_at(&self, path: &Path) -> bool;
}

/// What a store stands on.
#[derive(Clone)]
pub struct Ground {
    /// Where the journal lies.
    pub disk: Arc<dyn Disk>,
    /// Size at which a segment is closed, at most 1 GiB: retention removes this
    /// much at a time, and a reader of a whole segment needs this much memory.
    pub segment_bytes: u32,
    /// Whether there is an index. Without one records are kept but not found.
    pub has_index: bool,
    /// Taken before anything is written.
    pub claim: Claim,
}

impl Default for Ground {
    fn default() -> Self {
        Self {
            disk: Arc::new(RealDisk),
            segment_bytes: 4 << 20,
            has_index: true,
            claim: Claim::free(),
        }
    }
}

/// Makes the names on the way to `dir` survive a power cut: whoever made it may
/// have ended before that was done.
///
/// # Errors
/// When the directory that holds `dir` cannot be synced, or one above it that is
/// not somebody else's.
pub(super) fn sync_way_to(disk: &dyn Disk, dir: &Path) -> io::Result<()> {
    for (step, above) in dir.ancestors().skip(1).enumerate() {
        let is_here = above.as_os_str().is_empty();
        match disk.sync_dir(if is_here { Path::new(".") } else { above }) {
            Err(error) if step == 0 || !is_somebody_elses(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// What a service that may write in a few places only meets in all others.
fn is_somebody_elses(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, PermissionDenied, ReadOnlyFilesystem, Unsupported};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | InvalidInput | Unsupported)
}

/// A whole file.
///
/// # Errors
/// The system's.
pub fn read_whole(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    read_range(disk.open(path)?.as_ref(), 0, u64::MAX)
}

/// The bytes `offset..offset + len` of a file; fewer at its end.
pub(super) fn read_range(file: &dyn DiskFile, offset: u64, len: u64) -> io::Result<Vec<u8>> {
    let there = file.size()?.saturating_sub(offset).min(len);
    let mut bytes = vec![0; usize::try_from(there).map_err(io::Error::other)?];
    let read = file.read_at(&mut bytes, offset)?;
    bytes.truncate(read);
    Ok(bytes)
}
