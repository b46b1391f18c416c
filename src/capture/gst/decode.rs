//! From RTP packets to pictures: which elements decode which encoding.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::CaptureError;
use super::elements::{make, make_first, set_if_known};

/// Elements from RTP packets of `encoding` (the name in the SDP) to raw pictures,
/// in order; `None` for an encoding that nothing here decodes.
pub(super) fn rtp_chain(encoding: &str) -> Option<Result<Vec<gst::Element>, CaptureError>> {
    match encoding {
        "H264" => Some(elements(&["rtph264depay", "h264parse"], &["avdec_h264", "openh264dec"])),
        "H265" => Some(elements(&["rtph265depay", "h265parse"], &["avdec_h265"])),
        "JPEG" => Some(elements(&["rtpjpegdepay"], &["jpegdec"])),
        _ => None,
    }
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

fn elements(kinds: &[&str], decoders: &[&str]) -> Result<Vec<gst::Element>, CaptureError> {
    let mut chain = kinds.iter().map(|kind| make(kind)).collect::<Result<Vec<_>, _>>()?;
    let decoder = make_first(decoders)?;
    tune(&decoder);
    chain.push(decoder);
    Ok(chain)
}
