//! The bytes of PTP and PTP/IP, as pure functions: containers, datasets, strings
//! and the property table of Sony bodies.
//!
//! Written once: our PTP/IP client and the simulated camera (`tests/camera-sim`,
//! which includes this folder by its path) speak through it. Knows no sockets and
//! nothing of the crate. Bytes from outside are refused with [`Malformed`], never
//! with a panic, and a count inside them never reserves more memory than the
//! bytes that follow it can fill.
//!
//! Sources: PIMA 15740 (PTP), CIPA DC-005 (PTP/IP), and what libgphoto2 2.5.30
//! sends to and accepts from Sony bodies.

mod bytes;
pub mod codes;
mod dataset;
pub mod ip;
mod property;
#[cfg(test)]
mod tests;

pub use bytes::{Malformed, Reader, Writer};
pub use dataset::{DeviceInfo, ExtensionInfo, ObjectInfo, StorageInfo};
pub use property::{DataType, Form, PropertyInfo, Value, parse_table, write_table};
