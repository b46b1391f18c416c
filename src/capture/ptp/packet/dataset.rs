//! The standard datasets: device, storage, object, and what Sony's extension adds
//! to the first.

use super::{Malformed, Reader, Writer};

/// What a camera is and can do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Version of PTP, times 100.
    pub standard_version: u16,
    /// Whose extension: 0x11 Sony, 6 MTP.
    pub extension: u32,
    /// Version of the extension.
    pub extension_version: u16,
    /// The extension in words.
    pub extension_name: String,
    /// 0 standard.
    pub functional_mode: u16,
    /// Operation codes.
    pub operations: Vec<u16>,
    /// Event codes.
    pub events: Vec<u16>,
    /// Property codes.
    pub properties: Vec<u16>,
    /// Object formats that it makes.
    pub capture_formats: Vec<u16>,
    /// Object formats that it knows.
    pub image_formats: Vec<u16>,
    /// Maker.
    pub manufacturer: String,
    /// Model.
    pub model: String,
    /// Firmware.
    pub version: String,
    /// Serial number.
    pub serial: String,
}

impl DeviceInfo {
    /// Reads the dataset.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("device info", bytes);
        Ok(Self {
            standard_version: r.u16()?,
            extension: r.u32()?,
            extension_version: r.u16()?,
            extension_name: r.string()?,
            functional_mode: r.u16()?,
            operations: r.u16s()?,
            events: r.u16s()?,
            properties: r.u16s()?,
            capture_formats: r.u16s()?,
            image_formats: r.u16s()?,
            manufacturer: r.string()?,
            model: r.string()?,
            version: r.string()?,
            serial: r.string()?,
        })
    }

    /// Writes the dataset.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u16(self.standard_version).u32(self.extension).u16(self.extension_version);
        w.string(&self.extension_name).u16(self.functional_mode);
        w.u16s(&self.operations).u16s(&self.events).u16s(&self.properties);
        w.u16s(&self.capture_formats).u16s(&self.image_formats);
        w.string(&self.manufacturer).string(&self.model);
        w.string(&self.version).string(&self.serial);
        w.into_bytes()
    }
}

/// What Sony's extension adds to [`DeviceInfo`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionInfo {
    /// Version of the extension (200 is 2.00).
    pub version: u16,
    /// Codes of properties (0xDxxx, 0x5xxx) and events (0xCxxx).
    pub properties: Vec<u16>,
    /// Codes of controls and operations.
    pub controls: Vec<u16>,
}

impl ExtensionInfo {
    /// Reads the dataset.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("extended device info", bytes);
        let version = r.u16()?;
        let properties = r.u16s()?;
        let controls = if r.remaining() > 0 { r.u16s()? } else { Vec::new() };
        Ok(Self { version, properties, controls })
    }

    /// Writes the dataset.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u16(self.version).u16s(&self.properties).u16s(&self.controls);
        w.into_bytes()
    }
}

/// One card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageInfo {
    /// 4 removable, 3 built in.
    pub kind: u16,
    /// 3: folders as of cameras (DCF).
    pub file_system: u16,
    /// 0 read and write, 1 read only.
    pub access: u16,
    /// Bytes.
    pub capacity: u64,
    /// Bytes.
    pub free: u64,
    /// Photographs that fit.
    pub free_images: u32,
    /// In words.
    pub description: String,
    /// Name of the volume.
    pub label: String,
}

impl StorageInfo {
    /// Reads the dataset.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("storage info", bytes);
        Ok(Self {
            kind: r.u16()?,
            file_system: r.u16()?,
            access: r.u16()?,
            capacity: r.u64()?,
            free: r.u64()?,
            free_images: r.u32()?,
            description: r.string()?,
            label: r.string()?,
        })
    }

    /// Writes the dataset.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u16(self.kind).u16(self.file_system).u16(self.access);
        w.u64(self.capacity).u64(self.free).u32(self.free_images);
        w.string(&self.description).string(&self.label);
        w.into_bytes()
    }
}

/// One object: a file, a folder, a photograph in memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Card.
    pub storage: u32,
    /// Object format.
    pub format: u16,
    /// 0 none, 1 read only.
    pub protection: u16,
    /// Bytes; 0xFFFFFFFF means more than 32 bits can say.
    pub size: u32,
    /// Format of the small picture.
    pub thumb_format: u16,
    /// Bytes of the small picture.
    pub thumb_size: u32,
    /// Width and height of the small picture.
    pub thumb_px: (u32, u32),
    /// Width and height.
    pub size_px: (u32, u32),
    /// Bits of a pixel.
    pub depth: u32,
    /// Folder, 0 for the root.
    pub parent: u32,
    /// 1 for a folder.
    pub association: u16,
    /// Name.
    pub name: String,
    /// `YYYYMMDDThhmmss` by the camera's clock.
    pub created: String,
    /// `YYYYMMDDThhmmss` by the camera's clock.
    pub modified: String,
}

impl ObjectInfo {
    /// Reads the dataset.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut r = Reader::new("object info", bytes);
        let mut info = Self {
            storage: r.u32()?,
            format: r.u16()?,
            protection: r.u16()?,
            size: r.u32()?,
            thumb_format: r.u16()?,
            thumb_size: r.u32()?,
            thumb_px: (r.u32()?, r.u32()?),
            size_px: (r.u32()?, r.u32()?),
            depth: r.u32()?,
            parent: r.u32()?,
            association: r.u16()?,
            ..Self::default()
        };
        // Description of the association and sequence number: no camera uses them.
        r.take(8)?;
        info.name = r.string()?;
        info.created = r.string()?;
        info.modified = r.string()?;
        Ok(info)
    }

    /// Writes the dataset.
    pub fn encode(&self) -> Vec<u8> {
        let mut w = Writer::new();
        w.u32(self.storage).u16(self.format).u16(self.protection).u32(self.size);
        w.u16(self.thumb_format).u32(self.thumb_size);
        w.u32(self.thumb_px.0).u32(self.thumb_px.1);
        w.u32(self.size_px.0).u32(self.size_px.1).u32(self.depth);
        w.u32(self.parent).u16(self.association).u32(0).u32(0);
        w.string(&self.name).string(&self.created).string(&self.modified);
        // Keywords.
        w.string("");
        w.into_bytes()
    }
}
