//! Simulated PTP cameras under test, asked as the API asks them.

#![allow(dead_code, reason = "each test binary uses its part")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tempfile::TempDir;
use watchpost::capture::control::{Command, Control, ControlError, Controls, Reply};
use watchpost::capture::ptp::{PtpCameras, PtpContext, StillsPlace};
use watchpost::capture::{CameraSettings, DriverKind, PtpAddress, Source};
use watchpost::domain::{AfState, CameraNotice, TransferStatus};
use watchpost_camera_sim::{Options, Sim};

use super::cameras::{Bench, LIMIT};

/// Between two questions to a camera that is away.
const PAUSE: Duration = Duration::from_millis(20);

/// A camera that does not let a test wait.
pub fn fast() -> Options {
    let ms = Duration::from_millis;
    Options { focus: ms(10), exposure: ms(20), ..Options::default() }
}

/// The settings of a simulated camera.
pub fn camera(id: &str, sim: &Sim) -> CameraSettings {
    let std::net::SocketAddr::V4(address) = sim.address() else { panic!("IPv4") };
    let source = Source::Ptp(PtpAddress::Ip(address));
    CameraSettings::new(id.parse().unwrap(), DriverKind::Ptp, source)
}

/// A box with PTP cameras.
pub struct Rig {
    pub bench: Bench,
    pub root: TempDir,
    /// What the disk pretends to have left.
    pub free_bytes: Arc<AtomicU64>,
    ptp: PtpCameras,
    controls: Controls,
    applied: Vec<CameraSettings>,
}

impl Rig {
    pub fn new(ids: &[&str]) -> Self {
        let cell: Arc<OnceLock<PtpCameras>> = Arc::default();
        let opening = Arc::clone(&cell);
        let bench = Bench::new(ids, move |settings| opening.get().unwrap().driver(settings));
        let (root, controls) = (tempfile::tempdir().unwrap(), Controls::default());
        let free_bytes = Arc::new(AtomicU64::new(u64::MAX));
        let free = Arc::clone(&free_bytes);
        let ptp = PtpCameras::new(PtpContext {
            controls: controls.clone(),
            directory: bench.directory.clone(),
            stills: StillsPlace {
                root: root.path().join("stills"),
                min_free_bytes: 1 << 20,
                free_bytes: Arc::new(move || Some(free.load(Ordering::Relaxed))),
            },
        });
        let _ = cell.set(ptp.clone());
        Self { bench, root, free_bytes, ptp, controls, applied: Vec::new() }
    }

    /// Applies settings as the daemon does.
    pub fn apply(&mut self, wanted: Vec<CameraSettings>) {
        self.ptp.keep(&self.applied, &wanted);
        self.ptp.apply(&wanted);
        self.bench.cameras.apply(wanted.clone());
        self.applied = wanted;
    }

    /// One camera that is connected when this returns.
    pub fn connect(&mut self, id: &str, sim: &Sim) {
        self.apply(vec![camera(id, sim)]);
        self.wait_connected(id);
    }

    pub fn wait_connected(&self, id: &str) {
        self.words_until(id, "connected");
        // The answer comes from the session itself.
        self.ask(id, Command::Properties).unwrap();
    }

    pub fn control(&self, id: &str) -> Control {
        self.controls.get(&id.parse().unwrap()).unwrap()
    }

    /// Asks a camera and waits for the answer.
    pub fn ask<T>(
        &self,
        id: &str,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, ControlError> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let control = self.control(id);
        runtime.block_on(async {
            let answer = tokio::time::timeout(LIMIT, control.ask(command)).await;
            answer.expect("an answer")
        })
    }

    /// The next notice that is not about properties.
    pub fn wait(&self, id: &str) -> CameraNotice {
        loop {
            match self.bench.wait_notice(id) {
                CameraNotice::PropertyChanged { .. } => {}
                notice => return notice,
            }
        }
    }

    /// The codes of the next change of properties.
    pub fn wait_codes(&self, id: &str) -> Vec<u32> {
        loop {
            if let CameraNotice::PropertyChanged { codes } = self.bench.wait_notice(id) {
                return codes;
            }
        }
    }

    /// Where the next still is.
    pub fn wait_download(&self, id: &str) -> PathBuf {
        loop {
            if let CameraNotice::DownloadComplete { path, .. } = self.wait(id) {
                return Path::new(&path).to_owned();
            }
        }
    }

    /// Notices in words, up to one that begins so.
    pub fn words_until(&self, id: &str, word: &str) -> Vec<String> {
        self.words_until_any(id, &[word])
    }

    /// Notices in words, up to one that begins like one of these.
    pub fn words_until_any(&self, id: &str, words: &[&str]) -> Vec<String> {
        let mut heard = Vec::new();
        loop {
            heard.push(notice_word(&self.wait(id)));
            let last = heard.last().unwrap();
            if words.iter().any(|word| last.starts_with(word)) {
                return heard;
            }
        }
    }

    /// Shoots until a still is on the disk: a lost camera comes back first.
    pub fn shoot_until_it_works(&self, id: &str) {
        loop {
            let pressed = self.ask(id, |reply| {
                let action = watchpost::capture::control::Action::AfShutter;
                Command::Act(action, reply)
            });
            if pressed.is_ok() {
                let words =
                    self.words_until_any(id, &["downloadComplete", "error", "disconnected"]);
                if words.last().unwrap().starts_with("downloadComplete") {
                    return;
                }
            }
            self.bench.stop.wait(PAUSE);
        }
    }

    /// Asks until the camera answers: a lost one comes back first.
    pub fn until_answered<T>(&self, id: &str, command: impl Fn(Reply<T>) -> Command) -> T {
        loop {
            match self.ask(id, &command) {
                Ok(answer) => return answer,
                Err(_) => self.bench.stop.wait(PAUSE),
            };
        }
    }

    /// Names of what lies in a camera's directory, hidden files too.
    pub fn files(&self, id: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.root.path().join("stills").join(id)) else {
            return Vec::new();
        };
        entries.flatten().map(|entry| entry.file_name().into_string().unwrap()).collect()
    }
}

/// A notice as the event page names it.
pub fn notice_word(notice: &CameraNotice) -> String {
    match notice {
        CameraNotice::Connected { .. } => "connected".to_owned(),
        CameraNotice::Disconnected { reason, .. } => format!("disconnected {reason}"),
        CameraNotice::Error { message, .. } => format!("error {message}"),
        CameraNotice::PropertyChanged { codes } => format!("propertyChanged {codes:x?}"),
        CameraNotice::Warning { code, .. } => format!("warning {code:x}"),
        CameraNotice::AfStatus(AfState::Focused) => "afStatus focused".to_owned(),
        CameraNotice::AfStatus(AfState::Unlocked) => "afStatus unlocked".to_owned(),
        CameraNotice::AfStatus(AfState::Tracking) => "afStatus tracking".to_owned(),
        CameraNotice::DownloadComplete { path, .. } => format!("downloadComplete {path}"),
        CameraNotice::TransferProgress { percent, .. } => format!("transferProgress {percent}"),
        CameraNotice::ContentsTransfer { status, .. } => match status {
            TransferStatus::Started => "contentsTransfer started".to_owned(),
            TransferStatus::Complete => "contentsTransfer complete".to_owned(),
            TransferStatus::Error => "contentsTransfer error".to_owned(),
        },
        CameraNotice::Reconnecting => "reconnecting".to_owned(),
        CameraNotice::Reconnected => "reconnected".to_owned(),
        CameraNotice::FocusResult { .. } => "focusResult".to_owned(),
    }
}
