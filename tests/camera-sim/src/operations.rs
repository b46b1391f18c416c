//! What each operation does and is answered with.

use std::time::Instant;

use crate::body::{Body, Worked};
use crate::card::{STORAGES, still_info};
use crate::options::UsbMode;
use crate::packet::codes::{event, format, object, operation as op, property, response as rc};
use crate::packet::ip::Request;
use crate::packet::{DeviceInfo, ExtensionInfo, ObjectInfo, Reader, Writer};
use crate::pictures::Still;
use crate::properties::{Change, Properties};

/// Most bytes of one partial transfer.
const PART_MAX: usize = 2 * 1024 * 1024;
/// Version 2.00 of Sony's extension.
const EXTENSION_VERSION: u16 = 200;

const STANDARD: [u16; 11] = [
    op::GET_DEVICE_INFO,
    op::OPEN_SESSION,
    op::CLOSE_SESSION,
    op::GET_STORAGE_IDS,
    op::GET_STORAGE_INFO,
    op::GET_NUM_OBJECTS,
    op::GET_OBJECT_HANDLES,
    op::GET_OBJECT_INFO,
    op::GET_OBJECT,
    op::GET_THUMB,
    op::GET_PARTIAL_OBJECT,
];
const SONY: [u16; 3] = [op::SDIO_CONNECT, op::SDIO_GET_EXT_DEVICE_INFO, 0x9203];
/// Operations that Sony's extension lists.
const EXTENDED: [u16; 5] = [
    op::SDIO_SET_EXT_DEVICE_PROP_VALUE,
    op::SDIO_CONTROL_DEVICE,
    op::SDIO_GET_ALL_EXT_DEVICE_PROP_INFO,
    op::SDIO_GET_PARTIAL_LARGE_OBJECT,
    op::SDIO_SET_CONTENTS_TRANSFER_MODE,
];

/// What kind of thing the data of an answer are: faults and counters care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Load {
    /// A dataset, or nothing.
    #[default]
    Dataset,
    /// A file, or part of it.
    File,
    /// The photograph in memory: it leaves once it was sent whole.
    Memory,
    /// A live-view picture.
    Frame,
}

/// What an operation is answered with.
#[derive(Debug, Default)]
pub struct Answer {
    /// Response code.
    pub code: u16,
    /// Its parameters.
    pub parameters: Vec<u32>,
    /// What is sent before it.
    pub data: Option<Vec<u8>>,
    /// What the data are.
    pub load: Load,
}

impl Answer {
    fn code(code: u16) -> Self {
        Self { code, ..Self::default() }
    }

    fn data(data: Vec<u8>) -> Self {
        Self { code: rc::OK, data: Some(data), ..Self::default() }
    }
}

/// What the answers say about the camera itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Model.
    pub model: String,
    /// Serial number.
    pub serial: String,
}

/// How far a session is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Whether a session is open.
    pub is_open: bool,
    /// The last step of Sony's handshake: 0 to 3.
    pub sdio: u32,
}

/// One operation, with everything it needs.
pub struct Operation<'a> {
    /// What is asked.
    pub request: &'a Request,
    /// What came with it.
    pub data: &'a [u8],
    /// Of whom.
    pub identity: &'a Identity,
    /// The body.
    pub body: &'a mut Body,
    /// How far the session is.
    pub progress: &'a mut Progress,
    /// The time.
    pub now: Instant,
}

impl Operation<'_> {
    fn parameter(&self, at: usize) -> u32 {
        self.request.parameters.get(at).copied().unwrap_or_default()
    }

    /// Does it.
    pub fn run(mut self) -> Answer {
        let code = self.request.code;
        match code {
            op::GET_DEVICE_INFO => return Answer::data(self.device_info().encode()),
            op::OPEN_SESSION => return self.open_session(),
            _ if !self.progress.is_open => return Answer::code(rc::SESSION_NOT_OPEN),
            _ => {}
        }
        let is_sony = code >= 0x9000;
        if is_sony && self.body.mode == UsbMode::Mtp {
            return Answer::code(rc::OPERATION_NOT_SUPPORTED);
        }
        if is_sony && self.progress.sdio < 3 && !SONY.contains(&code) {
            return Answer::code(rc::ACCESS_DENIED);
        }
        if is_sony { self.sony() } else { self.standard() }
    }

    fn open_session(&mut self) -> Answer {
        if self.progress.is_open {
            return Answer::code(rc::SESSION_ALREADY_OPENED);
        }
        self.progress.is_open = true;
        Answer::code(rc::OK)
    }

    fn standard(&mut self) -> Answer {
        match self.request.code {
            op::CLOSE_SESSION => {
                *self.progress = Progress::default();
                self.body.release();
                Answer::code(rc::OK)
            }
            op::GET_STORAGE_IDS => {
                let all = if self.body.is_card_open { &STORAGES[..] } else { &STORAGES[..1] };
                let mut data = Writer::new();
                data.u32s(all);
                Answer::data(data.into_bytes())
            }
            op::GET_STORAGE_INFO => match self.body.cards.storage_info(self.parameter(0)) {
                Some(info) => Answer::data(info.encode()),
                None => Answer::code(rc::INVALID_STORAGE_ID),
            },
            op::GET_NUM_OBJECTS => {
                let count = self.handles().len() as u32;
                Answer { parameters: vec![count], ..Answer::code(rc::OK) }
            }
            op::GET_OBJECT_HANDLES => {
                let mut data = Writer::new();
                data.u32s(&self.handles());
                Answer::data(data.into_bytes())
            }
            op::GET_OBJECT_INFO => match self.object_info() {
                Some(info) => Answer::data(info.encode()),
                None => Answer::code(rc::INVALID_OBJECT_HANDLE),
            },
            op::GET_OBJECT => self.object(),
            op::GET_THUMB => match self.still() {
                Some(still) => Answer::data(still.thumb.to_vec()),
                None => Answer::code(rc::INVALID_OBJECT_HANDLE),
            },
            op::GET_PARTIAL_OBJECT => self.part(u64::from(self.parameter(1)), self.parameter(2)),
            _ => Answer::code(rc::OPERATION_NOT_SUPPORTED),
        }
    }

    fn sony(&mut self) -> Answer {
        match self.request.code {
            op::SDIO_CONNECT => self.connect(),
            op::SDIO_GET_EXT_DEVICE_INFO => Answer::data(self.extension_info().encode()),
            op::SDIO_SET_EXT_DEVICE_PROP_VALUE => self.set_property(),
            op::SDIO_CONTROL_DEVICE => self.control(),
            op::SDIO_GET_ALL_EXT_DEVICE_PROP_INFO => Answer::data(self.body.properties.table()),
            op::SDIO_GET_PARTIAL_LARGE_OBJECT => {
                let offset = u64::from(self.parameter(1)) | u64::from(self.parameter(2)) << 32;
                self.part(offset, self.parameter(3))
            }
            op::SDIO_SET_CONTENTS_TRANSFER_MODE => match self.parameter(1) {
                on @ (0 | 1) => {
                    self.body.is_card_open = on == 1;
                    Answer::code(rc::OK)
                }
                _ => Answer::code(rc::INVALID_PARAMETER),
            },
            _ => Answer::code(rc::OPERATION_NOT_SUPPORTED),
        }
    }

    fn device_info(&self) -> DeviceInfo {
        let is_remote = self.body.mode == UsbMode::Remote;
        let mut operations = STANDARD.to_vec();
        if is_remote {
            operations.extend(SONY);
        }
        DeviceInfo {
            standard_version: 100,
            extension: if is_remote { 0x11 } else { 6 },
            extension_version: 100,
            extension_name: if is_remote { "Sony PTP Extensions" } else { "microsoft.com: 1.0" }
                .to_owned(),
            functional_mode: 0,
            operations,
            events: Vec::new(),
            properties: Vec::new(),
            capture_formats: vec![format::EXIF_JPEG, format::SONY_RAW],
            image_formats: vec![format::ASSOCIATION, format::EXIF_JPEG, format::SONY_RAW],
            manufacturer: "Sony Corporation".to_owned(),
            model: self.identity.model.clone(),
            version: "3.00".to_owned(),
            serial: self.identity.serial.clone(),
        }
    }

    fn connect(&mut self) -> Answer {
        let step = self.parameter(0);
        // In order; a step that was done may be done again.
        if step == 0 || step > self.progress.sdio.min(2) + 1 {
            return Answer::code(rc::INVALID_PARAMETER);
        }
        self.progress.sdio = step;
        // Eight zero bytes, as bodies send.
        Answer::data(vec![0; 8])
    }

    fn extension_info(&self) -> ExtensionInfo {
        let mut properties =
            vec![event::OBJECT_ADDED, event::OBJECT_REMOVED, event::PROPERTY_CHANGED];
        properties.extend(self.body.properties.codes());
        ExtensionInfo { version: EXTENSION_VERSION, properties, controls: EXTENDED.to_vec() }
    }

    fn set_property(&mut self) -> Answer {
        let code = self.parameter(0) as u16;
        let Some(kind) = self.body.properties.find(code).map(|property| property.kind) else {
            return Answer::code(rc::DEVICE_PROP_NOT_SUPPORTED);
        };
        match kind.read(&mut Reader::new("property value", self.data)) {
            Ok(value) => Answer::code(after(self.body.set(code, &value))),
            Err(_) => Answer::code(rc::INVALID_DEVICE_PROP_VALUE),
        }
    }

    fn control(&mut self) -> Answer {
        let code = self.parameter(0) as u16;
        if Properties::is_stepped(code) {
            let Some(by) = self.data.first() else { return Answer::code(rc::INVALID_PARAMETER) };
            return Answer::code(after(self.body.step(code, by.cast_signed())));
        }
        // Also this way, as libgphoto2 does for the zoom position.
        if code == property::ZOOM {
            return self.set_property();
        }
        let Some(value) = number(self.data) else { return Answer::code(rc::INVALID_PARAMETER) };
        Answer::code(match self.body.work(code, value, self.now) {
            Worked::Done => rc::OK,
            Worked::Busy => rc::DEVICE_BUSY,
            Worked::Unknown => rc::DEVICE_PROP_NOT_SUPPORTED,
            Worked::Invalid => rc::INVALID_DEVICE_PROP_VALUE,
        })
    }

    fn handles(&self) -> Vec<u32> {
        if !self.body.is_card_open {
            return Vec::new();
        }
        let wanted = self.parameter(1) as u16;
        self.body.cards.handles(self.parameter(0), wanted, self.parameter(2))
    }

    fn still(&self) -> Option<&Still> {
        match self.parameter(0) {
            object::IN_MEMORY => self.body.in_memory(),
            handle if self.body.is_card_open => self.body.cards.still(handle),
            _ => None,
        }
    }

    fn object_info(&self) -> Option<ObjectInfo> {
        match self.parameter(0) {
            object::LIVE_VIEW if self.progress.sdio == 3 => Some(ObjectInfo {
                format: format::EXIF_JPEG,
                size: self.body.live_view(self.now).len() as u32,
                ..ObjectInfo::default()
            }),
            object::IN_MEMORY => self.body.in_memory().map(still_info),
            handle if self.body.is_card_open => self.body.cards.info(handle),
            _ => None,
        }
    }

    fn object(&self) -> Answer {
        if self.parameter(0) == object::LIVE_VIEW {
            return match self.progress.sdio {
                3 => Answer { load: Load::Frame, ..Answer::data(self.body.live_view(self.now)) },
                _ => Answer::code(rc::ACCESS_DENIED),
            };
        }
        let is_memory = self.parameter(0) == object::IN_MEMORY;
        let load = if is_memory { Load::Memory } else { Load::File };
        match self.still() {
            Some(still) => Answer { load, ..Answer::data(still.bytes.to_vec()) },
            None => Answer::code(rc::INVALID_OBJECT_HANDLE),
        }
    }

    fn part(&self, offset: u64, most: u32) -> Answer {
        let Some(still) = self.still() else { return Answer::code(rc::INVALID_OBJECT_HANDLE) };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let Some(rest) = still.bytes.get(from..) else {
            return Answer::code(rc::INVALID_PARAMETER);
        };
        let part = &rest[..rest.len().min(most as usize).min(PART_MAX)];
        let is_last = part.len() == rest.len();
        let is_memory = self.parameter(0) == object::IN_MEMORY;
        let load = if is_memory && is_last { Load::Memory } else { Load::File };
        let parameters = vec![part.len() as u32];
        Answer { parameters, load, ..Answer::data(part.to_vec()) }
    }
}

fn after(change: Change) -> u16 {
    match change {
        Change::Changed | Change::Same => rc::OK,
        Change::Unknown => rc::DEVICE_PROP_NOT_SUPPORTED,
        Change::ReadOnly => rc::ACCESS_DENIED,
        Change::OutOfRange => rc::INVALID_DEVICE_PROP_VALUE,
    }
}

/// The value of a control: as many bytes as came, with their sign.
fn number(data: &[u8]) -> Option<i64> {
    Some(match *data {
        [a] => i64::from(a.cast_signed()),
        [a, b] => i64::from(i16::from_le_bytes([a, b])),
        [a, b, c, d] => i64::from(u32::from_le_bytes([a, b, c, d])),
        _ => return None,
    })
}
