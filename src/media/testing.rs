//! Frames for the tests of this room, and a disk that they fill.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::{MediaContext, MediaLimits, OverlayBox};
use crate::domain::{
    BBox, ColorSpace, Frame, FrameMeta, Label, PixelFormat, Plane, SessionId, Timestamp, TrackId,
};
use crate::health::{Health, Metrics};
use crate::rt::{Claim, Clock, Stop, Tasks};

/// Everything to keep media in `dir` with, and the bytes that are free there.
pub(super) fn context(
    dir: PathBuf,
    limits: MediaLimits,
    clock: &Clock,
) -> (MediaContext, Arc<AtomicU64>) {
    let free = Arc::new(AtomicU64::new(u64::MAX));
    let stop = Stop::new();
    let context = MediaContext {
        claim: Claim::free(),
        dir,
        limits,
        free_bytes: {
            let free = Arc::clone(&free);
            Arc::new(move || Some(free.load(Ordering::SeqCst)))
        },
        clock: clock.clone(),
        health: Health::new(clock.clone()),
        metrics: Metrics::default(),
        tasks: Tasks::new(stop.clone(), |end| panic!("{end:?}")),
        stop,
    };
    (context, free)
}

/// A picture with a soft gradient; every format shows the same one. Rows are
/// padded with `padding` bytes of noise.
pub(super) fn frame(
    (width, height): (u32, u32),
    format: PixelFormat,
    color: ColorSpace,
    padding: usize,
) -> Frame {
    let luma = |x: usize, y: usize| (40 + (x + 2 * y) % 160) as u8;
    let (u, v) = (|x: usize| (110 + x % 30) as u8, |x: usize| (140 - x % 30) as u8);
    let (w, h) = (width as usize, height as usize);
    let mut data = vec![0xAA; 5];
    let mut planes = Vec::new();
    for plane in 0..format.plane_count() {
        let (row_bytes, rows) = format.plane_size(plane, width, height);
        planes.push(Plane { offset: data.len(), stride: row_bytes + padding });
        for row in 0..rows {
            for byte in 0..row_bytes {
                data.push(match (format, plane) {
                    (PixelFormat::Yuyv, _) => match byte % 4 {
                        1 => u(byte / 4),
                        3 => v(byte / 4),
                        _ => luma((byte / 2).min(w - 1), row),
                    },
                    (_, 0) => luma(byte, row.min(h - 1)),
                    (PixelFormat::I420, 1) => u(byte),
                    (PixelFormat::I420, _) => v(byte),
                    (PixelFormat::Nv12, _) if byte % 2 == 0 => u(byte / 2),
                    (PixelFormat::Nv12, _) => v(byte / 2),
                });
            }
            data.resize(data.len() + padding, 0x55);
        }
    }
    Frame::new(meta(), (width, height), format, color, &planes, Bytes::from(data)).unwrap()
}

fn meta() -> FrameMeta {
    FrameMeta {
        camera: "yard".parse().unwrap(),
        session: SessionId(1),
        sequence: 0,
        captured_at: Timestamp::from_unix_ms(1_768_473_000_000),
        captured_mono: Duration::ZERO,
    }
}

/// A box between two corners.
pub(super) fn boxed(label: &str, corners: (f32, f32, f32, f32)) -> OverlayBox {
    OverlayBox {
        track: TrackId(1),
        label: Label::new(label),
        confidence: 0.83,
        bbox: BBox::from_corners(corners.0, corners.1, corners.2, corners.3),
    }
}
