//! Encoded frames for tests.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::domain::{EncodedFrame, SessionId, VideoCodec, VideoFormat};

/// Frame `number` of a stream with ten a second; 100 bytes.
pub fn encoded(number: u64, is_keyframe: bool) -> Arc<EncodedFrame> {
    let at = Duration::from_millis(100 * number);
    let frame = EncodedFrame {
        session: SessionId(1),
        format: Arc::new(format()),
        pts: at,
        captured_mono: at,
        is_keyframe,
        data: Bytes::from(vec![number as u8; 100]),
    };
    Arc::new(frame)
}

/// The same with a keyframe at each multiple of `group`.
pub fn keyframe_every(group: u64, number: u64) -> Arc<EncodedFrame> {
    encoded(number, number.is_multiple_of(group))
}

pub fn format() -> VideoFormat {
    VideoFormat {
        codec: VideoCodec::H264,
        width_px: 64,
        height_px: 48,
        config: Bytes::from_static(&[1, 0x42, 0, 10, 0xff, 0xe0, 0]),
    }
}
