//! Making elements, and saying which package a missing one comes from.

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::CaptureError;

/// An element of this kind.
pub(super) fn make(kind: &str) -> Result<gst::Element, CaptureError> {
    gst::ElementFactory::make(kind).build().map_err(|_| missing(&[kind]))
}

/// An element of the first of these kinds that the system has.
pub(super) fn make_first(kinds: &[&str]) -> Result<gst::Element, CaptureError> {
    kinds.iter().find_map(|kind| make(kind).ok()).ok_or_else(|| missing(kinds))
}

/// Puts elements into the pipeline and links them in this order.
pub(super) fn chain(
    pipeline: &gst::Pipeline,
    elements: &[gst::Element],
) -> Result<(), CaptureError> {
    pipeline.add_many(elements).map_err(|error| refused(&error))?;
    gst::Element::link_many(elements).map_err(|error| refused(&error))
}

/// Sets a property that only some versions of an element have.
pub(super) fn set_if_known(element: &gst::Element, name: &str, value: impl Into<gst::glib::Value>) {
    if element.has_property(name) {
        element.set_property_from_value(name, &value.into());
    }
}

/// GStreamer refuses something that is ours alone to get right.
pub(super) fn refused(error: &gst::glib::BoolError) -> CaptureError {
    CaptureError::Driver(format!("GStreamer refuses the pipeline: {error}"))
}

fn missing(kinds: &[&str]) -> CaptureError {
    let first = kinds.first().copied().unwrap_or_default();
    CaptureError::MissingPart {
        what: format!(
            "GStreamer element {} (Debian package {})",
            kinds.join(" or "),
            package_of(first)
        ),
    }
}

/// The Debian 12 package with this element (`dpkg -S` of its plug-in).
pub(super) fn package_of(kind: &str) -> &'static str {
    match kind {
        "avdec_h264" | "avdec_h265" => "gstreamer1.0-libav",
        "h264parse" | "h265parse" | "openh264dec" | "v4l2slh264dec" | "v4l2slh265dec"
        | "vah264dec" | "vah265dec" => "gstreamer1.0-plugins-bad",
        "rtspsrc" | "rtph264depay" | "rtph265depay" | "rtpjpegdepay" | "jpegdec" | "qtdemux"
        | "v4l2src" | "v4l2h264dec" => "gstreamer1.0-plugins-good",
        "filesrc" | "capsfilter" | "queue" => "libgstreamer1.0-0",
        _ => "gstreamer1.0-plugins-base",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_element_names_the_package_that_holds_it() {
        super::super::init().unwrap();
        let error = make_first(&["avdec_none", "openh264_none"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "GStreamer element avdec_none or openh264_none (Debian package \
             gstreamer1.0-plugins-base) is missing on this system"
        );
        assert_eq!(package_of("avdec_h264"), "gstreamer1.0-libav");
    }
}
