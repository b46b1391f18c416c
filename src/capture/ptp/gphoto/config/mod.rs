//! Settings of a camera as the library has them.

mod sys;

use std::ffi::CString;

use super::GpError;
use super::camera::Raw;

/// One setting.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::capture) struct Widget {
    /// Its name (`shutterspeed`), or four hexadecimal digits of a PTP property
    /// whose value is shown as it is (`d20d`).
    pub name: String,
    /// Whether it can be set now.
    pub is_writable: bool,
    /// What it is.
    pub kind: WidgetKind,
}

/// Kind and value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::capture) enum WidgetKind {
    /// Any text.
    Text(String),
    /// One of several.
    Choice {
        /// The value.
        value: String,
        /// What it can be.
        choices: Vec<String>,
    },
    /// A number.
    Range {
        /// The value.
        value: f32,
        /// Smallest.
        least: f32,
        /// Largest.
        most: f32,
        /// Distance.
        step: f32,
    },
    /// On or off.
    Toggle(bool),
}

/// A value to set.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::capture) enum Value {
    /// For texts and choices.
    Text(String),
    /// For ranges.
    Number(f32),
    /// For switches.
    Switch(bool),
}

/// All settings.
pub(super) fn read(camera: &mut Raw) -> Result<Vec<Widget>, GpError> {
    sys::read(camera)
}

/// Sets one.
pub(super) fn set(camera: &mut Raw, name: &str, value: &Value) -> Result<(), GpError> {
    let name = CString::new(name).map_err(|_| GpError::absurd("a name with a zero in it"))?;
    sys::set(camera, &name, value)
}
