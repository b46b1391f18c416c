//! JPEG pictures of cameras as I420 frames. Damaged pictures are errors, never
//! panics, and cost no more memory than a whole one: a photograph of any size is
//! scaled down while it is decoded.

use bytes::Bytes;
use turbojpeg::{Decompressor, ScalingFactor, Subsamp, YuvImage, yuv_pixels_len};

use crate::domain::{ColorSpace, Frame, FrameError, FrameMeta, PixelFormat, Plane};

/// Scans of a progressive JPEG. Cameras send one; a crafted picture with
/// thousands would cost seconds.
const SCANS_MAX: u32 = 50;

/// Most pixels of a photograph: the largest bodies have 102 million.
const PIXELS_MAX: usize = 120_000_000;

/// Most pixels of a progressive one. All its coefficients are kept while it is
/// decoded, some four bytes a pixel; cameras write baseline files.
const PROGRESSIVE_PIXELS_MAX: usize = 12_000_000;

/// Chroma of grey.
const GREY: u8 = 128;

/// Why a picture is skipped.
#[derive(Debug, thiserror::Error)]
pub(super) enum JpegError {
    /// The decoder gives up.
    #[error("damaged JPEG: {0}")]
    Damaged(#[from] turbojpeg::Error),
    /// The picture is not the size that the device announced.
    #[error("a JPEG of {0}x{1} px instead of the agreed size")]
    Size(usize, usize),
    /// A photograph that would take too much memory.
    #[error("a JPEG of {0}x{1} px is too large")]
    TooLarge(usize, usize),
    /// A chroma layout that no camera uses.
    #[error("chroma layout {0:?} of JPEG")]
    Subsampling(Subsamp),
    /// The planes do not fit, which only a mistake of ours can cause.
    #[error(transparent)]
    Frame(#[from] FrameError),
}

/// Decodes the pictures of one device.
pub(super) struct JpegReader {
    decompressor: Decompressor,
    size: Size,
}

/// How large pictures are, and become.
enum Size {
    /// Always so many pixels.
    #[cfg_attr(not(feature = "v4l2"), allow(dead_code, reason = "V4L2 alone agrees on a size"))]
    Agreed(usize, usize),
    /// Any size, scaled down until they are at most so many pixels wide, or by 8.
    Within(usize),
}

impl JpegReader {
    /// For pictures of this size.
    #[cfg(any(feature = "v4l2", test))]
    pub(super) fn new(size_px: (u32, u32)) -> Result<Self, JpegError> {
        Self::of(Size::Agreed(size_px.0 as usize, size_px.1 as usize))
    }

    /// For pictures of any size, which become at most about `width_px` wide.
    pub(super) fn scaling_to(width_px: usize) -> Result<Self, JpegError> {
        Self::of(Size::Within(width_px))
    }

    fn of(size: Size) -> Result<Self, JpegError> {
        let mut decompressor = Decompressor::new()?;
        decompressor.set_scan_limit(SCANS_MAX)?;
        Ok(Self { decompressor, size })
    }

    /// The picture in `bytes`.
    pub(super) fn frame(&mut self, bytes: &[u8], meta: FrameMeta) -> Result<Frame, JpegError> {
        let header = self.decompressor.read_header(bytes)?;
        let factor = self.factor(bytes, header.width, header.height)?;
        self.decompressor.set_scaling_factor(factor)?;
        let (width, height) = (factor.scale(header.width), factor.scale(header.height));
        let subsamp = header.subsamp;
        if !matches!(subsamp, Subsamp::Sub2x2 | Subsamp::Sub2x1 | Subsamp::Gray) {
            return Err(JpegError::Subsampling(subsamp));
        }
        let pixels = vec![GREY; yuv_pixels_len(width, 1, height, subsamp)?];
        let mut image = YuvImage { pixels, width, align: 1, height, subsamp };
        match self.decompressor.decompress_to_yuv(bytes, image.as_deref_mut()) {
            Err(error) if !is_harmless(&error) => return Err(error.into()),
            _ => {}
        }
        let planes = planes(&mut image);
        let data = Bytes::from(image.pixels);
        let (format, color) = (PixelFormat::I420, ColorSpace::Bt601Full);
        let size_px = (width as u32, height as u32);
        Ok(Frame::new(meta, size_px, format, color, &planes, data)?)
    }

    fn factor(
        &self,
        bytes: &[u8],
        width: usize,
        height: usize,
    ) -> Result<ScalingFactor, JpegError> {
        let within = match self.size {
            Size::Agreed(w, h) if (w, h) == (width, height) => return Ok(ScalingFactor::ONE),
            Size::Agreed(..) => return Err(JpegError::Size(width, height)),
            Size::Within(within) => within,
        };
        let pixels = width.saturating_mul(height);
        let most = if is_progressive(bytes) { PROGRESSIVE_PIXELS_MAX } else { PIXELS_MAX };
        if pixels > most {
            return Err(JpegError::TooLarge(width, height));
        }
        let factors = [ScalingFactor::ONE, ScalingFactor::ONE_HALF, ScalingFactor::ONE_QUARTER];
        let fitting = factors.into_iter().find(|factor| factor.scale(width) <= within);
        Ok(fitting.unwrap_or(ScalingFactor::ONE_EIGHTH))
    }
}

/// Whether a frame header of another kind than baseline (SOF0) comes before the
/// scan (ITU-T T.81, table B.1).
fn is_progressive(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xFF, marker, high, low]) = bytes.get(at..at + 4) {
        match *marker {
            0xC0 => return false,
            0xC1..=0xCF if !matches!(*marker, 0xC4 | 0xC8 | 0xCC) => return true,
            0xDA => return true,
            _ => at += 2 + usize::from(u16::from_be_bytes([*high, *low])),
        }
    }
    true
}

/// Many webcams put padding before the end marker; the picture is whole.
fn is_harmless(error: &turbojpeg::Error) -> bool {
    let message = error.to_string();
    message.contains("extraneous bytes before marker 0xd9")
}

/// Where the I420 planes lie. Of 4:2:2, which most webcams send, every second
/// chroma row is used: a stride of two rows, and no copy. Grey gets its chroma
/// appended.
fn planes(image: &mut YuvImage<Vec<u8>>) -> [Plane; 3] {
    let (luma_width, luma_height) = image.y_size();
    let luma = luma_width * luma_height;
    let (chroma_width, chroma_height) = match image.subsamp {
        Subsamp::Gray => (image.width.div_ceil(2), image.height.div_ceil(2)),
        _ => image.uv_size(),
    };
    let chroma = chroma_width * chroma_height;
    image.pixels.resize(luma + 2 * chroma, GREY);
    let rows = if image.subsamp == Subsamp::Sub2x1 { 2 } else { 1 };
    let plane = |offset| Plane { offset, stride: chroma_width * rows };
    [Plane { offset: 0, stride: luma_width }, plane(luma), plane(luma + chroma)]
}

#[cfg(test)]
mod tests {
    use super::*;

    use turbojpeg::{Compressor, Image, PixelFormat as Rgb};

    use crate::domain::examples::frame_meta;

    const SIZE_PX: (u32, u32) = (38, 27);

    /// A picture whose left half is red and whose right half is white.
    fn jpeg(subsamp: Subsamp) -> Vec<u8> {
        let (width, height) = (SIZE_PX.0 as usize, SIZE_PX.1 as usize);
        let pixels: Vec<u8> = (0..width * height)
            .flat_map(|n| if n % width < width / 2 { [255, 0, 0] } else { [255, 255, 255] })
            .collect();
        let image =
            Image { pixels: &pixels[..], width, pitch: width * 3, height, format: Rgb::RGB };
        let mut compressor = Compressor::new().unwrap();
        compressor.set_quality(95).unwrap();
        compressor.set_subsamp(subsamp).unwrap();
        compressor.compress_to_vec(image).unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Frame, JpegError> {
        JpegReader::new(SIZE_PX).unwrap().frame(bytes, frame_meta())
    }

    #[test]
    fn both_chroma_layouts_of_webcams_give_the_same_colors() {
        for subsamp in [Subsamp::Sub2x2, Subsamp::Sub2x1] {
            let frame = read(&jpeg(subsamp)).unwrap();
            // Red is Y 76, U 85, V 255; white is Y 255, U 128, V 128 (JFIF).
            for row in [1, 12] {
                assert!(frame.row(0, row)[2].abs_diff(76) < 6, "{subsamp:?}");
                assert!(frame.row(1, row)[1].abs_diff(85) < 6, "{subsamp:?}");
                assert!(frame.row(2, row)[1].abs_diff(255) < 6, "{subsamp:?}");
                assert!(frame.row(2, row)[17].abs_diff(128) < 6, "{subsamp:?}");
            }
            assert_eq!(frame.color(), ColorSpace::Bt601Full);
        }
    }

    #[test]
    fn a_grey_jpeg_has_grey_chroma() {
        let frame = read(&jpeg(Subsamp::Gray)).unwrap();
        assert_eq!((frame.row(1, 13)[18], frame.row(2, 13)[18]), (128, 128));
    }

    #[test]
    fn damaged_jpegs_are_refused_wherever_they_break() {
        let whole = jpeg(Subsamp::Sub2x1);
        for end in [0, 1, 2, 20, 100, whole.len() / 2, whole.len() - 20] {
            assert!(read(&whole[..end]).is_err(), "{end} of {} bytes", whole.len());
        }
        assert!(read(b"this is not a picture").is_err());
    }

    #[test]
    fn random_damage_never_panics() {
        let whole = jpeg(Subsamp::Sub2x2);
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..2000 {
            let mut bytes = whole.clone();
            for _ in 0..random.usize(1..8) {
                let place = random.usize(..bytes.len());
                bytes[place] = random.u8(..);
            }
            if let Ok(frame) = read(&bytes) {
                assert_eq!((frame.width_px(), frame.height_px()), SIZE_PX);
            }
        }
    }

    #[test]
    fn a_jpeg_of_another_size_is_refused_before_memory_is_taken_for_it() {
        let mut reader = JpegReader::new((64, 64)).unwrap();
        let refused = reader.frame(&jpeg(Subsamp::Sub2x2), frame_meta());
        assert!(matches!(refused, Err(JpegError::Size(38, 27))), "{refused:?}");
    }

    #[test]
    fn a_photograph_is_scaled_down_while_it_is_decoded() {
        let mut reader = JpegReader::scaling_to(20).unwrap();
        let frame = reader.frame(&jpeg(Subsamp::Sub2x2), frame_meta()).unwrap();
        assert_eq!((frame.width_px(), frame.height_px()), (19, 14));
        let frame = reader.frame(&jpeg(Subsamp::Sub2x1), frame_meta()).unwrap();
        assert!(frame.row(0, 6)[2].abs_diff(76) < 8, "red stays red");
        assert!(reader.frame(&jpeg(Subsamp::Sub2x2)[..300], frame_meta()).is_err());
    }

    #[test]
    fn a_large_progressive_picture_is_refused_before_memory_is_taken_for_it() {
        let mut bytes = jpeg(Subsamp::Sub2x2);
        assert!(!is_progressive(&bytes));
        let sof = bytes.windows(2).position(|pair| pair == [0xFF, 0xC0]).unwrap();
        bytes[sof + 1] = 0xC2;
        bytes[sof + 5..sof + 9].copy_from_slice(&[0x40, 0, 0x40, 0]);
        assert!(is_progressive(&bytes));
        let refused = JpegReader::scaling_to(2048).unwrap().frame(&bytes, frame_meta());
        assert!(matches!(refused, Err(JpegError::TooLarge(16384, 16384))), "{refused:?}");
    }

    #[test]
    fn padding_before_the_end_marker_is_harmless() {
        let mut bytes = jpeg(Subsamp::Sub2x1);
        let end = bytes.len() - 2;
        bytes.splice(end..end, [0x11, 0x22, 0x33]);
        assert!(read(&bytes).is_ok());
    }
}
