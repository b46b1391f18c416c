//! What end-to-end tests share: the real binary, real peers, plain clients.
#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::disallowed_methods, reason = "tests start processes and keep real deadlines")]
#![allow(clippy::unwrap_used, clippy::print_stderr)]

pub mod appliance;
pub mod live;
pub mod rtsp;
pub mod truth;
