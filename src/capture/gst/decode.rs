//! From RTP packets to pictures: which elements decode which encoding.

use std::time::Duration;

use gstreamer as gst;
use gstreamer::prelude::*;

use super::super::{CaptureError, DecoderChoice};
use super::duty::Duty;
use super::elements::{make, make_first, refused, set_if_known};
use super::hardware::{Chosen, Hardware};
use crate::domain::{CameraId, VideoCodec};

/// Where a software decoder's name begins, in libav.
const LIBAV: &str = "avdec_";

/// What decodes one camera, as far as it is known before the camera has spoken.
#[derive(Clone)]
pub(super) struct Decoders {
    pub hardware: Hardware,
    pub choice: DecoderChoice,
    pub camera: CameraId,
    pub duty: Duty,
}

impl Decoders {
    /// Elements from RTP packets of `encoding` (the name in the SDP) to raw pictures,
    /// in order; `None` for an encoding that nothing here decodes. `now` is monotonic.
    pub(super) fn rtp_chain(
        &self,
        encoding: &str,
        now: Duration,
    ) -> Option<Result<Vec<gst::Element>, CaptureError>> {
        match encoding {
            "H264" => Some(self.video(VideoCodec::H264, now)),
            "H265" => Some(self.video(VideoCodec::H265, now)),
            "JPEG" => Some(self.pictures()),
            _ => None,
        }
    }

    fn pictures(&self) -> Result<Vec<gst::Element>, CaptureError> {
        let decoder = make("jpegdec")?;
        self.duty.begin_software(&decoder, None);
        Ok(vec![make("rtpjpegdepay")?, decoder])
    }

    fn video(&self, codec: VideoCodec, now: Duration) -> Result<Vec<gst::Element>, CaptureError> {
        let mut chain = parsed(codec)?;
        let Chosen { elements, failed } =
            self.hardware.choose(&self.camera, self.choice, codec, now);
        if elements.is_empty() {
            let decoders = software(codec)?;
            if let Some(decoder) = decoders.last() {
                self.duty.begin_software(decoder, failed);
            }
            chain.extend(decoders);
        } else {
            if let Some(entry) = chain.first() {
                self.duty.begin_hardware(entry, &elements, failed);
            }
            // Most of them read another form than files hold.
            chain.push(make(parser(codec))?);
            chain.extend(elements);
        }
        Ok(chain)
    }
}

/// Whether this element makes whole encoded pictures of a stream.
pub(super) fn is_parser(element: &gst::Element) -> bool {
    let factory = element.factory();
    factory.is_some_and(|factory| matches!(factory.name().as_str(), "h264parse" | "h265parse"))
}

/// Whether elements of this kind decode video, and whether hardware does it
/// (gstelementfactory.h, `GST_ELEMENT_FACTORY_KLASS_HARDWARE`).
pub(super) fn kind(factory: &gst::ElementFactory) -> (bool, bool) {
    kind_of(factory.metadata("klass").unwrap_or_default())
}

fn kind_of(class: &str) -> (bool, bool) {
    let has = |word| class.split('/').any(|part| part == word);
    (has("Decoder") && (has("Video") || has("Image")), has("Hardware"))
}

/// Settings that every software decoder gets, however it came into the pipeline.
pub(super) fn tune(decoder: &gst::Element) {
    let is_libav = decoder.factory().is_some_and(|factory| factory.name().starts_with(LIBAV));
    if is_libav {
        // One thread costs the least processor time per picture (4.3 ms against
        // 4.9 ms at 1080p) and no extra pictures of delay and memory.
        set_if_known(decoder, "max-threads", 1i32);
        // A smeared picture would be detected as motion; better none.
        set_if_known(decoder, "output-corrupt", false);
    }
}

/// Puts the chain into the pipeline, between `pad` and `tail`.
pub(super) fn link(
    pipeline: &gst::Pipeline,
    pad: &gst::Pad,
    chain: &[gst::Element],
    tail: &gst::Element,
) -> Result<(), CaptureError> {
    let (Some(first), Some(last)) = (chain.first(), chain.last()) else { return Ok(()) };
    pipeline.add_many(chain).map_err(|error| refused(&error))?;
    gst::Element::link_many(chain).map_err(|error| refused(&error))?;
    last.link(tail).map_err(|error| refused(&error))?;
    for element in chain {
        element.sync_state_with_parent().map_err(|error| refused(&error))?;
    }
    let entry = first.static_pad("sink");
    let entry = entry.ok_or_else(|| refused(&gst::glib::bool_error!("no sink pad")))?;
    pad.link(&entry).map_err(|error| refused(&gst::glib::bool_error!("{error}")))?;
    Ok(())
}

fn parser(codec: VideoCodec) -> &'static str {
    match codec {
        VideoCodec::H264 => "h264parse",
        VideoCodec::H265 => "h265parse",
    }
}

/// Pictures of a stream in the form that files hold: parameters apart, a length
/// before each part.
fn parsed(codec: VideoCodec) -> Result<Vec<gst::Element>, CaptureError> {
    let (depay, media, form) = match codec {
        VideoCodec::H264 => ("rtph264depay", "video/x-h264", "avc"),
        VideoCodec::H265 => ("rtph265depay", "video/x-h265", "hvc1"),
    };
    let filter = make("capsfilter")?;
    let caps = gst::Caps::builder(media).field("stream-format", form).field("alignment", "au");
    filter.set_property("caps", caps.build());
    Ok(vec![make(depay)?, make(parser(codec))?, filter])
}

/// The decoder of last resort reads another form than files hold, which a second
/// parser makes.
fn software(codec: VideoCodec) -> Result<Vec<gst::Element>, CaptureError> {
    let libav = match codec {
        VideoCodec::H264 => "avdec_h264",
        VideoCodec::H265 => "avdec_h265",
    };
    match (make_first(&[libav]), codec) {
        (Ok(decoder), _) => {
            tune(&decoder);
            Ok(vec![decoder])
        }
        (Err(missing), VideoCodec::H264) => {
            Ok(vec![make("h264parse")?, make("openh264dec").map_err(|_| missing)?])
        }
        (Err(missing), VideoCodec::H265) => Err(missing),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoders_are_told_apart_by_what_they_decode_and_where() {
        assert_eq!(kind_of("Codec/Decoder/Video/Hardware"), (true, true));
        assert_eq!(kind_of("Codec/Decoder/Image"), (true, false));
        assert_eq!(kind_of("Codec/Decoder/Audio"), (false, false));
        assert_eq!(kind_of("Codec/Encoder/Video/Hardware"), (false, true));
    }
}
