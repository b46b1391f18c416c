//! Cameras in the realtime API: their state, and what somebody has changed about
//! them.
//!
//! A camera that was set up otherwise is told as `camera_status` whose `event_type`
//! is `camera.updated`, the message's own word; the registry calls the same
//! `camera.config_updated`. Clients may subscribe to either.

use schemars::JsonSchema;
use serde::Serialize;

use super::realtime::stamped;
use crate::domain::{CameraState, CameraStatus, Timestamp};
use crate::live::{CameraChanged, CameraSwitched, Wire};

/// The words for a camera's state.
const CAMERA_STATES: [&str; 4] = ["unknown", "online", "offline", "error"];

/// The names of a message about a camera that was set up otherwise.
pub(super) const CHANGED: &[&str] =
    &["camera_status", "camera.status_changed", "camera.updated", "camera.config_updated"];

/// The names of a message about a camera's state.
pub(super) fn names(status: &CameraStatus) -> &'static [&'static str] {
    match event_type(status) {
        "camera.online" => &["camera_status", "camera.status_changed", "camera.online"],
        "camera.offline" => &["camera_status", "camera.status_changed", "camera.offline"],
        "camera.error" => &["camera_status", "camera.status_changed", "camera.error"],
        _ => CHANGED,
    }
}

/// A camera's state changed.
pub(super) fn status(status: &CameraStatus) -> Wire {
    stamped("camera_status", &CameraData::from(status), None)
}

/// A camera was set up otherwise.
pub(super) fn changed(changed: &CameraChanged) -> Wire {
    stamped("camera_status", &CameraData::from(changed), None)
}

/// A camera came, or left.
pub(super) fn switched(switched: &CameraSwitched) -> Wire {
    let name = if switched.is_enabled { "camera.enabled" } else { "camera.disabled" };
    stamped(name, &CameraSwitchData::from(switched), Some(switched.at))
}

/// A camera's state changed, or its configuration did.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CameraStatus")]
pub(super) struct CameraData<'a> {
    #[schemars(extend("enum" = [
        "camera.online", "camera.offline", "camera.error", "camera.updated"
    ]))]
    event_type: &'static str,
    camera_id: &'a str,
    /// For people.
    camera_name: &'a str,
    #[schemars(extend("enum" = CAMERA_STATES))]
    status: &'static str,
    timestamp: Timestamp,
    #[schemars(extend("enum" = CAMERA_STATES))]
    previous_status: &'static str,
    /// Why, in words; null when all is well.
    reason: Option<&'a str>,
    /// `updated_fields` when somebody has set up the camera otherwise.
    details: Option<Details<'a>>,
}

impl<'a> From<&'a CameraStatus> for CameraData<'a> {
    fn from(status: &'a CameraStatus) -> Self {
        Self {
            event_type: event_type(status),
            camera_id: status.camera.as_str(),
            camera_name: &status.name,
            status: status.state.as_str(),
            timestamp: status.at,
            previous_status: status.previous.as_str(),
            reason: status.reason.as_deref(),
            details: None,
        }
    }
}

fn event_type(status: &CameraStatus) -> &'static str {
    match status.state {
        state if state == status.previous => "camera.updated",
        CameraState::Online => "camera.online",
        CameraState::Offline => "camera.offline",
        CameraState::Error => "camera.error",
        CameraState::Unknown => "camera.updated",
    }
}

/// What exactly happened to a camera.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CameraStatusDetails")]
struct Details<'a> {
    /// What somebody has changed: `capture`, `detect`, `name`, `zones`, `masks`, `record`.
    updated_fields: &'a [&'static str],
}

impl<'a> From<&'a CameraChanged> for CameraData<'a> {
    fn from(changed: &'a CameraChanged) -> Self {
        Self {
            event_type: "camera.updated",
            details: Some(Details { updated_fields: &changed.fields }),
            ..Self::from(&changed.status)
        }
    }
}

/// A camera came into the configuration, or left it: one of the two times.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CameraSwitched")]
pub(super) struct CameraSwitchData<'a> {
    camera_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    enabled_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disabled_at: Option<Timestamp>,
    /// In words.
    reason: &'a str,
}

impl<'a> From<&'a CameraSwitched> for CameraSwitchData<'a> {
    fn from(switched: &'a CameraSwitched) -> Self {
        Self {
            camera_id: switched.camera.as_str(),
            enabled_at: switched.is_enabled.then_some(switched.at),
            disabled_at: (!switched.is_enabled).then_some(switched.at),
            reason: &switched.reason,
        }
    }
}
