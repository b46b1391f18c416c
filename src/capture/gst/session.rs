//! One session: start the pipeline, hand its pictures on, notice its end.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use log::warn;

use super::super::{CaptureError, FrameSink, StallTimer};
use super::errors::{self, Origin};
use super::feed::{Feed, Pace};
use super::hardware::Hardware;
use super::picture::Reader;

use crate::domain::FrameMeta;
use crate::rt::Stop;

/// Longest wait before the next look at `stop`, the bus and the stall timer.
const POLL: gst::ClockTime = gst::ClockTime::from_mseconds(100);

/// A file with fewer pictures is a still, and playing it in a loop a busy loop.
const LOOP_FRAMES_MIN: u64 = 2;

/// A file may end this much before the length it claims: the last picture's
/// duration, and sound that is longer than the video.
const TRUNCATED_MIN: Duration = Duration::from_secs(2);

/// A pipeline that plays.
pub(super) struct Session<'a> {
    feed: Feed,
    hardware: &'a Hardware,
    frames: &'a FrameSink,
    stop: &'a Stop,
    reader: Reader,
    timer: StallTimer,
    /// Number that the sink's next picture would have without drops.
    expected: u64,
    /// Number of the first picture of this loop.
    loop_first: u64,
    /// Stream time at which this loop began, and at which the next begins.
    loop_start: Duration,
    loop_end: Duration,
    has_warned: bool,
    /// Who sent the error that ends the session.
    culprit: Option<gst::Object>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        feed: Feed,
        hardware: &'a Hardware,
        frames: &'a FrameSink,
        stop: &'a Stop,
    ) -> Self {
        Self {
            reader: Reader::new(feed.source_name.clone()),
            timer: StallTimer::new(feed.stall_timeout, frames.clock().monotonic()),
            feed,
            hardware,
            frames,
            stop,
            expected: 0,
            loop_first: 0,
            loop_start: Duration::ZERO,
            loop_end: Duration::ZERO,
            has_warned: false,
            culprit: None,
        }
    }

    /// Until stopped or lost.
    pub(super) fn run(mut self) -> Result<(), CaptureError> {
        self.play().map_err(|error| self.judged(error))
    }

    fn play(&mut self) -> Result<(), CaptureError> {
        if self.feed.pipeline.set_state(gst::State::Playing).is_err() {
            let unnamed = || CaptureError::Driver("the pipeline does not start".to_owned());
            return Err(self.failure().unwrap_or_else(unnamed));
        }
        while !self.stop.is_set() {
            let sample = self.feed.sink.try_pull_sample(POLL);
            if let Some(error) = self.failure() {
                return Err(error);
            }
            match sample {
                Some(sample) => self.hand_on(&sample)?,
                None if self.feed.sink.is_eos() => self.end_of_stream()?,
                None => {}
            }
            if let Some(waited) = self.timer.exceeded(self.frames.clock().monotonic()) {
                return Err(CaptureError::Stalled { waited });
            }
        }
        Ok(())
    }

    /// The error, and the board's decoder named if it is its fault. It rests then, and
    /// the next session does without it.
    fn judged(&self, error: CaptureError) -> CaptureError {
        let has_pictures = self.frames.frames() > 0;
        let duty = &self.feed.decoders.duty;
        let error = match duty.blamed(&error, self.culprit.as_ref(), has_pictures) {
            Some(_) => duty.misfit(error),
            None => error,
        };
        if let CaptureError::Decoder { element, reason } = &error {
            let (camera, decoder) = (self.frames.camera(), element.as_str());
            self.hardware.fail(camera, decoder, self.frames.clock().monotonic());
            warn!(camera:%, decoder, reason:%; "The board's decoder fails at this camera; software takes over for an hour.");
        }
        error
    }

    fn hand_on(&mut self, sample: &gst::Sample) -> Result<(), CaptureError> {
        let number = sample.buffer().map_or(self.expected, gst::BufferRef::offset);
        self.frames.add_dropped(number.saturating_sub(self.expected));
        self.expected = number + 1;
        let clock = self.frames.clock();
        let (mono, wall) = (clock.monotonic(), clock.now());
        let (captured_mono, captured_at) = match self.stream_time(sample) {
            Some(stream) => self.feed.time.date(stream, mono, wall),
            None => (mono, wall),
        };
        let meta = FrameMeta {
            camera: self.frames.camera().clone(),
            session: self.frames.session(),
            sequence: number.saturating_sub(self.loop_first),
            captured_at,
            captured_mono,
        };
        let frame = self.reader.frame(sample, meta)?;
        if self.frames.frames() == 0
            && let Some(decoding) = self.feed.decoders.duty.decoding()
        {
            self.frames.decoded_by(decoding);
        }
        self.frames.push(frame);
        self.timer.frame(self.frames.clock().monotonic());
        Ok(())
    }

    /// Time in the stream since the session began, also across loops.
    fn stream_time(&mut self, sample: &gst::Sample) -> Option<Duration> {
        let buffer = sample.buffer()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let running = segment.to_running_time(buffer.pts()?)?;
        let stream = self.feed.time.since_session(running);
        let length = buffer.duration().map_or(Duration::ZERO, Duration::from);
        self.loop_end = self.loop_end.max(stream + length);
        Some(stream)
    }

    fn end_of_stream(&mut self) -> Result<(), CaptureError> {
        let source_name = self.feed.source_name.clone();
        if self.feed.pace == Pace::Live {
            return Err(CaptureError::Ended { source_name });
        }
        let pictures = self.expected - self.loop_first;
        if pictures < LOOP_FRAMES_MIN {
            let reason = format!("pictures that can be decoded: {pictures}; a video has more");
            return Err(CaptureError::Format { source_name, reason });
        }
        self.warn_if_truncated(pictures);
        self.rewind().map_err(|_| CaptureError::Format {
            source_name,
            reason: "it cannot be rewound; store it as MP4 or Matroska".to_owned(),
        })
    }

    fn rewind(&mut self) -> Result<(), gst::glib::BoolError> {
        self.loop_first = self.expected;
        self.loop_start = self.loop_end;
        self.feed.time.begin_loop(self.loop_end);
        self.feed.pipeline.seek_simple(gst::SeekFlags::FLUSH, gst::ClockTime::ZERO)
    }

    fn warn_if_truncated(&mut self, pictures: u64) {
        let claimed = self.feed.pipeline.query_duration::<gst::ClockTime>();
        let claimed = claimed.map_or(Duration::ZERO, Duration::from);
        let played = self.loop_end.saturating_sub(self.loop_start);
        if claimed.saturating_sub(played) > TRUNCATED_MIN && !self.has_warned {
            self.has_warned = true;
            let (camera, file) = (self.frames.camera(), self.feed.source_name.as_str());
            warn!(camera:%, file, pictures, claimed_s = claimed.as_secs(), played_s = played.as_secs(); "The file ends early; it is damaged. What is there is played.");
        }
    }

    /// What went wrong in the pipeline, if anything did.
    fn failure(&mut self) -> Option<CaptureError> {
        if let Some(error) = self.feed.trouble.take() {
            return Some(error);
        }
        let message = self.feed.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        match message.view() {
            gst::MessageView::Error(error) => {
                self.culprit = message.src().cloned();
                let origin = match (self.feed.is_network, self.frames.frames()) {
                    (false, _) => Origin::Local,
                    (true, 0) => Origin::Connecting,
                    (true, _) => Origin::Connected,
                };
                Some(errors::failure(&error.error(), &self.feed.source_name, origin))
            }
            _ => None,
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        // Stops GStreamer's threads and lets go of the camera; also after a panic.
        let _ = self.feed.pipeline.set_state(gst::State::Null);
    }
}
