//! Which of a device's formats is used. Pure.
//!
//! Raw pictures at small sizes: no decoding, no artefacts. JPEG at large ones,
//! where USB 2 carries raw pictures at a few frames a second only (1080p YUYV:
//! 5 fps). A size that is offered exactly goes before the kinder format.

/// What the pictures of a device are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Nv12,
    Yuyv,
    I420,
    Jpeg,
}

impl Encoding {
    /// The encoding behind a four character code of <linux/videodev2.h>.
    pub(super) fn of(fourcc: [u8; 4]) -> Option<Self> {
        match &fourcc {
            b"NV12" => Some(Self::Nv12),
            b"YUYV" => Some(Self::Yuyv),
            b"YU12" => Some(Self::I420),
            b"MJPG" | b"JPEG" => Some(Self::Jpeg),
            _ => None,
        }
    }

    /// Smaller is better.
    fn rank(self, is_small: bool) -> u8 {
        match (self, is_small) {
            (Self::Nv12, true) | (Self::Jpeg, false) => 0,
            (Self::I420, true) | (Self::Nv12, false) => 1,
            (Self::Yuyv, true) | (Self::I420, false) => 2,
            (Self::Jpeg, true) | (Self::Yuyv, false) => 3,
        }
    }
}

/// Sizes that a device offers for a format, in pixels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sizes {
    One(u32, u32),
    Range { least: (u32, u32), most: (u32, u32), step: (u32, u32) },
}

/// One pixel format of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offer {
    pub fourcc: [u8; 4],
    /// Empty when the device does not tell.
    pub sizes: Vec<Sizes>,
}

/// What to ask the device for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub fourcc: [u8; 4],
    pub size_px: (u32, u32),
}

/// Up to this many pixels raw pictures pass USB 2 at 25 fps and more.
const SMALL_PX: u64 = 640 * 480;

/// Without a requested size. More pixels than the detector uses, enough for a
/// snapshot.
const SIZE_DEFAULT_PX: (u32, u32) = (1280, 720);

/// The best of `offers` for the wanted size; `None` when none can be read.
pub(super) fn choose(offers: &[Offer], wanted: Option<(u32, u32)>) -> Option<Choice> {
    let wanted = wanted.unwrap_or(SIZE_DEFAULT_PX);
    let is_small = pixels(wanted) <= SMALL_PX;
    offers
        .iter()
        .filter_map(|offer| {
            let encoding = Encoding::of(offer.fourcc)?;
            let size_px = nearest(&offer.sizes, wanted);
            let misfit = pixels(size_px).abs_diff(pixels(wanted));
            let choice = Choice { fourcc: offer.fourcc, size_px };
            Some(((misfit, encoding.rank(is_small)), choice))
        })
        .min_by_key(|(misfit_and_rank, _)| *misfit_and_rank)
        .map(|(_, choice)| choice)
}

fn nearest(sizes: &[Sizes], wanted: (u32, u32)) -> (u32, u32) {
    sizes
        .iter()
        .map(|sizes| match *sizes {
            Sizes::One(width, height) => (width, height),
            Sizes::Range { least, most, step } => (
                on_grid(wanted.0, least.0, most.0, step.0),
                on_grid(wanted.1, least.1, most.1, step.1),
            ),
        })
        .min_by_key(|size| (pixels(*size).abs_diff(pixels(wanted)), size.0.abs_diff(wanted.0)))
        .unwrap_or(wanted)
}

/// The value on the grid from `least` in `step`s that is nearest below `wanted`.
fn on_grid(wanted: u32, least: u32, most: u32, step: u32) -> u32 {
    let value = wanted.min(most).max(least);
    least + (value - least) / step.max(1) * step.max(1)
}

fn pixels((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(fourcc: &[u8; 4], sizes: &[(u32, u32)]) -> Offer {
        let sizes = sizes.iter().map(|size| Sizes::One(size.0, size.1)).collect();
        Offer { fourcc: *fourcc, sizes }
    }

    /// A common webcam: raw up to VGA and slowly at HD, JPEG at all sizes.
    fn webcam() -> Vec<Offer> {
        let all = [(320, 240), (640, 480), (1280, 720), (1920, 1080)];
        vec![offer(b"MJPG", &all), offer(b"YUYV", &all)]
    }

    fn chosen(offers: &[Offer], wanted: Option<(u32, u32)>) -> ([u8; 4], (u32, u32)) {
        let choice = choose(offers, wanted).unwrap();
        (choice.fourcc, choice.size_px)
    }

    #[test]
    fn small_pictures_are_taken_raw_and_large_ones_as_jpeg() {
        assert_eq!(chosen(&webcam(), Some((640, 480))), (*b"YUYV", (640, 480)));
        assert_eq!(chosen(&webcam(), Some((1920, 1080))), (*b"MJPG", (1920, 1080)));
        assert_eq!(chosen(&webcam(), None), (*b"MJPG", (1280, 720)));
    }

    #[test]
    fn jpeg_is_used_at_any_size_when_there_is_nothing_else() {
        let offers = [offer(b"H264", &[(640, 480)]), offer(b"MJPG", &[(640, 480)])];
        assert_eq!(chosen(&offers, Some((640, 480))), (*b"MJPG", (640, 480)));
    }

    #[test]
    fn an_exact_size_goes_before_the_kinder_format() {
        let offers = [offer(b"NV12", &[(320, 240)]), offer(b"MJPG", &[(640, 480)])];
        assert_eq!(chosen(&offers, Some((640, 480))), (*b"MJPG", (640, 480)));
    }

    #[test]
    fn a_range_of_sizes_is_met_on_its_grid() {
        let range = Sizes::Range { least: (16, 16), most: (1000, 1000), step: (16, 8) };
        let offers = [Offer { fourcc: *b"NV12", sizes: vec![range] }];
        assert_eq!(chosen(&offers, Some((650, 485))), (*b"NV12", (640, 480)));
        assert_eq!(chosen(&offers, Some((4000, 3000))), (*b"NV12", (992, 1000)));
    }

    #[test]
    fn a_range_without_a_step_and_a_device_without_sizes_do_not_panic() {
        let range = Sizes::Range { least: (2, 2), most: (8, 8), step: (0, 0) };
        assert_eq!(nearest(&[range], (5, 5)), (5, 5));
        assert_eq!(nearest(&[], (640, 480)), (640, 480));
    }

    #[test]
    fn a_device_that_offers_nothing_readable_is_not_chosen() {
        assert_eq!(choose(&[offer(b"BA81", &[(640, 480)])], None), None);
    }
}
