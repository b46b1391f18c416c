//! Properties of a camera.

/// One value that a property can have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The value in the camera SDK's numbers.
    pub value: i64,
    /// For people (`1/250`, `f/5.6`).
    pub label: String,
}

/// One property as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Name on the wire (`shutter-speed`).
    pub name: &'static str,
    /// The camera SDK's number for it (`0x103`).
    pub code: u32,
    /// The value in the camera SDK's numbers.
    pub value: i64,
    /// For people.
    pub label: String,
    /// Whether it can be set now.
    pub is_writable: bool,
    /// What it can be set to. A range is its minimum, maximum and step.
    pub choices: Vec<Choice>,
    /// Whether [`Self::choices`] is a range.
    pub is_range: bool,
}
