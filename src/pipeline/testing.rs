//! Pictures and objects for the tests of the pipeline.

use std::time::Duration;

use bytes::Bytes;

use crate::domain::{
    BBox, Candidate, ColorSpace, Frame, FrameMeta, Label, PixelFormat, Plane, SessionId, Timestamp,
};

/// A gray frame with this luma, taken at `at`; its sequence counts milliseconds.
pub fn frame_at(at: Duration, size: (u32, u32), luma: &[u8]) -> Frame {
    let (width, height) = (size.0 as usize, size.1 as usize);
    let mut data = luma.to_vec();
    data.resize(width * height + 2 * width.div_ceil(2) * height.div_ceil(2), 128);
    frame_of(at, size, data)
}

/// A frame with these planes.
pub fn frame_of(at: Duration, size: (u32, u32), data: Vec<u8>) -> Frame {
    let (width, height) = (size.0 as usize, size.1 as usize);
    let (half_width, half_height) = (width.div_ceil(2), height.div_ceil(2));
    let planes = [
        Plane { offset: 0, stride: width },
        Plane { offset: width * height, stride: half_width },
        Plane { offset: width * height + half_width * half_height, stride: half_width },
    ];
    let meta = FrameMeta {
        camera: "yard".parse().unwrap(),
        session: SessionId(1),
        sequence: at.as_millis() as u64,
        captured_at: Timestamp::from_unix_ms(1_760_000_000_000).after(at),
        captured_mono: at,
    };
    let color = ColorSpace::Bt601Limited;
    Frame::new(meta, size, PixelFormat::I420, color, &planes, Bytes::from(data)).unwrap()
}

/// Paints a rectangle `(x, y, width, height)` into a plane.
pub fn paint(plane: &mut [u8], stride: usize, rect: (usize, usize, usize, usize), level: u8) {
    let (x, y, width, height) = rect;
    for row in y..y + height {
        plane[row * stride + x..][..width].fill(level);
    }
}

/// An object as the detector would report it; `x`, `y` is its middle.
pub fn candidate(
    label: &str,
    confidence: f32,
    (x, y): (f32, f32),
    (w, h): (f32, f32),
) -> Candidate {
    let bbox = BBox::from_corners(x - w / 2.0, y - h / 2.0, x + w / 2.0, y + h / 2.0);
    Candidate { label: Label::new(label), confidence, bbox }
}

/// A person of ordinary size in the distance.
pub fn person(confidence: f32, x: f32, y: f32) -> Candidate {
    candidate("person", confidence, (x, y), (0.05, 0.16))
}
