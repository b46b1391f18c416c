//! From a camera's frame to a JPEG file.
//!
//! An encoder keeps its buffers between pictures: about one and a half bytes per
//! pixel of the largest picture so far.

use bytes::Bytes;
use turbojpeg::{Compressor, Subsamp, YuvImage};

use super::yuv::{Part, Picture};
use super::{MediaError, OverlayBox, overlay};
use crate::domain::{BBox, Frame};

/// Widest thumbnail, pixels.
pub const THUMBNAIL_WIDTH_PX: usize = 320;

/// Encodes pictures, one after another.
#[derive(Default)]
pub struct JpegEncoder {
    compressor: Option<Compressor>,
    picture: Picture,
}

impl JpegEncoder {
    /// `frame` as a JPEG of the given quality (1..=100) with `boxes` drawn in.
    ///
    /// # Errors
    /// When the JPEG library refuses the picture.
    pub fn encode(
        &mut self,
        frame: &Frame,
        boxes: &[OverlayBox],
        quality: u8,
    ) -> Result<Bytes, MediaError> {
        self.picture.copy_from(frame);
        overlay::draw(&mut self.picture, boxes);
        compress(&mut self.compressor, &self.picture, quality)
    }

    /// `frame` at its own size, and the surroundings of `focus` at most
    /// [`THUMBNAIL_WIDTH_PX`] wide: in a list the object must be recognisable, and
    /// of the whole scene it is often a hundredth.
    ///
    /// # Errors
    /// When the JPEG library refuses the picture.
    pub fn encode_with_thumbnail(
        &mut self,
        frame: &Frame,
        focus: &BBox,
        quality: u8,
    ) -> Result<(Bytes, Bytes), MediaError> {
        let full = self.encode(frame, &[], quality)?;
        let part = self.picture.part(surroundings(focus, &self.picture));
        let small = part.scaled_to(THUMBNAIL_WIDTH_PX).unwrap_or(part);
        let thumbnail = compress(&mut self.compressor, &small, quality)?;
        Ok((full, thumbnail))
    }
}

/// Share of the surroundings' height that the object takes: the whole object
/// with enough ground to see where it is.
const OBJECT_SHARE: f32 = 0.55;

/// Narrowest surroundings, pixels: enlarging less than this shows only blocks.
const SURROUNDINGS_MIN_PX: f32 = 160.0;

/// The part of the picture around `focus`, 4:3, inside the picture.
fn surroundings(focus: &BBox, picture: &Picture) -> Part {
    let (width, height) = (picture.width_px as f32, picture.height_px as f32);
    let tall = focus.height * height / OBJECT_SHARE;
    let wide = focus.width * width / OBJECT_SHARE;
    let width_px = wide.max(tall * 4.0 / 3.0).max(SURROUNDINGS_MIN_PX).min(width);
    let height_px = (width_px * 3.0 / 4.0).min(height);
    let center = focus.center();
    let left = (center.x * width - width_px / 2.0).clamp(0.0, width - width_px);
    let top = (center.y * height - height_px / 2.0).clamp(0.0, height - height_px);
    Part {
        x_px: left as usize,
        y_px: top as usize,
        width_px: width_px as usize,
        height_px: height_px as usize,
    }
}

fn compress(
    compressor: &mut Option<Compressor>,
    picture: &Picture,
    quality: u8,
) -> Result<Bytes, MediaError> {
    let refused = |error: turbojpeg::Error| MediaError::Encode(error.to_string());
    let compressor = match compressor {
        Some(compressor) => compressor,
        empty => empty.insert(Compressor::new().map_err(refused)?),
    };
    compressor.set_quality(i32::from(quality.clamp(1, 100))).map_err(refused)?;
    let image = YuvImage {
        pixels: picture.data.as_slice(),
        width: picture.width_px,
        align: 1,
        height: picture.height_px,
        subsamp: Subsamp::Sub2x2,
    };
    let jpeg = compressor.compress_yuv_to_owned(image).map_err(refused)?;
    // The library's buffer is sized for the worst case; the copy is not.
    Ok(Bytes::copy_from_slice(&jpeg))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{boxed, frame};
    use super::*;
    use crate::domain::{ColorSpace, PixelFormat};

    #[test]
    fn every_format_and_odd_size_decodes_to_its_own_size() {
        let mut encoder = JpegEncoder::default();
        for size in [(768, 576), (641, 361), (33, 2), (2, 33)] {
            for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Yuyv] {
                let frame = frame(size, format, ColorSpace::Bt601Limited, 7);
                let jpeg = encoder.encode(&frame, &[], 80).unwrap();
                let header = turbojpeg::read_header(&jpeg).unwrap();
                assert_eq!((header.width as u32, header.height as u32), size, "{format:?}");
            }
        }
    }

    #[test]
    fn a_thumbnail_is_at_most_320_px_wide_and_small_pictures_stay_as_they_are() {
        let mut encoder = JpegEncoder::default();
        for (size, wanted) in
            [((768, 576), (320, 240)), ((160, 120), (160, 120)), ((33, 2), (33, 2))]
        {
            let frame = frame(size, PixelFormat::Nv12, ColorSpace::Bt601Limited, 0);
            let whole = BBox::from_corners(0.0, 0.0, 1.0, 1.0);
            let (_, thumbnail) = encoder.encode_with_thumbnail(&frame, &whole, 80).unwrap();
            let header = turbojpeg::read_header(&thumbnail).unwrap();
            assert_eq!((header.width, header.height), wanted);
        }
    }

    #[test]
    fn the_colours_of_the_decoded_picture_are_those_of_the_frame() {
        let frame = frame((64, 64), PixelFormat::Nv12, ColorSpace::Bt601Full, 0);
        let jpeg = JpegEncoder::default().encode(&frame, &[], 95).unwrap();
        let decoded = turbojpeg::decompress_to_yuv(&jpeg).unwrap();
        let rows = decoded.pixels.chunks_exact(64).take(64).enumerate();
        let worst = rows
            .flat_map(|(row, line)| line.iter().zip(frame.row(0, row)))
            .map(|(a, b)| a.abs_diff(*b))
            .max();
        assert!(worst.unwrap() <= 16, "{worst:?}");
    }

    #[test]
    fn boxes_are_seen_in_the_picture_and_the_frame_is_not_touched() {
        let frame = frame((320, 240), PixelFormat::I420, ColorSpace::Bt601Full, 0);
        let mut encoder = JpegEncoder::default();
        let plain = encoder.encode(&frame, &[], 80).unwrap();
        let boxes = [boxed("person", (0.2, 0.2, 0.6, 0.9))];
        assert_ne!(encoder.encode(&frame, &boxes, 80).unwrap(), plain);
        assert_eq!(encoder.encode(&frame, &[], 80).unwrap(), plain);
    }

    #[test]
    fn a_thumbnail_shows_the_object_and_stays_inside_the_picture() {
        let mut picture = Picture::default();
        picture.copy_from(&frame((768, 576), PixelFormat::I420, ColorSpace::Bt601Full, 0));
        for (x, y) in [(0.0, 0.0), (0.5, 0.5), (0.97, 0.9)] {
            let focus = BBox::from_corners(x, y, x + 0.03, y + 0.1);
            let part = surroundings(&focus, &picture);
            let pixels = focus.to_pixels(768, 576);
            assert!(part.x_px <= pixels.x_px as usize && part.y_px <= pixels.y_px as usize);
            assert!(part.x_px + part.width_px + 1 >= (pixels.x_px + pixels.width_px) as usize);
            assert!(part.x_px + part.width_px <= 768 && part.y_px + part.height_px <= 576);
            assert!(part.width_px < 200, "small objects are shown large: {part:?}");
        }
    }
}
