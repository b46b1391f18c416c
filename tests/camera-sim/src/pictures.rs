//! What the camera sees: eight photographs of people on a square (the project's
//! own footage), with small pictures beside them, or those of a directory.
//!
//! Every still is one of them with a comment of its own inside, so that no two
//! files are the same bytes. A RAW file is a TIFF header, the photograph as its
//! preview, and noise that is the same every time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

/// Most pictures of a directory, and most bytes of one of them.
const PICTURES_MAX: usize = 256;
const PICTURE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Bytes of a RAW file. Real ones have 35 MB; this is enough for several chunks.
const RAW_BYTES: usize = 3 * 1024 * 1024;

macro_rules! frames {
    ($($number:literal),*) => {
        [$((
            include_bytes!(concat!("../../footage/frames/vtest_f", $number, ".jpg")),
            include_bytes!(concat!("../pictures/thumb_f", $number, ".jpg")),
        )),*]
    };
}

/// Photograph and small picture (160 by 120).
const BUILT_IN: [(&[u8], &[u8]); 8] =
    frames!("000", "100", "150", "250", "350", "450", "550", "700");

/// Why a directory gives no pictures.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// It cannot be read.
    #[error("read {path}")]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nothing in it ends in .jpg.
    #[error("{0} holds no .jpg files of at most 16 MiB")]
    Empty(PathBuf),
    /// Not a JPEG, or one without a size.
    #[error("{0} is not a JPEG")]
    NotJpeg(PathBuf),
}

/// A photograph and its small picture.
#[derive(Clone, Debug)]
struct Picture {
    jpeg: Arc<[u8]>,
    thumb: Arc<[u8]>,
    size_px: (u32, u32),
}

/// What a camera sees, one picture after the other.
#[derive(Clone, Debug)]
pub struct Pictures(Vec<Picture>);

/// A photograph as a file.
#[derive(Clone, Debug)]
pub struct Still {
    /// Name, `DSC00001.JPG`.
    pub name: String,
    /// The file.
    pub bytes: Arc<[u8]>,
    /// Its small picture.
    pub thumb: Arc<[u8]>,
    /// Width and height.
    pub size_px: (u32, u32),
    /// Whether it is RAW.
    pub is_raw: bool,
}

impl Pictures {
    /// The built-in ones.
    pub fn built_in() -> Self {
        let picture = |(jpeg, thumb): (&[u8], &[u8])| {
            let size_px = size_of(jpeg).unwrap_or_default();
            Picture { jpeg: jpeg.into(), thumb: thumb.into(), size_px }
        };
        Self(BUILT_IN.into_iter().map(picture).collect())
    }

    /// All `.jpg` files of a directory, in the order of their names. Their small
    /// pictures are the built-in ones.
    pub fn from_directory(directory: &Path) -> Result<Self, PictureError> {
        let read = |path: &Path, source| PictureError::Read { path: path.to_owned(), source };
        let entries = fs::read_dir(directory).map_err(|error| read(directory, error))?;
        let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| is_picture(path));
        paths.sort();
        let thumbs = BUILT_IN.iter().map(|(_, thumb)| *thumb).cycle();
        let mut pictures = Vec::new();
        for (path, thumb) in paths.iter().take(PICTURES_MAX).zip(thumbs) {
            let jpeg = fs::read(path).map_err(|error| read(path, error))?;
            let size_px = size_of(&jpeg).ok_or_else(|| PictureError::NotJpeg(path.clone()))?;
            pictures.push(Picture { jpeg: jpeg.into(), thumb: thumb.into(), size_px });
        }
        if pictures.is_empty() {
            return Err(PictureError::Empty(directory.to_owned()));
        }
        Ok(Self(pictures))
    }

    fn at(&self, index: u64) -> &Picture {
        // Never empty: both constructors see to it.
        &self.0[(index % self.0.len() as u64) as usize]
    }

    /// Picture of live view.
    pub fn frame(&self, index: u64) -> Arc<[u8]> {
        Arc::clone(&self.at(index).jpeg)
    }

    /// The photograph with this number.
    pub fn still(&self, number: u32, is_raw: bool) -> Still {
        let picture = self.at(u64::from(number));
        let jpeg = commented(&picture.jpeg, &format!("watchpost-camera-sim {number}"));
        Still {
            name: format!("DSC{number:05}.{}", if is_raw { "ARW" } else { "JPG" }),
            bytes: if is_raw { raw(&jpeg, picture.size_px, number) } else { jpeg }.into(),
            thumb: Arc::clone(&picture.thumb),
            size_px: picture.size_px,
            is_raw,
        }
    }
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let size = fs::metadata(path).map_or(u64::MAX, |data| data.len());
    ["jpg", "jpeg"].contains(&ending.to_ascii_lowercase().as_str()) && size <= PICTURE_BYTES_MAX
}

/// Width and height from the frame header of a JPEG.
fn size_of(jpeg: &[u8]) -> Option<(u32, u32)> {
    let number =
        |at: usize| Some(u32::from(u16::from_be_bytes([*jpeg.get(at)?, *jpeg.get(at + 1)?])));
    if !jpeg.starts_with(&[0xFF, 0xD8]) {
        return None;
    }
    let mut at = 2;
    while *jpeg.get(at)? == 0xFF {
        // Start of frame, all but the three numbers that mean something else.
        if matches!(jpeg.get(at + 1)?, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF) {
            return Some((number(at + 7)?, number(at + 5)?));
        }
        at += 2 + number(at + 2)? as usize;
    }
    None
}

/// The same JPEG with a comment after its first marker.
fn commented(jpeg: &[u8], comment: &str) -> Vec<u8> {
    let (start, rest) = jpeg.split_at(2.min(jpeg.len()));
    let mut commented = start.to_vec();
    commented.extend([0xFF, 0xFE]);
    commented.extend((comment.len() as u16 + 2).to_be_bytes());
    commented.extend(comment.as_bytes());
    commented.extend(rest);
    commented
}

/// A TIFF file with width, height, and the preview where ARW files have it.
fn raw(preview: &[u8], (width, height): (u32, u32), number: u32) -> Vec<u8> {
    let entries = [(0x100, width), (0x101, height), (0x201, 1024), (0x202, preview.len() as u32)];
    let mut file = b"II*\0\x08\0\0\0".to_vec();
    file.extend((entries.len() as u16).to_le_bytes());
    for (tag, value) in entries {
        // Type 4 (32 bits), one value.
        file.extend(u16::to_le_bytes(tag));
        file.extend([4, 0, 1, 0, 0, 0]);
        file.extend(value.to_le_bytes());
    }
    file.resize(1024, 0);
    file.extend(preview);
    let mut noise = fastrand::Rng::with_seed(u64::from(number));
    let start = file.len();
    file.resize(RAW_BYTES.max(start), 0);
    noise.fill(&mut file[start..]);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_still_is_a_jpeg_of_its_own_with_its_size() {
        let pictures = Pictures::built_in();
        let (first, later) = (pictures.still(1, false), pictures.still(9, false));
        assert_eq!((first.size_px, size_of(&first.bytes)), ((768, 576), Some((768, 576))));
        assert_ne!(first.bytes, later.bytes);
        assert_eq!(first.name, "DSC00001.JPG");
        assert!(first.thumb.len() < 12_000);
    }

    #[test]
    fn a_raw_file_is_the_same_every_time() {
        let pictures = Pictures::built_in();
        let raw = pictures.still(3, true);
        assert_eq!(raw.bytes, pictures.still(3, true).bytes);
        assert_eq!((raw.bytes.len(), &raw.bytes[..4]), (RAW_BYTES, &b"II*\0"[..]));
    }

    #[test]
    fn a_size_is_never_read_from_what_is_no_jpeg() {
        assert_eq!(size_of(b"GIF89a"), None);
        assert_eq!(size_of(&[0xFF, 0xD8, 0xFF, 0xE0, 0xFF, 0xFF]), None);
    }
}
