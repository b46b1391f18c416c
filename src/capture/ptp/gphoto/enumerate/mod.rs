//! Finding a camera: a network address is one already; a USB camera is looked for
//! by its serial number, because its bus number changes with every plug.
//!
//! The serial number is read from the kernel's file tree: asking the cameras for
//! it would open each of them, and disturb those that are in use.

mod sys;

use std::fs;
use std::path::Path;

use super::camera::{Context, Raw};
use super::{GpError, OpenError};
use crate::capture::PtpAddress;

/// Where the kernel describes USB devices.
const USB_DEVICES: &str = "/sys/bus/usb/devices";

/// A camera that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The library's name for the port.
    pub path: String,
    /// The library's name for the model; none for PTP/IP.
    pub model: Option<String>,
}

impl Place {
    /// Where to look first the next time.
    pub(super) fn found_at(&self) -> Option<String> {
        self.model.as_ref().map(|model| format!("{}\n{model}", self.path))
    }

    fn from_hint(hint: &str) -> Option<Self> {
        let (path, model) = hint.split_once('\n')?;
        Some(Self { path: path.to_owned(), model: Some(model.to_owned()) })
    }
}

/// Where the camera is. `hint` is [`Place::found_at`] of the last time.
pub(super) fn find(
    context: &Context,
    port: &PtpAddress,
    hint: Option<&str>,
) -> Result<Place, OpenError> {
    match port {
        // The second number is the port of the event connection, for which the
        // library would take 15740 otherwise.
        PtpAddress::Ip(address) => {
            let path = format!("ptpip:{address}:{}", address.port());
            Ok(Place { path, model: None })
        }
        PtpAddress::Usb(serial) => {
            if let Some(place) = hint.and_then(Place::from_hint) {
                return Ok(place);
            }
            let attached = sys::attached(context)?;
            let (model, path) = choose(attached, serial.as_deref(), Path::new(USB_DEVICES))
                .ok_or(OpenError::NotAttached)?;
            Ok(Place { path, model: Some(model) })
        }
    }
}

/// Opens the camera at `place`.
pub(super) fn open(context: Context, place: &Place) -> Result<Raw, OpenError> {
    sys::open(context, place).map_err(|error| match error {
        OpenError::Refused(error) => refusal(error, place),
        other => other,
    })
}

/// Over USB a camera can be gone since its place was noted.
fn refusal(error: GpError, place: &Place) -> OpenError {
    match place.model {
        Some(_) if error.is_absence() => OpenError::NotAttached,
        _ => OpenError::Refused(error),
    }
}

/// The one with this serial number; without a number the first.
fn choose(
    attached: Vec<(String, String)>,
    serial: Option<&str>,
    devices: &Path,
) -> Option<(String, String)> {
    attached.into_iter().find(|(_, path)| {
        let Some(place) = path.strip_prefix("usb:") else { return false };
        serial.is_none_or(|serial| serial_at(place, devices).as_deref() == Some(serial))
    })
}

/// Serial number of the device at `bus,device`, both in decimal.
fn serial_at(place: &str, devices: &Path) -> Option<String> {
    let (bus, device) = place.split_once(',')?;
    let wanted: (u32, u32) = (bus.parse().ok()?, device.parse().ok()?);
    let number = |path: &Path, file: &str| -> Option<u32> {
        fs::read_to_string(path.join(file)).ok()?.trim().parse().ok()
    };
    fs::read_dir(devices)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .find_map(|path| {
            let is_it = (number(&path, "busnum")?, number(&path, "devnum")?) == wanted;
            is_it.then(|| fs::read_to_string(path.join("serial")).ok()).flatten()
        })
        .map(|serial| serial.trim().to_owned())
}

impl From<OpenError> for GpError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Refused(error) => error,
            OpenError::NoLibrary(words) => Self::absurd(words),
            OpenError::NotAttached => Self::absurd("not attached"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(root: &Path, name: &str, fields: [&str; 3]) {
        let dir = root.join(name);
        fs::create_dir_all(&dir).unwrap();
        for (file, text) in ["busnum", "devnum", "serial"].iter().zip(fields) {
            fs::write(dir.join(file), format!("{text}\n")).unwrap();
        }
    }

    #[test]
    fn a_usb_camera_that_has_gone_is_said_to_be_gone() {
        let at = |model: Option<&str>| {
            let model = model.map(str::to_owned);
            let place = Place { path: "usb:001,004".to_owned(), model };
            let words = "Bad parameters".to_owned();
            refusal(GpError { code: super::super::BAD_PARAMETERS, words }, &place)
        };
        assert!(matches!(at(Some("Sony ZV-E10")), OpenError::NotAttached));
        assert!(matches!(at(None), OpenError::Refused(_)), "a network camera may mean it");
    }

    #[test]
    fn a_usb_camera_is_known_by_its_serial_number_and_not_by_its_place() {
        let root = tempfile::tempdir().unwrap();
        device(root.path(), "1-2", ["1", "4", "D10F60149B0C"]);
        device(root.path(), "2-1", ["2", "4", "C0FFEE"]);
        let attached = || {
            vec![
                ("Mass storage".to_owned(), "disk:/mnt".to_owned()),
                ("Sony Alpha-A7 IV (PC Control)".to_owned(), "usb:001,004".to_owned()),
                ("Sony ZV-E10 (PC Control)".to_owned(), "usb:002,004".to_owned()),
            ]
        };
        let chosen = |serial| choose(attached(), serial, root.path()).map(|(_, path)| path);
        assert_eq!(chosen(Some("C0FFEE")).as_deref(), Some("usb:002,004"));
        assert_eq!(chosen(Some("D10F60149B0C")).as_deref(), Some("usb:001,004"));
        assert_eq!(chosen(Some("other")), None);
        assert_eq!(chosen(None).as_deref(), Some("usb:001,004"));
    }
}
