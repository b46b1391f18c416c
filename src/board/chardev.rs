//! GPIO through the kernel's character device, on every board
//! (Documentation/userspace-api/gpio/chardev.rst).

use gpiocdev::Request;
use gpiocdev::chip::{Chip, chips};
use gpiocdev::line::{Bias, Value};
use std::path::PathBuf;

use super::{Input, LineError, Lines, Output, Pin};

/// Who holds the line, as `gpioinfo` shows it.
const CONSUMER: &str = "watchpost";

/// The lines of this machine; numbers count on the chip with `label`.
#[derive(Clone, Debug)]
pub struct CharDevLines {
    label: Option<String>,
}

impl CharDevLines {
    /// Lines of this machine. Chips are told apart by their label, because their
    /// numbers change between kernels; without one, numbers count on the first.
    pub fn new(label: Option<String>) -> Self {
        Self { label }
    }

    fn find(&self, pin: &Pin) -> Result<(PathBuf, u32), LineError> {
        let unknown = || LineError::Unknown(pin.clone());
        match pin {
            Pin::Line(line) => Ok((chip(self.label.as_deref()).ok_or_else(unknown)?, *line)),
            Pin::Of { chip: label, line } => Ok((chip(Some(label)).ok_or_else(unknown)?, *line)),
            Pin::Name(name) => {
                let found = gpiocdev::find_named_line(name).ok_or_else(unknown)?;
                Ok((found.chip, found.info.offset))
            }
        }
    }

    fn request(
        &self,
        pin: &Pin,
        is_active_low: bool,
        direct: impl FnOnce(&mut gpiocdev::request::Config),
    ) -> Result<Line, LineError> {
        let (chip, offset) = self.find(pin)?;
        let mut config = gpiocdev::request::Config::default();
        config.on_chip(chip).with_line(offset);
        direct(&mut config);
        if is_active_low {
            config.as_active_low();
        }
        let request = Request::from_config(config).with_consumer(CONSUMER).request();
        let request = request.map_err(|reason| refused(pin, reason))?;
        Ok(Line { pin: pin.clone(), offset, request })
    }
}

impl Lines for CharDevLines {
    fn input(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Input>, LineError> {
        let bias = if is_active_low { Bias::PullUp } else { Bias::PullDown };
        let line = self.request(pin, is_active_low, |config| {
            config.as_input().with_bias(bias);
        });
        // Some chips cannot pull; the wiring must then.
        let line = line.or_else(|_| {
            self.request(pin, is_active_low, |config| {
                config.as_input();
            })
        })?;
        Ok(Box::new(line))
    }

    fn output(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Output>, LineError> {
        let line = self.request(pin, is_active_low, |config| {
            config.as_output(Value::Inactive);
        })?;
        Ok(Box::new(Switch(line)))
    }
}

/// The device of the chip with `label`, or of the first chip.
fn chip(label: Option<&str>) -> Option<PathBuf> {
    let has_label = |path: &PathBuf| {
        let info = Chip::from_path(path).and_then(|chip| chip.info());
        label.is_none_or(|label| info.is_ok_and(|info| info.label == label))
    };
    chips().ok()?.into_iter().find(has_label)
}

fn refused(pin: &Pin, reason: gpiocdev::Error) -> LineError {
    LineError::Refused { pin: pin.clone(), reason: reason.to_string() }
}

struct Line {
    pin: Pin,
    offset: u32,
    request: Request,
}

impl Input for Line {
    fn is_on(&mut self) -> Result<bool, LineError> {
        let value = self.request.value(self.offset);
        value.map(|value| value == Value::Active).map_err(|reason| refused(&self.pin, reason))
    }
}

struct Switch(Line);

impl Output for Switch {
    fn set(&mut self, is_on: bool) -> Result<(), LineError> {
        let value = if is_on { Value::Active } else { Value::Inactive };
        let set = self.0.request.set_value(self.0.offset, value);
        set.map(|_| ()).map_err(|reason| refused(&self.0.pin, reason))
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // The kernel leaves a released line as it was.
        let _ = self.set(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_not_there_is_an_error_that_names_it() {
        let lines = CharDevLines::new(Some("no-such-chip".to_owned()));
        for pin in ["4", "NO_SUCH_LINE_9", "no-such-chip:3"] {
            let pin: Pin = pin.parse().unwrap();
            let error = lines.output(&pin, false).err().map(|error| error.to_string());
            assert_eq!(error, Some(format!("there is no GPIO line {pin} on this board")));
            assert!(lines.input(&pin, true).is_err());
        }
    }
}
