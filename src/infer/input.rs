//! From a picture to the network's input, in one pass.
//!
//! The picture is shrunk into the upper left corner of the input (letterbox,
//! bilinear, half-pixel centers), turned into blue, green, red planes and
//! normalised with the mean and deviation the network was trained with; the rest
//! stays black. Pure: the same picture always gives the same numbers. Nothing is
//! allocated after the first frame of a size.
//!
//! Rows are blended first, over bytes and without gaps, which compilers turn into
//! vector code; only then are columns picked through a table. Working pixel by
//! pixel over four neighbours took 6.7 ms for 768x576 to 416x320 where this
//! takes 1.1 (`benches/detect.rs`).

use crate::domain::{ColorSpace, Frame, PixelFormat};

/// Mean and deviation of blue, green, red in the training pictures (NanoDet-m).
const MEAN: [f32; 3] = [103.53, 116.28, 123.675];
const STD: [f32; 3] = [57.375, 57.12, 58.395];
/// Weights are fractions of this; products of two fit 16 bit sums of 8 bit values.
const ONE: u16 = 256;
/// What a value has been multiplied with after both blends.
const BLEND_SCALE: f32 = 65_536.0;

/// How a picture lies in the network's input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fit {
    /// Width and height of the whole picture, in pixels of the input.
    pub picture_px: (f32, f32),
}

/// Fills input tensors. Keeps the tables of the last picture size.
#[derive(Debug, Default)]
pub struct Preparer {
    plan: Option<Plan>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Shape {
    frame_px: (u32, u32),
    format: PixelFormat,
    input_px: (u32, u32),
}

#[derive(Debug)]
struct Plan {
    shape: Shape,
    fit: Fit,
    /// Width and height covered by the picture, whole pixels.
    used_px: (usize, usize),
    luma: Channel,
    blue: Channel,
    red: Channel,
    /// Blended rows, one per plane of the frame.
    rows: [Vec<u16>; 3],
    /// Blended and picked values of Y, U, V for one row of the input.
    lines: [Vec<f32>; 3],
}

/// One of Y, U, V: where its samples are.
#[derive(Debug)]
struct Channel {
    plane: usize,
    columns: Vec<Tap>,
    rows: Vec<Tap>,
}

/// Two neighbouring samples and the weight of the second, in 256ths.
#[derive(Clone, Copy, Debug)]
struct Tap {
    first: u16,
    second: u16,
    weight: u16,
}

impl Preparer {
    /// Writes `frame` into `tensor`: three planes (blue, green, red) of
    /// `input_px`, row by row.
    ///
    /// # Panics
    /// When `tensor` has not `3 * width * height` elements: a mistake of the
    /// caller.
    pub fn fill(&mut self, frame: &Frame, input_px: (u32, u32), tensor: &mut [f32]) -> Fit {
        let shape = Shape {
            frame_px: (frame.width_px(), frame.height_px()),
            format: frame.format(),
            input_px,
        };
        let plan = match &mut self.plan {
            Some(plan) if plan.shape == shape => plan,
            other => other.insert(Plan::new(shape)),
        };
        plan.run(frame, tensor);
        plan.fit
    }
}

impl Plan {
    fn new(shape: Shape) -> Self {
        let (width, height) = (shape.frame_px.0 as f32, shape.frame_px.1 as f32);
        let (input_width, input_height) = (shape.input_px.0 as usize, shape.input_px.1 as usize);
        let ratio = (input_width as f32 / width).min(input_height as f32 / height);
        let picture_px = (width * ratio, height * ratio);
        // The tolerance keeps 415.99998 from losing a column.
        let whole = |size: f32, limit: usize| ((size + 0.01) as usize).clamp(1, limit);
        let used_px = (whole(picture_px.0, input_width), whole(picture_px.1, input_height));
        let channel = |which| Channel::new(which, &shape, ratio, used_px);
        let row_bytes = |plane| match plane < shape.format.plane_count() {
            true => shape.format.plane_size(plane, shape.frame_px.0, shape.frame_px.1).0,
            false => 0,
        };
        Self {
            shape,
            fit: Fit { picture_px },
            used_px,
            luma: channel(0),
            blue: channel(1),
            red: channel(2),
            rows: [0, 1, 2].map(|plane| vec![0; row_bytes(plane)]),
            lines: [0; 3].map(|_| vec![0.0; used_px.0]),
        }
    }

    fn run(&mut self, frame: &Frame, tensor: &mut [f32]) {
        let (width, height) = (self.shape.input_px.0 as usize, self.shape.input_px.1 as usize);
        assert_eq!(tensor.len(), 3 * width * height, "the tensor has the input's size");
        let colors = Colors::new(frame.color());
        let (used_width, used_height) = self.used_px;
        for y in 0..used_height {
            self.blend_rows(frame, y);
            self.pick_columns();
            for (color, plane) in tensor.chunks_exact_mut(width * height).enumerate() {
                let row = &mut plane[y * width..][..width];
                let (picture, border) = row.split_at_mut(used_width);
                colors.shade(color, &self.lines, picture);
                border.fill(black(color));
            }
        }
        for (color, plane) in tensor.chunks_exact_mut(width * height).enumerate() {
            plane[used_height * width..].fill(black(color));
        }
    }

    fn blend_rows(&mut self, frame: &Frame, y: usize) {
        for channel in [&self.luma, &self.blue, &self.red] {
            let is_shared = match self.shape.format {
                PixelFormat::I420 => false,
                PixelFormat::Nv12 => std::ptr::eq(channel, &self.red),
                PixelFormat::Yuyv => !std::ptr::eq(channel, &self.luma),
            };
            if !is_shared {
                let tap = channel.rows[y];
                let upper = frame.row(channel.plane, tap.first.into());
                let lower = frame.row(channel.plane, tap.second.into());
                blend(upper, lower, tap.weight, &mut self.rows[channel.plane]);
            }
        }
    }

    fn pick_columns(&mut self) {
        let channels = [&self.luma, &self.blue, &self.red];
        for (channel, line) in channels.into_iter().zip(&mut self.lines) {
            pick(&self.rows[channel.plane], &channel.columns, line);
        }
    }
}

impl Channel {
    /// `which` is 0 for Y, 1 for U, 2 for V.
    fn new(which: usize, shape: &Shape, ratio: f32, used_px: (usize, usize)) -> Self {
        let (width, height) = (shape.frame_px.0 as usize, shape.frame_px.1 as usize);
        let half = |size: usize| size.div_ceil(2);
        // Plane, first byte, bytes to the next sample.
        let (plane, offset, step) = match (shape.format, which) {
            (PixelFormat::I420, which) => (which, 0, 1),
            (PixelFormat::Nv12, 0) => (0, 0, 1),
            (PixelFormat::Nv12, which) => (1, which - 1, 2),
            (PixelFormat::Yuyv, 0) => (0, 0, 2),
            (PixelFormat::Yuyv, which) => (0, 2 * which - 1, 4),
        };
        let is_chroma = which > 0;
        let is_full_height = !is_chroma || shape.format == PixelFormat::Yuyv;
        let (columns, column_ratio) =
            if is_chroma { (half(width), ratio * 2.0) } else { (width, ratio) };
        let (rows, row_ratio) =
            if is_full_height { (height, ratio) } else { (half(height), ratio * 2.0) };
        Self {
            plane,
            columns: taps(used_px.0, column_ratio, columns, |i| offset + i * step),
            rows: taps(used_px.1, row_ratio, rows, |i| i),
        }
    }
}

/// For each of `count` results the two samples it lies between. `ratio` is
/// results per sample, `samples` how many there are, `place` where one lies.
fn taps(count: usize, ratio: f32, samples: usize, place: impl Fn(usize) -> usize) -> Vec<Tap> {
    let last = samples - 1;
    // Frames are at most FRAME_EDGE_MAX_PX wide, so rows have at most 16384 bytes.
    let narrow = |i: usize| u16::try_from(place(i)).expect("a frame's edge fits 16 bits");
    let tap = |i: usize| {
        let at = ((i as f32 + 0.5) / ratio - 0.5).clamp(0.0, last as f32);
        let first = (at as usize).min(last);
        let weight = ((at - first as f32) * f32::from(ONE)).round() as u16;
        Tap { first: narrow(first), second: narrow((first + 1).min(last)), weight }
    };
    (0..count).map(tap).collect()
}

fn blend(upper: &[u8], lower: &[u8], weight: u16, out: &mut [u16]) {
    let rest = ONE - weight;
    for ((upper, lower), out) in upper.iter().zip(lower).zip(out) {
        *out = u16::from(*upper) * rest + u16::from(*lower) * weight;
    }
}

fn pick(row: &[u16], taps: &[Tap], line: &mut [f32]) {
    for (tap, out) in taps.iter().zip(line) {
        let (left, right) = (row[usize::from(tap.first)], row[usize::from(tap.second)]);
        let sum = u32::from(left) * u32::from(ONE - tap.weight)
            + u32::from(right) * u32::from(tap.weight);
        // At most 255 * 65536: exact in an f32, and signed conversion is one
        // instruction where unsigned is several.
        *out = sum as i32 as f32;
    }
}

/// Color conversion and normalisation as one linear step per color: factors of
/// Y, U, V, and a constant.
struct Colors([[f32; 4]; 3]);

impl Colors {
    fn new(space: ColorSpace) -> Self {
        // Black level and gain of Y; red from V, green from U and V, blue from U
        // (ITU-R BT.601 and BT.709, 8 bit).
        let (black, gain, rv, gu, gv, bu) = match space {
            ColorSpace::Bt601Limited => {
                (16.0, 1.164_383, 1.596_027, -0.391_762, -0.812_968, 2.017_232)
            }
            ColorSpace::Bt709Limited => {
                (16.0, 1.164_383, 1.792_741, -0.213_249, -0.532_909, 2.112_402)
            }
            ColorSpace::Bt601Full => (0.0, 1.0, 1.402, -0.344_136, -0.714_136, 1.772),
        };
        let linear = |color: usize, u: f32, v: f32| {
            let constant = -gain * black - 128.0 * (u + v);
            let scale = BLEND_SCALE * STD[color];
            [gain / scale, u / scale, v / scale, (constant - MEAN[color]) / STD[color]]
        };
        Self([linear(0, bu, 0.0), linear(1, gu, gv), linear(2, 0.0, rv)])
    }

    fn shade(&self, color: usize, lines: &[Vec<f32>; 3], out: &mut [f32]) {
        let [y_factor, u_factor, v_factor, constant] = self.0[color];
        let (lowest, highest) = (black(color), (255.0 - MEAN[color]) / STD[color]);
        let [y, u, v] = lines;
        for (((out, y), u), v) in out.iter_mut().zip(y).zip(u).zip(v) {
            let value = y * y_factor + u * u_factor + v * v_factor + constant;
            *out = value.max(lowest).min(highest);
        }
    }
}

fn black(color: usize) -> f32 {
    -MEAN[color] / STD[color]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Plane;
    use crate::domain::examples::frame_meta;

    const SIZE: (u32, u32) = (6, 4);

    /// A picture of one color, with padded rows.
    fn flat(format: PixelFormat, color: ColorSpace, [y, u, v]: [u8; 3]) -> Frame {
        let stride = 32;
        let plane = |number: usize| Plane { offset: number * stride * 4, stride };
        let pattern = |number: usize| match (format, number) {
            (PixelFormat::Yuyv, _) => [y, u, y, v],
            (_, 0) => [y; 4],
            (PixelFormat::Nv12, _) => [u, v, u, v],
            (PixelFormat::I420, 1) => [u; 4],
            (PixelFormat::I420, _) => [v; 4],
        };
        let data: Vec<u8> = (0..3).flat_map(|n| pattern(n).repeat(stride)).collect();
        Frame::new(frame_meta(), SIZE, format, color, &[plane(0), plane(1), plane(2)], data.into())
            .unwrap()
    }

    /// Blue, green, red of the input's pixel, back in 0..=255.
    fn pixel(tensor: &[f32], (width, height): (usize, usize), x: usize, y: usize) -> [i32; 3] {
        [0, 1, 2].map(|color| {
            let value = tensor[color * width * height + y * width + x];
            (value * STD[color] + MEAN[color]).round() as i32
        })
    }

    fn fill(frame: &Frame) -> (Vec<f32>, Fit) {
        let mut tensor = vec![f32::NAN; 3 * 32 * 32];
        let fit = Preparer::default().fill(frame, (32, 32), &mut tensor);
        (tensor, fit)
    }

    #[test]
    fn every_pixel_format_gives_the_same_colors() {
        for format in [PixelFormat::I420, PixelFormat::Nv12, PixelFormat::Yuyv] {
            // Pure red in BT.601, studio range: Y 81, U 90, V 240.
            let (tensor, _) = fill(&flat(format, ColorSpace::Bt601Limited, [81, 90, 240]));
            let [blue, green, red] = pixel(&tensor, (32, 32), 31, 20);
            assert!(blue <= 1 && green <= 1 && red >= 253, "{format:?}: {blue} {green} {red}");
        }
    }

    #[test]
    fn the_color_space_of_the_frame_decides() {
        let white = |space, y| {
            let (tensor, _) = fill(&flat(PixelFormat::I420, space, [y, 128, 128]));
            pixel(&tensor, (32, 32), 3, 3)
        };
        assert_eq!(white(ColorSpace::Bt601Limited, 235), [255; 3]);
        assert_eq!(white(ColorSpace::Bt709Limited, 16), [0; 3]);
        assert_eq!(white(ColorSpace::Bt601Full, 235), [235; 3]);
        // Values outside the studio range are clipped, not wrapped.
        assert_eq!(white(ColorSpace::Bt709Limited, 255), [255; 3]);
    }

    #[test]
    fn what_the_picture_does_not_cover_is_black() {
        let (tensor, fit) = fill(&flat(PixelFormat::Nv12, ColorSpace::Bt601Full, [200, 128, 128]));
        assert!((fit.picture_px.0 - 32.0).abs() < 1e-3 && (fit.picture_px.1 - 21.333).abs() < 1e-3);
        assert_eq!(pixel(&tensor, (32, 32), 31, 20), [200; 3]);
        assert_eq!(pixel(&tensor, (32, 32), 0, 21), [0; 3]);
        assert!(tensor.iter().all(|value| value.is_finite()));
    }

    #[test]
    fn columns_are_blended_between_pixel_centers() {
        let taps = taps(4, 2.0, 2, |i| i);
        let as_sample: Vec<f32> =
            taps.iter().map(|tap| f32::from(tap.first) + f32::from(tap.weight) / 256.0).collect();
        assert_eq!(as_sample, [0.0, 0.25, 0.75, 1.0]);
        assert!(taps.iter().all(|tap| tap.second <= 1));
    }
}
