//! The operations of the camera SDK contract: connect, properties, actions, live
//! view, cards, files.
//!
//! Every refusal of a camera is 400 with a sentence, never a status that makes a
//! client try again by itself: a shutter that has fired must not fire twice. Two
//! families differ in one thing: without a session, focus frames and cards answer
//! 404, everything else 400. Each question to a camera is answered within
//! `camera::ANSWER_MAX`.

pub(super) mod actions;
mod body;
mod camera;
pub(super) mod connection;
mod desk;
mod directory;
pub(super) mod focus;
pub(super) mod live_view;
pub(super) mod priority_key;
pub(super) mod properties;
pub(super) mod refused;
pub(super) mod sd_card;
pub(super) mod server;
pub(super) mod settings;
mod value;

pub(super) use camera::{is_connected, is_without_id, no_such_id};
pub(super) use desk::Desk;
