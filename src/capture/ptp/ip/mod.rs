//! Our own client of PTP/IP, for what libgphoto2 does not know of Sony bodies: the
//! switch that opens the card to the box (SDIO 0x9212), power zoom, and the
//! autofocus area. Packets and datasets are read by [`super::packet`].

mod card;
mod link;

use std::net::SocketAddrV4;

use super::packet::codes::{control, object, operation as op, property};
use super::packet::{DeviceInfo, PropertyInfo, Value, parse_table};
use crate::capture::control::ConnectionMode;
use link::{ANSWER_MAX, Link, bytes};

pub(super) use card::{Card, Item};
pub(super) use link::LinkError;

/// Bytes of a file that are fetched at once: short enough to do other things in
/// between, long enough for the speed of the network.
pub(super) const CHUNK: u32 = 1024 * 1024;

/// Largest small picture.
const THUMB_MAX: usize = 2 * 1024 * 1024;

/// "PC" of Sony's contents transfer: the host selects, on, no addition.
const CONTENTS_ON: [u32; 3] = [2, 1, 0];

/// A session with a camera.
pub(super) struct IpCamera {
    link: Link,
    /// Model as the camera says it.
    pub model: String,
    /// Whether the camera takes Sony's operations: not in MTP mode.
    is_remote: bool,
}

impl IpCamera {
    /// Begins a session and opens the card.
    pub(super) fn open(address: SocketAddrV4, mode: ConnectionMode) -> Result<Self, LinkError> {
        let mut link = Link::connect(address)?;
        link.get(op::OPEN_SESSION, &[1], 0)?;
        let info = DeviceInfo::parse(&link.get(op::GET_DEVICE_INFO, &[], ANSWER_MAX)?)?;
        let is_remote = info.operations.contains(&op::SDIO_CONNECT);
        let mut camera = Self { link, model: info.model, is_remote };
        if is_remote {
            camera.greet()?;
        }
        if mode == ConnectionMode::RemoteTransfer {
            let host = [1];
            camera.link.put(
                op::SDIO_SET_EXT_DEVICE_PROP_VALUE,
                &[u32::from(property::PRIORITY)],
                &host,
            )?;
        }
        Ok(camera)
    }

    /// Sony's handshake, and the switch that opens the card.
    fn greet(&mut self) -> Result<(), LinkError> {
        self.link.get(op::SDIO_CONNECT, &[1, 0, 0], ANSWER_MAX)?;
        self.link.get(op::SDIO_CONNECT, &[2, 0, 0], ANSWER_MAX)?;
        self.link.get(op::SDIO_GET_EXT_DEVICE_INFO, &[0xC8], ANSWER_MAX)?;
        self.link.get(op::SDIO_CONNECT, &[3, 0, 0], ANSWER_MAX)?;
        self.link.get(op::SDIO_SET_CONTENTS_TRANSFER_MODE, &CONTENTS_ON, 0)?;
        Ok(())
    }

    /// Codes and parameters of the events that have come.
    pub(super) fn events(&mut self) -> Result<Vec<(u16, u32)>, LinkError> {
        self.link.events()
    }

    /// All properties; none in MTP mode.
    pub(super) fn table(&mut self) -> Result<Vec<PropertyInfo>, LinkError> {
        if !self.is_remote {
            return Ok(Vec::new());
        }
        let table = self.link.get(op::SDIO_GET_ALL_EXT_DEVICE_PROP_INFO, &[], ANSWER_MAX)?;
        Ok(parse_table(&table)?)
    }

    /// Sets a property whose type `like` has.
    pub(super) fn set(&mut self, like: &PropertyInfo, number: i64) -> Result<(), LinkError> {
        let data = bytes(|writer| like.kind.write(&Value::from(number), writer));
        self.link.put(op::SDIO_SET_EXT_DEVICE_PROP_VALUE, &[u32::from(like.code)], &data)
    }

    /// A key goes down or up.
    pub(super) fn key(&mut self, code: u16, is_down: bool) -> Result<(), LinkError> {
        let value = if is_down { control::DOWN } else { control::UP };
        self.work(code, &value.to_le_bytes())
    }

    /// Works a control with a value as wide as it has.
    pub(super) fn work(&mut self, code: u16, value: &[u8]) -> Result<(), LinkError> {
        self.link.put(op::SDIO_CONTROL_DEVICE, &[u32::from(code)], value)
    }

    /// The live picture: a JPEG behind a lead that says where it begins.
    pub(super) fn preview(&mut self) -> Result<Vec<u8>, LinkError> {
        let mut blob = self.link.get(op::GET_OBJECT, &[object::LIVE_VIEW], ANSWER_MAX)?;
        let lead = blob.first_chunk::<4>().map_or(0, |lead| u32::from_le_bytes(*lead)) as usize;
        if blob.get(lead..).is_some_and(|rest| rest.starts_with(&[0xFF, 0xD8])) {
            blob.drain(..lead);
        }
        Ok(blob)
    }

    /// A part of a file.
    pub(super) fn part(&mut self, handle: u32, offset: u32) -> Result<Vec<u8>, LinkError> {
        self.link.get(op::GET_PARTIAL_OBJECT, &[handle, offset, CHUNK], CHUNK as usize)
    }

    /// The small picture of a file.
    pub(super) fn thumb(&mut self, handle: u32) -> Result<Vec<u8>, LinkError> {
        self.link.get(op::GET_THUMB, &[handle], THUMB_MAX)
    }

    /// Says goodbye; who does not answer has gone already.
    pub(super) fn close(mut self) {
        let _ = self.link.get(op::CLOSE_SESSION, &[], 0);
    }
}
