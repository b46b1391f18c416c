//! One encoded picture, as the camera sent it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::SessionId;

/// How a stream is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoCodec {
    /// H.264 (AVC).
    H264,
    /// H.265 (HEVC).
    H265,
}

/// What is needed to decode a stream. Another one means another stream.
#[derive(Clone, PartialEq, Eq)]
pub struct VideoFormat {
    /// Codec.
    pub codec: VideoCodec,
    /// Width of the picture, in pixels.
    pub width_px: u16,
    /// Height of the picture, in pixels.
    pub height_px: u16,
    /// The decoder configuration record of ISO/IEC 14496-15: `avcC` or `hvcC`.
    pub config: Bytes,
}

impl fmt::Debug for VideoFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}x{}", self.codec, self.width_px, self.height_px)
    }
}

/// One encoded picture, in the order of decoding.
#[derive(Clone, Debug)]
pub struct EncodedFrame {
    /// The connection it came through.
    pub session: SessionId,
    /// How to decode it. Frames of one stream share it.
    pub format: Arc<VideoFormat>,
    /// When it is shown, since the session began: exactly as far from its
    /// neighbors as the camera took them.
    pub pts: Duration,
    /// Monotonic time of exposure, as of the decoded frame; of arrival as long as
    /// no frame has been decoded.
    pub captured_mono: Duration,
    /// Decodable alone.
    pub is_keyframe: bool,
    /// The coded picture: parts with a length of four bytes before each.
    pub data: Bytes,
}
