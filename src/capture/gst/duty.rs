//! The decoder at work, and whether the end of a session was its fault.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::{CaptureError, Decoding};

/// A decoder holds back 16 pictures at most (H.264, annex A: `MaxDpbFrames`). More
/// than that went in, and none came out: it hangs.
const HELD_MAX: u32 = 16;

/// The decoder of one session, once it is known. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Duty(Arc<Mutex<Option<Decoder>>>);

struct Decoder {
    decoding: Decoding,
    /// The decoder and what follows it.
    elements: Vec<gst::glib::WeakRef<gst::Element>>,
    flow: Arc<Flow>,
}

/// What went through the board's decoder.
#[derive(Default)]
struct Flow {
    /// Whether the camera has sent anything. A stream that the decoder refuses stops
    /// before it reaches the decoder.
    is_fed: AtomicBool,
    /// How many pictures went in since the last one came out.
    held: AtomicU32,
}

impl Duty {
    /// Software decodes from now on; `failed` is the board's decoder that should.
    pub(super) fn begin_software(&self, decoder: &gst::Element, failed: Option<String>) {
        let decoding = Decoding { element: name(decoder), is_hardware: false, failed };
        let (elements, flow) = (vec![decoder.downgrade()], Arc::default());
        *self.lock() = Some(Decoder { decoding, elements, flow });
    }

    /// The board's decoder and what follows it decode from now on what `entry` gets.
    pub(super) fn begin_hardware(
        &self,
        entry: &gst::Element,
        elements: &[gst::Element],
        failed: Option<String>,
    ) {
        let Some(decoder) = elements.first() else { return };
        let flow = Arc::<Flow>::default();
        count(entry, decoder, &flow);
        let decoding = Decoding { element: name(decoder), is_hardware: true, failed };
        let elements = elements.iter().map(gst::Element::downgrade).collect();
        *self.lock() = Some(Decoder { decoding, elements, flow });
    }

    /// What decodes.
    pub(super) fn decoding(&self) -> Option<Decoding> {
        self.lock().as_ref().map(|decoder| decoder.decoding.clone())
    }

    /// `error` as the fault of the board's decoder, if there is one at work: it does
    /// not go together with what is around it.
    pub(super) fn misfit(&self, error: CaptureError) -> CaptureError {
        match self.decoding().filter(|decoding| decoding.is_hardware) {
            Some(Decoding { element, .. }) => {
                CaptureError::Decoder { element, reason: error.in_words() }
            }
            None => error,
        }
    }

    /// The board's decoder, if it is to blame for this end of a session.
    /// `came_from` sent the message, `has_pictures` came before.
    pub(super) fn blamed(
        &self,
        error: &CaptureError,
        came_from: Option<&gst::Object>,
        has_pictures: bool,
    ) -> Option<String> {
        let duty = self.lock();
        let decoder = duty.as_ref().filter(|decoder| decoder.decoding.is_hardware)?;
        let is_its_own = came_from.is_some_and(|object| decoder.is_source(object));
        let is_silent = is_silent(error, &decoder.flow, has_pictures);
        (is_its_own || is_silent).then(|| decoder.decoding.element.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Decoder>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Decoder {
    fn is_source(&self, object: &gst::Object) -> bool {
        let mut elements = self.elements.iter().filter_map(gst::glib::WeakRef::upgrade);
        elements.any(|element| {
            let element = element.upcast_ref::<gst::Object>();
            object == element || object.has_as_ancestor(element)
        })
    }
}

/// Whether pictures went in and none came out, or none that can be read. Networks
/// and cameras that go away have errors of their own.
fn is_silent(error: &CaptureError, flow: &Flow, has_pictures: bool) -> bool {
    match error {
        CaptureError::Stalled { .. } if has_pictures => {
            flow.held.load(Ordering::Relaxed) > HELD_MAX
        }
        // What GStreamer says when elements do not get along comes from the source.
        CaptureError::Stalled { .. }
        | CaptureError::Format { .. }
        | CaptureError::Driver(_)
        | CaptureError::MissingPart { .. } => !has_pictures && flow.is_fed.load(Ordering::Relaxed),
        _ => false,
    }
}

fn count(entry: &gst::Element, decoder: &gst::Element, flow: &Arc<Flow>) {
    if let Some(pad) = entry.static_pad("sink") {
        let flow = Arc::clone(flow);
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |_, _| {
            flow.is_fed.store(true, Ordering::Relaxed);
            gst::PadProbeReturn::Remove
        });
    }
    if let Some(pad) = decoder.static_pad("sink") {
        let flow = Arc::clone(flow);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            flow.held.fetch_add(1, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
    if let Some(pad) = decoder.static_pad("src") {
        let flow = Arc::clone(flow);
        pad.add_probe(gst::PadProbeType::BUFFER, move |_, _| {
            flow.held.store(0, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        });
    }
}

/// What kind of element this is.
fn name(element: &gst::Element) -> String {
    element.factory().map_or_else(String::new, |factory| factory.name().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn duty(is_hardware: bool) -> (Duty, gst::Element) {
        super::super::init().unwrap();
        let (duty, element) = (Duty::default(), super::super::elements::make("identity").unwrap());
        match is_hardware {
            true => duty.begin_hardware(&element, std::slice::from_ref(&element), None),
            false => duty.begin_software(&element, None),
        }
        (duty, element)
    }

    fn fed(held: u32) -> Flow {
        Flow { is_fed: AtomicBool::new(held > 0), held: AtomicU32::new(held) }
    }

    fn stalled() -> CaptureError {
        CaptureError::Stalled { waited: Duration::from_secs(10) }
    }

    #[test]
    fn an_error_of_its_own_is_the_decoders_fault_and_software_is_never_blamed() {
        let error = CaptureError::Driver("out of buffers".to_owned());
        let (duty, element) = duty(true);
        let own = element.upcast_ref::<gst::Object>();
        assert_eq!(duty.blamed(&error, Some(own), true).as_deref(), Some("identity"));
        let other = super::super::elements::make("identity").unwrap();
        assert_eq!(duty.blamed(&error, Some(other.upcast_ref()), true), None);
        let (software, element) = self::duty(false);
        assert_eq!(software.blamed(&error, Some(element.upcast_ref()), false), None);
    }

    #[test]
    fn pictures_that_go_in_and_never_come_out_are_the_decoders_fault() {
        assert!(is_silent(&stalled(), &fed(1), false));
        assert!(is_silent(&stalled(), &fed(HELD_MAX + 1), true));
    }

    #[test]
    fn a_camera_that_sends_nothing_and_a_connection_that_breaks_are_not() {
        let ended = CaptureError::Ended { source_name: "the camera".to_owned() };
        assert!(!is_silent(&stalled(), &fed(0), false));
        assert!(!is_silent(&stalled(), &fed(HELD_MAX), true), "it may hold that many back");
        assert!(!is_silent(&ended, &fed(HELD_MAX + 1), false));
    }
}
