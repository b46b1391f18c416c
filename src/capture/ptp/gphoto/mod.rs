//! libgphoto2, safely: one camera, its events, its settings, its files.
//!
//! Everything that is `unsafe` is in files called `sys.rs`; what leaves this
//! folder are Rust values that own their bytes, bounded by the constants below. A
//! camera stays on the thread that opened it. Loading camera libraries is not safe
//! on several threads at once (libltdl), so opening and closing take turns; calls
//! on open cameras do not.
//!
//! The library's own limit for one answer of a PTP/IP camera is 2.5 s, so no call
//! hangs for ever: a stalled camera ends the call with an error.

mod camera;
mod config;
mod descriptors;
mod enumerate;
mod sys;

pub(in crate::capture) use camera::{FileName, GpCamera, GpEvent};
pub(in crate::capture) use config::{Value, Widget, WidgetKind};

/// The package that holds the library on Debian.
pub(in crate::capture) const PACKAGE: &str = "libgphoto2-6";

/// Longest text that is taken over from the library, bytes.
const TEXT_MAX: usize = 1024;

/// Largest live-view picture, bytes; cameras send 30 to 300 kB.
const PREVIEW_BYTES_MAX: usize = 8 * 1024 * 1024;

/// Most settings, and most choices of one, that are looked at.
const WIDGETS_MAX: usize = 1024;
const CHOICES_MAX: usize = 512;

/// What the library's numbers mean (`gphoto2-port-result.h`, `gphoto2-result.h`).
const GENERIC: i32 = -1;
const BAD_PARAMETERS: i32 = -2;
const UNKNOWN_PORT: i32 = -5;
const NOT_SUPPORTED: i32 = -6;
const IO: i32 = -7;
const TIMEOUT: i32 = -10;
const IO_WRITE: i32 = -35;
const USB_FIND: i32 = -52;
const USB_CLAIM: i32 = -53;
const CAMERA_BUSY: i32 = -110;

/// The library, or the camera through it, refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{words}")]
pub(in crate::capture) struct GpError {
    code: i32,
    words: String,
}

impl GpError {
    /// The device is gone beyond doubt: no second look is needed.
    pub(in crate::capture) fn is_loss(&self) -> bool {
        matches!(self.code, IO | TIMEOUT | USB_FIND)
    }

    /// Could be a loss and could be one odd answer: the second one in a row is a
    /// loss. A peer that resets its connection shows as -1 first.
    pub(in crate::capture) fn is_suspicious(&self) -> bool {
        self.code == GENERIC
    }

    /// The camera has no such setting, or not this value of it.
    pub(in crate::capture) fn is_unsupported(&self) -> bool {
        matches!(self.code, NOT_SUPPORTED | BAD_PARAMETERS)
    }

    /// Another program holds the device.
    pub(in crate::capture) fn is_claimed(&self) -> bool {
        self.code == USB_CLAIM
    }

    /// The camera is at work and asks to be left alone for a moment.
    pub(in crate::capture) fn is_busy(&self) -> bool {
        self.code == CAMERA_BUSY
    }

    /// There is no device at the port that was opened. The USB port of libgphoto2
    /// calls that "bad parameters": it opens what it has not found.
    fn is_absence(&self) -> bool {
        matches!(self.code, BAD_PARAMETERS | UNKNOWN_PORT | USB_FIND)
    }

    /// Our own file refused the bytes.
    pub(in crate::capture) fn is_disk(&self) -> bool {
        self.code == IO_WRITE
    }

    /// Nobody answers at the camera's place.
    pub(in crate::capture) fn away(words: impl Into<String>) -> Self {
        Self { code: IO, words: words.into() }
    }

    /// An answer of the camera that cannot be.
    fn absurd(words: impl Into<String>) -> Self {
        Self { code: NOT_SUPPORTED, words: words.into() }
    }
}

/// Why there is no camera to talk to.
#[derive(Debug)]
pub(in crate::capture) enum OpenError {
    /// The library is not installed; the system's reason.
    NoLibrary(String),
    /// No camera with this serial number is attached.
    NotAttached,
    /// The library or the camera refused.
    Refused(GpError),
}

impl From<GpError> for OpenError {
    fn from(error: GpError) -> Self {
        Self::Refused(error)
    }
}

/// The library's text, shortened and without control characters.
fn tidy(bytes: &[u8]) -> String {
    let bytes = &bytes[..bytes.len().min(TEXT_MAX)];
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect()
}
