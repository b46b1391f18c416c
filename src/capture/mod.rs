//! Capture: pictures from cameras.
//!
//! Ports: [`Driver`] (code that talks to one kind of camera), [`FrameSink`]
//! (where it puts frames), [`Directory`] (what the rest of the box may know about
//! the cameras) and [`Control`] (what it may ask of them). A driver blocks on a
//! named thread of its own; the supervisor starts it, judges its failures and starts it again. One camera's
//! trouble is never another's.

pub mod control;
mod decoding;
mod directory;
mod encoded;
mod error;
#[cfg(feature = "gst")]
pub mod gst;
mod jpeg;
pub mod ptp;
mod settings;
pub mod sim;
mod sink;
mod stall;
mod supervisor;
#[cfg(any(feature = "gst", feature = "v4l2"))]
mod timeline;
#[cfg(feature = "v4l2")]
pub mod v4l2;

pub use control::{
    Action, CardFile, Choice, Command, ConnectionMode, Control, ControlError, ControlOwner,
    ControlStatus, Controls, Press, PriorityKey, Property, Pull, Rendition, Reply, Setting,
    StillNaming,
};
pub use decoding::{DecoderChoice, Decoding};
pub use directory::{CameraEntry, CameraEvent, Directory};
pub use encoded::EncodedSink;
pub use error::{CaptureError, Recovery};
pub use settings::{
    CameraSettings, DriverKind, PTP_PORT, PtpAddress, RtspTransport, STALL_TIMEOUT_DEFAULT,
    SimFault, Source,
};
pub use sink::{FrameSink, Rest};
pub use stall::{FIRST_FRAMES_TIMEOUT, StallTimer};
pub use supervisor::{Cameras, CaptureContext, DriverFactory, TapFactory};

use crate::rt::Stop;

/// One camera. `run` owns the device until it fails or `stop` is set.
///
/// Frames go to `frames`, which never blocks the driver: when a reader is
/// behind, the oldest waiting frame is dropped and counted.
pub trait Driver: Send {
    /// Delivers frames until `stop` is set (`Ok`) or the camera is lost (`Err`).
    ///
    /// # Errors
    /// Whatever ends the session; [`CaptureError::recovery`] says what then.
    fn run(&mut self, frames: &FrameSink, stop: &Stop) -> Result<(), CaptureError>;
}
