//! Why a camera delivers nothing, and what follows from it.

use std::io;
use std::time::Duration;

/// What the supervisor does after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recovery {
    /// Try again soon: a cable, a reboot, a network that comes back.
    Reopen,
    /// Only a person can change it; try again now and then, in case they did.
    /// Slowly, because cameras lock out who guesses passwords.
    NeedsOperator,
}

/// The end of a session that nobody asked for.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// The device or file cannot be opened.
    #[error("cannot open {source_name}")]
    Open {
        /// Device path, address or file.
        source_name: String,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Another program holds the device.
    #[error("{source_name} is in use by another program")]
    Busy {
        /// Device path.
        source_name: String,
    },
    /// There is nothing at this address (connection refused, no route, RTSP 404 of
    /// the server is [`Self::NotFound`]).
    #[error("cannot reach {source_name}: {reason}")]
    Unreachable {
        /// Address, without credentials.
        source_name: String,
        /// The reason in words.
        reason: String,
    },
    /// The camera refuses the credentials (RTSP 401, 403).
    #[error("{source_name} refuses the user name or password")]
    Unauthorized {
        /// Address, without credentials.
        source_name: String,
    },
    /// The camera has no such stream, or the file does not exist (RTSP 404).
    #[error("{source_name} does not exist")]
    NotFound {
        /// Address or file.
        source_name: String,
    },
    /// The camera ended the stream; on a live source that is a loss.
    #[error("the stream of {source_name} ended")]
    Ended {
        /// Address or file.
        source_name: String,
    },
    /// The connection stands but no picture arrives.
    #[error("no frame for {waited:?}")]
    Stalled {
        /// How long.
        waited: Duration,
    },
    /// Pictures in a format that nothing here can read.
    #[error("pictures of {source_name} are not readable: {reason}")]
    Format {
        /// Address or file.
        source_name: String,
        /// The format, or what is wrong with it.
        reason: String,
    },
    /// A part of the operating system that this driver needs is missing.
    #[error("{what} is missing on this system")]
    MissingPart {
        /// The part, and the package that holds it.
        what: String,
    },
    /// Nobody wants a session with this camera: it was disconnected on request, or
    /// it waits for the first client.
    #[error("{source_name} is not connected; a client or autoconnect connects it")]
    Released {
        /// Address or device.
        source_name: String,
    },
    /// The board's decoder does not work with this camera; the next session does
    /// without it.
    #[error("the decoder {element} fails: {reason}")]
    Decoder {
        /// GStreamer's name of it.
        element: String,
        /// How it shows.
        reason: String,
    },
    /// The driver failed in another way.
    #[error("{0}")]
    Driver(String),
}

impl CaptureError {
    /// What the supervisor does next.
    pub fn recovery(&self) -> Recovery {
        match self {
            Self::Open { source, .. } => match source.kind() {
                io::ErrorKind::PermissionDenied => Recovery::NeedsOperator,
                _ => Recovery::Reopen,
            },
            Self::Busy { .. }
            | Self::Unreachable { .. }
            | Self::Ended { .. }
            | Self::Stalled { .. }
            | Self::Released { .. }
            | Self::Decoder { .. }
            | Self::Driver(_) => Recovery::Reopen,
            Self::Unauthorized { .. }
            | Self::NotFound { .. }
            | Self::Format { .. }
            | Self::MissingPart { .. } => Recovery::NeedsOperator,
        }
    }

    /// What a person should do about it, in one sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Open { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                "give the daemon's user access to the device (group video)"
            }
            Self::Open { .. } => "check that the device is plugged in",
            Self::Busy { .. } => "end the other program that uses the device",
            Self::Unreachable { .. } => "check the camera's power, cable and address",
            Self::Unauthorized { .. } => "correct username and password of this camera",
            Self::NotFound { .. } => "correct the source of this camera",
            Self::Ended { .. } | Self::Stalled { .. } => {
                "nothing to do if the camera restarts; otherwise check its power and network"
            }
            Self::Format { .. } => "choose another stream or format on the camera, or another file",
            Self::MissingPart { .. } => "install the named package",
            Self::Released { .. } => "nothing to do; connect the camera to see its pictures",
            Self::Decoder { .. } => "nothing to do; software decodes this camera now",
            Self::Driver(_) => "see the log for details",
        }
    }

    /// Whether anything is wrong at all.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Released { .. })
    }

    /// The failure and its cause in one line, for people.
    pub fn in_words(&self) -> String {
        match self {
            Self::Open { source, .. } => format!("{self}: {source}"),
            _ => self.to_string(),
        }
    }

    /// Code for the camera SDK event stream: the SDK's generic error 0x8001, or
    /// its communication codes where they fit (contract section 2, connect codes).
    pub fn sdk_code(&self) -> u32 {
        match self {
            Self::Unreachable { .. }
            | Self::Ended { .. }
            | Self::Open { .. }
            | Self::Busy { .. } => 0x8201,
            Self::Stalled { .. } => 0x8204,
            Self::Released { .. } => 0,
            Self::Unauthorized { .. } => 0x8208,
            Self::NotFound { .. }
            | Self::Format { .. }
            | Self::MissingPart { .. }
            | Self::Decoder { .. }
            | Self::Driver(_) => 0x8001,
        }
    }
}
