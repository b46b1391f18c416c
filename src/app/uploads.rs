//! Joins the ways upstream to the journal, and changes them with the configuration.

use std::path::PathBuf;
use std::sync::Arc;

use log::{error, info};

use super::cameras::AllCameras;
use super::house::House;
use super::kept::Kept;
use crate::api::CameraDesk as _;
use crate::capture::{CameraEntry, Directory};
use crate::config::Settings;
use crate::health::Health;
use crate::rt::{Clock, Stop, Tasks, with_causes};
use crate::upload::http::Http;
use crate::upload::mqtt::{Around, Camera, Look, Mqtt, Situation};
use crate::upload::s3::S3;
use crate::upload::{
    Notebook, TlsSettings, Transport, UploadSettings, Uploads, UploadsContext, Ways,
};

/// Where it is kept what the broker was told.
const TOLD: &str = "upload.mqtt.told";

/// What a state word is for a camera that is switched off.
const OFF: &str = "off";

/// The upstreams there can be.
pub const NAMES: [&str; 3] = ["http", "mqtt", "s3"];

/// Makes ways to the upstreams.
#[derive(Clone)]
pub struct WayMaker {
    /// Names this box.
    pub device: Arc<str>,
    /// The clock.
    pub clock: Clock,
    /// What a broker gets to know beside the journal.
    pub around: Around,
}

impl WayMaker {
    /// The way to the upstream `name`; `None` when it is not configured. Reads
    /// certificates.
    ///
    /// # Errors
    /// When it cannot be set up, with the reason.
    pub fn way(
        &self,
        name: &str,
        settings: &UploadSettings,
    ) -> Result<Option<Arc<dyn Transport>>, String> {
        let (device, around) = (&*self.device, || self.around.clone());
        let way: Option<Arc<dyn Transport>> = match name {
            "http" => match &settings.http {
                Some(http) => Some(Arc::new(Http::new(http, self.clock.clone()).map_err(said)?)),
                None => None,
            },
            "mqtt" => match &settings.mqtt {
                Some(mqtt) => Some(Arc::new(Mqtt::new(mqtt, device, around()).map_err(said)?)),
                None => None,
            },
            _ => match &settings.s3 {
                Some(s3) => Some(Arc::new(S3::new(s3).map_err(said)?)),
                None => None,
            },
        };
        Ok(way)
    }

    /// The ways that are configured. One that cannot be set up says so in health; the
    /// others go.
    pub fn ways(&self, settings: &UploadSettings, health: &Health) -> Ways {
        let mut ways = Ways::new();
        for name in NAMES {
            match self.way(name, settings) {
                Ok(way) => ways.extend(way.map(|way| (name, way))),
                Err(reason) => refuse(name, &reason, health),
            }
        }
        ways
    }
}

fn said(error: impl std::error::Error) -> String {
    with_causes(&error)
}

fn refuse(name: &str, reason: &str, health: &Health) {
    error!(upstream = name, reason; "There is no upload to this upstream.");
    health.component(format!("upload.{name}")).unhealthy(
        format!("Nothing is uploaded: {reason}."),
        format!("Correct [upload.{name}] and reload the configuration."),
    );
}

/// What those upstream may watch.
pub struct Watched {
    /// The cameras that run.
    pub directory: Directory,
    /// All cameras.
    pub cameras: Arc<AllCameras>,
}

/// The upload as the configuration changes it.
pub struct UploadDesk {
    uploads: Uploads,
    maker: WayMaker,
    applied: UploadSettings,
    papers: Vec<Papers>,
    tasks: Tasks,
    stop: Stop,
}

/// What lies in the files of an upstream's certificates: new ones come under the names of
/// the old.
type Papers = Vec<Option<Vec<u8>>>;

/// Starts the couriers, and has retention ask them.
pub fn start(
    settings: &Settings,
    kept: &Kept,
    watched: Watched,
    house: House,
) -> (Uploads, UploadDesk) {
    let House { device, clock, health, metrics, tasks, stop } = house;
    let Watched { directory, cameras } = watched;
    let store = &kept.store;
    let notebook = Notebook {
        key: TOLD,
        reader: Arc::new(store.clone()),
        writer: Arc::new(store.clone()),
        clock: clock.clone(),
    };
    let look = look(health.clone(), directory.clone(), cameras);
    let around = Around { look: Some(look), notebook: Some(notebook) };
    let maker = WayMaker { device: Arc::clone(&device), clock: clock.clone(), around };
    let applied = settings.upload.clone();
    let ways = maker.ways(&applied, &health);
    let context = UploadsContext {
        settings: applied.clone(),
        device,
        feed: Arc::new(store.clone()),
        reader: Arc::new(store.clone()),
        writer: Arc::new(store.clone()),
        snapshots: kept.snapshots.clone(),
        clips: Some(kept.clips.clone()),
        clock,
        health: health.clone(),
        metrics,
        tasks: tasks.clone(),
        stop: stop.clone(),
    };
    let uploads = Uploads::start(context, ways);
    store.keep_for(uploads.keeper());
    let (watchers, cameras_watcher) = (uploads.clone(), uploads.clone());
    health.on_change(move |_| watchers.look_again());
    directory.on_event(move |_| cameras_watcher.look_again());
    let papers = NAMES.map(|name| papers(name, &applied)).into();
    let desk = UploadDesk { uploads: uploads.clone(), maker, applied, papers, tasks, stop };
    (uploads, desk)
}

impl UploadDesk {
    /// Makes the upload what `settings` says. An upstream whose settings and certificates
    /// did not change is not touched; one whose new ones cannot be used stays as it is.
    pub fn apply(&mut self, settings: &UploadSettings) {
        self.uploads.look_again();
        let papers: Vec<_> = NAMES.iter().map(|name| papers(name, settings)).collect();
        for (at, name) in NAMES.into_iter().enumerate() {
            let is_same = of(name, &self.applied) == of(name, settings);
            if is_same && self.papers.get(at) == papers.get(at) {
                continue;
            }
            match self.maker.way(name, settings) {
                Ok(way) => self.change(name, settings.clone(), way),
                Err(reason) => error!(
                    upstream = name, reason;
                    "The new settings of this upstream cannot be used; it stays as it is."
                ),
            }
        }
        (self.applied, self.papers) = (settings.clone(), papers);
    }

    fn change(
        &self,
        name: &'static str,
        settings: UploadSettings,
        way: Option<Arc<dyn Transport>>,
    ) {
        let (uploads, stop) = (self.uploads.clone(), self.stop.child());
        let done = stop.clone();
        let change = async move {
            tokio::select! {
                () = stop.stopped() => {}
                () = uploads.change(name, settings, way) => {
                    info!(upstream = name; "The upload goes by the new settings.");
                    done.set();
                }
            }
        };
        // It ends by itself, which is said to be meant by its own stop.
        let tasks = self.tasks.until(self.stop.child());
        tasks.spawn(format!("upload-{name}-change"), change);
    }
}

/// What one upstream goes by: its own settings, and those of all.
fn of(name: &str, settings: &UploadSettings) -> UploadSettings {
    let mut settings = settings.clone();
    for other in NAMES.into_iter().filter(|other| *other != name) {
        match other {
            "http" => settings.http = None,
            "mqtt" => settings.mqtt = None,
            _ => settings.s3 = None,
        }
    }
    settings
}

fn papers(name: &str, settings: &UploadSettings) -> Papers {
    let tls = match name {
        "http" => settings.http.as_ref().map(|it| &it.tls),
        "mqtt" => settings.mqtt.as_ref().map(|it| &it.tls),
        _ => settings.s3.as_ref().map(|it| &it.tls),
    };
    let Some(TlsSettings { ca_file, cert_file, key_file }) = tls else { return Papers::new() };
    let read = |file: &Option<PathBuf>| file.as_ref().and_then(|file| std::fs::read(file).ok());
    [ca_file, cert_file, key_file].map(read).into()
}

/// Looks how the box is.
fn look(health: Health, directory: Directory, cameras: Arc<AllCameras>) -> Look {
    Arc::new(move || {
        let listed = cameras.is_read().then(|| cameras.listed());
        let camera = |(entry, is_on): (CameraEntry, bool)| Camera {
            state: match is_on {
                true => directory.get(&entry.id).map_or(entry.state, |it| it.state).as_str(),
                false => OFF,
            },
            id: entry.id.to_string(),
            name: entry.name,
        };
        Situation {
            overall: health.overall(),
            cameras: listed.map(|listed| listed.into_iter().map(camera).collect()),
            reports: health.reports(),
        }
    })
}
