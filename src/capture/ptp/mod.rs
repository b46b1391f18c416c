//! Still cameras that speak PTP: Sony bodies over USB and PTP/IP.
//!
//! One thread for each camera owns its session: it takes commands off the
//! camera's queue, fetches live pictures, hears its events and reads its
//! properties, one transaction after the other. Mode `remote` goes through
//! libgphoto2 ([`gphoto`]), the two that fetch from the card through a client of
//! our own ([`ip`]). What outlives a session is at the camera's [`Desk`]; a
//! lost session is begun again by the supervisor, first where the camera was, then
//! by looking for it anew. Stills go to a directory of the camera ([`stills`]).

mod changes;
mod desk;
mod gphoto;
mod ip;
pub mod packet;
mod picture;
mod properties;
mod reach;
mod remote;
mod session;
mod stills;
mod transfer;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use self::desk::Desk;
use self::gphoto::{OpenError, PACKAGE};
use super::control::{ConnectionMode, Control, ControlError, Controls};
use super::{CameraSettings, CaptureError, Directory, Driver, FrameSink, Rest};
use crate::domain::{AfState, CameraId, CameraNotice};
use crate::rt::Stop;

pub use self::stills::StillsPlace;

/// What PTP cameras share with the rest of the box.
pub struct PtpContext {
    /// Where clients find the cameras' queues.
    pub controls: Controls,
    /// Where notices are announced.
    pub directory: Directory,
    /// Where stills go.
    pub stills: StillsPlace,
}

/// All PTP cameras. Cheap to clone; clones share the cameras.
#[derive(Clone)]
pub struct PtpCameras(Arc<Inner>);

struct Inner {
    context: PtpContext,
    desks: Mutex<BTreeMap<CameraId, Arc<Mutex<Desk>>>>,
}

impl PtpCameras {
    /// No cameras yet.
    pub fn new(context: PtpContext) -> Self {
        Self(Arc::new(Inner { context, desks: Mutex::default() }))
    }

    /// Takes the queues of all cameras that are not in `wanted`, or not as they were
    /// in `before`.
    pub fn keep(&self, before: &[CameraSettings], wanted: &[CameraSettings]) {
        self.desks().retain(|id, _| {
            let is_kept =
                wanted.iter().any(|settings| settings.id == *id && before.contains(settings));
            if !is_kept {
                self.0.context.controls.remove(id);
            }
            is_kept
        });
    }

    /// Gives a queue to each camera of `wanted` that has none, before its first
    /// session.
    pub fn apply(&self, wanted: &[CameraSettings]) {
        let mut desks = self.desks();
        for settings in wanted {
            if !desks.contains_key(&settings.id)
                && let Some(desk) = self.desk(settings)
            {
                desks.insert(settings.id.clone(), Arc::new(Mutex::new(desk)));
            }
        }
    }

    /// The driver of one session.
    ///
    /// # Errors
    /// When the camera is not one of those that were applied.
    pub fn driver(&self, settings: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
        let desk = self.desks().get(&settings.id).cloned();
        let source_name = settings.source.describe();
        let desk = desk.ok_or_else(|| CaptureError::Format {
            source_name: source_name.clone(),
            reason: "the driver ptp reads addresses such as ptpip:192.0.2.10 and usb:".to_owned(),
        })?;
        Ok(Box::new(PtpDriver { desk, fps: settings.fps, source_name }))
    }

    fn desk(&self, settings: &CameraSettings) -> Option<Desk> {
        let context = &self.0.context;
        let (control, owner) = Control::new();
        let desk = Desk::new(settings, owner, context.directory.clone(), context.stills.clone())?;
        context.controls.insert(settings.id.clone(), control);
        Some(desk)
    }

    fn desks(&self) -> MutexGuard<'_, BTreeMap<CameraId, Arc<Mutex<Desk>>>> {
        self.0.desks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a session ended that did not fail.
enum End {
    /// The box, or this camera, is stopped.
    Stopped,
    /// Nobody wants the session any more.
    Released,
}

/// One attempt at a session.
struct PtpDriver {
    desk: Arc<Mutex<Desk>>,
    fps: Option<u32>,
    source_name: String,
}

impl Driver for PtpDriver {
    fn run(&mut self, frames: &FrameSink, stop: &Stop) -> Result<(), CaptureError> {
        let mut desk = match self.desk.try_lock() {
            Ok(desk) => desk,
            // A session that panicked has left nothing half done at the desk.
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(CaptureError::Busy { source_name: self.source_name.clone() });
            }
        };
        desk.show(None);
        desk.answer_leaving();
        desk.clear_queue();
        if desk.wish.is_none() {
            if !std::mem::replace(&mut desk.is_release_told, true) {
                return Err(self.released());
            }
            frames.rest(Rest::Brief);
            if !desk.wait_for_wish(stop) {
                return Ok(());
            }
            frames.rest(Rest::Awake);
        }
        desk.is_release_told = false;
        if desk.is_reconnecting && !desk.is_away {
            desk.say(CameraNotice::Reconnecting);
        }
        self.session(&mut desk, frames, stop)
    }
}

impl PtpDriver {
    fn session(
        &self,
        desk: &mut Desk,
        frames: &FrameSink,
        stop: &Stop,
    ) -> Result<(), CaptureError> {
        let mode = desk.wish.map(|wish| wish.mode).unwrap_or_default();
        let outcome = match mode {
            ConnectionMode::Remote => self.remote(desk, frames, stop),
            ConnectionMode::RemoteTransfer | ConnectionMode::Contents => {
                self.transfer(desk, frames, stop, mode)
            }
        };
        desk.show(None);
        match outcome {
            Ok(End::Stopped) => Ok(()),
            Ok(End::Released) => {
                desk.is_release_told = true;
                Err(self.released())
            }
            Err(error) => {
                if frames.was_established() {
                    desk.lost();
                }
                Err(error)
            }
        }
    }

    fn remote(
        &self,
        desk: &mut Desk,
        frames: &FrameSink,
        stop: &Stop,
    ) -> Result<End, CaptureError> {
        match remote::Remote::open(desk, frames, stop, self.fps) {
            Ok(session) => session.run(),
            Err(error) => {
                let error = self.reason(error);
                desk.failed(refused(&error));
                Err(error)
            }
        }
    }

    fn transfer(
        &self,
        desk: &mut Desk,
        frames: &FrameSink,
        stop: &Stop,
        mode: ConnectionMode,
    ) -> Result<End, CaptureError> {
        match transfer::Transfer::open(desk, frames, stop, mode, self.fps) {
            Ok(session) => session.run(),
            Err(error) => {
                desk.failed(refused(&error));
                Err(error)
            }
        }
    }

    fn released(&self) -> CaptureError {
        CaptureError::Released { source_name: self.source_name.clone() }
    }

    /// Why there is no session, as the supervisor understands it.
    fn reason(&self, error: OpenError) -> CaptureError {
        let source_name = self.source_name.clone();
        match error {
            OpenError::NoLibrary(reason) => CaptureError::MissingPart {
                what: format!("libgphoto2 (package {PACKAGE}: {reason})"),
            },
            OpenError::NotAttached => CaptureError::Unreachable {
                source_name,
                reason: "no such camera is attached; it must be on, with USB set to PC Remote"
                    .to_owned(),
            },
            OpenError::Refused(error) if error.is_claimed() => CaptureError::Busy { source_name },
            OpenError::Refused(error) => {
                CaptureError::Unreachable { source_name, reason: error.to_string() }
            }
        }
    }
}

/// The SDK's number for "the shutter fired" (event page, `warning`).
const CAPTURED: u32 = 0x0002_0011;

/// The SDK's error for a file that cannot be written or fetched.
const FILE_ERROR: u32 = 0x8006;

/// What the focus indicator (0xD213) says: 1 at rest; 2, 3 and, when the lens
/// follows the subject, 6 done; others on the way.
fn focus_state(found: i64) -> AfState {
    match found {
        0 | 1 => AfState::Unlocked,
        2 | 3 | 6 => AfState::Focused,
        _ => AfState::Tracking,
    }
}

/// A failure as a client that asked for a session hears it.
fn refused(error: &CaptureError) -> ControlError {
    let message = format!("{}: {}", error.in_words(), error.next_step());
    ControlError::Refused { code: error.sdk_code(), message }
}
