//! What the scripted camera shows: a bright square that moves over a dark,
//! slightly shaded ground. A picture depends on its number and size alone.

use bytes::Bytes;

use crate::domain::{ColorSpace, Frame, FrameError, FrameMeta, PixelFormat, Plane};

/// Luma of the ground: dark, but not black, so that shades remain.
const GROUND: u8 = 40;

/// Luma of the object.
const OBJECT: u8 = 220;

/// Chroma of grey.
const GREY: u8 = 128;

/// The object's edge is this fraction of the picture's height.
const OBJECT_FRACTION: u32 = 6;

/// The object moves this far from picture to picture, in pixels.
const STEP_PX: u64 = 4;

/// Upper left corner and edge of the object in picture `number`, in pixels.
pub fn object((width_px, height_px): (u32, u32), number: u64) -> (u32, u32, u32) {
    let edge = (height_px / OBJECT_FRACTION).clamp(1, width_px.min(height_px));
    let range = u64::from(width_px - edge) + 1;
    // Both terms stay below the width, so the conversion cannot fail.
    let x = u32::try_from((number % range) * STEP_PX % range).unwrap_or(0);
    (x, (height_px - edge) / 2, edge)
}

/// Picture `number` of the scene.
///
/// # Errors
/// When no frame can have this size.
pub fn scene(meta: FrameMeta, size_px: (u32, u32), number: u64) -> Result<Frame, FrameError> {
    i420(meta, size_px, |data| {
        let (left, top, edge) = object(size_px, number);
        let width = size_px.0 as usize;
        for (y, row) in data.chunks_exact_mut(width).take(size_px.1 as usize).enumerate() {
            row.fill(GROUND + u8::try_from(y % 8).unwrap_or(0));
            if (top as usize..(top + edge) as usize).contains(&y) {
                row[left as usize..(left + edge) as usize].fill(OBJECT);
            }
        }
    })
}

/// Noise, as a broken sensor or cable gives it; depends on the sequence alone.
///
/// # Errors
/// When no frame can have this size.
pub fn noise(meta: FrameMeta, size_px: (u32, u32)) -> Result<Frame, FrameError> {
    let mut random = fastrand::Rng::with_seed(meta.sequence);
    i420(meta, size_px, |data| random.fill(data))
}

fn i420(
    meta: FrameMeta,
    (width_px, height_px): (u32, u32),
    paint: impl FnOnce(&mut [u8]),
) -> Result<Frame, FrameError> {
    let edge_max = crate::domain::FRAME_EDGE_MAX_PX;
    if !(2..=edge_max).contains(&width_px) || !(2..=edge_max).contains(&height_px) {
        return Err(FrameError::Size { width_px, height_px });
    }
    let (width, height) = PixelFormat::I420.plane_size(0, width_px, height_px);
    let (chroma_width, chroma_height) = PixelFormat::I420.plane_size(1, width_px, height_px);
    let (luma, chroma) = (width * height, chroma_width * chroma_height);
    let mut data = vec![GREY; luma + 2 * chroma];
    paint(&mut data);
    let planes = [
        Plane { offset: 0, stride: width },
        Plane { offset: luma, stride: chroma_width },
        Plane { offset: luma + chroma, stride: chroma_width },
    ];
    let color = ColorSpace::Bt601Limited;
    let size_px = (width_px, height_px);
    Frame::new(meta, size_px, PixelFormat::I420, color, &planes, Bytes::from(data))
}

/// A small frame with this sequence, for tests of the room.
#[cfg(test)]
pub(crate) fn for_tests(sequence: u64) -> Frame {
    let meta = FrameMeta {
        camera: "yard".parse().unwrap(),
        session: crate::domain::SessionId(1),
        sequence,
        captured_at: crate::domain::Timestamp::from_unix_ms(0),
        captured_mono: std::time::Duration::ZERO,
    };
    scene(meta, (64, 48), sequence).unwrap()
}
