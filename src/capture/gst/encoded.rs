//! Encoded frames on their way to the decoder, copied in passing.
//!
//! A look at a pad costs no thread, no queue and no decoding: the bytes are copied
//! once, and only while somebody wants them. Taken are H.264 and H.265 in the form
//! that files hold them in (`avc`, `hvc1`); anything else is left alone.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::EncodedSink;
use super::super::timeline::Timeline;
use crate::domain::{EncodedFrame, Timestamp, VideoCodec, VideoFormat};

/// Largest encoded picture that is taken: 8K at the highest quality stays below.
const FRAME_MAX_BYTES: usize = 16 << 20;

/// The time of a session's stream, for those who see it before the decoder and
/// after it.
#[derive(Clone)]
pub(super) struct StreamTime(Arc<Mutex<State>>);

struct State {
    timeline: Timeline,
    /// Stream time at which this loop of a file began.
    loop_start: Duration,
}

impl StreamTime {
    pub(super) fn new(timeline: Timeline) -> Self {
        Self(Arc::new(Mutex::new(State { timeline, loop_start: Duration::ZERO })))
    }

    /// As [`Timeline::date`].
    pub(super) fn date(
        &self,
        stream: Duration,
        mono: Duration,
        wall: Timestamp,
    ) -> (Duration, Timestamp) {
        self.lock().timeline.date(stream, mono, wall)
    }

    /// A file begins anew at `start`.
    pub(super) fn begin_loop(&self, start: Duration) {
        self.lock().loop_start = start;
    }

    /// Time in the stream since the session began, also across loops.
    pub(super) fn since_session(&self, running: gst::ClockTime) -> Duration {
        self.lock().loop_start + Duration::from(running)
    }

    fn mono(&self, stream: Duration) -> Option<Duration> {
        self.lock().timeline.mono(stream)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Caps, and the format they mean if it is one of ours.
type Seen = (gst::Caps, Option<Arc<VideoFormat>>);

/// Takes the encoded frames of one session.
#[derive(Clone)]
pub(super) struct Taker {
    sink: EncodedSink,
    time: StreamTime,
    /// The caps seen last, and what they say.
    format: Arc<Mutex<Option<Seen>>>,
}

impl Taker {
    pub(super) fn new(sink: EncodedSink, time: StreamTime) -> Self {
        Self { sink, time, format: Arc::default() }
    }

    /// Takes what passes `pad`.
    pub(super) fn watch(&self, pad: &gst::Pad) {
        let taker = self.clone();
        pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
            if let Some(gst::PadProbeData::Buffer(buffer)) = &info.data
                && taker.sink.is_wanted()
            {
                taker.take(pad, buffer);
            }
            gst::PadProbeReturn::Ok
        });
    }

    fn take(&self, pad: &gst::Pad, buffer: &gst::Buffer) -> Option<()> {
        let format = self.format(pad.current_caps()?)?;
        let segment = pad.sticky_event::<gst::event::Segment>(0)?;
        let segment = segment.segment().clone().downcast::<gst::ClockTime>().ok()?;
        let running = segment.to_running_time(buffer.pts().or(buffer.dts())?)?;
        let data = buffer.map_readable().ok()?;
        if data.is_empty() || data.len() > FRAME_MAX_BYTES {
            return None;
        }
        let pts = self.time.since_session(running);
        let arrival = || self.sink.clock().monotonic();
        self.sink.push(EncodedFrame {
            session: self.sink.session(),
            format,
            pts,
            captured_mono: self.time.mono(pts).unwrap_or_else(arrival),
            is_keyframe: !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT),
            data: Bytes::copy_from_slice(&data),
        });
        Some(())
    }

    /// The format of `caps`; the same value as long as the stream is the same.
    fn format(&self, caps: gst::Caps) -> Option<Arc<VideoFormat>> {
        let mut known = self.format.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((seen, format)) = &*known
            && *seen == caps
        {
            return format.clone();
        }
        let before = known.take().and_then(|(_, format)| format);
        let format = format_of(&caps).map(|format| match before {
            Some(before) if *before == format => before,
            _ => Arc::new(format),
        });
        *known = Some((caps, format.clone()));
        format
    }
}

fn format_of(caps: &gst::Caps) -> Option<VideoFormat> {
    let media = caps.structure(0)?;
    let text = |field| media.get::<String>(field).ok();
    let codec = match (media.name().as_str(), text("stream-format")?.as_str()) {
        ("video/x-h264", "avc") => VideoCodec::H264,
        ("video/x-h265", "hvc1") => VideoCodec::H265,
        _ => return None,
    };
    if text("alignment")? != "au" {
        return None;
    }
    let edge = |field| media.get::<i32>(field).ok().and_then(|px| u16::try_from(px).ok());
    let config = media.get::<gst::Buffer>("codec_data").ok()?;
    let config = config.map_readable().ok()?;
    Some(VideoFormat {
        codec,
        width_px: edge("width")?,
        height_px: edge("height")?,
        config: Bytes::copy_from_slice(&config),
    })
}
