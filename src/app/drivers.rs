//! Which driver serves which camera: the one list of concrete drivers.

use std::sync::Arc;

use crate::capture::ptp::PtpCameras;
use crate::capture::{CameraSettings, CaptureError, Driver, DriverFactory, DriverKind, sim};

/// The drivers of this build; PTP cameras live longer than their sessions.
pub fn factory(ptp: PtpCameras) -> DriverFactory {
    Arc::new(move |settings| match settings.driver {
        DriverKind::Gst => gst(settings),
        DriverKind::V4l2 => v4l2(settings),
        DriverKind::Ptp => ptp.driver(settings),
        DriverKind::Sim => Ok(Box::new(sim::SimDriver::new(settings))),
    })
}

#[cfg(feature = "gst")]
fn gst(settings: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    Ok(Box::new(crate::capture::gst::GstDriver::new(settings)?))
}

#[cfg(not(feature = "gst"))]
fn gst(_: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    Err(not_built("GStreamer", "gst"))
}

#[cfg(feature = "v4l2")]
fn v4l2(settings: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    Ok(Box::new(crate::capture::v4l2::V4l2Driver::new(settings)?))
}

#[cfg(not(feature = "v4l2"))]
fn v4l2(_: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    Err(not_built("V4L2", "v4l2"))
}

#[cfg(not(all(feature = "gst", feature = "v4l2")))]
fn not_built(what: &str, feature: &str) -> CaptureError {
    CaptureError::MissingPart {
        what: format!("the {what} driver (this program was built without the feature {feature})"),
    }
}
