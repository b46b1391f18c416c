//! One camera that the library has a session with.

mod sys;

use std::ffi::{CString, c_int};
use std::fs::File;
use std::time::Duration;

use self::sys::{RawCamera, RawEvent};
use super::descriptors::close_strays;
use super::{GpError, OpenError, TEXT_MAX, Value, Widget, config, enumerate};
use crate::capture::PtpAddress;
use crate::rt::Stop;

pub(super) use self::sys::{Context, List, RawCamera as Raw, text, turn};

/// `CameraFileType` (`gphoto2-file.h`).
const FILE_NORMAL: c_int = 1;

/// What a camera told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) enum GpEvent {
    /// Nothing within the time.
    Nothing,
    /// A property changed: its PTP code, and its value in the library's words.
    Property(u16, Option<String>),
    /// An event of PTP that the library does not treat: its code.
    Ptp(u16),
    /// A file that the camera has taken and the library has fetched already.
    File(FileName),
    /// A capture is over.
    CaptureComplete,
}

/// A file as the library names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::capture) struct FileName {
    /// Folder, beginning with `/`.
    pub folder: String,
    /// Name in it.
    pub name: String,
}

/// One open camera. Ends the session when it is dropped.
pub(in crate::capture) struct GpCamera {
    raw: RawCamera,
    /// USB only: where the camera was found.
    found_at: Option<String>,
}

impl GpCamera {
    /// Begins a session. `stop` gives up long calls; `hint` is where a USB camera
    /// was found the last time.
    pub(in crate::capture) fn open(
        port: &PtpAddress,
        hint: Option<&str>,
        stop: &Stop,
    ) -> Result<Self, OpenError> {
        let api = super::sys::Api::get().map_err(OpenError::NoLibrary)?;
        let context = Context::new(api, stop)?;
        let _turn = turn();
        let place = enumerate::find(&context, port, hint)?;
        let raw = enumerate::open(context, &place).inspect_err(|_| {
            if let PtpAddress::Ip(camera) = port {
                close_strays(*camera);
            }
        })?;
        Ok(Self { raw, found_at: place.found_at() })
    }

    /// Where the camera was found, to look there first the next time.
    pub(in crate::capture) fn found_at(&self) -> Option<&str> {
        self.found_at.as_deref()
    }

    /// What the camera tells next, within `limit` or a little more.
    pub(in crate::capture) fn wait(&mut self, limit: Duration) -> Result<GpEvent, GpError> {
        let limit_ms = c_int::try_from(limit.as_millis()).unwrap_or(c_int::MAX);
        Ok(match self.raw.wait(limit_ms)? {
            RawEvent::Nothing => GpEvent::Nothing,
            RawEvent::CaptureComplete => GpEvent::CaptureComplete,
            RawEvent::File { folder, name } => GpEvent::File(FileName { folder, name }),
            RawEvent::Text(words) => read(&words),
        })
    }

    /// The live picture, a JPEG.
    pub(in crate::capture) fn preview(&mut self) -> Result<Vec<u8>, GpError> {
        self.raw.preview()
    }

    /// Writes a file that the camera told of to `target`.
    pub(in crate::capture) fn fetch(
        &mut self,
        file: &FileName,
        target: File,
    ) -> Result<(), GpError> {
        let (folder, name) = (c_text(&file.folder)?, c_text(&file.name)?);
        self.raw.fetch(&folder, &name, FILE_NORMAL, target)
    }

    /// Lets go of what the library keeps of fetched files.
    pub(in crate::capture) fn forget_files(&mut self) {
        self.raw.forget_files();
    }

    /// All settings.
    pub(in crate::capture) fn settings(&mut self) -> Result<Vec<Widget>, GpError> {
        config::read(&mut self.raw)
    }

    /// Sets one.
    pub(in crate::capture) fn set(&mut self, name: &str, value: &Value) -> Result<(), GpError> {
        config::set(&mut self.raw, name, value)
    }
}

fn c_text(text: &str) -> Result<CString, GpError> {
    if text.len() > TEXT_MAX {
        return Err(GpError::absurd("a name that is too long"));
    }
    CString::new(text).map_err(|_| GpError::absurd("a name with a zero in it"))
}

/// The library describes events in words: `PTP Property d21e changed, "iso" to
/// "800"`, `PTP Event c201, Param1 ffffc001` (`library.c`, `handleregular`).
fn read(words: &str) -> GpEvent {
    let code = |rest: &str| {
        let digits = rest.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    if let Some(rest) = words.strip_prefix("PTP Property ") {
        let value = words.rsplit_once("\" to \"").and_then(|(_, value)| value.strip_suffix('"'));
        return code(rest)
            .map_or(GpEvent::Nothing, |code| GpEvent::Property(code, value.map(str::to_owned)));
    }
    match words.strip_prefix("PTP Event ").and_then(code) {
        Some(code) => GpEvent::Ptp(code),
        None => GpEvent::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_sentences_are_read_and_others_ignored() {
        let iso = "PTP Property d21e changed, \"iso\" to \"800\"";
        assert_eq!(read(iso), GpEvent::Property(0xD21E, Some("800".to_owned())));
        assert_eq!(read("PTP Property d213 changed"), GpEvent::Property(0xD213, None));
        assert_eq!(read("PTP Event c201, Param1 ffffc001"), GpEvent::Ptp(0xC201));
        for odd in ["", "PTP Property", "PTP Property xyz", "PTP Event ä", "Olympus says"] {
            assert_eq!(read(odd), GpEvent::Nothing, "{odd}");
        }
    }

    #[test]
    fn a_value_with_quotes_in_it_is_kept() {
        let words = "PTP Property d217 changed, \"x\" to \"a \" b\"";
        assert_eq!(read(words), GpEvent::Property(0xD217, Some("a \" b".to_owned())));
    }
}
