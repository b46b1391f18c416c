//! Raw pictures of a device as frames. Pure.

use bytes::Bytes;

use super::choose::Encoding;
use crate::domain::{ColorSpace, Frame, FrameError, FrameMeta, PixelFormat, Plane};

/// What the device said about its pictures.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub encoding: Encoding,
    pub size_px: (u32, u32),
    /// Bytes from one row to the next; of the luma plane where there are several.
    /// Zero when the driver does not say: rows then have no padding.
    pub stride: usize,
    pub color: ColorSpace,
}

/// The picture in `bytes`, which are copied: the device needs its buffer back.
///
/// # Errors
/// When there are fewer bytes than the layout needs: a damaged picture.
pub(super) fn frame(layout: &Layout, bytes: &[u8], meta: FrameMeta) -> Result<Frame, FrameError> {
    let (width, height) = (layout.size_px.0 as usize, layout.size_px.1 as usize);
    let stride = match (layout.stride, layout.encoding) {
        (0, Encoding::Yuyv) => width.saturating_mul(2),
        (0, _) => width,
        (stride, _) => stride,
    };
    let luma = stride.saturating_mul(height);
    let (format, planes) = match layout.encoding {
        Encoding::Yuyv => (PixelFormat::Yuyv, vec![Plane { offset: 0, stride }]),
        Encoding::Nv12 => {
            (PixelFormat::Nv12, vec![Plane { offset: 0, stride }, Plane { offset: luma, stride }])
        }
        Encoding::I420 => {
            let chroma = stride / 2;
            let v = luma.saturating_add(chroma.saturating_mul(height.div_ceil(2)));
            let u = Plane { offset: luma, stride: chroma };
            (
                PixelFormat::I420,
                vec![Plane { offset: 0, stride }, u, Plane { offset: v, stride: chroma }],
            )
        }
        // A JPEG has no planes; the check below refuses it.
        Encoding::Jpeg => (PixelFormat::I420, Vec::new()),
    };
    let data = Bytes::copy_from_slice(bytes);
    Frame::new(meta, layout.size_px, format, layout.color, &planes, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::domain::examples::frame_meta;

    fn layout(encoding: Encoding, stride: usize) -> Layout {
        Layout { encoding, size_px: (6, 4), stride, color: ColorSpace::Bt601Limited }
    }

    /// Bytes that tell their own place.
    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect()
    }

    #[test]
    fn the_stride_of_the_device_is_believed_even_where_it_is_absurdly_wide() {
        // Seen on a real driver: the stride of the format used before.
        let frame = frame(&layout(Encoding::Nv12, 16), &bytes(16 * 6), frame_meta()).unwrap();
        assert_eq!(frame.row(0, 1), &bytes(96)[16..22]);
        assert_eq!(frame.row(1, 1), &bytes(96)[80..86]);
    }

    #[test]
    fn a_driver_that_tells_no_stride_packs_its_rows() {
        let yuyv = frame(&layout(Encoding::Yuyv, 0), &bytes(48), frame_meta()).unwrap();
        assert_eq!(yuyv.row(0, 3), &bytes(48)[36..48]);
        let i420 = frame(&layout(Encoding::I420, 0), &bytes(36), frame_meta()).unwrap();
        assert_eq!(i420.row(1, 1), &bytes(36)[27..30]);
        assert_eq!(i420.row(2, 0), &bytes(36)[30..33]);
    }

    #[test]
    fn a_picture_that_stops_early_is_refused() {
        for (encoding, whole) in [(Encoding::Nv12, 36), (Encoding::Yuyv, 48), (Encoding::I420, 36)]
        {
            assert!(frame(&layout(encoding, 0), &bytes(whole), frame_meta()).is_ok());
            assert!(frame(&layout(encoding, 0), &bytes(whole - 1), frame_meta()).is_err());
            assert!(frame(&layout(encoding, 0), &[], frame_meta()).is_err());
            assert!(frame(&layout(encoding, usize::MAX), &bytes(whole), frame_meta()).is_err());
        }
        assert!(frame(&layout(Encoding::Jpeg, 0), &bytes(48), frame_meta()).is_err());
    }
}
