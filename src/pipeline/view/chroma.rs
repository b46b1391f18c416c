//! Is the picture in color, or does the camera see by infrared?

use crate::domain::{Frame, PixelFormat};

/// Rows and samples read, at most: a few thousand tell enough.
const SAMPLES_PER_SIDE: usize = 64;
/// Mean distance of chroma from gray, in levels. A night picture has no color at
/// all; compression leaves about half a level.
const GRAY_BELOW: f32 = 1.5;
const COLOR_ABOVE: f32 = 3.0;

/// Whether the picture is without color; `before` when it is in between.
pub fn is_gray(frame: &Frame, before: bool) -> bool {
    let distance = mean_distance(frame);
    if distance < GRAY_BELOW {
        true
    } else if distance > COLOR_ABOVE {
        false
    } else {
        before
    }
}

fn mean_distance(frame: &Frame) -> f32 {
    let (planes, rows): (&[usize], _) = match frame.format() {
        PixelFormat::I420 => (&[1, 2], frame.height_px().div_ceil(2)),
        PixelFormat::Nv12 => (&[1], frame.height_px().div_ceil(2)),
        PixelFormat::Yuyv => (&[0], frame.height_px()),
    };
    // Interleaved luma is skipped; chroma is every other byte.
    let (first, every) = if frame.format() == PixelFormat::Yuyv { (1, 2) } else { (0, 1) };
    let (mut sum, mut count) = (0_u64, 0_u64);
    for plane in planes {
        for row in (0..rows as usize).step_by((rows as usize).div_ceil(SAMPLES_PER_SIDE)) {
            let chroma = frame.row(*plane, row).iter().skip(first).step_by(every);
            // An odd stride reads U and V in turn where they are interleaved.
            let stride = (chroma.len() / SAMPLES_PER_SIDE).max(1) | 1;
            for level in chroma.step_by(stride) {
                sum += u64::from(level.abs_diff(128));
                count += 1;
            }
        }
    }
    sum as f32 / count.max(1) as f32
}
