//! Opening a device, and what the system's errors mean for it.

use std::io;
use std::path::Path;

use v4l::capability::Flags;
use v4l::format::FourCC;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture as _;

use super::super::CaptureError;
use super::choose::{Offer, Sizes};

/// Error numbers of Linux, <asm-generic/errno-base.h>.
const EBUSY: i32 = 16;
const ENODEV: i32 = 19;

/// Most formats and sizes that are looked at: more than any camera has, and an
/// end for a device that never stops telling.
const OFFERS_MAX: usize = 64;

/// How a device delivers pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// All planes in one buffer.
    SinglePlanar,
    /// A buffer per plane: image processors of phones and single-board computers.
    MultiPlanar,
    /// Metadata, output or something else.
    NoCamera,
}

impl Kind {
    pub(super) fn of(capabilities: Flags) -> Self {
        if capabilities.contains(Flags::VIDEO_CAPTURE) {
            Self::SinglePlanar
        } else if capabilities.contains(Flags::VIDEO_CAPTURE_MPLANE) {
            Self::MultiPlanar
        } else {
            Self::NoCamera
        }
    }
}

/// An open device.
pub(super) struct Opened {
    device: v4l::Device,
    capabilities: v4l::Capabilities,
    name: String,
}

impl Opened {
    pub(super) fn open(path: &Path) -> Result<Self, CaptureError> {
        let name = path.display().to_string();
        let device = v4l::Device::with_path(path).map_err(|error| failure(&name, error))?;
        let capabilities = device.query_caps().map_err(|error| failure(&name, error))?;
        Ok(Self { device, capabilities, name })
    }

    pub(super) fn device(&self) -> &v4l::Device {
        &self.device
    }

    /// Path, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// What the device calls itself.
    pub(super) fn card(&self) -> &str {
        &self.capabilities.card
    }

    /// Name of its kernel driver.
    pub(super) fn kernel_driver(&self) -> &str {
        &self.capabilities.driver
    }

    pub(super) fn kind(&self) -> Kind {
        Kind::of(self.capabilities.capabilities)
    }

    /// Pixel formats and sizes.
    pub(super) fn offers(&self) -> Result<Vec<Offer>, CaptureError> {
        let formats = self.device.enum_formats().map_err(|error| self.failure(error))?;
        let offer = |fourcc: FourCC| Offer { fourcc: fourcc.repr, sizes: self.sizes(fourcc) };
        Ok(formats.into_iter().take(OFFERS_MAX).map(|format| offer(format.fourcc)).collect())
    }

    /// The failure behind the system's error on this device.
    pub(super) fn failure(&self, error: io::Error) -> CaptureError {
        failure(&self.name, error)
    }

    /// Drivers that tell no sizes take what they are asked for.
    fn sizes(&self, fourcc: FourCC) -> Vec<Sizes> {
        let known = self.device.enum_framesizes(fourcc).unwrap_or_default();
        let sizes = |size| match size {
            FrameSizeEnum::Discrete(one) => Sizes::One(one.width, one.height),
            FrameSizeEnum::Stepwise(range) => Sizes::Range {
                least: (range.min_width, range.min_height),
                most: (range.max_width, range.max_height),
                step: (range.step_width, range.step_height),
            },
        };
        known.into_iter().take(OFFERS_MAX).map(|known| sizes(known.size)).collect()
    }
}

/// The failure behind a system's error on the device `name`.
pub(super) fn failure(name: &str, error: io::Error) -> CaptureError {
    let source_name = name.to_owned();
    match error.raw_os_error() {
        Some(EBUSY) => CaptureError::Busy { source_name },
        Some(ENODEV) => CaptureError::Ended { source_name },
        _ => CaptureError::Open { source_name, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Recovery;

    #[test]
    fn unplugged_busy_and_forbidden_devices_are_told_apart() {
        let failure = |number| failure("/dev/video0", io::Error::from_raw_os_error(number));
        assert!(matches!(failure(ENODEV), CaptureError::Ended { .. }));
        assert_eq!(failure(EBUSY).to_string(), "/dev/video0 is in use by another program");
        let forbidden = failure(13);
        assert_eq!(forbidden.recovery(), Recovery::NeedsOperator);
        assert!(forbidden.next_step().contains("group video"));
        assert_eq!(failure(2).recovery(), Recovery::Reopen);
    }

    #[test]
    fn multi_planar_devices_are_recognized_by_their_capability() {
        assert_eq!(Kind::of(Flags::VIDEO_CAPTURE | Flags::STREAMING), Kind::SinglePlanar);
        assert_eq!(Kind::of(Flags::VIDEO_CAPTURE_MPLANE | Flags::STREAMING), Kind::MultiPlanar);
        assert_eq!(Kind::of(Flags::META_CAPTURE | Flags::STREAMING), Kind::NoCamera);
    }

    #[test]
    fn a_device_that_is_not_there_and_a_file_that_is_none_are_errors() {
        let missing = Opened::open(Path::new("/dev/video-none")).err();
        assert!(matches!(missing, Some(CaptureError::Open { .. })), "{missing:?}");
        assert!(Opened::open(Path::new("/dev/null")).is_err());
    }
}
