//! V4L2 devices, read directly: webcams and single-planar sensors.
//!
//! The device decides about sizes and strides; what it answers is believed, what
//! was asked for is not. Four buffers are mapped; a picture is copied out of its
//! buffer at once, so that a slow reader never starves the device. Damaged
//! pictures are counted and skipped; a device that delivers nothing else is a
//! failure. Multi-planar devices are handed to GStreamer's `v4l2src`, because the
//! `v4l` crate cannot stream from them.

mod choose;
mod device;
mod probe;
mod raw;
mod stream;

pub use probe::{DeviceInfo, list_devices};

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use log::info;

use self::device::{Kind, Opened};
use super::{CameraSettings, CaptureError, Driver, FrameSink, Source};
use crate::rt::Stop;

/// A V4L2 device.
pub struct V4l2Driver {
    settings: CameraSettings,
    path: PathBuf,
}

impl V4l2Driver {
    /// A driver for the device that `settings` name; nothing is opened yet.
    ///
    /// # Errors
    /// When the source is no device.
    pub fn new(settings: &CameraSettings) -> Result<Self, CaptureError> {
        match &settings.source {
            Source::Device(path) => Ok(Self { settings: settings.clone(), path: path.clone() }),
            other => Err(CaptureError::Format {
                source_name: other.describe(),
                reason: "the driver v4l2 reads devices such as /dev/video0".to_owned(),
            }),
        }
    }
}

impl Driver for V4l2Driver {
    fn run(&mut self, frames: &FrameSink, stop: &Stop) -> Result<(), CaptureError> {
        let opened = Opened::open(&self.path)?;
        frames.identify(opened.card());
        match opened.kind() {
            Kind::SinglePlanar => stream::run(&opened, &self.settings, frames, stop),
            Kind::MultiPlanar => {
                // GStreamer opens the device itself.
                drop(opened);
                say_once(&self.path);
                run_multi_planar(&self.settings, frames, stop)
            }
            Kind::NoCamera => Err(CaptureError::Format {
                source_name: self.path.display().to_string(),
                reason: "the device takes no pictures; cameras often have a second node \
                         for metadata, use the other one"
                    .to_owned(),
            }),
        }
    }
}

/// Once per device and run: sessions begin again and again.
fn say_once(path: &Path) {
    static SAID: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned()) {
        info!(device:% = path.display(); "This device is multi-planar; it is read through GStreamer's v4l2src.");
    }
}

#[cfg(feature = "gst")]
fn run_multi_planar(
    settings: &CameraSettings,
    frames: &FrameSink,
    stop: &Stop,
) -> Result<(), CaptureError> {
    super::gst::GstDriver::new(settings)?.run(frames, stop)
}

#[cfg(not(feature = "gst"))]
fn run_multi_planar(
    settings: &CameraSettings,
    _: &FrameSink,
    _: &Stop,
) -> Result<(), CaptureError> {
    Err(CaptureError::MissingPart {
        what: format!(
            "GStreamer, which multi-planar {} needs, (a build with the feature gst)",
            settings.source.describe()
        ),
    })
}
