//! Applies a configuration to the running box: at start, and again on SIGHUP.
//!
//! What did not change keeps running: a camera whose settings are equal is not
//! touched. Detector, analyst, store, board, fleet and addresses are read at start only;
//! a change there is said in the log.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use log::{error, info, warn};

use super::cameras::AllCameras;
use super::fleet::Layered;
use super::tuning::tuned;
use super::uploads::UploadDesk;
use crate::api::ApiSettings;
use crate::assess::Rules;
use crate::board::LightMeter;
use crate::capture::ptp::PtpCameras;
use crate::capture::{CameraSettings, Cameras, Directory, DriverKind, TapFactory};
use crate::config::{CameraConfig, Settings};
use crate::domain::{CameraId, CameraStatus, FrameTap, Tuning};
use crate::live::{CameraChanged, CameraSwitched, Hub, LiveMessage};
use crate::media::{Clips, LiveViews, RecordSettings, Recordings};
use crate::pipeline::{LaneSettings, Pipeline, StreamControls};
use crate::rt::{Clock, with_causes};
use crate::store::Store;

/// Who looks at the frames of each camera.
#[derive(Clone, Default)]
pub struct Taps(Arc<Mutex<TapsOfCameras>>);

type TapsOfCameras = BTreeMap<CameraId, Vec<Arc<dyn FrameTap>>>;

impl Taps {
    /// The list as capture asks for it.
    pub fn factory(&self) -> TapFactory {
        let taps = self.clone();
        Arc::new(move |camera| taps.lock().get(camera).cloned().unwrap_or_default())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, TapsOfCameras> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The running box, as far as a configuration can change it.
pub struct Reloader {
    pub cameras: Cameras,
    pub ptp: PtpCameras,
    pub directory: Directory,
    pub stream_controls: StreamControls,
    pub taps: Taps,
    pub clips: Clips,
    pub recordings: Recordings,
    /// The camera whose light is measured, and who measures it.
    pub light: Option<(CameraId, Arc<LightMeter>)>,
    pub pipeline: Arc<Pipeline>,
    pub rules: Arc<Rules>,
    pub store: Store,
    /// What somebody has set over the configuration.
    pub tuning: Tuning,
    pub views: LiveViews,
    pub api: Arc<ArcSwap<ApiSettings>>,
    pub hub: Hub,
    pub clock: Clock,
    pub layered: Arc<Layered>,
    /// The cameras of the configuration, and those beside it.
    pub all: Arc<AllCameras>,
    /// The ways upstream.
    pub upload: UploadDesk,
    /// What the configuration says.
    pub loaded: Option<Settings>,
    /// What runs now.
    pub applied: Option<Settings>,
}

impl Reloader {
    /// Reads the configuration again and applies it; with mistakes in it
    /// everything stays as it is.
    pub fn reload(&mut self) {
        match self.layered.load() {
            Ok(settings) => {
                self.warn_of_fixed_parts(&settings);
                let cameras = settings.cameras.len();
                self.apply(settings);
                info!(cameras; "The configuration was read again.");
            }
            Err(mistakes) => {
                error!(
                    "The configuration was not applied; the box runs on with the previous one. {}",
                    with_causes(&mistakes)
                );
            }
        }
    }

    /// Makes the box what `settings` says, with what was set over it.
    pub fn apply(&mut self, settings: Settings) {
        self.all.set_file(&settings);
        self.loaded = Some(settings);
        self.run("added to the configuration", "removed from the configuration");
    }

    /// Somebody has changed cameras over the API.
    pub fn cameras_were_changed(&mut self) {
        self.run("set over the API", "taken away over the API");
    }

    fn run(&mut self, came: &str, left: &str) {
        let Some(loaded) = self.loaded.clone() else { return };
        let settings = Settings { cameras: self.all.running(), ..loaded };
        let wanted: BTreeMap<_, _> =
            settings.cameras.iter().map(|camera| (&camera.capture.id, camera)).collect();
        let known: BTreeSet<CameraId> = self.taps.lock().keys().cloned().collect();
        let new: Vec<_> =
            wanted.keys().filter(|id| !known.contains(**id)).cloned().cloned().collect();
        let gone: Vec<_> = known.into_iter().filter(|id| !wanted.contains_key(id)).collect();
        for (id, camera) in wanted {
            let lane = tuned(&camera.lane, &self.tuning);
            self.apply_lane(id, &lane, camera.record, settings.api.live_viewers_max);
        }
        let captures = captures_of(&settings);
        let before = self.applied.as_ref().map(captures_of).unwrap_or_default();
        // In this order an id that changes its kind ends with the new kind's control.
        self.ptp.keep(&before, &captures);
        self.stream_controls.apply(&streams(&captures));
        self.ptp.apply(&captures);
        self.cameras.apply(captures);
        for id in &gone {
            self.taps.lock().remove(id);
            self.pipeline.remove_lane(id);
            self.clips.remove_camera(id);
            self.recordings.remove_camera(id);
            self.views.remove(id);
        }
        self.rules.apply(&settings.assess);
        self.upload.apply(&settings.upload);
        self.api.store(Arc::new(settings.api.clone()));
        // At the start nobody listens yet, and everything is new.
        if let Some(applied) = &self.applied {
            self.announce(new, true, came);
            self.announce(gone, false, left);
            self.announce_changed(&applied.cameras, &settings.cameras);
        }
        self.applied = Some(settings);
    }

    /// Puts `tuning` over the configuration, in place of what was there before.
    pub fn tune(&mut self, tuning: Tuning) {
        self.tuning = tuning;
        let Some(settings) = &self.applied else { return };
        for camera in &settings.cameras {
            self.pipeline.replace_settings(tuned(&camera.lane, &tuning));
        }
        self.store.set_max_age(tuning.max_age().or(settings.store.max_age));
    }

    fn announce(&self, cameras: Vec<CameraId>, is_enabled: bool, reason: &str) {
        for camera in cameras {
            let (reason, at) = (reason.to_owned(), self.clock.now());
            let switched = CameraSwitched { camera, is_enabled, reason, at };
            self.hub.publish(LiveMessage::CameraSwitched(Arc::new(switched)));
        }
    }

    /// Tells of cameras that are set up otherwise than before.
    fn announce_changed(&self, before: &[CameraConfig], now: &[CameraConfig]) {
        for camera in now {
            let known = before.iter().find(|known| known.capture.id == camera.capture.id);
            let fields = known.map(|known| changed_fields(known, camera)).unwrap_or_default();
            let entry = self.directory.get(&camera.capture.id);
            let Some(entry) = entry.filter(|_| !fields.is_empty()) else { continue };
            let status = CameraStatus {
                camera: entry.id,
                name: camera.capture.name.clone(),
                state: entry.state,
                previous: entry.state,
                reason: entry.reason,
                at: self.clock.now(),
            };
            let changed = CameraChanged { status, fields };
            self.hub.publish(LiveMessage::CameraChanged(Arc::new(changed)));
        }
    }

    fn apply_lane(
        &self,
        id: &CameraId,
        lane: &LaneSettings,
        record: RecordSettings,
        viewers_max: usize,
    ) {
        let video = self.clips.insert(id, record);
        let recording = self.recordings.insert(id, record.mode);
        let is_known = self.taps.lock().contains_key(id);
        if is_known {
            self.pipeline.replace_settings(lane.clone());
            return;
        }
        let view: Arc<dyn FrameTap> = self.views.insert(id, viewers_max);
        let slot = self.pipeline.add_lane(lane.clone());
        let mut taps = vec![view, slot, video, recording];
        if let Some((_, meter)) = self.light.as_ref().filter(|(camera, _)| camera == id) {
            taps.push(Arc::clone(meter) as Arc<dyn FrameTap>);
        }
        self.taps.lock().insert(id.clone(), taps);
    }

    fn warn_of_fixed_parts(&self, new: &Settings) {
        let Some(old) = &self.applied else { return };
        for part in fixed_parts(old, new) {
            warn!(part; "This part of the configuration changes with the next restart.");
        }
    }
}

/// What is different about the parts that are read at the start only.
pub fn fixed_parts(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let changes = [
        ("detector", old.infer != new.infer),
        ("analyst", old.analyst != new.analyst),
        ("store", old.store != new.store),
        ("fleet", old.fleet != new.fleet || old.device_id != new.device_id),
        ("board", old.board != new.board),
        ("listen", old.api.listen != new.api.listen),
        ("state_dir", old.state_dir != new.state_dir),
    ];
    changes.into_iter().filter(|(_, has_changed)| *has_changed).map(|(part, _)| part).collect()
}

/// Cameras that have no control of their own.
fn streams(captures: &[CameraSettings]) -> Vec<CameraId> {
    let is_stream = |camera: &&CameraSettings| camera.driver != DriverKind::Ptp;
    captures.iter().filter(is_stream).map(|camera| camera.id.clone()).collect()
}

fn captures_of(settings: &Settings) -> Vec<CameraSettings> {
    settings.cameras.iter().map(|camera| camera.capture.clone()).collect()
}

/// What is different about a camera, in words for clients.
fn changed_fields(before: &CameraConfig, now: &CameraConfig) -> Vec<&'static str> {
    let unnamed =
        |camera: &CameraConfig| CameraSettings { name: String::new(), ..camera.capture.clone() };
    let bare = |camera: &CameraConfig| LaneSettings {
        camera_name: String::new(),
        zones: Vec::new(),
        masks: Vec::new(),
        ..camera.lane.clone()
    };
    let changes = [
        ("name", before.capture.name != now.capture.name),
        ("capture", unnamed(before) != unnamed(now)),
        ("detect", bare(before) != bare(now)),
        ("zones", before.lane.zones != now.lane.zones),
        ("masks", before.lane.masks != now.lane.masks),
        ("record", before.record != now.record),
    ];
    changes.into_iter().filter(|(_, is_changed)| *is_changed).map(|(field, _)| field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Environment, Overrides};

    fn camera(text: &str) -> CameraConfig {
        let text = format!("[[camera]]\nid = \"yard\"\n{text}");
        let settings =
            Settings::parse("test", &text, &Environment::default(), &Overrides::default());
        settings.unwrap().cameras.remove(0)
    }

    #[test]
    fn what_was_changed_about_a_camera_is_told_by_its_part() {
        let before = camera("source = \"test\"");
        let zone = "[[camera.zone]]\nname = \"a\"\npolygon = [[0, 0], [1, 0], [1, 1]]";
        for (text, expected) in [
            ("source = \"test\"".to_owned(), &[] as &[&str]),
            ("source = \"test\"\nname = \"Yard\"".to_owned(), &["name"]),
            ("source = \"footage\"".to_owned(), &["capture"]),
            ("source = \"test\"\ndetect = { fps = 1 }".to_owned(), &["detect"]),
            (format!("source = \"test\"\n{zone}"), &["zones"]),
        ] {
            assert_eq!(changed_fields(&before, &camera(&text)), expected, "{text}");
        }
    }
}
