//! Identifiers: types, so that a camera cannot be mistaken for an event.
//!
//! A [`CameraId`] is chosen by the operator; every other id is a counter that
//! the store hands out and that survives a restart. Counters stay below 2^53,
//! the largest integer that every JSON reader keeps exact.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Longest accepted camera id, in bytes.
const CAMERA_ID_MAX: usize = 64;

/// Stable id of a configured camera: 1 to 64 of `A-Z a-z 0-9 . _ -`, beginning
/// with a letter or digit. The alphabet keeps ids free of escapes in URLs,
/// file names and both wire contracts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CameraId(Arc<str>);

/// Why a text is not a camera id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a camera id: use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit"
)]
pub struct InvalidCameraId(String);

impl CameraId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CameraId {
    type Err = InvalidCameraId;

    fn from_str(text: &str) -> Result<Self, InvalidCameraId> {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let well_formed = text.len() <= CAMERA_ID_MAX
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(allowed);
        if well_formed {
            Ok(Self(text.into()))
        } else {
            // What is quoted back is bounded, whatever was sent.
            Err(InvalidCameraId(text.chars().take(CAMERA_ID_MAX).collect()))
        }
    }
}

impl TryFrom<String> for CameraId {
    type Error = InvalidCameraId;

    fn try_from(text: String) -> Result<Self, InvalidCameraId> {
        text.parse()
    }
}

impl From<CameraId> for String {
    fn from(id: CameraId) -> Self {
        id.0.as_ref().to_owned()
    }
}

impl fmt::Display for CameraId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! counter_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
        )]
        #[serde(transparent)]
        pub struct $name(pub u64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

counter_id!(
    /// One detection: one object in one frame.
    DetectionId
);
counter_id!(
    /// One event.
    EventId
);
counter_id!(
    /// One object followed across frames; unique within a run of the daemon.
    TrackId
);
counter_id!(
    /// One uninterrupted connection to a camera; unique within a run of the daemon.
    SessionId
);

/// A detection batch; opaque text on the wire (`batch_id`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BatchId(Arc<str>);

impl BatchId {
    /// A batch id from its text.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_could_leave_a_directory_or_a_url_segment_are_refused() {
        for text in ["", ".", "..", "../a", "a/b", "a b", "ä", "-a", &"x".repeat(65)] {
            assert!(text.parse::<CameraId>().is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn serial_numbers_and_names_are_camera_ids() {
        for text in ["front_door", "D10F60149B0C", "cam-2.main", "7"] {
            assert_eq!(text.parse::<CameraId>().map(String::from), Ok(text.to_owned()));
        }
    }
}
