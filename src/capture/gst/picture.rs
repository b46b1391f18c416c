//! From a GStreamer sample to a [`Frame`], without copying pixels.

use bytes::Bytes;
use gstreamer as gst;
use gstreamer_video as video;

use super::super::CaptureError;
use crate::domain::{ColorSpace, Frame, FrameMeta, PixelFormat, Plane};

/// Reads samples; keeps what the latest format said.
pub(super) struct Reader {
    source_name: String,
    known: Option<(gst::Caps, video::VideoInfo)>,
}

impl Reader {
    pub(super) fn new(source_name: String) -> Self {
        Self { source_name, known: None }
    }

    /// The frame in `sample`. Its pixels stay in GStreamer's buffer, which is
    /// released with the frame.
    pub(super) fn frame(
        &mut self,
        sample: &gst::Sample,
        meta: FrameMeta,
    ) -> Result<Frame, CaptureError> {
        let info = self.info(sample)?;
        let buffer = sample.buffer_owned().ok_or_else(|| self.unreadable("it has no data"))?;
        let planes = planes(&buffer, &info).ok_or_else(|| self.unreadable("negative stride"))?;
        let format = match info.format() {
            video::VideoFormat::I420 => PixelFormat::I420,
            video::VideoFormat::Nv12 => PixelFormat::Nv12,
            other => return Err(self.unreadable(other.to_str())),
        };
        let pixels = buffer
            .into_mapped_buffer_readable()
            .map_err(|_| CaptureError::Driver("a picture's memory cannot be mapped".to_owned()))?;
        let size_px = (info.width(), info.height());
        let data = Bytes::from_owner(pixels);
        Frame::new(meta, size_px, format, color(&info.colorimetry()), &planes, data)
            .map_err(|error| self.unreadable(&error.to_string()))
    }

    fn info(&mut self, sample: &gst::Sample) -> Result<video::VideoInfo, CaptureError> {
        let caps = sample.caps_owned().ok_or_else(|| self.unreadable("it has no format"))?;
        if let Some((known, info)) = &self.known
            && *known == caps
        {
            return Ok(info.clone());
        }
        let info = video::VideoInfo::from_caps(&caps)
            .map_err(|_| self.unreadable("its format is no raw video"))?;
        self.known = Some((caps, info.clone()));
        Ok(info)
    }

    fn unreadable(&self, reason: &str) -> CaptureError {
        CaptureError::Format { source_name: self.source_name.clone(), reason: reason.to_owned() }
    }
}

/// Where the planes are: what the buffer itself says goes before what its format
/// implies, because decoders pad.
fn planes(buffer: &gst::BufferRef, info: &video::VideoInfo) -> Option<Vec<Plane>> {
    let pairs = match buffer.meta::<video::VideoMeta>() {
        Some(meta) => plane_pairs(meta.offset(), meta.stride()),
        None => plane_pairs(info.offset(), info.stride()),
    };
    pairs.into_iter().collect()
}

fn plane_pairs(offsets: &[usize], strides: &[i32]) -> Vec<Option<Plane>> {
    let plane = |(offset, stride): (&usize, &i32)| {
        Some(Plane { offset: *offset, stride: usize::try_from(*stride).ok()? })
    };
    offsets.iter().zip(strides).map(plane).collect()
}

/// The nearest of the colour spaces that readers know. BT.709 in full range is
/// rare and counts as full range, which matters more to the eye than the matrix.
fn color(colorimetry: &video::VideoColorimetry) -> ColorSpace {
    match (colorimetry.range(), colorimetry.matrix()) {
        (video::VideoColorRange::Range0_255, _) => ColorSpace::Bt601Full,
        (_, video::VideoColorMatrix::Bt709) => ColorSpace::Bt709Limited,
        _ => ColorSpace::Bt601Limited,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::str::FromStr as _;

    use crate::domain::examples::frame_meta;

    fn read(caps: &str, bytes: usize) -> Result<Frame, CaptureError> {
        super::super::init().unwrap();
        let caps = gst::Caps::from_str(caps).unwrap();
        let buffer = gst::Buffer::with_size(bytes).unwrap();
        let sample = gst::Sample::builder().caps(&caps).buffer(&buffer).build();
        Reader::new("the camera".to_owned()).frame(&sample, frame_meta())
    }

    #[test]
    fn the_padding_that_gstreamer_adds_is_not_part_of_the_picture() {
        // 6 px wide rows are padded to 8 bytes.
        let frame = read("video/x-raw,format=I420,width=6,height=4,framerate=5/1", 48).unwrap();
        assert_eq!(frame.plane(0).1, 8);
        assert_eq!(frame.row(0, 3).len(), 6);
        assert_eq!(frame.row(2, 1).len(), 3);
    }

    #[test]
    fn colorimetry_decides_the_color_space() {
        let color = |colorimetry: &str| {
            let caps = format!(
                "video/x-raw,format=NV12,width=8,height=4,framerate=5/1,colorimetry={colorimetry}"
            );
            read(&caps, 48).unwrap().color()
        };
        assert_eq!(color("bt709"), ColorSpace::Bt709Limited);
        assert_eq!(color("bt601"), ColorSpace::Bt601Limited);
        assert_eq!(color("1:4:0:0"), ColorSpace::Bt601Full);
    }

    #[test]
    fn a_buffer_too_short_for_its_format_and_a_foreign_format_are_refused() {
        let short = read("video/x-raw,format=I420,width=640,height=480,framerate=5/1", 1000);
        assert!(matches!(short, Err(CaptureError::Format { .. })), "{short:?}");
        let foreign = read("video/x-raw,format=RGB,width=8,height=4,framerate=5/1", 96);
        assert!(matches!(foreign, Err(CaptureError::Format { .. })), "{foreign:?}");
        let encoded = read("video/x-h264", 96);
        assert!(matches!(encoded, Err(CaptureError::Format { .. })), "{encoded:?}");
    }
}
