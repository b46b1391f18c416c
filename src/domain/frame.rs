//! One raw picture from a camera, and the port through which it is handed on.
//!
//! A [`Frame`] is checked once, when it is made: every plane lies inside its
//! buffer, so readers may index rows without further checks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{CameraId, EncodedFrame, SessionId, Timestamp};

/// Largest accepted width and height, in pixels: 8K with room for rotation.
/// Whatever claims more is a damaged header, not a camera.
pub const FRAME_EDGE_MAX_PX: u32 = 8192;

/// How the pixels of a [`Frame`] lie in memory; all are 8 bit YUV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PixelFormat {
    /// Three planes, chroma halved both ways.
    I420,
    /// Luma plane and one plane of interleaved U and V, chroma halved both ways.
    Nv12,
    /// One plane `Y0 U Y1 V`, chroma halved horizontally.
    Yuyv,
}

/// How YUV values become colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColorSpace {
    /// ITU-R BT.601, luma 16..=235: standard definition video.
    Bt601Limited,
    /// ITU-R BT.709, luma 16..=235: high definition video.
    Bt709Limited,
    /// ITU-R BT.601, luma 0..=255: JPEG (JFIF).
    Bt601Full,
}

/// Where one plane begins and how far apart its rows are, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plane {
    /// First byte of the first row.
    pub offset: usize,
    /// Distance between rows. Comes from the device and is never derived from
    /// the width: drivers pad.
    pub stride: usize,
}

/// What a frame is, apart from its pixels.
#[derive(Clone, Debug)]
pub struct FrameMeta {
    /// The camera that took it.
    pub camera: CameraId,
    /// The connection it came through.
    pub session: SessionId,
    /// Counts the frames of a session from 0, in the order of capture. For
    /// footage it is the index of the picture in the file, also after a loop.
    pub sequence: u64,
    /// Wall time of exposure.
    pub captured_at: Timestamp,
    /// Monotonic time of exposure, see `rt::Clock::monotonic`.
    pub captured_mono: Duration,
}

/// One raw picture.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it is.
    pub meta: FrameMeta,
    width_px: u32,
    height_px: u32,
    format: PixelFormat,
    color: ColorSpace,
    planes: [Plane; 3],
    data: Bytes,
}

/// The bytes cannot be the picture they claim to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// A size of zero, or one that no camera has.
    #[error("a frame of {width_px}x{height_px} px is outside 2..={FRAME_EDGE_MAX_PX}")]
    Size {
        /// Claimed width.
        width_px: u32,
        /// Claimed height.
        height_px: u32,
    },
    /// Fewer planes than the pixel format has, or a plane that ends outside the
    /// buffer.
    #[error("plane {plane} of {format:?} does not fit into {len} bytes")]
    Plane {
        /// Its number, from 0.
        plane: usize,
        /// The claimed format.
        format: PixelFormat,
        /// Bytes there are.
        len: usize,
    },
}

impl Frame {
    /// A frame over `data`. `planes` holds as many planes as `format` has.
    ///
    /// # Errors
    /// When the size is absurd or a plane would be read outside `data`.
    pub fn new(
        meta: FrameMeta,
        (width_px, height_px): (u32, u32),
        format: PixelFormat,
        color: ColorSpace,
        planes: &[Plane],
        data: Bytes,
    ) -> Result<Self, FrameError> {
        let valid = 2..=FRAME_EDGE_MAX_PX;
        if !valid.contains(&width_px) || !valid.contains(&height_px) {
            return Err(FrameError::Size { width_px, height_px });
        }
        let len = data.len();
        let mut kept = [Plane { offset: 0, stride: 0 }; 3];
        for (number, slot) in kept.iter_mut().enumerate().take(format.plane_count()) {
            let misfit = FrameError::Plane { plane: number, format, len };
            let plane = planes.get(number).copied().ok_or_else(|| misfit.clone())?;
            let (row_bytes, rows) = format.plane_size(number, width_px, height_px);
            let end = plane
                .stride
                .checked_mul(rows - 1)
                .and_then(|n| n.checked_add(plane.offset))
                .and_then(|n| n.checked_add(row_bytes));
            if plane.stride < row_bytes || end.is_none_or(|end| end > len) {
                return Err(misfit);
            }
            *slot = plane;
        }
        Ok(Self { meta, width_px, height_px, format, color, planes: kept, data })
    }

    /// Width in pixels.
    pub fn width_px(&self) -> u32 {
        self.width_px
    }

    /// Height in pixels.
    pub fn height_px(&self) -> u32 {
        self.height_px
    }

    /// Pixel format.
    pub fn format(&self) -> PixelFormat {
        self.format
    }

    /// Colour space.
    pub fn color(&self) -> ColorSpace {
        self.color
    }

    /// Row `row` of plane `plane`, without padding. Rows and planes count from 0.
    ///
    /// # Panics
    /// When the row or plane does not exist: a mistake of the caller.
    pub fn row(&self, plane: usize, row: usize) -> &[u8] {
        let (row_bytes, rows) = self.format.plane_size(plane, self.width_px, self.height_px);
        assert!(plane < self.format.plane_count() && row < rows, "row {row} of plane {plane}");
        let Plane { offset, stride } = self.planes[plane];
        &self.data[offset + row * stride..][..row_bytes]
    }

    /// All bytes of plane `plane` from its first row on, and its stride.
    pub fn plane(&self, plane: usize) -> (&[u8], usize) {
        let Plane { offset, stride } = self.planes[plane];
        (&self.data[offset..], stride)
    }
}

impl PixelFormat {
    /// How many planes the format has.
    pub const fn plane_count(self) -> usize {
        match self {
            Self::I420 => 3,
            Self::Nv12 => 2,
            Self::Yuyv => 1,
        }
    }

    /// Bytes per row (without padding) and rows of a plane. Odd sizes round up.
    pub const fn plane_size(self, plane: usize, width_px: u32, height_px: u32) -> (usize, usize) {
        let (width, height) = (width_px as usize, height_px as usize);
        match (self, plane) {
            (Self::I420 | Self::Nv12, 0) => (width, height),
            (Self::I420, _) => (width.div_ceil(2), height.div_ceil(2)),
            (Self::Nv12, _) => (width.div_ceil(2) * 2, height.div_ceil(2)),
            (Self::Yuyv, _) => (width.div_ceil(2) * 4, height),
        }
    }
}

/// Something that looks at every frame of a camera. Offers never block and never
/// fail: who is behind drops and counts.
pub trait FrameTap: Send + Sync {
    /// Here is a frame.
    fn offer(&self, frame: &Arc<Frame>);

    /// Whether encoded frames are of use. Asked before each.
    fn wants_encoded(&self) -> bool {
        false
    }

    /// Here is a frame as the camera encoded it; in the order of decoding, before
    /// or after the decoded one.
    fn offer_encoded(&self, _: &Arc<EncodedFrame>) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::examples::frame_meta;

    fn nv12(width_px: u32, stride: usize, len: usize) -> Result<Frame, FrameError> {
        let planes = [Plane { offset: 0, stride }, Plane { offset: stride * 4, stride }];
        let data = Bytes::from(vec![0; len]);
        Frame::new(
            frame_meta(),
            (width_px, 4),
            PixelFormat::Nv12,
            ColorSpace::Bt601Limited,
            &planes,
            data,
        )
    }

    #[test]
    fn padded_rows_are_read_without_their_padding() {
        let frame = nv12(6, 16, 16 * 6).unwrap();
        assert_eq!(frame.row(0, 3).len(), 6);
        assert_eq!(frame.row(1, 1).len(), 6);
    }

    #[test]
    fn a_buffer_shorter_than_its_header_claims_is_refused() {
        assert!(matches!(nv12(6, 16, 16 * 5), Err(FrameError::Plane { plane: 1, .. })));
        assert!(matches!(nv12(18, 16, 16 * 6), Err(FrameError::Plane { plane: 0, .. })));
        assert!(matches!(nv12(0, 16, 96), Err(FrameError::Size { .. })));
    }
}
