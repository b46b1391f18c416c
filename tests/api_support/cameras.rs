//! Cameras that can be controlled: a stream as the box has them, and a scripted
//! still camera that stands for one on a cable.

use std::collections::VecDeque;
use std::sync::mpsc::RecvTimeoutError;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchpost::capture::{
    Action, CameraEntry, CameraEvent, CardFile, Choice, Command, ConnectionMode, Control,
    ControlError, ControlOwner, ControlStatus, Directory, Press, PriorityKey, Property, Pull,
};
use watchpost::domain::{AfState, CameraNotice, CameraState, DownloadKind, FrameTap as _};
use watchpost::live::LiveMessage;
use watchpost::media::LiveView;
use watchpost::pipeline::{StreamControlContext, StreamControls};
use watchpost::rt::Tasks;

use super::{Answer, Appliance, camera, frame};

pub const STILL_CAMERA: &str = "D10F60149B0C";

/// The notices of the cameras reach the clients, as in the daemon.
fn announce(appliance: &Appliance) {
    let hub = appliance.hub.clone();
    appliance.cameras.on_event(move |event| {
        if let CameraEvent::Notice { camera, notice } = event {
            hub.publish(LiveMessage::Notice { camera: camera.clone(), notice: notice.clone() });
        }
    });
}

/// `front_door` is a stream that has delivered one picture.
pub fn stream(appliance: &Appliance) -> (StreamControls, Arc<LiveView>) {
    announce(appliance);
    let front_door = camera().id;
    let view = appliance.live_views.insert(&front_door, 4);
    view.offer(&Arc::new(frame()));
    let controls = StreamControls::new(StreamControlContext {
        controls: appliance.controls.clone(),
        directory: appliance.cameras.clone(),
        views: appliance.live_views.clone(),
        tasks: Tasks::new(appliance.stop.clone(), |_| {}),
        stop: appliance.stop.clone(),
        stills: appliance.stills(),
        free_bytes: Arc::new(|| None),
        min_free_bytes: 0,
    });
    controls.apply(&[front_door]);
    (controls, view)
}

/// What a still camera was asked, and how it is to refuse next.
#[derive(Clone, Default)]
pub struct StillCamera {
    pub asked: Arc<Mutex<Vec<String>>>,
    pub refusals: Arc<Mutex<VecDeque<ControlError>>>,
}

impl StillCamera {
    /// A camera on a cable, without a session.
    pub fn attach(appliance: &Appliance) -> Self {
        announce(appliance);
        let id = STILL_CAMERA.parse().unwrap();
        appliance.cameras.insert(CameraEntry {
            id,
            name: "Studio".into(),
            model: "ILCE-7M4".into(),
            connection_type: "USB",
            source: "usb:D10F60149B0C".into(),
            state: CameraState::Unknown,
            ..camera()
        });
        let (control, owner) = Control::new();
        appliance.controls.insert(STILL_CAMERA.parse().unwrap(), control);
        let this = Self::default();
        let body = Body {
            owner,
            directory: appliance.cameras.clone(),
            camera: this.clone(),
            iso: 100,
            stills: appliance.stills().join(STILL_CAMERA),
        };
        let stop = appliance.stop.clone();
        let tasks = Tasks::new(stop.clone(), |_| {});
        tasks.spawn_thread("still camera", move || body.run(&stop)).unwrap();
        this
    }

    pub fn refuse(&self, error: ControlError) {
        self.refusals.lock().unwrap().push_back(error);
    }

    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

struct Body {
    owner: ControlOwner,
    directory: Directory,
    camera: StillCamera,
    iso: i64,
    stills: std::path::PathBuf,
}

impl Body {
    fn run(mut self, stop: &watchpost::rt::Stop) {
        self.owner.show(ControlStatus { has_shutter: true, ..ControlStatus::default() });
        while !stop.is_set() {
            match self.owner.commands.recv_timeout(Duration::from_millis(20)) {
                Ok(command) => self.answer(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn outcome<T>(&self, asked: String, answer: T) -> Result<T, ControlError> {
        self.camera.asked.lock().unwrap().push(asked);
        match self.camera.refusals.lock().unwrap().pop_front() {
            Some(refusal) => Err(refusal),
            None => Ok(answer),
        }
    }

    fn answer(&mut self, command: Command) {
        match command {
            Command::Connect { mode, is_kept, reply } => {
                let outcome = self.outcome(format!("connect {mode:?} kept {is_kept}"), ());
                if outcome.is_ok() && !self.owner.shown().is_connected() {
                    self.show(mode, false);
                    self.tell(CameraNotice::Connected { model: "ILCE-7M4".into() });
                }
                reply.send(outcome);
            }
            Command::Disconnect(reply) => {
                self.tell(CameraNotice::Disconnected { code: 0, reason: "asked for".into() });
                self.owner.show(ControlStatus { has_shutter: true, ..ControlStatus::default() });
                reply.send(self.outcome("disconnect".into(), ()));
            }
            Command::Properties(reply) => {
                let properties = vec![self.iso(), aperture()];
                reply.send(self.outcome("properties".into(), properties));
            }
            Command::Property(name, reply) => reply.send(match name.as_str() {
                "iso" => self.outcome("iso".into(), self.iso()),
                "aperture" => self.outcome("aperture".into(), aperture()),
                _ => Err(ControlError::Unknown("Unknown property".into())),
            }),
            Command::Set(setting, reply) => {
                self.iso = setting.value;
                let asked = format!("set {} {}", setting.name, setting.value);
                reply.send(self.outcome(asked, self.iso()));
            }
            Command::PriorityKey(reply) => {
                reply.send(self.outcome("priority".into(), PriorityKey::CameraPosition));
            }
            Command::SetPriorityKey(key, reply) => {
                reply.send(self.outcome(format!("set priority {key:?}"), ()));
            }
            Command::Act(action, reply) => {
                let outcome = self.outcome(format!("{action:?}"), ());
                if outcome.is_ok() && action == Action::Shutter(Press::Once) {
                    self.take();
                }
                reply.send(outcome);
            }
            Command::LiveView(is_on, reply) => {
                let mode = self.owner.shown().mode.unwrap_or_default();
                self.show(mode, is_on);
                reply.send(self.outcome(format!("live view {is_on}"), ()));
            }
            Command::Files(slot, reply) => {
                reply.send(self.outcome(format!("files {slot}"), files()));
            }
            Command::Pull(pull, reply) => {
                let asked = format!("pull {}/{} {:?}", pull.content, pull.file, pull.rendition);
                let outcome = self.outcome(asked, ());
                if outcome.is_ok() {
                    self.pulled(&pull);
                }
                reply.send(outcome);
            }
            Command::NameStills(naming, reply) => {
                self.stills = naming.directory;
                let asked = format!("name {:?} {:?}", naming.prefix, naming.start);
                reply.send(self.outcome(asked, ()));
            }
        }
    }

    fn show(&self, mode: ConnectionMode, is_live_view_streaming: bool) {
        self.owner.show(ControlStatus {
            mode: Some(mode),
            is_live_view_enabled: mode == ConnectionMode::Remote,
            is_live_view_streaming,
            has_shutter: true,
            limits: None,
        });
    }

    fn take(&self) {
        self.tell(CameraNotice::AfStatus(AfState::Focused));
        let (code, message) = (0x20011, "Captured_Event".to_owned());
        self.tell(CameraNotice::Warning { code, message });
        let path = self.stills.join("DSC09596.JPG").display().to_string();
        self.tell(CameraNotice::DownloadComplete { path, kind: DownloadKind::Image });
        self.tell(CameraNotice::AfStatus(AfState::Unlocked));
    }

    fn pulled(&self, pull: &Pull) {
        let path = pull.directory.join("DSC09598.JPG").display().to_string();
        self.tell(CameraNotice::TransferProgress {
            percent: 100,
            content: pull.content,
            file: pull.file,
            filename: "DSC09598.JPG".into(),
            saved_path: Some(path),
        });
    }

    fn tell(&self, notice: CameraNotice) {
        let camera = STILL_CAMERA.parse().unwrap();
        self.directory.announce(&CameraEvent::Notice { camera, notice });
    }

    fn iso(&self) -> Property {
        let choice = |value: i64| Choice { value, label: value.to_string() };
        Property {
            name: "iso",
            code: 0x104,
            value: self.iso,
            label: self.iso.to_string(),
            is_writable: true,
            choices: vec![choice(100), choice(400)],
            is_range: false,
        }
    }
}

fn aperture() -> Property {
    Property {
        name: "aperture",
        code: 0x100,
        value: 560,
        label: "f/5.6".into(),
        is_writable: false,
        choices: Vec::new(),
        is_range: false,
    }
}

fn files() -> Vec<CardFile> {
    let file = |content, file, path: &str| CardFile {
        content,
        file,
        path: path.into(),
        size: 3_000_000_000,
        size_px: None,
        created: Some([2026, 1, 15, 10, 30, 0]),
    };
    vec![
        file(131_301, 1, "DCIM/100MSDCF/DSC09598.ARW"),
        file(131_301, 2, "DCIM/100MSDCF/DSC09598.JPG"),
        CardFile { created: None, ..file(131_302, 1, "DCIM/100MSDCF/DSC09599.JPG") },
    ]
}

/// Requests to one camera.
pub struct Sdk<'a> {
    pub appliance: &'a Appliance,
    pub camera: &'a str,
}

impl Sdk<'_> {
    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "").await
    }

    pub async fn post(&self, path: &str, body: &str) -> Answer {
        self.send("POST", path, body).await
    }

    pub async fn put(&self, path: &str, body: &str) -> Answer {
        self.send("PUT", path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, "").await
    }

    async fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/api/cameras/{}/{path}", self.camera);
        self.appliance.request(method, &path, &[], body).await
    }

    /// The text of an answer in which no path of this machine is left.
    pub fn text(&self, answer: &Answer) -> String {
        let root = self.appliance.stills();
        let root = root.canonicalize().unwrap_or(root);
        answer.text().replace(root.to_str().unwrap(), "/stills") + "\n"
    }
}
