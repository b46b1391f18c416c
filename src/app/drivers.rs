//! Which driver serves which camera: the one list of concrete drivers.

use std::sync::Arc;

use crate::board::ProfileDecoders;
use crate::capture::ptp::PtpCameras;
use crate::capture::{CameraSettings, CaptureError, Driver, DriverFactory, DriverKind, sim};

type Opened = Result<Box<dyn Driver>, CaptureError>;

/// The drivers of this build; PTP cameras live longer than their sessions. Streams
/// are decoded by the board's `decoders` where they work.
pub fn factory(ptp: PtpCameras, decoders: ProfileDecoders) -> DriverFactory {
    let gst = gst(decoders);
    Arc::new(move |settings| match settings.driver {
        DriverKind::Gst => gst(settings),
        DriverKind::V4l2 => v4l2(settings),
        DriverKind::Ptp => ptp.driver(settings),
        DriverKind::Sim => Ok(Box::new(sim::SimDriver::new(settings))),
    })
}

#[cfg(feature = "gst")]
fn gst(decoders: ProfileDecoders) -> impl Fn(&CameraSettings) -> Opened {
    use crate::capture::gst::{GstDriver, Hardware, HardwareElements};
    let ProfileDecoders { h264, h265, download } = decoders;
    let hardware = Hardware::new(HardwareElements { h264, h265, download });
    move |settings| Ok(Box::new(GstDriver::new(settings)?.with_hardware(&hardware)))
}

#[cfg(not(feature = "gst"))]
fn gst(_: ProfileDecoders) -> impl Fn(&CameraSettings) -> Opened {
    |_| Err(not_built("GStreamer", "gst"))
}

#[cfg(feature = "v4l2")]
fn v4l2(settings: &CameraSettings) -> Opened {
    Ok(Box::new(crate::capture::v4l2::V4l2Driver::new(settings)?))
}

#[cfg(not(feature = "v4l2"))]
fn v4l2(_: &CameraSettings) -> Opened {
    Err(not_built("V4L2", "v4l2"))
}

#[cfg(not(all(feature = "gst", feature = "v4l2")))]
fn not_built(what: &str, feature: &str) -> CaptureError {
    CaptureError::MissingPart {
        what: format!("the {what} driver (this program was built without the feature {feature})"),
    }
}
