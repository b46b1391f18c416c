//! Directories that clients name: below one root, whatever they write.
//!
//! Accepted is a relative path, or an absolute one below the root, made of plain
//! names. `..`, hidden names, control characters and links on the way are refused.
//! Blocks: it looks at the disk and makes what is missing.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use hyper::StatusCode;
use log::warn;

use crate::api::error::ApiError;

/// Longest path and most levels: photographers sort by day and subject.
const PATH_MAX_BYTES: usize = 512;
const LEVELS_MAX: usize = 8;

/// The directory that `asked` means, below `root`; it exists afterwards.
///
/// # Errors
/// 400 for whatever leads elsewhere, or cannot be made.
pub(super) fn below(root: &Path, asked: &str) -> Result<PathBuf, ApiError> {
    let names = names(root, asked)?;
    fs::create_dir_all(root).map_err(|error| failed(root, &error))?;
    let mut directory = root.canonicalize().map_err(|error| failed(root, &error))?;
    for name in names {
        directory.push(name);
        match fs::create_dir(&directory) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let is_directory =
                    fs::symlink_metadata(&directory).is_ok_and(|found| found.file_type().is_dir());
                if !is_directory {
                    return Err(refused("something on the way is no directory"));
                }
            }
            Err(error) => return Err(failed(&directory, &error)),
        }
    }
    Ok(directory)
}

fn names(root: &Path, asked: &str) -> Result<Vec<String>, ApiError> {
    if asked.len() > PATH_MAX_BYTES {
        return Err(refused("it is too long"));
    }
    let path = Path::new(asked);
    let relative = if path.is_absolute() {
        let canonical = root.canonicalize().ok();
        let inside = |root: &Path| path.strip_prefix(root).ok().map(Path::to_owned);
        inside(root)
            .or_else(|| canonical.as_deref().and_then(inside))
            .ok_or_else(|| refused("it lies elsewhere"))?
    } else {
        path.to_owned()
    };
    let parts = relative.components().filter(|part| *part != Component::CurDir);
    let names: Vec<_> = parts.map(name).collect::<Result<_, _>>()?;
    match names.len() {
        0..=LEVELS_MAX => Ok(names),
        _ => Err(refused("it has too many levels")),
    }
}

fn name(component: Component<'_>) -> Result<String, ApiError> {
    let Component::Normal(name) = component else {
        return Err(refused("it leaves the directory"));
    };
    let name = name.to_string_lossy();
    if name.starts_with('.') || name.contains(char::is_control) || name.contains('\\') {
        return Err(refused("it has a name that is not allowed"));
    }
    Ok(name.into_owned())
}

fn refused(why: &str) -> ApiError {
    ApiError::invalid(format!("this path cannot be used: {why}"))
        .hint("name a directory below the one that GET settings/save-info tells")
}

/// Also 400, so that no client repeats it by itself.
fn failed(directory: &Path, error: &io::Error) -> ApiError {
    let directory = directory.display();
    warn!(directory:%, error:%; "A directory for stills cannot be used.");
    ApiError::new(StatusCode::BAD_REQUEST, "disk_failed", format!("the disk refuses: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_names_below_the_root_are_made_and_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("stills");
        let made = below(&root, "2026/wedding day").unwrap();
        assert!(made.is_dir() && made.ends_with("stills/2026/wedding day"));
        let absolute = made.to_str().unwrap();
        assert_eq!(below(&root, absolute).unwrap(), made);
        assert_eq!(below(&root, "./2026//wedding day/").unwrap(), made);
        assert_eq!(below(&root, "").unwrap(), root.canonicalize().unwrap());
    }

    #[test]
    fn whatever_leads_elsewhere_is_refused_and_nothing_is_made() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("stills");
        let long = "x".repeat(600);
        let deep = "a/".repeat(9);
        let sibling = format!("{}-of-another", root.display());
        for asked in [
            "..",
            "a/../../b",
            "/etc",
            "/",
            ".ssh",
            "a/.hidden",
            "a\\..\\b",
            "a\nb",
            "a\0b",
            &long,
            &deep,
            &sibling,
        ] {
            assert_eq!(below(&root, asked).unwrap_err().status, 400, "{asked:?}");
        }
        assert!(!root.exists() && !dir.path().join("b").exists());
    }

    #[test]
    fn links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("stills");
        fs::create_dir_all(&root).unwrap();
        std::os::unix::fs::symlink("/tmp", root.join("away")).unwrap();
        fs::write(root.join("file"), "x").unwrap();
        for asked in ["away", "away/x", "file", "file/x"] {
            assert_eq!(below(&root, asked).unwrap_err().status, 400, "{asked}");
        }
    }
}
