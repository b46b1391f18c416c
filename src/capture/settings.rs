//! Settings of one camera's capture.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{CameraId, Secret};

/// Which driver a camera uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// GStreamer: RTSP, files, test pattern.
    Gst,
    /// A V4L2 device, read directly.
    V4l2,
    /// A scripted camera.
    Sim,
}

/// How RTSP carries its packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RtspTransport {
    /// Interleaved in the control connection: passes firewalls, loses nothing.
    #[default]
    Tcp,
    /// Datagrams: lower delay, losses show as smears.
    Udp,
}

/// What a simulated camera does wrong, on request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SimFault {
    /// Stops delivering frames after this many, without an error.
    StallAfter(u64),
    /// Loses its connection after this many frames.
    DisconnectAfter(u64),
    /// Delivers the same picture again after this many frames (a frozen encoder).
    FreezeAfter(u64),
    /// Delivers noise after this many frames.
    CorruptAfter(u64),
}

/// Where pictures come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// `rtsp://host[:port]/path`, never with credentials.
    Rtsp(String),
    /// A video file, played in a loop at its own pace.
    File(PathBuf),
    /// The footage that comes with the program.
    Footage,
    /// A moving test pattern.
    TestPattern,
    /// `/dev/videoN`.
    Device(PathBuf),
    /// A scripted scene: a bright object moves over a dark ground.
    Script(Vec<SimFault>),
}

/// Settings of one camera's capture. Two equal values need no restart.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraSettings {
    /// Stable id.
    pub id: CameraId,
    /// Name for people; the id when none is given.
    pub name: String,
    /// Driver.
    pub driver: DriverKind,
    /// Source.
    pub source: Source,
    /// RTSP user name, if the camera wants one.
    pub username: Option<String>,
    /// RTSP password.
    pub password: Option<Secret>,
    /// RTSP transport.
    pub transport: RtspTransport,
    /// Requested size for devices that offer several, in pixels.
    pub size_px: Option<(u32, u32)>,
    /// Requested frames per second for devices and test pictures.
    pub fps: Option<u32>,
    /// A live source without a frame for this long is lost and opened again.
    pub stall_timeout: Duration,
}
