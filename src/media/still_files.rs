//! The files of the stills: which there are, and which are too many. Reads the disk.
//!
//! Stills lie below one root, in a directory for each camera or wherever clients
//! have said, at most [`LEVELS_MAX`] deep. Links are not followed. Hidden names are
//! stills that are being written, and `.DAT` are a camera's settings: neither is a
//! still. At most [`FILES_MAX`] are looked at, and there should not be more: in memory
//! each takes about 250 bytes while a list is made, and nothing afterwards.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use rustix::fs::OFlags;
use sha2::{Digest as _, Sha256};

use crate::domain::Timestamp;

/// Directories in directories: one for the camera, or as many as a client may name.
const LEVELS_MAX: usize = 9;

/// 10 GiB of pictures of a stream.
pub(super) const FILES_MAX: usize = 50_000;

/// Bytes of a digest that make an id.
const ID_BYTES: usize = 12;

/// A still on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// Where it is, below the root.
    pub(super) path: PathBuf,
    /// Its name, such as `DSC00001.JPG`.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// When it was written.
    pub written_at: Timestamp,
}

impl Still {
    /// Its name for clients: 24 letters and digits that tell nothing of where it is.
    pub fn id(&self) -> String {
        let digest = Sha256::digest(self.path.as_os_str().as_encoded_bytes());
        digest.iter().take(ID_BYTES).map(|byte| format!("{byte:02x}")).collect()
    }

    /// What kind of file its ending says it is.
    pub fn content_type(&self) -> &'static str {
        let ending = self.name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
        match ending.as_deref() {
            Some("jpg" | "jpeg") => "image/jpeg",
            Some("hif" | "heif" | "heic") => "image/heif",
            Some("tif" | "tiff") => "image/tiff",
            Some("mp4") => "video/mp4",
            _ => "application/octet-stream",
        }
    }

    fn of(path: &Path, root: &Path, meta: &Metadata) -> Option<Self> {
        let since = meta.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let ms = since.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Some(Self {
            name: path.file_name()?.to_str()?.to_owned(),
            path: path.strip_prefix(root).ok()?.to_owned(),
            bytes: meta.len(),
            written_at: Timestamp::from_unix_ms(ms),
        })
    }
}

/// The stills in a directory below `root`, and below it so many levels deep; none
/// where there is no such directory.
pub(super) fn find(root: &Path, directory: &Path, levels: Option<usize>) -> io::Result<Vec<Still>> {
    let mut found = Vec::new();
    walk(root, directory, levels.unwrap_or(LEVELS_MAX), &mut found)?;
    Ok(found)
}

fn walk(root: &Path, directory: &Path, levels: usize, found: &mut Vec<Still>) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_other = name.starts_with('.') || name.to_ascii_uppercase().ends_with(".DAT");
        // What has gone meanwhile is not there.
        let Some(meta) = entry.metadata().ok().filter(|_| !is_other) else { continue };
        if meta.is_dir() && levels > 0 {
            walk(root, &entry.path(), levels - 1, found)?;
        } else if meta.is_file() && found.len() <= FILES_MAX {
            found.extend(Still::of(&entry.path(), root, &meta));
        }
    }
    Ok(())
}

/// The file of a still that was found; `None` when it has gone.
pub(super) fn open(root: &Path, still: &Still) -> io::Result<Option<File>> {
    let no_link = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
    let opened = OpenOptions::new().read(true).custom_flags(no_link).open(root.join(&still.path));
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(found: io::Result<Vec<Still>>) -> Vec<String> {
        let mut names: Vec<_> = found.unwrap().into_iter().map(|still| still.name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_being_written_settings_and_links_are_no_stills() {
        let root = tempfile::tempdir().unwrap();
        let yard = root.path().join("yard");
        fs::create_dir_all(yard.join("day/one")).unwrap();
        for name in ["DSC00001.JPG", ".still.JPG.part", "CAM.dat", "day/one/a.ARW", "day/b.HIF"] {
            fs::write(yard.join(name), name).unwrap();
        }
        std::os::unix::fs::symlink("/etc/passwd", yard.join("away.JPG")).unwrap();
        std::os::unix::fs::symlink("/etc", yard.join("etc")).unwrap();
        assert_eq!(names(find(root.path(), &yard, None)), ["DSC00001.JPG", "a.ARW", "b.HIF"]);
        assert_eq!(names(find(root.path(), &yard, Some(0))), ["DSC00001.JPG"]);
        assert_eq!(names(find(root.path(), &root.path().join("none"), None)), [""; 0]);
    }

    #[test]
    fn a_still_that_has_become_a_link_is_not_opened() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("a.JPG"), "a").unwrap();
        let still = find(root.path(), root.path(), None).unwrap().remove(0);
        assert!(open(root.path(), &still).unwrap().is_some());
        fs::remove_file(root.path().join("a.JPG")).unwrap();
        assert!(open(root.path(), &still).unwrap().is_none());
        std::os::unix::fs::symlink("/etc/passwd", root.path().join("a.JPG")).unwrap();
        assert!(open(root.path(), &still).is_err());
    }

    #[test]
    fn the_same_name_in_two_directories_has_two_ids_that_stay() {
        let root = tempfile::tempdir().unwrap();
        for camera in ["door", "yard"] {
            fs::create_dir(root.path().join(camera)).unwrap();
            fs::write(root.path().join(camera).join("DSC00001.JPG"), "x").unwrap();
        }
        let ids = || {
            let mut found = find(root.path(), root.path(), None).unwrap();
            found.sort_by(|a, b| a.path.cmp(&b.path));
            found.iter().map(Still::id).collect::<Vec<_>>()
        };
        assert_eq!(ids(), ids());
        assert_ne!(ids()[0], ids()[1]);
        assert!(ids()[0].len() == 24 && ids()[0].bytes().all(|b| b.is_ascii_alphanumeric()));
    }
}
