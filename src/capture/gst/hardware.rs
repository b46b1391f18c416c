//! The board's own decoders: which of them there are, and which have failed.
//!
//! The first of the profile's elements that this system has, and whose device opens,
//! decodes a camera. One that fails rests for an hour at this camera (as many entries
//! as cameras and elements), and software decodes meanwhile: a decoder is never the
//! reason for a camera to be dark. Another camera's stream may suit it, so others
//! still try.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;
use log::debug;

use super::super::DecoderChoice;
use crate::domain::{CameraId, VideoCodec};

/// How long a decoder that failed rests. What made it fail (a stream it does not
/// know, a device that hangs) is seldom gone sooner, and each try costs seconds of
/// darkness; it is tried at a new session only.
const REST: Duration = Duration::from_secs(3600);

/// The elements of a board, best first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HardwareElements {
    /// Those that decode H.264.
    pub h264: Vec<String>,
    /// Those that decode H.265.
    pub h265: Vec<String>,
    /// What brings their pictures into ordinary memory, where something must.
    pub download: Option<String>,
}

/// The board's decoders, shared by all cameras. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Hardware(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    elements: HardwareElements,
    failed: Mutex<Failures>,
}

/// When which decoder failed at which camera, monotonic.
type Failures = BTreeMap<(CameraId, String), Duration>;

/// What a camera's stream is to be decoded with.
#[derive(Debug, Default)]
pub(super) struct Chosen {
    /// The board's decoder and what must follow it; empty: software.
    pub elements: Vec<gst::Element>,
    /// The board's decoder that failed here before.
    pub failed: Option<String>,
}

impl Hardware {
    /// The decoders of a board.
    pub fn new(elements: HardwareElements) -> Self {
        Self(Arc::new(Inner { elements, failed: Mutex::default() }))
    }

    /// The decoder for a stream of `camera`; `now` is monotonic.
    pub(super) fn choose(
        &self,
        camera: &CameraId,
        choice: DecoderChoice,
        codec: VideoCodec,
        now: Duration,
    ) -> Chosen {
        let mut chosen = Chosen::default();
        if choice == DecoderChoice::Software {
            return chosen;
        }
        for name in self.names(codec) {
            if self.rests(camera, name, now) {
                chosen.failed.get_or_insert_with(|| name.clone());
            } else if let Some(elements) = self.open(name) {
                chosen.elements = elements;
                break;
            }
        }
        chosen
    }

    /// The decoder `name` has failed at `camera`.
    pub(super) fn fail(&self, camera: &CameraId, name: &str, now: Duration) {
        self.failed().insert((camera.clone(), name.to_owned()), now);
    }

    fn names(&self, codec: VideoCodec) -> &[String] {
        match codec {
            VideoCodec::H264 => &self.0.elements.h264,
            VideoCodec::H265 => &self.0.elements.h265,
        }
    }

    fn rests(&self, camera: &CameraId, name: &str, now: Duration) -> bool {
        let failed = self.failed().get(&(camera.clone(), name.to_owned())).copied();
        failed.is_some_and(|at| now.saturating_sub(at) < REST)
    }

    fn open(&self, name: &str) -> Option<Vec<gst::Element>> {
        let mut elements = vec![opened(name)?];
        if let Some(download) = &self.0.elements.download {
            elements.push(opened(download)?);
        }
        Some(elements)
    }

    fn failed(&self) -> MutexGuard<'_, Failures> {
        self.0.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this system has the element, and its device opens.
pub fn is_there(name: &str) -> bool {
    super::init().is_ok() && opened(name).is_some()
}

/// Decoders open their device on the way to `Ready`.
fn opened(name: &str) -> Option<gst::Element> {
    let element = gst::ElementFactory::make(name).build().ok()?;
    let is_open = element.set_state(gst::State::Ready).is_ok();
    // Closes it again: the pipeline opens it with everything else.
    let _ = element.set_state(gst::State::Null);
    if !is_open {
        debug!(name; "This decoder's device does not open.");
    }
    is_open.then_some(element)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hardware(h264: &[&str], download: Option<&str>) -> Hardware {
        super::super::init().unwrap();
        let h264 = h264.iter().map(|name| (*name).to_owned()).collect();
        let download = download.map(str::to_owned);
        Hardware::new(HardwareElements { h264, h265: Vec::new(), download })
    }

    fn names(chosen: &Chosen) -> Vec<String> {
        let factories = chosen.elements.iter().filter_map(ElementExt::factory);
        factories.map(|factory| factory.name().to_string()).collect()
    }

    fn choose(hardware: &Hardware, camera: &str, now_s: u64) -> Chosen {
        let (camera, now) = (camera.parse().unwrap(), Duration::from_secs(now_s));
        hardware.choose(&camera, DecoderChoice::Auto, VideoCodec::H264, now)
    }

    #[test]
    fn the_first_decoder_that_this_system_has_is_taken_with_what_must_follow_it() {
        let board = hardware(&["v4l2none264dec", "openh264dec", "avdec_h264"], Some("identity"));
        let chosen = choose(&board, "yard", 0);
        assert_eq!(names(&chosen), ["openh264dec", "identity"]);
        assert_eq!(chosen.failed, None);
        let without = hardware(&["openh264dec"], Some("nvnoconv"));
        assert!(choose(&without, "yard", 0).elements.is_empty());
        assert!(is_there("openh264dec") && !is_there("v4l2none264dec"));
    }

    #[test]
    fn software_and_codecs_that_the_board_does_not_know_take_none() {
        let (board, yard) = (hardware(&["openh264dec"], None), "yard".parse().unwrap());
        let choose = |choice, codec| board.choose(&yard, choice, codec, Duration::ZERO);
        let software = choose(DecoderChoice::Software, VideoCodec::H264);
        assert!(software.elements.is_empty() && software.failed.is_none());
        assert!(choose(DecoderChoice::Auto, VideoCodec::H265).elements.is_empty());
    }

    #[test]
    fn a_decoder_that_failed_rests_at_its_camera_and_is_tried_again_later() {
        let board = hardware(&["openh264dec"], None);
        board.fail(&"yard".parse().unwrap(), "openh264dec", Duration::from_secs(10));
        let chosen = choose(&board, "yard", 11);
        assert!(chosen.elements.is_empty());
        assert_eq!(chosen.failed.as_deref(), Some("openh264dec"));
        assert_eq!(names(&choose(&board, "gate", 11)), ["openh264dec"]);
        let later = choose(&board, "yard", 10 + REST.as_secs());
        assert_eq!((names(&later), later.failed), (vec!["openh264dec".to_owned()], None));
    }
}
