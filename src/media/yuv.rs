//! A picture on its way to a JPEG: planar YUV 4:2:0 in the colours of JFIF
//! (BT.601, full range).
//!
//! Every camera format is brought into this one form in a single copy, so that
//! drawing and scaling exist once. The copy is needed anyway: frames are shared
//! and never written to. Nothing passes through RGB.

use crate::domain::{ColorSpace, Frame, PixelFormat};

/// A picture with even plane sizes; what an odd edge lacks repeats its last
/// row or column, as the JPEG library expects.
#[derive(Clone, Default)]
pub(super) struct Picture {
    /// Visible width.
    pub width_px: usize,
    /// Visible height.
    pub height_px: usize,
    /// Luma, then U, then V; rows of [`Self::stride`] and half of it.
    pub data: Vec<u8>,
}

/// A rectangle of a picture, in pixels.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    /// Left edge.
    pub x_px: usize,
    /// Upper edge.
    pub y_px: usize,
    /// Width.
    pub width_px: usize,
    /// Height.
    pub height_px: usize,
}

impl Picture {
    /// Bytes from one luma row to the next; chroma rows are half as long.
    pub fn stride(&self) -> usize {
        self.width_px.next_multiple_of(2)
    }

    /// Luma rows, one more than visible when the height is odd.
    pub fn rows(&self) -> usize {
        self.height_px.next_multiple_of(2)
    }

    /// Luma, U and V.
    pub fn planes_mut(&mut self) -> [&mut [u8]; 3] {
        let luma_len = self.stride() * self.rows();
        let (luma, chroma) = self.data.split_at_mut(luma_len);
        let (u, v) = chroma.split_at_mut(luma_len / 4);
        [luma, u, v]
    }

    fn planes(&self) -> [&[u8]; 3] {
        let luma_len = self.stride() * self.rows();
        let (luma, chroma) = self.data.split_at(luma_len);
        let (u, v) = chroma.split_at(luma_len / 4);
        [luma, u, v]
    }

    fn resize(&mut self, width_px: usize, height_px: usize) {
        (self.width_px, self.height_px) = (width_px, height_px);
        self.data.resize(self.stride() * self.rows() * 3 / 2, 0);
    }

    /// Becomes a copy of `frame`, in JPEG colours. The buffer is used again.
    pub fn copy_from(&mut self, frame: &Frame) {
        self.resize(frame.width_px() as usize, frame.height_px() as usize);
        match frame.format() {
            PixelFormat::I420 => self.copy_i420(frame),
            PixelFormat::Nv12 => self.copy_nv12(frame),
            PixelFormat::Yuyv => self.copy_yuyv(frame),
        }
        match frame.color() {
            ColorSpace::Bt601Full => {}
            ColorSpace::Bt601Limited => self.widen_range(),
            ColorSpace::Bt709Limited => self.convert_bt709(),
        }
    }

    fn copy_i420(&mut self, frame: &Frame) {
        self.copy_luma(|row| frame.row(0, row));
        let half = self.stride() / 2;
        let [_, u, v] = self.planes_mut();
        for (number, plane) in [(1, u), (2, v)] {
            for (row, target) in plane.chunks_exact_mut(half).enumerate() {
                target.copy_from_slice(frame.row(number, row));
            }
        }
    }

    fn copy_nv12(&mut self, frame: &Frame) {
        self.copy_luma(|row| frame.row(0, row));
        let half = self.stride() / 2;
        let [_, u, v] = self.planes_mut();
        let rows = u.chunks_exact_mut(half).zip(v.chunks_exact_mut(half));
        for (row, (u_row, v_row)) in rows.enumerate() {
            let pairs = frame.row(1, row).chunks_exact(2);
            for ((pair, u), v) in pairs.zip(u_row).zip(v_row) {
                (*u, *v) = (pair[0], pair[1]);
            }
        }
    }

    fn copy_yuyv(&mut self, frame: &Frame) {
        let (stride, last) = (self.stride(), self.height_px - 1);
        let [luma, u, v] = self.planes_mut();
        for (row, target) in luma.chunks_exact_mut(stride).enumerate() {
            let source = frame.row(0, row.min(last)).iter().step_by(2);
            target.iter_mut().zip(source).for_each(|(to, from)| *to = *from);
        }
        let rows = u.chunks_exact_mut(stride / 2).zip(v.chunks_exact_mut(stride / 2));
        for (row, (u_row, v_row)) in rows.enumerate() {
            let above = frame.row(0, row * 2).chunks_exact(4);
            let below = frame.row(0, (row * 2 + 1).min(last)).chunks_exact(4);
            for (((a, b), u), v) in above.zip(below).zip(u_row).zip(v_row) {
                (*u, *v) = (a[1].midpoint(b[1]), a[3].midpoint(b[3]));
            }
        }
        self.repeat_edges();
    }

    fn copy_luma<'a>(&mut self, row_of: impl Fn(usize) -> &'a [u8]) {
        let (stride, width, last) = (self.stride(), self.width_px, self.height_px - 1);
        let [luma, ..] = self.planes_mut();
        for (row, target) in luma.chunks_exact_mut(stride).enumerate() {
            target[..width].copy_from_slice(row_of(row.min(last)));
        }
        self.repeat_edges();
    }

    fn repeat_edges(&mut self) {
        let (stride, width) = (self.stride(), self.width_px);
        if stride > width {
            let [luma, ..] = self.planes_mut();
            luma.chunks_exact_mut(stride).for_each(|row| row[width] = row[width - 1]);
        }
    }

    /// From luma 16..=235 and chroma 16..=240 to 0..=255.
    fn widen_range(&mut self) {
        let table =
            |f: fn(f32) -> f32| -> [u8; 256] { std::array::from_fn(|v| to_u8(f(v as f32))) };
        let luma_table = table(|y| (y - 16.0) * LUMA_GAIN);
        let chroma_table = table(|c| (c - 128.0) * CHROMA_GAIN + 128.0);
        let [luma, u, v] = self.planes_mut();
        luma.iter_mut().for_each(|y| *y = luma_table[usize::from(*y)]);
        u.iter_mut().chain(v).for_each(|c| *c = chroma_table[usize::from(*c)]);
    }

    /// Also changes the primaries' weights. The luma of a pixel depends on its
    /// chroma, which four pixels share.
    fn convert_bt709(&mut self) {
        let stride = self.stride();
        let luma_table: [i16; 256] =
            std::array::from_fn(|v| ((v as f32 - 16.0) * LUMA_GAIN).round() as i16);
        let [luma, u, v] = self.planes_mut();
        let chroma_rows = u.chunks_exact_mut(stride / 2).zip(v.chunks_exact_mut(stride / 2));
        for (rows, (u_row, v_row)) in luma.chunks_exact_mut(stride * 2).zip(chroma_rows) {
            let (above, below) = rows.split_at_mut(stride);
            let quads = above.chunks_exact_mut(2).zip(below.chunks_exact_mut(2));
            for (((above, below), u), v) in quads.zip(u_row).zip(v_row) {
                let cb = (f32::from(*u) - 128.0) * CHROMA_GAIN;
                let cr = (f32::from(*v) - 128.0) * CHROMA_GAIN;
                let shift = (0.101_59 * cb + 0.196_09 * cr).round() as i16;
                for y in above.iter_mut().chain(below) {
                    *y = (luma_table[usize::from(*y)] + shift).clamp(0, 255) as u8;
                }
                *u = to_u8(0.989_854 * cb - 0.110_653 * cr + 128.0);
                *v = to_u8(-0.072_453 * cb + 0.983_398 * cr + 128.0);
            }
        }
    }

    /// A copy of one part of the picture. The part is moved to even places and
    /// kept inside, as halved chroma needs it.
    pub fn part(&self, part: Part) -> Self {
        let x_px = (part.x_px & !1).min(self.stride().saturating_sub(2));
        let y_px = (part.y_px & !1).min(self.rows().saturating_sub(2));
        let mut copy = Self::default();
        let width_px = part.width_px.clamp(2, self.stride() - x_px);
        let height_px = part.height_px.clamp(2, self.rows() - y_px);
        copy.resize(width_px, height_px);
        let (from_stride, to_stride) = (self.stride(), copy.stride());
        let mut scale = 1;
        for (source, target) in self.planes().into_iter().zip(copy.planes_mut()) {
            let (from, to) = (from_stride / scale, to_stride / scale);
            let rows = source.chunks_exact(from).skip(y_px / scale);
            for (row, line) in rows.zip(target.chunks_exact_mut(to)) {
                line.copy_from_slice(&row[x_px / scale..][..to]);
            }
            scale = 2;
        }
        copy
    }

    /// The same picture at most `width_max_px` wide, each pixel the mean of the
    /// area it covers; `None` when it already is.
    pub fn scaled_to(&self, width_max_px: usize) -> Option<Self> {
        if self.width_px <= width_max_px {
            return None;
        }
        let mut small = Self::default();
        let height_px = (self.height_px * width_max_px / self.width_px).max(2);
        small.resize(width_max_px, height_px);
        let (from, to) = ((self.stride(), self.rows()), (small.stride(), small.rows()));
        let half = |(width, rows): (usize, usize)| (width / 2, rows / 2);
        let [y, u, v] = small.planes_mut();
        let [source_y, source_u, source_v] = self.planes();
        shrink(source_y, from, y, to);
        shrink(source_u, half(from), u, half(to));
        shrink(source_v, half(from), v, half(to));
        Some(small)
    }
}

/// ITU-R BT.601: luma has 219 steps, chroma 224.
const LUMA_GAIN: f32 = 255.0 / 219.0;
const CHROMA_GAIN: f32 = 255.0 / 224.0;

fn to_u8(value: f32) -> u8 {
    // A float becomes the nearest integer in range; that is wanted here.
    value.round() as u8
}

fn shrink(
    source: &[u8],
    (width, rows): (usize, usize),
    target: &mut [u8],
    (to_width, to_rows): (usize, usize),
) {
    for (row, line) in target.chunks_exact_mut(to_width).enumerate() {
        let top = row * rows / to_rows;
        let bottom = ((row + 1) * rows / to_rows).max(top + 1);
        for (column, pixel) in line.iter_mut().enumerate() {
            let left = column * width / to_width;
            let right = ((column + 1) * width / to_width).max(left + 1);
            let area = source[top * width..bottom * width].chunks_exact(width);
            let sum: usize = area.flat_map(|r| &r[left..right]).map(|v| usize::from(*v)).sum();
            *pixel = (sum / ((bottom - top) * (right - left))) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::frame;
    use super::*;
    use crate::domain::ColorSpace::Bt601Full;

    fn picture(frame: &Frame) -> Picture {
        let mut picture = Picture::default();
        picture.copy_from(frame);
        picture
    }

    #[test]
    fn all_formats_give_the_same_picture_whatever_their_padding() {
        for size in [(64, 48), (63, 47), (2, 2), (3, 5)] {
            let plain = picture(&frame(size, PixelFormat::I420, Bt601Full, 0));
            for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Yuyv] {
                let padded = picture(&frame(size, format, Bt601Full, 13));
                assert!(plain.data == padded.data, "{format:?} at {size:?}");
            }
        }
    }

    #[test]
    fn limited_range_is_stretched_to_black_and_white() {
        let mut picture = Picture::default();
        picture.resize(2, 2);
        picture.data = vec![16, 235, 16, 235, 128, 128];
        picture.widen_range();
        assert_eq!(picture.data, [0, 255, 0, 255, 128, 128]);
    }

    #[test]
    fn bt709_red_becomes_bt601_red() {
        // (63, 102, 240) is pure red in BT.709, (76, 85, 255) in JFIF.
        let mut picture = Picture::default();
        picture.resize(2, 2);
        picture.data = vec![63, 63, 63, 63, 102, 240];
        picture.convert_bt709();
        for (got, wanted) in picture.data.iter().zip([76, 76, 76, 76, 85, 255_u8]) {
            assert!(got.abs_diff(wanted) <= 2, "{:?}", picture.data);
        }
    }

    #[test]
    fn a_thumbnail_keeps_the_shape_and_the_mean() {
        let big = picture(&frame((768, 576), PixelFormat::Nv12, Bt601Full, 0));
        let small = big.scaled_to(320).unwrap();
        assert_eq!((small.width_px, small.height_px), (320, 240));
        let mean =
            |plane: &[u8]| plane.iter().map(|v| usize::from(*v)).sum::<usize>() / plane.len();
        assert!(mean(big.planes()[0]).abs_diff(mean(small.planes()[0])) <= 2);
        assert!(small.scaled_to(320).is_none());
    }
}
