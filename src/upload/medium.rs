//! A file that goes upstream: the picture of an event, or its video.
//!
//! Pictures are small and lie in memory; a clip is an open file that is read a part at a
//! time, and stays readable when retention removes its name.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::wire;
use crate::domain::{CameraId, EventId};

/// Bytes that are read at once while a file is hashed.
const PIECE: usize = 64 << 10;

/// One file.
#[derive(Clone, Debug)]
pub struct Medium {
    /// Which event.
    pub event: EventId,
    /// The camera of the event.
    pub camera: CameraId,
    /// What it is.
    pub kind: MediumKind,
    /// SHA-256 of the file, in hex.
    pub sha256: String,
    body: Body,
}

/// What a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediumKind {
    /// A JPEG file.
    Picture,
    /// A fragmented MP4 file: what is there of it can be played.
    Clip,
}

#[derive(Clone, Debug)]
enum Body {
    Memory(Bytes),
    File(Arc<File>, u64),
}

impl MediumKind {
    /// As HTTP names it.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Picture => "image/jpeg",
            Self::Clip => "video/mp4",
        }
    }

    /// How names of such files end.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Picture => "jpg",
            Self::Clip => "mp4",
        }
    }

    /// What keys of such items begin with.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Picture => "snapshot",
            Self::Clip => "clip",
        }
    }
}

impl PartialEq for Medium {
    fn eq(&self, other: &Self) -> bool {
        (self.event, self.kind, &self.sha256) == (other.event, other.kind, &other.sha256)
    }
}

impl Medium {
    /// The picture of an event.
    pub fn picture(event: EventId, camera: CameraId, jpeg: Bytes) -> Self {
        let (kind, sha256) = (MediumKind::Picture, wire::sha256_hex(&jpeg));
        Self { event, camera, kind, sha256, body: Body::Memory(jpeg) }
    }

    /// The clip of an event: a file of so many bytes, and its SHA-256 in hex.
    pub fn clip(event: EventId, camera: CameraId, file: File, bytes: u64, sha256: String) -> Self {
        let body = Body::File(Arc::new(file), bytes);
        Self { event, camera, kind: MediumKind::Clip, sha256, body }
    }

    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        match &self.body {
            Body::Memory(bytes) => bytes.len() as u64,
            Body::File(_, bytes) => *bytes,
        }
    }

    /// The bytes from `from` to `to`, as far as there are so many.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn part(&self, from: u64, to: u64) -> io::Result<Bytes> {
        let to = to.min(self.bytes());
        let from = from.min(to);
        match &self.body {
            Body::Memory(bytes) => Ok(bytes.slice(from as usize..to as usize)),
            Body::File(file, _) => {
                let file = Arc::clone(file);
                let read = tokio::task::spawn_blocking(move || {
                    let mut part = vec![0; (to - from) as usize];
                    file.read_exact_at(&mut part, from).map(|()| Bytes::from(part))
                });
                read.await.unwrap_or_else(|error| Err(io::Error::other(error)))
            }
        }
    }

    /// All of it, if it lies in memory.
    pub fn in_memory(&self) -> Option<Bytes> {
        match &self.body {
            Body::Memory(bytes) => Some(bytes.clone()),
            Body::File(..) => None,
        }
    }
}

/// SHA-256 of the first `bytes` of a file, in hex. Reads all of them.
///
/// # Errors
/// When the file cannot be read, or is shorter.
pub(super) fn hash_of(file: &File, bytes: u64) -> io::Result<String> {
    let (mut hash, mut at, mut piece) = (Sha256::new(), 0, vec![0; PIECE]);
    while at < bytes {
        let count = PIECE.min(usize::try_from(bytes - at).unwrap_or(PIECE));
        file.read_exact_at(&mut piece[..count], at)?;
        hash.update(&piece[..count]);
        at += count as u64;
    }
    Ok(wire::hex(&hash.finalize()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_clip_is_read_in_parts_also_when_its_name_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("7.mp4");
        let bytes: Vec<u8> = (0..150_000_u32).map(|at| (at % 251) as u8).collect();
        std::fs::write(&path, &bytes).unwrap();
        let file = File::open(&path).unwrap();
        let sha256 = hash_of(&file, 150_000).unwrap();
        let clip = Medium::clip(EventId(7), "yard".parse().unwrap(), file, 150_000, sha256);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(clip.sha256, wire::sha256_hex(&bytes));
        assert_eq!(clip.part(140_000, 200_000).await.unwrap(), bytes[140_000..]);
        assert!(clip.part(160_000, 170_000).await.unwrap().is_empty());
        assert_eq!(clip.in_memory(), None);
    }

    #[test]
    fn a_clip_that_is_shorter_than_it_should_be_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("7.mp4");
        std::fs::write(&path, "short").unwrap();
        let file = File::open(&path).unwrap();
        assert!(hash_of(&file, 6).is_err());
    }
}
