//! Why something was not done.

/// Why a camera did not do what it was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// There is no session.
    #[error("Camera not connected")]
    NotConnected,
    /// Too many commands wait already.
    #[error("the camera is busy: too many commands wait; try again in a second")]
    Busy,
    /// A file is being fetched already; one at a time.
    #[error("a transfer is running; try again when it has ended")]
    TransferBusy,
    /// The session ended, or the camera was removed, before there was an answer.
    #[error("the camera was removed or the box is stopping")]
    Gone,
    /// This camera, or this mode of connection, cannot do that.
    #[error("{0}")]
    Unsupported(String),
    /// No such property, file or slot.
    #[error("{0}")]
    Unknown(String),
    /// The property cannot be set now.
    #[error("{0} cannot be set now")]
    NotWritable(String),
    /// The property cannot have this value.
    #[error("{0}")]
    NotAvailable(String),
    /// The lens is on manual focus.
    #[error("the camera is on manual focus; set focus-mode to an automatic one")]
    ManualFocus,
    /// The camera or the connection refused, with the SDK's number for it.
    #[error("{message}")]
    Refused {
        /// SDK error code (`0x8215`).
        code: u32,
        /// What failed and what to do, in words.
        message: String,
    },
    /// The disk refused.
    #[error("{0}")]
    Disk(String),
}
