//! What outlives the sessions of one camera: its command queue, what its users
//! want of it, and who still waits for an answer.
//!
//! One session holds the desk at a time; the supervisor makes a new session after
//! each failure.

use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

use super::stills::StillsPlace;
use crate::capture::control::{
    Command, ConnectionMode, ControlError, ControlOwner, ControlStatus, Reply, StillNaming,
};
use crate::capture::{CameraEvent, CameraSettings, Directory, PtpAddress, Source};
use crate::domain::{CameraId, CameraNotice};
use crate::rt::Stop;

/// How often a camera without a session looks at `stop`.
const IDLE_TURN: Duration = Duration::from_millis(200);

/// A session that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// What it is for.
    pub mode: ConnectionMode,
    /// Whether it is begun again when it is lost.
    pub is_kept: bool,
}

/// See the module.
pub(super) struct Desk {
    pub camera: CameraId,
    pub address: PtpAddress,
    pub directory: Directory,
    pub owner: ControlOwner,
    pub stills: StillsPlace,
    pub naming: Option<StillNaming>,
    /// USB: where the camera was found the last time.
    pub found_at: Option<String>,
    /// Network: the last attempt failed, so that somebody should look first whether
    /// anybody listens.
    pub is_away: bool,
    pub wish: Option<Wish>,
    /// Whether the configuration wants a session, so that a failure ends no wish.
    autoconnect: bool,
    /// Whether it has been said that nobody wants a session.
    pub is_release_told: bool,
    /// A session was lost, and the next one brings it back.
    pub is_reconnecting: bool,
    connecting: Vec<Reply<()>>,
    leaving: Vec<Reply<()>>,
}

impl Desk {
    /// A desk for the camera that `settings` describe; `None` for another kind.
    pub(super) fn new(
        settings: &CameraSettings,
        owner: ControlOwner,
        directory: Directory,
        stills: StillsPlace,
    ) -> Option<Self> {
        let Source::Ptp(address) = &settings.source else { return None };
        let wish = Wish { mode: settings.mode, is_kept: true };
        let desk = Self {
            camera: settings.id.clone(),
            address: address.clone(),
            directory,
            owner,
            stills,
            naming: None,
            found_at: None,
            is_away: false,
            wish: settings.autoconnect.then_some(wish),
            autoconnect: settings.autoconnect,
            is_release_told: false,
            is_reconnecting: false,
            connecting: Vec::new(),
            leaving: Vec::new(),
        };
        desk.show(None);
        Some(desk)
    }

    /// Tells everyone who listens.
    pub(super) fn say(&self, notice: CameraNotice) {
        let camera = self.camera.clone();
        self.directory.announce(&CameraEvent::Notice { camera, notice });
    }

    /// Shows how the camera is connected, with the live view as the mode has it.
    pub(super) fn show(&self, mode: Option<ConnectionMode>) {
        let is_live = mode == Some(ConnectionMode::Remote);
        self.owner.show(ControlStatus {
            mode,
            is_live_view_enabled: is_live,
            is_live_view_streaming: is_live,
            has_shutter: true,
            limits: limits(&self.address),
        });
    }

    /// Those who asked for the end of the session hear that it has ended.
    pub(super) fn answer_leaving(&mut self) {
        self.leaving.drain(..).for_each(|reply| reply.send(Ok(())));
    }

    /// Those who asked for a session hear that there is one, or why not.
    pub(super) fn answer_connecting(&mut self, answer: &Result<(), ControlError>) {
        self.connecting.drain(..).for_each(|reply| reply.send(answer.clone()));
    }

    /// Deals with what came while there was no session, without waiting.
    pub(super) fn clear_queue(&mut self) {
        while let Ok(command) = self.owner.commands.try_recv() {
            self.take_idle(command);
        }
    }

    /// Waits until somebody wants a session; false when the box stops.
    pub(super) fn wait_for_wish(&mut self, stop: &Stop) -> bool {
        while self.wish.is_none() {
            if stop.is_set() {
                return false;
            }
            match self.owner.commands.recv_timeout(IDLE_TURN) {
                Ok(command) => self.take_idle(command),
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody holds the control any more; the camera is being removed.
                Err(RecvTimeoutError::Disconnected) => {
                    stop.wait(IDLE_TURN);
                }
            }
        }
        true
    }

    /// A command while there is no session.
    fn take_idle(&mut self, command: Command) {
        match command {
            Command::Connect { mode, is_kept, reply } => match refusal(&self.address, mode) {
                Some(refusal) => reply.send(Err(refusal)),
                None => {
                    self.wish = Some(Wish { mode, is_kept: is_kept || self.autoconnect });
                    self.connecting.push(reply);
                }
            },
            Command::Disconnect(reply) => {
                self.wish = None;
                reply.send(Ok(()));
                self.answer_connecting(&Err(ControlError::NotConnected));
            }
            Command::NameStills(naming, reply) => {
                self.naming = Some(naming);
                reply.send(Ok(()));
            }
            other => refuse(other, ControlError::NotConnected),
        }
    }

    /// Connected already: the mode stays as it is.
    pub(super) fn stay(&mut self, is_kept: bool, reply: Reply<()>) {
        if let Some(wish) = &mut self.wish {
            wish.is_kept |= is_kept;
        }
        reply.send(Ok(()));
    }

    /// Somebody wants the session that there is to end.
    pub(super) fn leave(&mut self, reply: Reply<()>) {
        self.wish = None;
        self.is_reconnecting = false;
        self.leaving.push(reply);
    }

    /// A session could not be begun.
    pub(super) fn failed(&mut self, answer: ControlError) {
        self.is_away = true;
        self.found_at = None;
        self.answer_connecting(&Err(answer));
        // A client that was refused asks again itself; a session that was lost, or
        // that the configuration wants, is tried for ever.
        if !self.autoconnect && !self.is_reconnecting {
            self.wish = None;
            self.is_release_told = true;
        }
    }

    /// A session was lost.
    pub(super) fn lost(&mut self) {
        let is_kept = self.wish.is_some_and(|wish| wish.is_kept);
        self.is_reconnecting = is_kept;
        if !is_kept {
            self.wish = None;
            self.is_release_told = true;
        }
    }
}

/// What the modes do not do here, in words.
fn limits(address: &PtpAddress) -> Option<String> {
    let words = match address {
        PtpAddress::Ip(_) => {
            "power zoom and the autofocus area need the mode remote-transfer: libgphoto2, which \
             serves remote, does not know them"
        }
        PtpAddress::Usb(_) => {
            "over USB there is only mode remote, without power zoom and autofocus area: \
             libgphoto2 does not know more"
        }
    };
    Some(words.to_owned())
}

/// Why there can be no session of this kind, if so.
fn refusal(address: &PtpAddress, mode: ConnectionMode) -> Option<ControlError> {
    match (address, mode) {
        (PtpAddress::Usb(_), ConnectionMode::RemoteTransfer | ConnectionMode::Contents) => {
            Some(unsupported(
                "over USB there is only mode remote: libgphoto2 cannot open the card beside \
                 it; reach the camera over its network",
            ))
        }
        _ => None,
    }
}

/// This camera, or this mode, cannot do that.
pub(super) fn unsupported(words: impl Into<String>) -> ControlError {
    ControlError::Unsupported(words.into())
}

/// Answers any command with a refusal.
pub(super) fn refuse(command: Command, reason: ControlError) {
    match command {
        Command::Connect { reply, .. }
        | Command::Disconnect(reply)
        | Command::SetPriorityKey(_, reply)
        | Command::Act(_, reply)
        | Command::LiveView(_, reply)
        | Command::Pull(_, reply)
        | Command::NameStills(_, reply) => reply.send(Err(reason)),
        Command::Properties(reply) => reply.send(Err(reason)),
        Command::Property(_, reply) | Command::Set(_, reply) => reply.send(Err(reason)),
        Command::PriorityKey(reply) => reply.send(Err(reason)),
        Command::Files(_, reply) => reply.send(Err(reason)),
    }
}
