//! Numbers with names: operations, answers, events, object formats, properties.

/// Operations. `SDIO_…` are Sony's.
pub mod operation {
    /// What the camera is and can do.
    pub const GET_DEVICE_INFO: u16 = 0x1001;
    /// Begins a session; its number is the parameter.
    pub const OPEN_SESSION: u16 = 0x1002;
    /// Ends the session.
    pub const CLOSE_SESSION: u16 = 0x1003;
    /// The cards.
    pub const GET_STORAGE_IDS: u16 = 0x1004;
    /// One card.
    pub const GET_STORAGE_INFO: u16 = 0x1005;
    /// How many objects: storage, format, parent.
    pub const GET_NUM_OBJECTS: u16 = 0x1006;
    /// Objects: storage, format, parent (0: all, `ALL`: of the root).
    pub const GET_OBJECT_HANDLES: u16 = 0x1007;
    /// One object's figures.
    pub const GET_OBJECT_INFO: u16 = 0x1008;
    /// One object's bytes.
    pub const GET_OBJECT: u16 = 0x1009;
    /// One object's small picture.
    pub const GET_THUMB: u16 = 0x100A;
    /// Part of an object: handle, offset, most bytes.
    pub const GET_PARTIAL_OBJECT: u16 = 0x101B;
    /// Steps 1, 2 and 3 of the handshake.
    pub const SDIO_CONNECT: u16 = 0x9201;
    /// What Sony's extension offers.
    pub const SDIO_GET_EXT_DEVICE_INFO: u16 = 0x9202;
    /// Sets a property.
    pub const SDIO_SET_EXT_DEVICE_PROP_VALUE: u16 = 0x9205;
    /// Works a control: shutter, movie, focus; or steps a property.
    pub const SDIO_CONTROL_DEVICE: u16 = 0x9207;
    /// All properties.
    pub const SDIO_GET_ALL_EXT_DEVICE_PROP_INFO: u16 = 0x9209;
    /// Part of an object: handle, offset low, offset high, most bytes.
    pub const SDIO_GET_PARTIAL_LARGE_OBJECT: u16 = 0x9211;
    /// Opens the card to the host beside remote control: who selects (2: the
    /// host), on (1) or off (0), additional information (0).
    pub const SDIO_SET_CONTENTS_TRANSFER_MODE: u16 = 0x9212;
}

/// What an operation is answered with.
pub mod response {
    /// Done.
    pub const OK: u16 = 0x2001;
    /// No reason given.
    pub const GENERAL_ERROR: u16 = 0x2002;
    /// A session is needed.
    pub const SESSION_NOT_OPEN: u16 = 0x2003;
    /// The camera does not know this operation.
    pub const OPERATION_NOT_SUPPORTED: u16 = 0x2005;
    /// The transfer ended early.
    pub const INCOMPLETE_TRANSFER: u16 = 0x2007;
    /// No such card.
    pub const INVALID_STORAGE_ID: u16 = 0x2008;
    /// No such object.
    pub const INVALID_OBJECT_HANDLE: u16 = 0x2009;
    /// No such property.
    pub const DEVICE_PROP_NOT_SUPPORTED: u16 = 0x200A;
    /// Not now.
    pub const ACCESS_DENIED: u16 = 0x200F;
    /// The object has no small picture.
    pub const NO_THUMBNAIL_PRESENT: u16 = 0x2010;
    /// Try again.
    pub const DEVICE_BUSY: u16 = 0x2019;
    /// No folder.
    pub const INVALID_PARENT_OBJECT: u16 = 0x201A;
    /// The property cannot have this value.
    pub const INVALID_DEVICE_PROP_VALUE: u16 = 0x201C;
    /// A parameter is wrong.
    pub const INVALID_PARAMETER: u16 = 0x201D;
    /// There is a session already.
    pub const SESSION_ALREADY_OPENED: u16 = 0x201E;
}

/// Events of Sony bodies.
pub mod event {
    /// An object can be fetched; the parameter is its handle.
    pub const OBJECT_ADDED: u16 = 0xC201;
    /// An object is gone.
    pub const OBJECT_REMOVED: u16 = 0xC202;
    /// A property changed; the parameter is its code.
    pub const PROPERTY_CHANGED: u16 = 0xC203;
}

/// Object formats.
pub mod format {
    /// A folder.
    pub const ASSOCIATION: u16 = 0x3001;
    /// A JPEG photograph.
    pub const EXIF_JPEG: u16 = 0x3801;
    /// Sony's RAW (ARW).
    pub const SONY_RAW: u16 = 0xB101;
}

/// Objects with a place of their own.
pub mod object {
    /// The photograph waiting in the camera's memory.
    pub const IN_MEMORY: u32 = 0xFFFF_C001;
    /// The newest live-view picture.
    pub const LIVE_VIEW: u32 = 0xFFFF_C002;
    /// As a parent: the root folder; as a storage: all of them.
    pub const ALL: u32 = 0xFFFF_FFFF;
}

/// Properties, by PTP code.
pub mod property {
    /// Quality and format of stills (u8).
    pub const COMPRESSION: u16 = 0x5004;
    /// White balance (u16).
    pub const WHITE_BALANCE: u16 = 0x5005;
    /// Aperture, 100 times the f-number (u16).
    pub const F_NUMBER: u16 = 0x5007;
    /// Focus mode (u16): 1 manual, 2 AF-S, 0x8004 AF-C, 0x8005 AF-A, 0x8006 DMF.
    pub const FOCUS_MODE: u16 = 0x500A;
    /// Metering (u16).
    pub const METERING: u16 = 0x500B;
    /// Flash mode (u16).
    pub const FLASH_MODE: u16 = 0x500C;
    /// Exposure program (u16).
    pub const EXPOSURE_PROGRAM: u16 = 0x500E;
    /// Exposure compensation, thousandths of EV (i16).
    pub const EXPOSURE_BIAS: u16 = 0x5010;
    /// Drive mode (u16).
    pub const DRIVE_MODE: u16 = 0x5013;
    /// Dynamic range optimiser (u8).
    pub const DRO: u16 = 0xD201;
    /// Size of stills (u8).
    pub const IMAGE_SIZE: u16 = 0xD203;
    /// Shutter speed, numerator in the high half, denominator in the low (u32).
    pub const SHUTTER_SPEED: u16 = 0xD20D;
    /// Color temperature in kelvin (u16).
    pub const COLOR_TEMPERATURE: u16 = 0xD20F;
    /// Aspect ratio (u8).
    pub const ASPECT_RATIO: u16 = 0xD211;
    /// Focus (u8): 1 unlocked, 2 focused (AF-S), 3 not focused, 5 tracking, 6
    /// focused (AF-C).
    pub const FOCUS_FOUND: u16 = 0xD213;
    /// Zoom, in millionths of a millimeter of focal length (u32).
    pub const ZOOM: u16 = 0xD214;
    /// Photographs in memory (u16); with the top bit set they can be fetched.
    pub const OBJECT_IN_MEMORY: u16 = 0xD215;
    /// Autoexposure lock (u8): 1 off, 2 on.
    pub const AE_LOCK: u16 = 0xD217;
    /// Battery in percent (i8), -1 unknown.
    pub const BATTERY: u16 = 0xD218;
    /// Sensor crop (u8): 1 off, 2 on.
    pub const SENSOR_CROP: u16 = 0xD219;
    /// Recording a movie (u8): 0 no, 1 yes.
    pub const RECORDING_STATE: u16 = 0xD21D;
    /// ISO (u32), 0xFFFFFF automatic.
    pub const ISO: u16 = 0xD21E;
    /// Where stills go (u16): 1 host, 0x10 card, 0x11 both.
    pub const STORE_DESTINATION: u16 = 0xD222;
    /// Focus area (u16).
    pub const FOCUS_AREA: u16 = 0xD22C;
    /// Picture profile (u8).
    pub const PICTURE_PROFILE: u16 = 0xD23F;
    /// State of slot 1 (u8): 1 there, 2 empty.
    pub const SLOT1_STATUS: u16 = 0xD248;
    /// Photographs that fit into slot 1 (u32).
    pub const SLOT1_PHOTOS: u16 = 0xD249;
    /// Seconds of movie that fit into slot 1 (u32).
    pub const SLOT1_SECONDS: u16 = 0xD24A;
    /// White balance lock (u8): 1 off, 2 on.
    pub const AWB_LOCK: u16 = 0xD24E;
    /// Too hot (u8): 0 no.
    pub const OVERHEATING: u16 = 0xD251;
    /// State of slot 2 (u8).
    pub const SLOT2_STATUS: u16 = 0xD256;
    /// Photographs that fit into slot 2 (u32).
    pub const SLOT2_PHOTOS: u16 = 0xD257;
    /// Seconds of movie that fit into slot 2 (u32).
    pub const SLOT2_SECONDS: u16 = 0xD258;
    /// Who has the say (i8): 0 the camera's dials, 1 the host.
    pub const PRIORITY: u16 = 0xD25A;
}

/// Controls of `SDIO_CONTROL_DEVICE`. Keys take 2 for down and 1 for up (u16).
pub mod control {
    /// Half a press of the shutter.
    pub const HALF_PRESS: u16 = 0xD2C1;
    /// The shutter.
    pub const SHUTTER: u16 = 0xD2C2;
    /// The movie key.
    pub const MOVIE: u16 = 0xD2C8;
    /// Manual focus: -7 (near) to 7 (far) (i16).
    pub const NEAR_FAR: u16 = 0xD2D1;
    /// Automatic focus key of lenses in manual focus (u16).
    pub const FOCUS_HOLD: u16 = 0xD2D2;
    /// Autofocus area: x (0 to 639) in the high half, y (0 to 479) in the low (u32).
    pub const AF_AREA: u16 = 0xD2DC;
    /// Power zoom: -8 (wide, fast) to 8 (tele, fast), 0 stops (i8).
    pub const ZOOM: u16 = 0xD2DD;
    /// A key that goes down.
    pub const DOWN: u16 = 2;
    /// A key that goes up.
    pub const UP: u16 = 1;
}
