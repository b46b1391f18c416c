//! The pipeline of each kind of source, up to the sink that pictures are pulled
//! from.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app as app;
use gstreamer_video as video;

use super::super::timeline::Timeline;
use super::super::{CameraSettings, CaptureError, DriverKind, FrameSink, Source};
use super::decode::{self, Decoders};
use super::duty::Duty;
use super::elements::{chain, make, refused};
use super::encoded::{StreamTime, Taker};
use super::footage::Footage;
use super::hardware::Hardware;
use super::rtsp;

/// Pictures of a live source that wait: the newest. Older ones are dropped and
/// counted, because a late picture is worth less than the next one.
const LIVE_WAITING: u32 = 1;

/// Pictures of a file that wait: one in work, one ready. When full, decoding
/// waits; nothing is dropped.
const FILE_WAITING: u32 = 2;

/// Without a requested size or rate, for the test pattern.
const PATTERN_SIZE_PX: (u32, u32) = (640, 480);
const PATTERN_FPS: u32 = 10;

/// How a source behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// Comes when it comes; its end is a loss.
    Live,
    /// Played at its own pace, in a loop.
    Looped,
    /// Played as fast as readers take it, in a loop.
    Paced,
}

/// A pipeline that has not been started.
pub(super) struct Feed {
    pub pipeline: gst::Pipeline,
    pub sink: app::AppSink,
    pub pace: Pace,
    /// For people and errors, without credentials.
    pub source_name: String,
    pub is_network: bool,
    pub stall_timeout: Duration,
    pub trouble: Trouble,
    pub time: StreamTime,
    /// Takes the encoded frames before they are decoded.
    pub taker: Taker,
    /// What decodes them.
    pub decoders: Decoders,
    /// Kept open while the pipeline reads it.
    footage: Option<Footage>,
}

/// What went wrong in one of GStreamer's own threads; the first one counts.
#[derive(Clone, Default)]
pub(super) struct Trouble(Arc<Mutex<Option<CaptureError>>>);

impl Trouble {
    pub(super) fn report(&self, error: CaptureError) {
        self.lock().get_or_insert(error);
    }

    pub(super) fn take(&self) -> Option<CaptureError> {
        self.lock().take()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<CaptureError>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The pipeline for these settings; encoded frames go to `frames` as well.
pub(super) fn open(
    settings: &CameraSettings,
    hardware: &Hardware,
    frames: &FrameSink,
) -> Result<Feed, CaptureError> {
    let mut feed = Feed::new(settings, hardware, frames);
    let tail = feed.tail()?;
    match &settings.source {
        Source::Rtsp(url) => rtsp::connect(&feed, settings, url, frames.clock(), &tail)?,
        Source::File(path) => feed.play_file(path, &tail)?,
        Source::Footage => {
            let footage = Footage::open()?;
            feed.play_file(&footage.path(), &tail)?;
            feed.footage = Some(footage);
        }
        Source::TestPattern => feed.show_pattern(settings, tail)?,
        Source::Device(path) => feed.read_device(settings, path, tail)?,
        Source::Ptp(_) | Source::Script(_) => {
            return Err(CaptureError::Format {
                source_name: feed.source_name,
                reason: "this source needs another driver than gst".to_owned(),
            });
        }
    }
    Ok(feed)
}

impl Feed {
    fn new(settings: &CameraSettings, hardware: &Hardware, frames: &FrameSink) -> Self {
        let is_file = matches!(settings.source, Source::File(_) | Source::Footage);
        let pace = match (is_file, settings.is_paced) {
            (false, _) => Pace::Live,
            (true, false) => Pace::Looped,
            (true, true) => Pace::Paced,
        };
        let time = StreamTime::new(Timeline::new(pace != Pace::Paced));
        let decoders = Decoders {
            hardware: hardware.clone(),
            choice: settings.decoder,
            camera: settings.id.clone(),
            duty: Duty::default(),
        };
        Self {
            pipeline: gst::Pipeline::new(),
            sink: sink(pace),
            pace,
            source_name: settings.source.describe(),
            is_network: matches!(settings.source, Source::Rtsp(_)),
            stall_timeout: settings.silence_limit(),
            trouble: Trouble::default(),
            taker: Taker::new(frames.encoded(), time.clone()),
            decoders,
            time,
            footage: None,
        }
    }

    /// The end of every pipeline: pictures in a format we read, whatever the
    /// decoder makes. Costs nothing when it makes one of them. Returns its first
    /// element.
    fn tail(&self) -> Result<gst::Element, CaptureError> {
        let convert = make("videoconvert")?;
        chain(&self.pipeline, &[convert.clone(), self.sink.clone().upcast()])?;
        Ok(convert)
    }

    fn play_file(&self, path: &Path, tail: &gst::Element) -> Result<(), CaptureError> {
        self.check_file(path)?;
        let source = make("filesrc")?;
        source.set_property("location", path);
        let decode = make("decodebin")?;
        chain(&self.pipeline, &[source, decode.clone()])?;
        let (taker, duty) = (self.taker.clone(), self.decoders.duty.clone());
        self.pipeline.connect_deep_element_added(move |_, _, element| {
            decode::tune(element);
            if element.factory().is_some_and(|factory| decode::kind(&factory).0) {
                duty.begin_software(element, None);
            }
            if decode::is_parser(element)
                && let Some(pad) = element.static_pad("src")
            {
                taker.watch(&pad);
            }
        });
        pass_hardware_over(&decode);
        // Sound and subtitles stay undecoded.
        decode.connect("autoplug-continue", false, |values| {
            let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
            Some(caps.is_none_or(|caps| !is_other_media(&caps)).to_value())
        });
        let entry = tail.clone();
        decode.connect_pad_added(move |_, pad| link_video(pad, &entry));
        let (trouble, tail, source_name) =
            (self.trouble.clone(), tail.clone(), self.source_name.clone());
        decode.connect_no_more_pads(move |_| {
            if !tail.static_pad("sink").is_some_and(|pad| pad.is_linked()) {
                let reason = "there is no video in it".to_owned();
                trouble.report(CaptureError::Format { source_name: source_name.clone(), reason });
            }
        });
        Ok(())
    }

    /// The system's own words are clearer than GStreamer's.
    fn check_file(&self, path: &Path) -> Result<(), CaptureError> {
        let source_name = self.source_name.clone();
        match fs::File::open(path).and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(_) => {
                let reason = "it is not a file".to_owned();
                Err(CaptureError::Format { source_name, reason })
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(CaptureError::NotFound { source_name })
            }
            Err(source) => Err(CaptureError::Open { source_name, source }),
        }
    }

    fn show_pattern(
        &self,
        settings: &CameraSettings,
        tail: gst::Element,
    ) -> Result<(), CaptureError> {
        let source = make("videotestsrc")?;
        source.set_property("is-live", true);
        source.set_property_from_str("pattern", "ball");
        let (width, height) = settings.size_px.unwrap_or(PATTERN_SIZE_PX);
        let caps = raw_caps(Some((width, height)), Some(settings.fps.unwrap_or(PATTERN_FPS)));
        self.add_source(source, caps, tail)
    }

    fn read_device(
        &self,
        settings: &CameraSettings,
        path: &Path,
        tail: gst::Element,
    ) -> Result<(), CaptureError> {
        debug_assert!(matches!(settings.driver, DriverKind::Gst | DriverKind::V4l2));
        let source = make("v4l2src")?;
        source.set_property("device", path.to_string_lossy().as_ref());
        self.add_source(source, raw_caps(settings.size_px, settings.fps), tail)
    }

    fn add_source(
        &self,
        source: gst::Element,
        caps: gst::Caps,
        tail: gst::Element,
    ) -> Result<(), CaptureError> {
        let filter = make("capsfilter")?;
        filter.set_property("caps", caps);
        self.pipeline.add_many([&source, &filter]).map_err(|error| refused(&error))?;
        gst::Element::link_many([&source, &filter, &tail]).map_err(|error| refused(&error))
    }
}

fn sink(pace: Pace) -> app::AppSink {
    let formats = [video::VideoFormat::I420, video::VideoFormat::Nv12];
    let caps = video::VideoCapsBuilder::new().format_list(formats).build();
    let is_live = pace == Pace::Live;
    let sink = app::AppSink::builder()
        .caps(&caps)
        .sync(pace == Pace::Looped)
        .drop(is_live)
        .max_buffers(if is_live { LIVE_WAITING } else { FILE_WAITING })
        .build();
    sink.set_enable_last_sample(false);
    number_pictures(&sink);
    sink
}

/// Gives each picture its number on the way into the sink, so that a dropped one
/// leaves a gap; and tells the decoder that it may pad rows, which saves a copy.
fn number_pictures(sink: &app::AppSink) {
    let Some(pad) = sink.static_pad("sink") else { return };
    let next = AtomicU64::new(0);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            buffer.make_mut().set_offset(next.fetch_add(1, Ordering::Relaxed));
        }
        gst::PadProbeReturn::Ok
    });
    pad.add_probe(gst::PadProbeType::QUERY_DOWNSTREAM, |_, info| {
        if let Some(query) = info.query_mut()
            && let gst::QueryViewMut::Allocation(allocation) = query.view_mut()
        {
            allocation.add_allocation_meta::<video::VideoMeta>(None);
            return gst::PadProbeReturn::Handled;
        }
        gst::PadProbeReturn::Ok
    });
}

/// Raw video with the requested size and rate, and with any where none is
/// requested.
fn raw_caps(size_px: Option<(u32, u32)>, fps: Option<u32>) -> gst::Caps {
    let mut caps = video::VideoCapsBuilder::new();
    let edge = |px: u32| i32::try_from(px).unwrap_or(i32::MAX);
    if let Some((width, height)) = size_px {
        caps = caps.width(edge(width)).height(edge(height));
    }
    if let Some(fps) = fps {
        caps = caps.framerate(gst::Fraction::new(i32::try_from(fps).unwrap_or(i32::MAX), 1));
    }
    caps.build()
}

/// Files are decoded by software: they are for trying things out, GStreamer would
/// choose hardware by a rank of its own, and its decoders take a form of the stream
/// that clips cannot be made of.
fn pass_hardware_over(decodebin: &gst::Element) {
    // GStreamer's own type of the answer; its third value means "skip".
    const SKIP: i32 = 2;
    let answer = gst::glib::Type::from_name("GstAutoplugSelectResult");
    let Some(answers) = answer.and_then(gst::glib::EnumClass::with_type) else { return };
    decodebin.connect("autoplug-select", false, move |values| {
        let factory = values.get(3).and_then(|value| value.get::<gst::ElementFactory>().ok());
        let is_hardware = factory.is_some_and(|factory| decode::kind(&factory) == (true, true));
        answers.to_value(if is_hardware { SKIP } else { 0 })
    });
}

/// Links the first video that appears; everything else stays unlinked, which a
/// demultiplexer accepts as long as one pad is linked.
fn link_video(pad: &gst::Pad, tail: &gst::Element) {
    let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
    let is_video = caps.structure(0).is_some_and(|media| media.name() == "video/x-raw");
    if is_video
        && let Some(target) = tail.static_pad("sink")
        && !target.is_linked()
    {
        // A refusal shows as an error on the bus ("not linked").
        let _ = pad.link(&target);
    }
}

fn is_other_media(caps: &gst::CapsRef) -> bool {
    const OTHER: [&str; 5] =
        ["audio/", "text/", "subpicture/", "closedcaption/", "application/x-subtitle"];
    let name = caps.structure(0).map(|media| media.name().as_str());
    name.is_some_and(|name| OTHER.iter().any(|kind| name.starts_with(kind)))
}
