//! Streaming from a single-planar device.

use std::time::Duration;

use v4l::buffer::{Flags, Metadata, Type};
use v4l::format::{Colorspace, FourCC, Quantization};
use v4l::io::mmap::Stream;
use v4l::io::traits::{CaptureStream, Stream as _};
use v4l::video::Capture as _;
use v4l::video::capture::Parameters;
use v4l::{Format, Timestamp as DeviceTime};

use super::super::jpeg::JpegReader;
use super::super::timeline::Timeline;
use super::super::{CameraSettings, CaptureError, FrameSink, StallTimer};
use super::choose::{Encoding, choose};
use super::device::Opened;
use super::raw::{self, Layout};
use crate::domain::{ColorSpace, Frame, FrameMeta};
use crate::rt::Stop;

/// Buffers shared with the device: one being filled, one ready, and two for the
/// moments when this thread gets no processor.
const BUFFERS: u32 = 4;

/// Longest wait before the next look at `stop` and the stall timer, milliseconds.
const POLL_MS: i32 = 100;

/// After `poll` announced a picture it is there at once; this only bounds a driver
/// that lies.
const READ_TIMEOUT: Duration = Duration::from_millis(500);

/// So many damaged pictures in a row, without a whole one, are no accident.
const DAMAGED_MAX: u32 = 30;

/// Event of poll(2): there is data to read.
const POLLIN: i16 = 1;

/// Until stopped or lost.
pub(super) fn run(
    opened: &Opened,
    settings: &CameraSettings,
    frames: &FrameSink,
    stop: &Stop,
) -> Result<(), CaptureError> {
    let layout = configure(opened, settings)?;
    let mut reader = Reader::new(opened, layout)?;
    let mut stream = start(opened)?;
    let mut timer = StallTimer::new(settings.stall_timeout, frames.clock().monotonic());
    let handle = stream.handle();
    while !stop.is_set() {
        let is_ready = handle.poll(POLLIN, POLL_MS).map_err(|error| opened.failure(error))? > 0;
        if is_ready {
            let (bytes, metadata) = stream.next().map_err(|error| opened.failure(error))?;
            if let Some(frame) = reader.read(bytes, metadata, frames)? {
                frames.push(frame);
                timer.frame(frames.clock().monotonic());
            }
        }
        if let Some(waited) = timer.exceeded(frames.clock().monotonic()) {
            return Err(CaptureError::Stalled { waited });
        }
    }
    Ok(())
}

/// Agrees with the device on a format.
fn configure(opened: &Opened, settings: &CameraSettings) -> Result<Layout, CaptureError> {
    let offers = opened.offers()?;
    let names: Vec<_> =
        offers.iter().map(|offer| String::from_utf8_lossy(&offer.fourcc).into_owned()).collect();
    let unreadable =
        |reason: String| CaptureError::Format { source_name: opened.name().to_owned(), reason };
    let choice = choose(&offers, settings.size_px).ok_or_else(|| {
        let offered = names.join(", ");
        unreadable(format!("the device offers {offered}; NV12, YUYV, YU12 and MJPG are readable"))
    })?;
    let (width, height) = choice.size_px;
    let wanted = Format::new(width, height, FourCC::new(&choice.fourcc));
    let format = opened.device().set_format(&wanted).map_err(|error| opened.failure(error))?;
    if let Some(fps) = settings.fps {
        // Not every device lets itself be told; its own rate is fine then.
        let _ = opened.device().set_params(&Parameters::with_fps(fps));
    }
    layout(&format).ok_or_else(|| unreadable(format!("the device insists on {}", format.fourcc)))
}

/// What the device answered; `None` for a format that nothing here reads.
fn layout(format: &Format) -> Option<Layout> {
    Some(Layout {
        encoding: Encoding::of(format.fourcc.repr)?,
        size_px: (format.width, format.height),
        stride: format.stride as usize,
        color: color(format.colorspace, format.quantization),
    })
}

/// The defaults of the V4L2 documentation, "Colorspaces": JPEG is full range,
/// everything else limited unless it says otherwise.
fn color(colorspace: Colorspace, quantization: Quantization) -> ColorSpace {
    match (quantization, colorspace) {
        (Quantization::FullRange, _) | (Quantization::Default, Colorspace::JPEG) => {
            ColorSpace::Bt601Full
        }
        (_, Colorspace::Rec709) => ColorSpace::Bt709Limited,
        _ => ColorSpace::Bt601Limited,
    }
}

fn start(opened: &Opened) -> Result<Stream<'static>, CaptureError> {
    let failure = |error| opened.failure(error);
    let mut stream =
        Stream::with_buffers(opened.device(), Type::VideoCapture, BUFFERS).map_err(failure)?;
    stream.set_timeout(READ_TIMEOUT);
    // `next` queues buffer 0 itself. The others are queued here, because its own
    // start would block until the first picture, deaf to `stop`. The device may
    // have granted fewer buffers than asked for.
    for index in 1..BUFFERS as usize {
        if CaptureStream::queue(&mut stream, index).is_err() {
            break;
        }
    }
    stream.start().map_err(failure)?;
    Ok(stream)
}

/// Makes frames of what the device delivers.
struct Reader {
    source_name: String,
    layout: Layout,
    jpeg: Option<JpegReader>,
    timeline: Timeline,
    first: Option<u32>,
    expected: u64,
    damaged: u32,
}

impl Reader {
    fn new(opened: &Opened, layout: Layout) -> Result<Self, CaptureError> {
        let jpeg = match layout.encoding {
            Encoding::Jpeg => Some(
                JpegReader::new(layout.size_px)
                    .map_err(|error| CaptureError::Driver(error.to_string()))?,
            ),
            _ => None,
        };
        Ok(Self {
            source_name: opened.name().to_owned(),
            layout,
            jpeg,
            timeline: Timeline::new(true),
            first: None,
            expected: 0,
            damaged: 0,
        })
    }

    /// The frame in `bytes`, or none when it is damaged.
    fn read(
        &mut self,
        bytes: &[u8],
        metadata: &Metadata,
        frames: &FrameSink,
    ) -> Result<Option<Frame>, CaptureError> {
        let meta = self.meta(metadata, frames);
        let used = bytes.get(..metadata.bytesused as usize).unwrap_or(bytes);
        let decoded = if metadata.flags.contains(Flags::ERROR) {
            Err("the device marks its pictures as damaged".to_owned())
        } else if let Some(jpeg) = &mut self.jpeg {
            jpeg.frame(used, meta).map_err(|error| error.to_string())
        } else {
            raw::frame(&self.layout, used, meta).map_err(|error| error.to_string())
        };
        match decoded {
            Ok(frame) => {
                self.damaged = 0;
                Ok(Some(frame))
            }
            Err(reason) => self.skip(reason, frames),
        }
    }

    fn skip(&mut self, reason: String, frames: &FrameSink) -> Result<Option<Frame>, CaptureError> {
        frames.add_dropped(1);
        self.damaged += 1;
        if self.damaged < DAMAGED_MAX {
            return Ok(None);
        }
        Err(CaptureError::Format { source_name: self.source_name.clone(), reason })
    }

    fn meta(&mut self, metadata: &Metadata, frames: &FrameSink) -> FrameMeta {
        // The device counts in 32 bits and passes over what it could not deliver.
        let first = *self.first.get_or_insert(metadata.sequence);
        let sequence = u64::from(metadata.sequence.wrapping_sub(first));
        frames.add_dropped(sequence.saturating_sub(self.expected));
        self.expected = sequence + 1;
        let (mono, wall) = (frames.clock().monotonic(), frames.clock().now());
        let stream = duration(metadata.timestamp);
        let (captured_mono, captured_at) = self.timeline.date(stream, mono, wall);
        FrameMeta {
            camera: frames.camera().clone(),
            session: frames.session(),
            sequence,
            captured_at,
            captured_mono,
        }
    }
}

fn duration(time: DeviceTime) -> Duration {
    let seconds = u64::try_from(time.sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.usec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_device_answers_counts_and_not_what_was_asked() {
        let mut answer = Format::new(640, 480, FourCC::new(b"NV12"));
        answer.stride = 1280;
        let layout = layout(&answer).unwrap();
        assert_eq!((layout.encoding, layout.stride), (Encoding::Nv12, 1280));
        answer.fourcc = FourCC::new(b"BA81");
        assert!(super::layout(&answer).is_none());
    }

    #[test]
    fn color_follows_the_device_and_the_defaults_of_the_specification() {
        use Colorspace as C;
        use Quantization as Q;
        assert_eq!(color(C::JPEG, Q::Default), ColorSpace::Bt601Full);
        assert_eq!(color(C::Rec709, Q::Default), ColorSpace::Bt709Limited);
        assert_eq!(color(C::SRGB, Q::Default), ColorSpace::Bt601Limited);
        assert_eq!(color(C::SRGB, Q::FullRange), ColorSpace::Bt601Full);
    }

    #[test]
    fn a_device_time_before_the_epoch_is_the_epoch() {
        assert_eq!(duration(DeviceTime::new(-5, 20)), Duration::from_micros(20));
        assert_eq!(duration(DeviceTime::new(2, 500_000)), Duration::from_millis(2500));
    }
}
