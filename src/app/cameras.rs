//! The cameras of the box: those of the configuration file, with what somebody has set
//! over the API beside and over them.
//!
//! Passwords of cameras that are not in the file are files of their own
//! (`camera-passwords/<id>`, readable by the daemon's user alone): what is in the
//! journal goes into exports and backups.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use log::warn;
use serde_json::{Map, Value};

use crate::api::CameraDesk;
use crate::capture::{CameraEntry, Source};
use crate::config::{CAMERAS_MAX, CameraConfig, Settings, camera_of};
use crate::domain::{CameraBook, CameraId, CameraState, Secret, Setting};
use crate::rt::Clock;

const PASSWORDS: &str = "camera-passwords";

/// Longest password that is read back; the configuration takes no longer ones.
const PASSWORD_MAX_BYTES: u64 = 4096;

/// All cameras there are to be.
pub struct AllCameras {
    dir: PathBuf,
    clock: Clock,
    file: ArcSwap<FileCameras>,
    is_read: AtomicBool,
    book: Mutex<KeptBook>,
}

/// The book, and the revision of the setting it comes from.
#[derive(Default)]
struct KeptBook {
    revision: Option<u32>,
    book: CameraBook,
}

#[derive(Default)]
struct FileCameras {
    cameras: Vec<CameraConfig>,
    has_own_labels: bool,
}

impl AllCameras {
    /// None yet; passwords are below `dir`.
    pub fn new(dir: &Path, clock: Clock) -> Arc<Self> {
        let (file, book) = (ArcSwap::default(), Mutex::default());
        let is_read = AtomicBool::new(false);
        Arc::new(Self { dir: dir.join(PASSWORDS), clock, file, is_read, book })
    }

    /// The file was read.
    pub fn set_file(&self, settings: &Settings) {
        let cameras = settings.cameras.clone();
        let has_own_labels = settings.infer.labels.is_some();
        self.file.store(Arc::new(FileCameras { cameras, has_own_labels }));
        self.is_read.store(true, Ordering::Release);
    }

    /// Whether the file was read: before, there are no cameras for another reason.
    pub fn is_read(&self) -> bool {
        self.is_read.load(Ordering::Acquire)
    }

    /// The book was changed, or read, which must not undo a change.
    pub fn set_book(&self, setting: &Setting) {
        let mut kept = self.book.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.revision.is_none_or(|known| known < setting.revision) {
            let book = CameraBook::read(Some(setting));
            *kept = KeptBook { revision: Some(setting.revision), book };
        }
    }

    fn book(&self) -> CameraBook {
        self.book.lock().unwrap_or_else(PoisonError::into_inner).book.clone()
    }

    /// The cameras that are to run.
    pub fn running(&self) -> Vec<CameraConfig> {
        let all = self.all().into_iter();
        all.filter(|(_, is_on)| *is_on).map(|(camera, _)| camera).collect()
    }

    /// Every camera, and whether it is to run. The file wins where both name one.
    fn all(&self) -> Vec<(CameraConfig, bool)> {
        let (file, book) = (self.file.load(), self.book());
        let mut all: Vec<_> =
            file.cameras.iter().map(|camera| with_note(camera.clone(), &book)).collect();
        for (id, definition, is_off) in book.defined() {
            if file.cameras.iter().any(|camera| camera.capture.id == *id) {
                continue;
            }
            match self.camera(id, definition) {
                Ok(camera) => all.push((camera, !is_off)),
                Err(faults) => {
                    let (camera, reason) = (id.as_str(), faults.join("; "));
                    warn!(camera, reason; "A camera set over the API cannot run.");
                }
            }
        }
        all
    }

    /// The camera that a definition means, with its kept password.
    fn camera(
        &self,
        id: &CameraId,
        definition: &Map<String, Value>,
    ) -> Result<CameraConfig, Vec<String>> {
        let mut definition = definition.clone();
        // Without a user name it is of no use, and its name may just be taken back.
        if definition.contains_key("username")
            && !definition.contains_key("password")
            && let Some(password) = self.password(id)
        {
            definition.insert("password".into(), password.into());
        }
        let camera = camera_of(id, &definition, self.file.load().has_own_labels)?;
        match &camera.capture.source {
            Source::File(_) => Err(vec![
                "source: a file of the box can only stand in the configuration file".into(),
            ]),
            Source::Device(path) if !is_video_device(path) => {
                Err(vec!["source: must be /dev/video and a number".into()])
            }
            _ => Ok(camera),
        }
    }

    fn password(&self, id: &CameraId) -> Option<String> {
        let file = File::open(self.dir.join(id.as_str())).ok()?;
        io::read_to_string(io::Read::take(file, PASSWORD_MAX_BYTES)).ok()
    }

    fn write_password(&self, id: &CameraId, password: &Secret) -> io::Result<()> {
        if !self.dir.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(&self.dir)?;
        }
        // No id begins with a dot.
        let unfinished = self.dir.join(".unfinished");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)?;
        file.write_all(password.expose().as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, self.dir.join(id.as_str()))?;
        File::open(&self.dir)?.sync_all()
    }
}

impl CameraDesk for AllCameras {
    fn is_in_file(&self, id: &CameraId) -> bool {
        self.file.load().cameras.iter().any(|camera| camera.capture.id == *id)
    }

    fn room(&self) -> usize {
        CAMERAS_MAX.saturating_sub(self.file.load().cameras.len())
    }

    fn read(
        &self,
        id: &CameraId,
        definition: &Map<String, Value>,
    ) -> Result<CameraEntry, Vec<String>> {
        self.camera(id, definition).map(|camera| entry(&camera, &self.clock))
    }

    fn keep_password(&self, id: &CameraId, password: Option<&Secret>) -> io::Result<()> {
        match password {
            Some(password) => self.write_password(id, password),
            None => match fs::remove_file(self.dir.join(id.as_str())) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            },
        }
    }

    fn listed(&self) -> Vec<(CameraEntry, bool)> {
        self.all().iter().map(|(camera, is_on)| (entry(camera, &self.clock), *is_on)).collect()
    }
}

/// A camera of the file with what was set over it.
fn with_note(mut camera: CameraConfig, book: &CameraBook) -> (CameraConfig, bool) {
    let Some(note) = book.0.get(&camera.capture.id) else { return (camera, true) };
    if let Some(name) = &note.name {
        camera.capture.name.clone_from(name);
        camera.lane.camera_name.clone_from(name);
    }
    (camera, !note.is_off)
}

fn is_video_device(path: &Path) -> bool {
    let number = path.to_str().and_then(|path| path.strip_prefix("/dev/video"));
    number.is_some_and(|number| {
        (1..=3).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

/// A camera as it is listed while it does not run.
fn entry(camera: &CameraConfig, clock: &Clock) -> CameraEntry {
    let capture = &camera.capture;
    CameraEntry {
        id: capture.id.clone(),
        name: capture.name.clone(),
        model: capture.source.model().to_owned(),
        connection_type: capture.source.connection_type(),
        source: capture.source.describe(),
        state: CameraState::Unknown,
        reason: None,
        size_px: None,
        fps: 0.0,
        decoding: None,
        created_at: clock.now(),
        last_seen_at: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Overrides};
    use crate::domain::{CAMERA_BOOK, CameraNote, Timestamp};

    fn cameras(dir: &Path) -> Arc<AllCameras> {
        let text = "[[camera]]\nid = \"yard\"\nname = \"Yard\"\nsource = \"test\"\n";
        let settings =
            Settings::parse("test", text, &Environment::default(), &Overrides::default());
        let cameras = AllCameras::new(dir, Clock::manual(Timestamp::default()));
        cameras.set_file(&settings.unwrap());
        cameras
    }

    fn definition(text: &str) -> Map<String, Value> {
        serde_json::from_str(text).unwrap()
    }

    fn id(text: &str) -> CameraId {
        text.parse().unwrap()
    }

    #[test]
    fn the_file_stays_the_truth_for_what_it_names() {
        let dir = tempfile::tempdir().unwrap();
        let cameras = cameras(dir.path());
        let own = CameraNote {
            definition: Some(definition(r#"{"source":"footage"}"#)),
            name: Some("Garden".into()),
            is_off: true,
        };
        let gate = CameraNote {
            definition: Some(definition(r#"{"source":"test","detect":{"fps":2}}"#)),
            ..CameraNote::default()
        };
        let book = CameraBook([(id("yard"), own), (id("gate"), gate)].into());
        let value = serde_json::to_string(&book).unwrap();
        let (key, updated_at) = (CAMERA_BOOK.to_owned(), Timestamp::default());
        cameras.set_book(&Setting { key, revision: 1, value, updated_at });
        let running = cameras.running();
        assert_eq!(running.len(), 1, "the yard is switched off");
        assert_eq!((running[0].capture.id.as_str(), running[0].lane.detect_fps), ("gate", 2.0));
        let listed = cameras.listed();
        let yard = listed.iter().find(|(entry, _)| entry.id == id("yard")).unwrap();
        assert_eq!(
            (yard.0.name.as_str(), yard.0.source.as_str(), yard.1),
            ("Garden", "test pattern", false)
        );
    }

    #[test]
    fn passwords_are_kept_apart_for_the_daemon_alone() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let (cameras, gate) = (cameras(dir.path()), id("gate"));
        let wanted = definition(r#"{"source":"rtsp://cam/1","username":"viewer"}"#);
        cameras.keep_password(&gate, Some(&Secret::new("hunter2"))).unwrap();
        let camera = cameras.camera(&gate, &wanted).unwrap();
        assert_eq!(camera.capture.password, Some(Secret::new("hunter2")));
        let file = fs::metadata(dir.path().join("camera-passwords/gate")).unwrap();
        assert_eq!(file.permissions().mode() & 0o777, 0o600);
        cameras.keep_password(&gate, None).unwrap();
        cameras.keep_password(&gate, None).unwrap();
        assert_eq!(cameras.camera(&gate, &wanted).unwrap().capture.password, None);
    }

    #[test]
    fn what_is_wrong_is_told_field_by_field_and_files_of_the_box_are_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let cameras = cameras(dir.path());
        for (text, fields) in [
            ("{}", &["source"] as &[&str]),
            (r#"{"source":"rtsp://me:hunter2@cam/"}"#, &["source"]),
            (r#"{"source":"/etc/passwd.mp4"}"#, &["source"]),
            (r#"{"source":"/dev/mem"}"#, &["source"]),
            (r#"{"source":"test","detect":{"fps":0},"fsp":3}"#, &["detect.fps", "fsp"]),
            (r#"{"source":"test","size":[1],"zone":[{"name":"a"}]}"#, &["size", "zone.polygon"]),
            (r#"{"source":"test","fps":99999999999999999999}"#, &["fps"]),
        ] {
            let faults = cameras.read(&id("gate"), &definition(text)).unwrap_err();
            for field in fields {
                let is_named = |fault: &String| fault.starts_with(&format!("{field}: "));
                assert!(faults.iter().any(is_named), "{text}: {faults:?}");
            }
            assert!(!format!("{faults:?}").contains("hunter2"), "{faults:?}");
        }
    }
}
