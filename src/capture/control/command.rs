//! What can be asked.

use std::path::PathBuf;

use tokio::sync::oneshot;

use super::{ConnectionMode, ControlError, PriorityKey, Property};

/// Where the answer to one command goes.
pub struct Reply<T>(oneshot::Sender<Result<T, ControlError>>);

impl<T> Reply<T> {
    /// The place for one answer, and the answer to wait for.
    pub fn new() -> (Self, oneshot::Receiver<Result<T, ControlError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// Answers. A client that has gone away in the meantime is no fault.
    pub fn send(self, answer: Result<T, ControlError>) {
        let _ = self.0.send(answer);
    }

    /// Whether the client still waits.
    pub fn is_awaited(&self) -> bool {
        !self.0.is_closed()
    }
}

/// One thing that is asked of a camera.
pub enum Command {
    /// Begin a session. When there is one, it stays as it is, its mode too.
    Connect {
        /// What the session is for.
        mode: ConnectionMode,
        /// Whether a lost session is begun again without being asked.
        is_kept: bool,
        /// Answered once the camera can be used.
        reply: Reply<()>,
    },
    /// End the session; no fault when there is none.
    Disconnect(Reply<()>),
    /// Everything the camera can be set to.
    Properties(Reply<Vec<Property>>),
    /// One property, by its wire name (`shutter-speed`).
    Property(String, Reply<Property>),
    /// Set one property; answers with what it is then.
    Set(Setting, Reply<Property>),
    /// Who has the say: the camera's dials or the box.
    PriorityKey(Reply<PriorityKey>),
    /// Give the say to the camera's dials or to the box.
    SetPriorityKey(PriorityKey, Reply<()>),
    /// Move something.
    Act(Action, Reply<()>),
    /// Keep live-view pictures coming (`true`), or let the camera rest.
    LiveView(bool, Reply<()>),
    /// The files on a card. Slots are counted from 1.
    Files(u8, Reply<Vec<CardFile>>),
    /// Fetch one file from a card. Answered as soon as the transfer has begun (or
    /// is refused); progress and end are told as notices.
    Pull(Pull, Reply<()>),
    /// Where stills go from now on.
    NameStills(StillNaming, Reply<()>),
}

/// A property and what it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Wire name of the property.
    pub name: String,
    /// The value in the camera SDK's numbers.
    pub value: i64,
}

/// How a key is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Press {
    /// Down, and up again.
    #[default]
    Once,
    /// Down, and it stays down.
    Down,
    /// Up.
    Up,
}

/// Something that moves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Action {
    /// The shutter.
    Shutter(Press),
    /// Half a press of the shutter: focus.
    HalfPress,
    /// Focus, then the shutter.
    AfShutter,
    /// Power zoom: -10 (wide, fast) to 10 (tele, fast); 0 stops.
    Zoom(i8),
    /// Focus: -7 (near, coarse) to 7 (far, coarse), never 0.
    FocusNearFar(i8),
    /// Movie recording on, or off when it is on.
    MovieRecord,
    /// The autofocus area, its center in 0 to 1 of the picture.
    AfArea {
        /// From the left.
        x: f32,
        /// From the top.
        y: f32,
    },
}

/// Which form of a file is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rendition {
    /// The file itself.
    Original,
    /// The small picture inside it.
    Thumbnail,
    /// The picture for screens.
    Screennail,
}

/// One file of a card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardFile {
    /// Number of the content; RAW and JPEG of one exposure share it.
    pub content: u64,
    /// Number of the file in its content; 0 in contents mode.
    pub file: u64,
    /// Path on the card (`DCIM/100MSDCF/DSC00001.JPG`).
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Width and height in pixels, where the camera tells them.
    pub size_px: Option<(u32, u32)>,
    /// Year, month, day, hour, minute, second by the camera's clock, where it
    /// tells them.
    pub created: Option<[u16; 6]>,
}

/// What is fetched, and where to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pull {
    /// Slot of the card, from 1.
    pub slot: u8,
    /// [`CardFile::content`].
    pub content: u64,
    /// [`CardFile::file`].
    pub file: u64,
    /// The file itself or a smaller picture.
    pub rendition: Rendition,
    /// An existing directory below the media directory: whoever asks has checked it.
    pub directory: PathBuf,
}

/// How the stills that the camera pushes are named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StillNaming {
    /// An existing directory below the media directory: whoever asks has checked it.
    pub directory: PathBuf,
    /// What names begin with; `DSC` when it is empty.
    pub prefix: String,
    /// Number of the next still; `None` goes on after the highest there is.
    pub start: Option<u32>,
}
