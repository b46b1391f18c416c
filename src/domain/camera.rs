//! A camera as the rest of the box sees it: its name, its state, its notices.

use serde::{Deserialize, Serialize};

use super::{CameraId, Timestamp};

/// Whether a camera delivers pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameraState {
    /// Not yet tried.
    Unknown,
    /// Frames arrive.
    Online,
    /// No frames; the box keeps trying by itself.
    Offline,
    /// No frames, and only a person can change that (wrong password, wrong
    /// format); the box tries again now and then.
    Error,
}

impl CameraState {
    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Online => "online",
            Self::Offline => "offline",
            Self::Error => "error",
        }
    }
}

/// A change of a camera's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraStatus {
    /// Which camera.
    pub camera: CameraId,
    /// Its name for people.
    pub name: String,
    /// The new state.
    pub state: CameraState,
    /// The state before.
    pub previous: CameraState,
    /// Why, in words; absent when all is well.
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Asynchronous message about the connection of a camera, as the camera SDK
/// event stream tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CameraNotice {
    /// A session began.
    Connected {
        /// What the camera calls itself, or what its source is.
        model: String,
    },
    /// A session ended.
    Disconnected {
        /// SDK error code; 0 when it ended on purpose.
        code: u32,
        /// Why, in words.
        reason: String,
    },
    /// A fault of the driver that is not tied to a request.
    Error {
        /// SDK error code.
        code: u32,
        /// What failed, in words.
        message: String,
    },
    /// Properties changed; told together when they change together.
    PropertyChanged {
        /// Their SDK codes (`0x104`).
        codes: Vec<u32>,
    },
    /// The shutter fired (`0x20011`), or something else the SDK has a number for.
    Warning {
        /// SDK code.
        code: u32,
        /// What it means, in words.
        message: String,
    },
    /// The autofocus.
    AfStatus(AfState),
    /// A still, or another file, that the camera pushed is on the disk: synced and
    /// under its final name.
    DownloadComplete {
        /// Where it is.
        path: String,
        /// What it is.
        kind: DownloadKind,
    },
    /// A file is being fetched from a card in transfer mode; 100 is the end.
    TransferProgress {
        /// 0 to 100.
        percent: u8,
        /// Number of the content.
        content: u64,
        /// Number of the file in its content.
        file: u64,
        /// Its name on the card.
        filename: String,
        /// Where it is, at the end.
        saved_path: Option<String>,
    },
    /// A file is being fetched from a card in contents mode.
    ContentsTransfer {
        /// How it goes.
        status: TransferStatus,
        /// Object handle on the card.
        handle: u32,
        /// Its name on the card.
        filename: Option<String>,
    },
    /// The connection is lost and is tried again.
    Reconnecting,
    /// The connection is back.
    Reconnected,
    /// A move of the focus has ended.
    FocusResult {
        /// Whether it got there.
        is_success: bool,
    },
}

/// What the autofocus does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AfState {
    /// The subject is sharp.
    Focused,
    /// The lens is at rest.
    Unlocked,
    /// The lens follows the subject.
    Tracking,
}

/// What a camera pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownloadKind {
    /// A photograph.
    Image,
    /// A file of settings.
    Settings,
}

/// How a transfer in contents mode goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferStatus {
    /// It began.
    Started,
    /// The file is on the disk.
    Complete,
    /// It failed.
    Error,
}
