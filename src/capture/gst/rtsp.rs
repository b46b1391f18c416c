//! RTSP: the source element, and the decoder that fits what the camera offers.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::{CameraSettings, CaptureError, RtspTransport};
use super::decode::{self, Decoders};
use super::encoded::Taker;
use super::feed::Feed;
use crate::rt::Clock;

/// Longest wait for one answer of the server, which is known to listen. Cameras
/// that have to wake their encoder take a second or two.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// How long the jitter buffer waits for a missing packet, in milliseconds. Packets
/// that come in order do not wait.
const JITTER_MS: u32 = 200;

/// Adds the source to the pipeline; the decoder follows when the camera has said
/// what it sends.
pub(super) fn connect(
    feed: &Feed,
    settings: &CameraSettings,
    url: &str,
    clock: &Clock,
    tail: &gst::Element,
) -> Result<(), CaptureError> {
    let source = super::elements::make("rtspsrc")?;
    super::reach::check(url, &feed.source_name)?;
    configure(&source, settings, url);
    take_first_video_only(&source);
    let bin = feed.pipeline.downgrade();
    let next = Next {
        tail: tail.clone(),
        taker: feed.taker.clone(),
        decoders: feed.decoders.clone(),
        clock: clock.clone(),
    };
    let (trouble, name) = (feed.trouble.clone(), feed.source_name.clone());
    source.connect_pad_added(move |_, pad| {
        if let Some(pipeline) = bin.upgrade()
            && let Err(error) = next.decode(&pipeline, pad, &name)
        {
            trouble.report(error);
        }
    });
    let (trouble, name) = (feed.trouble.clone(), feed.source_name.clone());
    source.connect_no_more_pads(move |source| {
        if source.src_pads().is_empty() {
            let reason = "the camera offers no video".to_owned();
            trouble.report(CaptureError::Format { source_name: name.clone(), reason });
        }
    });
    feed.pipeline.add(&source).map_err(|error| super::elements::refused(&error))
}

fn configure(source: &gst::Element, settings: &CameraSettings, url: &str) {
    source.set_property("location", url);
    source.set_property_from_str(
        "protocols",
        match settings.transport {
            RtspTransport::Tcp => "tcp",
            RtspTransport::Udp => "udp",
        },
    );
    let micros = u64::try_from(ANSWER_TIMEOUT.as_micros()).unwrap_or(u64::MAX);
    source.set_property("tcp-timeout", micros);
    source.set_property("latency", JITTER_MS);
    // Dates from the camera's clock alone: the other modes mix in the time of
    // arrival and shift pictures of a stream with B-frames by up to 100 ms.
    source.set_property_from_str("buffer-mode", "none");
    source.set_property("user-agent", concat!("watchpost/", env!("CARGO_PKG_VERSION")));
    if let Some(username) = &settings.username {
        source.set_property("user-id", username);
    }
    if let Some(password) = &settings.password {
        source.set_property("user-pw", password.expose());
    }
}

/// Sound and metadata are not even requested from the camera.
fn take_first_video_only(source: &gst::Element) {
    let taken = std::sync::Mutex::new(None);
    source.connect("select-stream", false, move |values| {
        let number = values.get(1).and_then(|value| value.get::<u32>().ok());
        let caps = values.get(2).and_then(|value| value.get::<gst::Caps>().ok());
        let mut taken = taken.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_video = caps.is_some_and(|caps| field(&caps, "media").as_deref() == Some("video"));
        let is_selected = is_video && (taken.is_none() || *taken == number);
        if is_selected {
            *taken = number;
        }
        Some(is_selected.to_value())
    });
}

/// Where the stream goes on.
struct Next {
    tail: gst::Element,
    taker: Taker,
    decoders: Decoders,
    clock: Clock,
}

impl Next {
    fn decode(
        &self,
        pipeline: &gst::Pipeline,
        pad: &gst::Pad,
        source_name: &str,
    ) -> Result<(), CaptureError> {
        let caps = pad.current_caps().unwrap_or_else(|| pad.query_caps(None));
        let encoding = field(&caps, "encoding-name").unwrap_or_default();
        let chain = self.decoders.rtp_chain(&encoding, self.clock.monotonic());
        let chain = chain.unwrap_or_else(|| {
            Err(CaptureError::Format {
                source_name: source_name.to_owned(),
                reason: format!("encoding {encoding:?}; H264, H265 and JPEG are readable"),
            })
        })?;
        let parser = chain.iter().find(|element| decode::is_parser(element));
        if let Some(pad) = parser.and_then(|parser| parser.static_pad("src")) {
            self.taker.watch(&pad);
        }
        decode::link(pipeline, pad, &chain, &self.tail)
            .map_err(|error| self.decoders.duty.misfit(error))
    }
}

fn field(caps: &gst::Caps, name: &str) -> Option<String> {
    caps.structure(0)?.get::<String>(name).ok()
}
