//! The machine's own file system.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use rustix::fs::{FallocateFlags, fallocate, statvfs};
use rustix::io::Errno;

use super::{Disk, DiskFile};

/// Bytes written at once where blocks cannot be reserved.
const FILL_BLOCK: usize = 64 << 10;

/// The machine's own file system.
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dirs(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir.is_dir()
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<(String, u64)>> {
        let mut found = Vec::new();
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            // A name that is not text is none of ours.
            if let Ok(name) = entry.file_name().into_string() {
                found.push((name, entry.metadata()?.len()));
            }
        }
        Ok(found)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).create_new(true).open(path)?))
    }

    fn append(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(OpenOptions::new().append(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(File::open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn reserve(&self, path: &Path, bytes: u64) -> io::Result<()> {
        let mut file = File::create(path)?;
        match fallocate(&file, FallocateFlags::empty(), 0, bytes) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => fill(&mut file, bytes),
            reserved => Ok(reserved?),
        }
    }

    fn free_bytes(&self, dir: &Path) -> Option<u64> {
        let stat = statvfs(dir).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// Takes up room where the file system cannot reserve blocks. With noise: what
/// compresses to nothing would be no reserve.
fn fill(file: &mut File, bytes: u64) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(bytes);
    let mut block = vec![0; FILL_BLOCK];
    let mut left = bytes;
    while left > 0 {
        random.fill(&mut block);
        let part = usize::try_from(left).map_or(FILL_BLOCK, |left| left.min(FILL_BLOCK));
        io::Write::write_all(file, &block[..part])?;
        left -= part as u64;
    }
    file.sync_all()
}

impl DiskFile for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(self, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut done = 0;
        while done < buffer.len() {
            match std::os::unix::fs::FileExt::read_at(
                self,
                &mut buffer[done..],
                offset + done as u64,
            ) {
                Ok(0) => break,
                Ok(read) => done += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn is_at(&self, path: &Path) -> bool {
        match (fs::metadata(path), self.metadata()) {
            (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
            (Err(error), _) => {
                !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
            }
            (_, Err(_)) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_blocks_cannot_be_reserved_they_are_written() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("ballast");
        let bytes = 3 * FILL_BLOCK as u64 + 7;
        fill(&mut File::create(&path).unwrap(), bytes).unwrap();
        let meta = fs::metadata(&path).unwrap();
        assert!(meta.len() == bytes && meta.blocks() * 512 >= bytes, "{} blocks", meta.blocks());
    }
}
