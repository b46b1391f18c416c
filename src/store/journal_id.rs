//! Which journal this is: a small file beside it.
//!
//! Marks and ids begin anew in a new journal, so whoever remembers either remembers
//! the journal with it. The file is written once and again only when a journal is
//! begun where there was none.

use std::io;
use std::path::Path;

use uuid::Uuid;

use super::StoreError;
use super::disk::{Disk, read_whole};
use super::journal::io_error;

const NAME: &str = "journal-id";
const UNFINISHED: &str = "journal-id.new";

/// The id of the journal in the store at `dir`; a fresh one when it is new, or when
/// there is none that makes sense.
pub(super) fn settle(disk: &dyn Disk, dir: &Path, is_new: bool) -> Result<Uuid, StoreError> {
    let path = dir.join(NAME);
    if !is_new {
        match read_whole(disk, &path) {
            Ok(bytes) => {
                let text = std::str::from_utf8(&bytes).unwrap_or_default();
                if let Ok(id) = text.trim().parse() {
                    return Ok(id);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(io_error(format!("read {}", path.display()))(error)),
        }
    }
    let id = Uuid::new_v4();
    write(disk, dir, &path, id).map_err(io_error(format!("write {}", path.display())))?;
    Ok(id)
}

fn write(disk: &dyn Disk, dir: &Path, path: &Path, id: Uuid) -> io::Result<()> {
    let unfinished = dir.join(UNFINISHED);
    match disk.remove(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = disk.create(&unfinished)?;
    file.write_all(format!("{id}\n").as_bytes())?;
    file.sync()?;
    disk.rename(&unfinished, path)?;
    disk.sync_dir(dir)
}

#[cfg(test)]
mod tests {
    use super::super::disk::RealDisk;
    use super::*;

    #[test]
    fn a_journal_keeps_its_id_until_another_is_begun() {
        let dir = tempfile::tempdir().unwrap();
        let settle = |is_new| settle(&RealDisk, dir.path(), is_new).unwrap();
        let first = settle(false);
        assert_eq!(settle(false), first);
        let second = settle(true);
        assert_ne!(second, first);
        assert_eq!(settle(false), second);
        std::fs::write(dir.path().join(NAME), [0xFF, 0x00]).unwrap();
        assert_ne!(settle(false), second);
    }
}
