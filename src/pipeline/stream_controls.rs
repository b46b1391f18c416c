//! Control of cameras that are streams (RTSP, V4L2, files, scripts), in the words
//! of the camera SDK.
//!
//! A session is there from the start and begins at once when it was ended: the
//! box itself owns the stream, and ending a session takes no picture away from
//! detection. The shutter keeps the newest frame as a file. There is nothing to
//! focus or to zoom, and no card; that is refused in words. One thread per camera
//! takes its commands, one after the other.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use log::{debug, error};

use super::still_files::StillFiles;
use crate::capture::{
    Action, CameraEvent, Choice, Command, ConnectionMode, Control, ControlError, ControlOwner,
    ControlStatus, Controls, Directory, Press, PriorityKey, Property, Reply, StillNaming,
};
use crate::domain::{CameraId, CameraNotice, CameraState, DownloadKind};
use crate::media::LiveViews;
use crate::rt::{FreeBytes, Stop, Tasks};

/// How often a thread that has nothing to do looks whether it is still wanted.
const TURN: Duration = Duration::from_millis(500);

/// "The shutter fired" (camera SDK event page, `warning`).
const CAPTURED: u32 = 0x20011;

/// The SDK's code for a connection that fails, as `capture` has it.
const NOT_REACHED: u32 = 0x8201;

/// "Generic error" (camera SDK event page, `error`).
const GENERIC_ERROR: u32 = 0x8001;

/// Where stills go, and what for: `still-image-store-destination`.
const STORE_DESTINATION: (&str, u32) = ("still-image-store-destination", 0x119);
const ON_THE_BOX: i64 = 1;

/// What controls of streams work with.
#[derive(Clone)]
pub struct StreamControlContext {
    /// Where the controls are found.
    pub controls: Controls,
    /// Tells notices, knows models.
    pub directory: Directory,
    /// Has the newest frames.
    pub views: LiveViews,
    /// Where the threads are started.
    pub tasks: Tasks,
    /// Stops all of them.
    pub stop: Stop,
    /// Stills go below it, into a directory per camera.
    pub stills: PathBuf,
    /// Room on the disk.
    pub free_bytes: FreeBytes,
    /// So much is left to the system.
    pub min_free_bytes: u64,
}

/// The controls of all streams.
pub struct StreamControls {
    context: StreamControlContext,
    running: Mutex<BTreeMap<CameraId, Stop>>,
}

impl StreamControls {
    /// None yet.
    pub fn new(context: StreamControlContext) -> Self {
        Self { context, running: Mutex::default() }
    }

    /// Lets go of the streams that are not in `wanted`; others may take their ids
    /// then.
    fn retain(&self, wanted: &[CameraId]) {
        self.running().retain(|camera, stop| {
            let is_wanted = wanted.contains(camera);
            if !is_wanted {
                stop.set();
                self.context.controls.remove(camera);
            }
            is_wanted
        });
    }

    /// Makes the controlled streams those of `wanted`; does not wait for it.
    pub fn apply(&self, wanted: &[CameraId]) {
        self.retain(wanted);
        let mut running = self.running();
        for camera in wanted {
            if !running.contains_key(camera)
                && let Some(stop) = self.start(camera)
            {
                running.insert(camera.clone(), stop);
            }
        }
    }

    fn running(&self) -> MutexGuard<'_, BTreeMap<CameraId, Stop>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, camera: &CameraId) -> Option<Stop> {
        let (control, owner) = Control::new();
        let stop = self.context.stop.child();
        let stream = StreamControl::new(camera.clone(), owner, self.context.clone());
        let ends = stop.clone();
        let tasks = self.context.tasks.until(stop.clone());
        match tasks.spawn_thread(format!("ctl {camera}"), move || stream.run(&ends)) {
            Ok(()) => {
                self.context.controls.insert(camera.clone(), control);
                Some(stop)
            }
            Err(reason) => {
                error!(camera:%, reason:%; "The system refuses a thread; this camera cannot be controlled.");
                None
            }
        }
    }
}

/// The control of one stream.
struct StreamControl {
    camera: CameraId,
    owner: ControlOwner,
    context: StreamControlContext,
    stills: StillFiles,
}

impl StreamControl {
    fn new(camera: CameraId, owner: ControlOwner, context: StreamControlContext) -> Self {
        owner.show(session());
        let directory = context.stills.join(camera.as_str());
        let free_bytes = FreeBytes::clone(&context.free_bytes);
        let stills = StillFiles::new(directory, free_bytes, context.min_free_bytes);
        Self { camera, owner, context, stills }
    }

    fn run(mut self, stop: &Stop) {
        while !stop.is_set() {
            match self.owner.commands.recv_timeout(TURN) {
                Ok(command) => self.answer(command),
                Err(RecvTimeoutError::Timeout) => {}
                // Nobody can ask any more; the stop follows.
                Err(RecvTimeoutError::Disconnected) => drop(stop.wait(TURN)),
            }
        }
    }

    fn answer(&mut self, command: Command) {
        match command {
            Command::Connect { mode, reply, .. } => reply.send(self.connect(mode)),
            Command::Disconnect(reply) => {
                self.disconnect();
                reply.send(Ok(()));
            }
            Command::Properties(reply) => self.reply(reply, |_| Ok(vec![store_destination()])),
            Command::Property(name, reply) => self.reply(reply, |_| property(&name)),
            Command::Set(setting, reply) => self.reply(reply, |_| {
                property(&setting.name)
                    .and_then(|property| Err(ControlError::NotWritable(property.name.to_owned())))
            }),
            Command::PriorityKey(reply) => self.reply(reply, |_| Ok(PriorityKey::PcRemote)),
            Command::SetPriorityKey(key, reply) => self.reply(reply, |_| match key {
                PriorityKey::PcRemote => Ok(()),
                PriorityKey::CameraPosition => unsupported("this camera has no dials"),
            }),
            Command::Act(action, reply) => self.reply(reply, |stream| stream.act(action)),
            Command::LiveView(is_on, reply) => self.reply(reply, |stream| {
                let status = ControlStatus { is_live_view_streaming: is_on, ..session() };
                stream.owner.show(status);
                Ok(())
            }),
            Command::Files(_, reply) => self.reply(reply, |_| no_card()),
            Command::Pull(_, reply) => self.reply(reply, |_| no_card()),
            Command::NameStills(naming, reply) => {
                self.reply(reply, |stream| stream.rename(naming));
            }
        }
    }

    /// Answers what needs a session.
    fn reply<T>(
        &mut self,
        reply: Reply<T>,
        answer: impl FnOnce(&mut Self) -> Result<T, ControlError>,
    ) {
        let answer = match self.owner.shown().is_connected() {
            true => answer(self),
            false => Err(ControlError::NotConnected),
        };
        reply.send(answer);
    }

    fn connect(&self, mode: ConnectionMode) -> Result<(), ControlError> {
        let entry = self.context.directory.get(&self.camera);
        let Some(entry) = entry.filter(|entry| entry.state == CameraState::Online) else {
            let message = "no pictures arrive from this camera; see its status".to_owned();
            return Err(ControlError::Refused { code: NOT_REACHED, message });
        };
        if !self.owner.shown().is_connected() {
            if mode != ConnectionMode::Remote {
                return unsupported("this camera is a stream; connect it in the mode remote");
            }
            self.owner.show(session());
            self.tell(CameraNotice::Connected { model: entry.model });
        }
        Ok(())
    }

    fn disconnect(&self) {
        if self.owner.shown().is_connected() {
            self.owner.show(ControlStatus::default());
            let reason = "a client ended the session".to_owned();
            self.tell(CameraNotice::Disconnected { code: 0, reason });
        }
    }

    fn act(&mut self, action: Action) -> Result<(), ControlError> {
        match action {
            Action::Shutter(Press::Once | Press::Down) | Action::AfShutter => self.keep_still(),
            Action::Shutter(Press::Up) => Ok(()),
            Action::HalfPress | Action::FocusNearFar(_) | Action::AfArea { .. } => {
                unsupported("this camera is a stream; its focus cannot be moved")
            }
            Action::Zoom(_) => unsupported("this camera is a stream; it has no power zoom"),
            Action::MovieRecord => {
                unsupported("this camera is a stream; recording is up to the box")
            }
        }
    }

    fn keep_still(&mut self) -> Result<(), ControlError> {
        let view = self.context.views.get(&self.camera);
        let picture = view.map(|view| view.still()).transpose();
        let picture = picture.map_err(|error| ControlError::Refused {
            code: GENERIC_ERROR,
            message: error.to_string(),
        })?;
        let Some(picture) = picture.flatten() else {
            return unsupported("no picture has arrived from this camera yet; try again soon");
        };
        let message = "Captured_Event".to_owned();
        self.tell(CameraNotice::Warning { code: CAPTURED, message });
        let path = self.stills.keep(&picture.bytes).map_err(|error| {
            let camera = &self.camera;
            debug!(camera:%, error:%; "A still was not kept.");
            ControlError::Disk(format!("the still was not kept: {error}"))
        })?;
        let (path, kind) = (path.display().to_string(), DownloadKind::Image);
        self.tell(CameraNotice::DownloadComplete { path, kind });
        Ok(())
    }

    fn rename(&mut self, naming: StillNaming) -> Result<(), ControlError> {
        self.stills.rename(naming);
        Ok(())
    }

    fn tell(&self, notice: CameraNotice) {
        let camera = self.camera.clone();
        self.context.directory.announce(&CameraEvent::Notice { camera, notice });
    }
}

/// A new session: live view may be started, as the mode `remote` promises.
fn session() -> ControlStatus {
    ControlStatus {
        mode: Some(ConnectionMode::Remote),
        is_live_view_enabled: true,
        ..ControlStatus::default()
    }
}

fn property(name: &str) -> Result<Property, ControlError> {
    match name {
        known if known == STORE_DESTINATION.0 => Ok(store_destination()),
        _ => Err(ControlError::Unknown(format!("this camera has no property {name:?}"))),
    }
}

fn store_destination() -> Property {
    let label = || "Host PC".to_owned();
    Property {
        name: STORE_DESTINATION.0,
        code: STORE_DESTINATION.1,
        value: ON_THE_BOX,
        label: label(),
        is_writable: false,
        choices: vec![Choice { value: ON_THE_BOX, label: label() }],
        is_range: false,
    }
}

fn no_card<T>() -> Result<T, ControlError> {
    unsupported("this camera is a stream; it has no card")
}

fn unsupported<T>(why: &str) -> Result<T, ControlError> {
    Err(ControlError::Unsupported(why.to_owned()))
}
