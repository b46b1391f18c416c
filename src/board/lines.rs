//! The port to GPIO lines: what the appliance reads and switches.
//!
//! An [`Output`] is inactive when it is taken, and again when it is dropped. An
//! [`Input`] is read, not waited for: a line that floats or chatters costs one
//! reading a round, never a storm of interrupts.

use std::fmt;
use std::str::FromStr;

/// Longest name of a line that is accepted; the kernel's have 31 bytes
/// (`GPIO_MAX_NAME_SIZE`), chip and line together twice that.
const NAME_MAX_BYTES: usize = 64;

/// Where a line is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pin {
    /// A line of the chip that serves the board's header; on a Raspberry Pi the
    /// number after `GPIO`.
    Line(u32),
    /// The name that the kernel knows the line by, such as `GPIO17`, `SODIMM_206`
    /// or `PAC.06`.
    Name(String),
    /// A line of the chip with this label, written `gpio3:17`.
    Of {
        /// The chip's label.
        chip: String,
        /// Its line.
        line: u32,
    },
}

/// The text names no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a line such as 17, \"GPIO17\" or \"gpio3:17\"")]
pub struct InvalidPin;

impl FromStr for Pin {
    type Err = InvalidPin;

    fn from_str(text: &str) -> Result<Self, InvalidPin> {
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
        if text.len() > NAME_MAX_BYTES {
            return Err(InvalidPin);
        }
        if let Ok(line) = text.parse() {
            return Ok(Self::Line(line));
        }
        match text.rsplit_once(':') {
            Some((chip, line)) if is_word(chip) => {
                let line = line.parse().map_err(|_| InvalidPin)?;
                Ok(Self::Of { chip: chip.to_owned(), line })
            }
            None if is_word(text) => Ok(Self::Name(text.to_owned())),
            _ => Err(InvalidPin),
        }
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => line.fmt(f),
            Self::Name(name) => name.fmt(f),
            Self::Of { chip, line } => write!(f, "{chip}:{line}"),
        }
    }
}

/// A line, and which level means "on".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wire {
    /// Where it is; absent: where the board's profile suggests it.
    pub pin: Option<Pin>,
    /// Whether a low level means "on". Inputs are pulled to their inactive level,
    /// so that a cut wire reads as "off".
    pub is_active_low: bool,
}

/// A line cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LineError {
    /// Nothing on this board answers to the name.
    #[error("there is no GPIO line {0} on this board")]
    Unknown(Pin),
    /// Neither the configuration nor the board's profile says where it is.
    #[error("the profile of this board suggests no line for {0}")]
    NotWired(&'static str),
    /// The system refuses it: it is taken, or the rights are missing.
    #[error("GPIO line {pin}: {reason}")]
    Refused {
        /// Which line.
        pin: Pin,
        /// In the system's words.
        reason: String,
    },
}

/// The lines of a board.
pub trait Lines: Send {
    /// Takes a line for reading.
    ///
    /// # Errors
    /// When there is no such line, or it cannot be had.
    fn input(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Input>, LineError>;

    /// Takes a line for switching; it is off then.
    ///
    /// # Errors
    /// As above.
    fn output(&self, pin: &Pin, is_active_low: bool) -> Result<Box<dyn Output>, LineError>;
}

/// A line that is read.
pub trait Input: Send {
    /// Whether it is on now.
    ///
    /// # Errors
    /// When the line has gone.
    fn is_on(&mut self) -> Result<bool, LineError>;
}

/// A line that is switched; off when it is dropped.
pub trait Output: Send {
    /// Switches it.
    ///
    /// # Errors
    /// When the line has gone.
    fn set(&mut self, is_on: bool) -> Result<(), LineError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_as_it_is_read() {
        for text in ["17", "GPIO17", "gpio3:17", "PAC.06", "fd8a0000.gpio:4"] {
            assert_eq!(text.parse::<Pin>().map(|pin| pin.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("17".parse(), Ok(Pin::Line(17)));
    }

    #[test]
    fn what_names_no_line_is_refused() {
        let long = "x".repeat(NAME_MAX_BYTES + 1);
        for text in ["", " ", "GPIO 17", "chip:", ":4", "chip:x", "chip:-1", "a\n", &long] {
            assert_eq!(text.parse::<Pin>(), Err(InvalidPin), "{text:?}");
        }
    }
}
