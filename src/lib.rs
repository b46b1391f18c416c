//! Watchpost: the software of a camera box. One daemon owns the cameras
//! attached to a board, detects objects on the device, keeps what happened and
//! serves it live to the local network.
//!
//! Folders are rooms and imports go down; `tests/layering.rs` holds the table of
//! floors.

pub mod api;
pub mod app;
pub mod assess;
pub mod board;
pub mod capture;
pub mod cli;
pub mod config;
pub mod domain;
pub mod fleet;
pub mod health;
pub mod infer;
pub mod jobs;
pub mod live;
pub mod logging;
pub mod media;
pub mod pipeline;
pub mod probe;
pub mod rt;
pub mod store;
pub mod upload;
