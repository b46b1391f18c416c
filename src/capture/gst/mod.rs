//! Cameras through GStreamer: RTSP, files, the built-in footage, a test pattern,
//! and V4L2 devices that only GStreamer can read.
//!
//! Pipelines are made of typed elements, never of text. A live source hands over
//! its newest picture only (one waits, older ones are dropped and counted); a file
//! hands over every picture. Whoever is silent for too long is lost: GStreamer
//! itself does not notice.

mod decode;
mod duty;
mod elements;
mod encoded;
mod errors;
mod feed;
mod footage;
mod hardware;
mod picture;
mod reach;
mod rtsp;
mod session;
mod sys;

use std::sync::OnceLock;

use gstreamer as gst;
use log::debug;

pub use self::hardware::{Hardware, HardwareElements, is_there};
use self::session::Session;
use super::{CameraSettings, CaptureError, Driver, FrameSink};
use crate::rt::Stop;

/// Loads GStreamer once; later calls return the first outcome. Plug-ins are
/// listed in this process. The list is kept in the file that `GST_REGISTRY` names
/// (the service unit puts it into the state directory); without it the user's
/// cache directory is used, or the list is made anew at each start.
///
/// # Errors
/// When GStreamer cannot be loaded at all.
pub fn init() -> Result<(), CaptureError> {
    static LOADED: OnceLock<Result<(), String>> = OnceLock::new();
    LOADED
        .get_or_init(|| {
            sys::disable_registry_fork();
            gst::init().map_err(|error| error.to_string())?;
            gst::glib::log_set_default_handler(log_quietly);
            Ok(())
        })
        .clone()
        .map_err(|reason| CaptureError::MissingPart {
            what: format!("GStreamer ({reason}; Debian package libgstreamer1.0-0)"),
        })
}

/// GLib's own remarks go to our log instead of standard error. They concern
/// programmers; what concerns people arrives as an error on the bus.
fn log_quietly(domain: Option<&str>, _: gst::glib::LogLevel, message: &str) {
    let library = domain.unwrap_or("GLib");
    debug!(library, message; "A library made a remark.");
}

/// A camera that GStreamer reads.
pub struct GstDriver {
    settings: CameraSettings,
    hardware: Hardware,
}

impl GstDriver {
    /// A driver for these settings; nothing is opened yet.
    ///
    /// # Errors
    /// When GStreamer cannot be loaded.
    pub fn new(settings: &CameraSettings) -> Result<Self, CaptureError> {
        init()?;
        Ok(Self { settings: settings.clone(), hardware: Hardware::default() })
    }

    /// The same driver, with the board's own decoders.
    #[must_use]
    pub fn with_hardware(self, hardware: &Hardware) -> Self {
        Self { hardware: hardware.clone(), ..self }
    }
}

impl Driver for GstDriver {
    fn run(&mut self, frames: &FrameSink, stop: &Stop) -> Result<(), CaptureError> {
        let feed = feed::open(&self.settings, &self.hardware, frames)?;
        Session::new(feed, &self.hardware, frames, stop).run()
    }
}
