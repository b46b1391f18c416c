//! From RTP packets to pictures: which elements decode which encoding.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::CaptureError;
use super::elements::{make, make_first, set_if_known};

/// A media type and how its pictures lie in the stream.
type Form = (&'static str, &'static str);

/// The forms that files hold: parameters apart, a length before each part.
const AVC: Form = ("video/x-h264", "avc");
const HVC1: Form = ("video/x-h265", "hvc1");

/// Elements from RTP packets of `encoding` (the name in the SDP) to raw pictures,
/// in order; `None` for an encoding that nothing here decodes.
pub(super) fn rtp_chain(encoding: &str) -> Option<Result<Vec<gst::Element>, CaptureError>> {
    match encoding {
        "H264" => Some(h264()),
        "H265" => Some(elements(&["rtph265depay", "h265parse"], Some(HVC1), &["avdec_h265"])),
        "JPEG" => Some(elements(&["rtpjpegdepay"], None, &["jpegdec"])),
        _ => None,
    }
}

/// Whether this element makes whole encoded pictures of a stream.
pub(super) fn is_parser(element: &gst::Element) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| matches!(factory.name().as_str(), "h264parse" | "h265parse"))
}

/// Settings that every software decoder gets, however it came into the pipeline.
pub(super) fn tune(decoder: &gst::Element) {
    let is_libav = decoder.factory().is_some_and(|factory| factory.name().starts_with("avdec_"));
    if is_libav {
        // One thread costs the least processor time per picture (4.3 ms against
        // 4.9 ms at 1080p) and no extra pictures of delay and memory.
        set_if_known(decoder, "max-threads", 1i32);
        // A smeared picture would be detected as motion; better none.
        set_if_known(decoder, "output-corrupt", false);
    }
}

/// The decoder of last resort reads another form than files hold, which a second
/// parser makes.
fn h264() -> Result<Vec<gst::Element>, CaptureError> {
    let kinds = ["rtph264depay", "h264parse"];
    elements(&kinds, Some(AVC), &["avdec_h264"]).or_else(|missing| {
        let mut chain = elements(&kinds, Some(AVC), &["h264parse"])?;
        chain.push(make("openh264dec").map_err(|_| missing)?);
        Ok(chain)
    })
}

/// Elements `kinds`, which make pictures of the form `parsed`, and a decoder.
fn elements(
    kinds: &[&str],
    parsed: Option<Form>,
    decoders: &[&str],
) -> Result<Vec<gst::Element>, CaptureError> {
    let mut chain = kinds.iter().map(|kind| make(kind)).collect::<Result<Vec<_>, _>>()?;
    if let Some((media, form)) = parsed {
        let filter = make("capsfilter")?;
        let caps = gst::Caps::builder(media).field("stream-format", form).field("alignment", "au");
        filter.set_property("caps", caps.build());
        chain.push(filter);
    }
    let decoder = make_first(decoders)?;
    tune(&decoder);
    chain.push(decoder);
    Ok(chain)
}
