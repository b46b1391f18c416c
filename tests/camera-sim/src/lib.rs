//! A camera that is not there: a Sony body behind PTP/IP.
//!
//! [`Sim::start`] opens a port; an unmodified libgphoto2, or our own client,
//! connects to it as to a camera on the network. It has properties that can be
//! set and stepped, autofocus, a shutter, photographs in memory, two cards, live
//! view, a movie key and a zoom, and it fails on request ([`Fault`]): busy,
//! stalled, cut off, wrong in every length, stormy, unplugged, hostile.
//!
//! One client at a time, as on the real thing. Memory is bounded: 64 photographs
//! wait at most, 4,096 events, 8 connections. What it does after a while
//! (focusing, exposing) it does on a thread of its own; nothing is random unless
//! a hostile fault with its seed asks for it.

#![allow(
    clippy::disallowed_methods,
    reason = "a camera has a clock and threads of its own; the bans are the daemon's"
)]

mod body;
mod card;
mod fault;
mod operations;
mod options;
/// The bytes of PTP, shared with the daemon's own client.
#[path = "../../../src/capture/ptp/packet/mod.rs"]
pub mod packet;
mod pictures;
mod properties;
mod schedule;
mod server;
mod session;
mod shared;
mod sim;
pub mod usb;

pub use card::CardFile;
pub use fault::{Armed, Fault, FaultError, When};
pub use options::{Options, UsbMode};
pub use pictures::{PictureError, Pictures, Still};
pub use shared::Stats;
pub use sim::Sim;
