//! Settings of one camera's capture.

use std::net::SocketAddrV4;
use std::path::PathBuf;
use std::time::Duration;

use super::DecoderChoice;
use super::control::ConnectionMode;
use crate::domain::{CameraId, Secret};

/// Which driver a camera uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverKind {
    /// GStreamer: RTSP, files, test pattern.
    Gst,
    /// A V4L2 device, read directly.
    V4l2,
    /// A still camera that speaks PTP, through libgphoto2.
    Ptp,
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

/// Without a setting of its own, a live source that is silent for this long is
/// lost: with the time to notice and to report it, health names a stalled camera
/// within two seconds.
pub const STALL_TIMEOUT_DEFAULT: Duration = Duration::from_millis(1500);

/// Files have no camera that could stall, but a disk that spins up and a machine
/// that is busy.
const FILE_STALL_TIMEOUT: Duration = Duration::from_secs(10);

/// Port of PTP/IP (CIPA DC-005, section 2.2).
pub const PTP_PORT: u16 = 15740;

/// Where a PTP camera is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PtpAddress {
    /// In the network; libgphoto2 takes IPv4 addresses only, and no names.
    Ip(SocketAddrV4),
    /// Attached: by serial number, or the only one there is.
    Usb(Option<String>),
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
    /// A still camera.
    Ptp(PtpAddress),
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
    /// Whether the board's own decoders may be used for its stream.
    pub decoder: DecoderChoice,
    /// Requested size for devices that offer several, in pixels.
    pub size_px: Option<(u32, u32)>,
    /// Requested frames per second for devices and test pictures.
    pub fps: Option<u32>,
    /// A live source without a frame for this long, or for four of its usual
    /// intervals if that is longer, is lost and opened again. See
    /// [`STALL_TIMEOUT_DEFAULT`].
    pub stall_timeout: Duration,
    /// Files only: readers set the pace. Every picture is delivered as fast as
    /// the taps take it (they may block), and none is dropped.
    pub is_paced: bool,
    /// PTP cameras only: what a session is for that the box begins by itself.
    pub mode: ConnectionMode,
    /// PTP cameras only: begin a session at start, and again whenever it is lost.
    /// Otherwise a client connects the camera.
    pub autoconnect: bool,
}

impl CameraSettings {
    /// Settings with every choice left to the defaults.
    pub fn new(id: CameraId, driver: DriverKind, source: Source) -> Self {
        Self {
            name: id.as_str().to_owned(),
            id,
            driver,
            source,
            username: None,
            password: None,
            transport: RtspTransport::default(),
            decoder: DecoderChoice::default(),
            size_px: None,
            fps: None,
            stall_timeout: STALL_TIMEOUT_DEFAULT,
            is_paced: false,
            mode: ConnectionMode::default(),
            autoconnect: true,
        }
    }

    /// The shortest silence that is a loss for this source.
    pub fn silence_limit(&self) -> Duration {
        match self.source {
            Source::File(_) | Source::Footage => self.stall_timeout.max(FILE_STALL_TIMEOUT),
            _ => self.stall_timeout,
        }
    }
}

impl Source {
    /// Address, file or device for people and logs. Credentials that somebody
    /// wrote into an address are left out.
    pub fn describe(&self) -> String {
        match self {
            Self::Rtsp(url) => without_credentials(url),
            Self::File(path) | Self::Device(path) => path.display().to_string(),
            Self::Footage => "built-in footage".to_owned(),
            Self::TestPattern => "test pattern".to_owned(),
            Self::Ptp(PtpAddress::Ip(address)) => format!("ptpip:{address}"),
            Self::Ptp(PtpAddress::Usb(serial)) => {
                format!("usb:{}", serial.as_deref().unwrap_or_default())
            }
            Self::Script(_) => "simulated scene".to_owned(),
        }
    }

    /// What the camera is called until it tells its own name.
    pub fn model(&self) -> &'static str {
        match self {
            Self::Rtsp(_) => "RTSP stream",
            Self::File(_) => "Video file",
            Self::Footage => "Built-in footage",
            Self::TestPattern => "Test pattern",
            Self::Device(_) => "Video device",
            Self::Ptp(_) => "Still camera",
            Self::Script(_) => "Simulated camera",
        }
    }

    /// The word of the camera SDK contract, which knows two: what does not come
    /// over the network counts as attached.
    pub fn connection_type(&self) -> &'static str {
        match self {
            Self::Rtsp(_) | Self::Ptp(PtpAddress::Ip(_)) => "Network",
            Self::File(_)
            | Self::Footage
            | Self::TestPattern
            | Self::Device(_)
            | Self::Ptp(PtpAddress::Usb(_))
            | Self::Script(_) => "USB",
        }
    }
}

fn without_credentials(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("rtsp", url));
    let authority_end = rest.find(['/', '?']).unwrap_or(rest.len());
    // The last `@`: a password may hold one, a host may not.
    match rest[..authority_end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => format!("{scheme}://{rest}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_an_address_are_not_shown() {
        let shown = |url: &str| Source::Rtsp(url.to_owned()).describe();
        assert_eq!(shown("rtsp://admin:p@ss@10.0.0.7:554/main"), "rtsp://10.0.0.7:554/main");
        assert_eq!(shown("rtsp://10.0.0.7/a@b"), "rtsp://10.0.0.7/a@b");
        assert_eq!(shown("rtsp://host"), "rtsp://host");
    }
}
