//! Pictures of a PTP camera as frames: live-view pictures as they are, stills
//! scaled down while they are decoded.
//!
//! A still of 33 megapixels becomes a frame of 1752 x 1168, 3 MB instead of 50:
//! more than the network looks at, and enough for a snapshot. Its file stays
//! whole. The file itself is in memory while it is decoded, up to
//! [`STILL_BYTES_MAX`].

use std::fs;
use std::path::Path;

use super::super::FrameSink;
use super::super::jpeg::{JpegError, JpegReader};
use crate::domain::{Frame, FrameMeta};

/// Widest frame made of a picture, pixels.
const WIDTH_MAX_PX: usize = 1920;

/// Largest JPEG that is decoded, bytes: the finest of 61 megapixels take 50 MB.
const STILL_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Makes frames of one session.
pub(super) struct Pictures {
    reader: JpegReader,
    sequence: u64,
}

impl Pictures {
    /// For a session that begins.
    pub(super) fn new() -> Result<Self, JpegError> {
        Ok(Self { reader: JpegReader::scaling_to(WIDTH_MAX_PX)?, sequence: 0 })
    }

    /// The picture in `jpeg` as a frame of now.
    pub(super) fn frame(&mut self, jpeg: &[u8], frames: &FrameSink) -> Result<Frame, JpegError> {
        let meta = FrameMeta {
            camera: frames.camera().clone(),
            session: frames.session(),
            sequence: self.sequence,
            captured_at: frames.clock().now(),
            captured_mono: frames.clock().monotonic(),
        };
        let frame = self.reader.frame(jpeg, meta)?;
        self.sequence += 1;
        Ok(frame)
    }

    /// The still in the file at `path` as a frame; `None` when it is too large to be
    /// looked at, or of a kind that is not.
    ///
    /// # Errors
    /// When it is no whole JPEG, or cannot be read.
    pub(super) fn still(
        &mut self,
        path: &Path,
        frames: &FrameSink,
    ) -> Result<Option<Frame>, String> {
        let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > STILL_BYTES_MAX {
            return Ok(None);
        }
        let bytes = fs::read(path).map_err(|error| error.to_string())?;
        match self.frame(&bytes, frames) {
            Ok(frame) => Ok(Some(frame)),
            Err(JpegError::Damaged(error)) => Err(error.to_string()),
            // Whole, but nothing that a detector is shown.
            Err(JpegError::TooLarge(..) | JpegError::Subsampling(_) | JpegError::Size(..)) => {
                Ok(None)
            }
            Err(JpegError::Frame(error)) => Err(error.to_string()),
        }
    }
}
