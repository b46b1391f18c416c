//! GPIO of a Raspberry Pi through its registers.
//!
//! Lines are the numbers after `GPIO` (BCM). A line goes back to what it was when
//! it is dropped; an output is switched off first.

use rppal::gpio::{Gpio, InputPin, Level, OutputPin};

use super::{Input, LineError, Lines, Output, Pin};

/// The lines of this Raspberry Pi.
pub struct RpiLines;

impl Lines for RpiLines {
    fn input(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Input>, LineError> {
        let taken = take(pin)?;
        let line =
            if is_active_low { taken.into_input_pullup() } else { taken.into_input_pulldown() };
        Ok(Box::new(Reading { line, on: level(true, is_active_low) }))
    }

    fn output(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Output>, LineError> {
        let taken = take(pin)?;
        let line = if is_active_low { taken.into_output_high() } else { taken.into_output_low() };
        Ok(Box::new(Switch { line, is_active_low }))
    }
}

fn take(pin: &Pin) -> Result<rppal::gpio::Pin, LineError> {
    let number = number(pin).ok_or_else(|| LineError::Unknown(pin.clone()))?;
    let refused = |reason: rppal::gpio::Error| LineError::Refused {
        pin: pin.clone(),
        reason: reason.to_string(),
    };
    Gpio::new().map_err(refused)?.get(number).map_err(refused)
}

/// The number of `17` and of `GPIO17`.
fn number(pin: &Pin) -> Option<u8> {
    match pin {
        Pin::Line(line) => u8::try_from(*line).ok(),
        Pin::Name(name) => name.strip_prefix("GPIO")?.parse().ok(),
        Pin::Of { .. } => None,
    }
}

fn level(is_on: bool, is_active_low: bool) -> Level {
    if is_on != is_active_low { Level::High } else { Level::Low }
}

struct Reading {
    line: InputPin,
    on: Level,
}

impl Input for Reading {
    fn is_on(&mut self) -> Result<bool, LineError> {
        Ok(self.line.read() == self.on)
    }
}

struct Switch {
    line: OutputPin,
    is_active_low: bool,
}

impl Output for Switch {
    fn set(&mut self, is_on: bool) -> Result<(), LineError> {
        self.line.write(level(is_on, self.is_active_low));
        Ok(())
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        self.line.write(level(false, self.is_active_low));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_have_the_numbers_of_the_broadcom_chip() {
        let number = |text: &str| super::number(&text.parse().unwrap());
        assert_eq!(
            [number("17"), number("GPIO17"), number("GPIO4")],
            [Some(17), Some(17), Some(4)]
        );
        assert_eq!([number("300"), number("PAC.06"), number("gpio3:17")], [None, None, None]);
    }

    #[test]
    fn active_low_turns_the_level_round() {
        assert_eq!([level(true, false), level(false, true)], [Level::High; 2]);
        assert_eq!([level(false, false), level(true, true)], [Level::Low; 2]);
    }
}
