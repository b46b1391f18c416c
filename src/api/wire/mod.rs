//! Wire messages: types of their own, converted from the domain and pinned byte
//! for byte by `tests/golden`.
//!
//! Two contracts share the service: the camera SDK's ([`camera_sdk`], camelCase)
//! and the realtime API's ([`realtime`], snake_case). The domain knows neither.
//! Schemas are derived from the same types (`schema`), for the papers that the
//! service serves about itself.

pub mod alerts;
pub mod analysis;
pub mod camera_sdk;
pub(super) mod camera_sdk_rest;
mod cameras;
pub(super) mod catalog;
pub(super) mod control;
pub mod jobs;
pub mod realtime;
pub mod records;
pub(super) mod samples;
pub mod scene;
pub(super) mod schema;
pub(super) mod stills;

use crate::live::Form;

/// The camera SDK's event stream, as the hub keeps it.
pub const CAMERA_SDK: Form = Form::plain(0, camera_sdk::frame);

/// The same with an `id:` line before each frame, for who asks for it.
pub const CAMERA_SDK_WITH_IDS: Form = Form::new(2, camera_sdk::frame_with_id, camera_sdk::id_line);

/// The realtime API's WebSocket messages, as the hub keeps them.
pub const REALTIME: Form = Form::new(1, realtime::message, realtime::stamp);
