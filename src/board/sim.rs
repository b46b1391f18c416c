//! Simulated GPIO: a folder with a file for each line, which holds `1` or `0` as
//! a meter on the line would show it. A test, or a person, writes inputs and reads
//! outputs; a missing file is a line that nothing pulls, at its inactive level.

use std::fs;
use std::path::PathBuf;

use super::{Input, LineError, Lines, Output, Pin};

/// The lines in one folder.
#[derive(Clone, Debug)]
pub struct SimLines {
    folder: PathBuf,
}

impl SimLines {
    /// Lines as files in `folder`, which must be there.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn line(&self, pin: &Pin, is_active_low: bool) -> Result<SimLine, LineError> {
        let name = pin.to_string();
        if name.contains('/') || name.starts_with('.') {
            return Err(LineError::Unknown(pin.clone()));
        }
        Ok(SimLine { pin: pin.clone(), path: self.folder.join(name), is_active_low })
    }
}

impl Lines for SimLines {
    fn input(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Input>, LineError> {
        Ok(Box::new(self.line(pin, is_active_low)?))
    }

    fn output(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Output>, LineError> {
        let mut line = self.line(pin, is_active_low)?;
        line.write(false)?;
        Ok(Box::new(SimSwitch(line)))
    }
}

struct SimLine {
    pin: Pin,
    path: PathBuf,
    is_active_low: bool,
}

impl SimLine {
    fn write(&mut self, is_on: bool) -> Result<(), LineError> {
        let level = if is_on != self.is_active_low { "1" } else { "0" };
        fs::write(&self.path, level).map_err(|reason| LineError::Refused {
            pin: self.pin.clone(),
            reason: reason.to_string(),
        })
    }
}

impl Input for SimLine {
    fn is_on(&mut self) -> Result<bool, LineError> {
        let text = fs::read_to_string(&self.path).unwrap_or_default();
        Ok(match text.trim() {
            "" => false,
            level => (level == "1") != self.is_active_low,
        })
    }
}

struct SimSwitch(SimLine);

impl Output for SimSwitch {
    fn set(&mut self, is_on: bool) -> Result<(), LineError> {
        self.0.write(is_on)
    }
}

impl Drop for SimSwitch {
    fn drop(&mut self) {
        let _ = self.0.write(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_is_off_when_taken_and_when_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let lines = SimLines::new(folder.path().to_owned());
        let level = |pin: &str| fs::read_to_string(folder.path().join(pin)).unwrap();
        for (is_active_low, on, off) in [(false, "1", "0"), (true, "0", "1")] {
            let mut siren = lines.output(&Pin::Line(23), is_active_low).unwrap();
            assert_eq!(level("23"), off);
            siren.set(true).unwrap();
            assert_eq!(level("23"), on);
            drop(siren);
            assert_eq!(level("23"), off);
        }
    }

    #[test]
    fn a_line_that_nothing_drives_reads_off() {
        let folder = tempfile::tempdir().unwrap();
        let lines = SimLines::new(folder.path().to_owned());
        for is_active_low in [false, true] {
            assert!(!lines.input(&Pin::Line(4), is_active_low).unwrap().is_on().unwrap());
        }
        fs::write(folder.path().join("4"), "1\n").unwrap();
        assert!(lines.input(&Pin::Line(4), false).unwrap().is_on().unwrap());
        assert!(!lines.input(&Pin::Line(4), true).unwrap().is_on().unwrap());
    }

    #[test]
    fn a_name_does_not_lead_out_of_the_folder() {
        let lines = SimLines::new("/tmp".into());
        assert!(lines.input(&Pin::Name("../etc/passwd".to_owned()), false).is_err());
        assert!(lines.output(&Pin::Name("..".to_owned()), false).is_err());
    }
}
