//! What the camera tells, and what follows from it.
//!
//! libgphoto2 reports a still first as a file and only then as the event that it
//! was taken, the reverse of the order that clients know; the first sign of a
//! capture therefore becomes the notice, and the later ones are silent.

use std::path::Path;
use std::time::Duration;

use super::super::gphoto::{FileName, GpEvent};
use super::super::properties::FOCUS_FOUND;
use super::super::stills::StillError;
use super::super::{CAPTURED, FILE_ERROR};
use super::Remote;
use crate::capture::{CaptureError, Rest};
use crate::domain::{CameraNotice, DownloadKind};

/// Sony's event "an object is in the camera's memory" (`ptp.h`,
/// `PTP_EC_Sony_ObjectAdded`).
const OBJECT_ADDED: u16 = 0xC201;

/// Longest time for events in one turn, and most of them: a camera that tells of a
/// thousand changes a second still gets its other turns.
const DRAIN: Duration = Duration::from_millis(50);
const DRAIN_EVENTS: usize = 32;

/// Shortest wait that the library takes.
pub(super) const GLANCE: Duration = Duration::from_millis(1);

/// Signs of one capture that come within this time belong together.
const ONE_CAPTURE: Duration = Duration::from_secs(2);

impl Remote<'_> {
    /// Everything that the camera has to tell now.
    pub(super) fn events(&mut self) -> Result<(), CaptureError> {
        let until = self.clock.monotonic() + DRAIN;
        for _ in 0..DRAIN_EVENTS {
            if !self.event(GLANCE)? || self.clock.monotonic() >= until {
                break;
            }
        }
        self.finish_shot();
        Ok(())
    }

    /// Waits for one event; false when there was none.
    pub(super) fn event(&mut self, limit: Duration) -> Result<bool, CaptureError> {
        let event = self.camera.wait(limit);
        match self.judge(event)? {
            None | Some(GpEvent::Nothing) => return Ok(false),
            Some(GpEvent::Property(FOCUS_FOUND, value)) => {
                match value.and_then(|value| value.trim().parse().ok()) {
                    Some(found) => self.focus(found),
                    None => self.stale(),
                }
            }
            Some(GpEvent::Property(..)) => self.stale(),
            Some(GpEvent::Ptp(OBJECT_ADDED) | GpEvent::CaptureComplete) => self.captured(false),
            Some(GpEvent::Ptp(_)) => {}
            Some(GpEvent::File(file)) => self.fetch(&file),
        }
        Ok(true)
    }

    /// A sign that the shutter has fired; `is_file` when it is the file itself.
    pub(super) fn captured(&mut self, is_file: bool) {
        let now = self.clock.monotonic();
        let shot = &mut self.shot;
        let is_same = shot.last_sign.is_some_and(|last| now < last + ONE_CAPTURE);
        let is_known = if is_file { std::mem::take(&mut shot.awaits_file) } else { is_same };
        shot.last_sign = Some(now);
        if is_known {
            return;
        }
        shot.awaits_file = !is_file;
        shot.is_captured = true;
        let message = "Captured_Event".to_owned();
        self.desk.say(CameraNotice::Warning { code: CAPTURED, message });
    }

    /// A still has arrived in the library's memory: to the disk with it.
    fn fetch(&mut self, file: &FileName) {
        self.captured(true);
        self.pause_live(Rest::Brief);
        let kept = self.keep(file);
        self.camera.forget_files();
        self.pause_live(Rest::Awake);
        self.shot.has_file = true;
        self.shot.last_sign = Some(self.clock.monotonic());
        match kept {
            Ok(path) => {
                let (path, kind) = (path.display().to_string(), DownloadKind::Image);
                self.desk.say(CameraNotice::DownloadComplete { path, kind });
            }
            Err(error) => self.fault(FILE_ERROR, error.to_string()),
        }
    }

    fn keep(&mut self, file: &FileName) -> Result<std::path::PathBuf, StillError> {
        let ending = ending(&file.name);
        let part = self.stills.begin(&ending)?;
        if let Err(error) = self.camera.fetch(file, part.writer()?) {
            return Err(match error.is_disk() && self.stills.is_full() {
                true => StillError::Full(part.path().parent().unwrap_or(part.path()).to_owned()),
                // Also when the library promises more bytes than it has.
                false => StillError::Damaged(error.to_string()),
            });
        }
        let frame = match ending.as_str() {
            "JPG" => self.pictures.still(part.path(), self.frames).map_err(StillError::Damaged)?,
            _ => None,
        };
        let path = self.stills.keep(part, &ending)?;
        // On the disk first, then to the detector: the same way as any other frame.
        if let Some(frame) = frame {
            self.frames.push(frame);
        }
        Ok(path)
    }
}

/// The ending of a still's name, as cameras write it.
fn ending(name: &str) -> String {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str()).unwrap_or("JPG");
    let letters: String = ending.chars().filter(char::is_ascii_alphanumeric).take(4).collect();
    if letters.is_empty() { "JPG".to_owned() } else { letters.to_ascii_uppercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_are_those_of_cameras_and_cannot_be_paths() {
        assert_eq!(ending("capt0000.jpg"), "JPG");
        assert_eq!(ending("capt0001.arw"), "ARW");
        assert_eq!(ending("x"), "JPG");
        assert_eq!(ending("x.."), "JPG");
        assert_eq!(ending("x./../y"), "JPG");
    }
}
