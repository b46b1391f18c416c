//! What an owner says of itself.

/// What a session is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ConnectionMode {
    /// Shoot; pictures are pushed to the box.
    #[default]
    Remote,
    /// Shoot; pictures stay on the card and are fetched on demand.
    RemoteTransfer,
    /// Fetch from the card only.
    Contents,
}

/// Who has the say over the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PriorityKey {
    /// The box.
    #[default]
    PcRemote,
    /// The dials of the camera.
    CameraPosition,
}

/// How a camera is, without asking it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlStatus {
    /// The mode of the session; `None` without one.
    pub mode: Option<ConnectionMode>,
    /// Whether live view may be started.
    pub is_live_view_enabled: bool,
    /// Whether live-view pictures are coming.
    pub is_live_view_streaming: bool,
    /// Whether this camera takes photographs of its own. A stream does not: its
    /// shutter keeps a full frame.
    pub has_shutter: bool,
    /// How the modes differ from what the contract promises, in words, if they do.
    pub limits: Option<String>,
}

impl ControlStatus {
    /// Whether there is a session.
    pub fn is_connected(&self) -> bool {
        self.mode.is_some()
    }
}
