//! What GStreamer makes of a video file: an independent reader.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::Path;
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use gstreamer_app::AppSink;

/// Longest silence of the reader.
const PATIENCE: gst::ClockTime = gst::ClockTime::from_seconds(60);

/// A decoded video.
pub struct Video {
    /// When each picture is shown.
    pub times: Vec<Duration>,
    /// What the file says about its length.
    pub length: Option<Duration>,
    /// Size of the pictures, in pixels.
    pub size_px: (i32, i32),
}

/// Decodes all of `file`, which is H.264; fails on anything that is wrong with it.
pub fn decode(file: &Path) -> Video {
    decode_as(file, "h264")
}

/// The same for `h264` or `h265`.
pub fn decode_as(file: &Path, codec: &str) -> Video {
    gst::init().unwrap();
    let pipeline = gst::Pipeline::new();
    let make = |kind: &str| gst::ElementFactory::make(kind).build().unwrap();
    let (source, demux, parse, decode) = (
        make("filesrc"),
        make("qtdemux"),
        make(&format!("{codec}parse")),
        make(&format!("avdec_{codec}")),
    );
    source.set_property("location", file);
    let sink = AppSink::builder().sync(false).build();
    let last: &gst::Element = sink.upcast_ref();
    pipeline.add_many([&source, &demux, &parse, &decode, last]).unwrap();
    source.link(&demux).unwrap();
    gst::Element::link_many([&parse, &decode, last]).unwrap();
    demux.connect_pad_added(move |_, pad| {
        pad.link(&parse.static_pad("sink").unwrap()).unwrap();
    });
    pipeline.set_state(gst::State::Playing).unwrap();
    let (mut times, mut size_px) = (Vec::new(), (0, 0));
    while let Some(sample) = sink.try_pull_sample(PATIENCE) {
        let caps = sample.caps().unwrap().structure(0).unwrap().to_owned();
        size_px = (caps.get("width").unwrap(), caps.get("height").unwrap());
        let segment = sample.segment().unwrap().downcast_ref::<gst::ClockTime>().unwrap();
        let shown = segment.to_stream_time(sample.buffer().unwrap().pts()).unwrap();
        times.push(Duration::from(shown));
    }
    assert!(
        sink.is_eos(),
        "{:?}",
        pipeline.bus().unwrap().pop_filtered(&[gst::MessageType::Error])
    );
    let length = pipeline.query_duration::<gst::ClockTime>().map(Duration::from);
    pipeline.set_state(gst::State::Null).unwrap();
    Video { times, length, size_px }
}
