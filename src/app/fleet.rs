//! Joins the box to its fleet.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwapOption;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use log::error;
use tokio::sync::{Notify, mpsc, oneshot};

use super::house::House;
use super::panel;
use super::proof;
use super::reload::fixed_parts;
use crate::capture::{CameraEntry, Directory};
use crate::cli::Run;
use crate::config::{ConfigError, Environment, Settings};
use crate::domain::{CameraState, Timestamp};
use crate::fleet::http::HttpSource;
use crate::fleet::{
    Beacon, BeaconContext, CameraVital, Change, Fleet, MDNS_PORT, Pull, PullContext, PullSettings,
    PullStatus, Shelf, Standing, Subject,
};
use crate::rt::with_causes;
use crate::upload::{TlsSettings, tls};

/// Set by systemd for the programs it has started and starts again (systemd.exec(5)).
const STARTED_BY_MANAGER: &str = "INVOCATION_ID";

/// Requests to apply a layer that wait: there is one at a time.
pub const APPLIES: usize = 1;

/// The configuration of the box as it can be read at any time: the file, and what of the
/// fleet lies over it.
pub struct Layered {
    run: Run,
    environment: Environment,
    layer: ArcSwapOption<String>,
    standing: Standing,
}

/// Has the layered configuration applied; answered when that is done.
pub type Apply = oneshot::Sender<()>;

impl Layered {
    /// The file alone.
    pub fn new(run: &Run, environment: &Environment) -> Self {
        let (layer, standing) = (ArcSwapOption::empty(), Standing::default());
        Self { run: run.clone(), environment: environment.clone(), layer, standing }
    }

    /// Lays over the settings of the file what the state directory keeps; to be called
    /// once that is ours. What does not fit the file any more is left out and named in
    /// health.
    #[must_use]
    pub fn settle(&mut self, file: Settings, now: Timestamp) -> Settings {
        let Some(pull) = &file.fleet.pull else { return file };
        self.standing = Shelf::new(&file.state_dir).start(&pull.keys, now);
        let Some(layer) = self.standing.layer.as_ref().map(|document| document.toml.clone()) else {
            return file;
        };
        match self.read(Some(&layer)) {
            Ok(settings) => {
                self.layer.store(Some(Arc::new(layer)));
                settings
            }
            Err(reason) => {
                let reason = with_causes(&reason);
                error!(reason = reason.as_str(); "Configuration of the fleet is left out.");
                self.standing.trouble = Some(reason);
                (self.standing.layer, self.standing.is_trial) = (None, false);
                file
            }
        }
    }

    /// Reads everything again.
    ///
    /// # Errors
    /// For mistakes.
    pub fn load(&self) -> Result<Settings, ConfigError> {
        self.read(self.layer.load().as_deref().map(String::as_str))
    }

    fn read(&self, layer: Option<&str>) -> Result<Settings, ConfigError> {
        let settings = self.run.settings_under(layer, &self.environment)?;
        let storage = panel::profile(&settings).storage;
        let settings = settings.stored_as(storage);
        let Some(_) = layer else { return Ok(settings) };
        // Whom the box believes is said by the file alone, also where that follows from
        // another key.
        let fleet = self.run.settings(&self.environment)?.fleet;
        Ok(Settings { fleet, ..settings })
    }
}

/// What the fetching is joined with.
pub struct Joined<'a> {
    pub settings: &'a Settings,
    pub layered: &'a Arc<Layered>,
    pub directory: &'a Directory,
    pub apply: mpsc::Sender<Apply>,
    pub stop_program: &'a Arc<Notify>,
}

/// Announces the box where it is served, if that is wanted.
pub fn announce(settings: &Settings, addresses: &[SocketAddr], house: &House) {
    if !settings.fleet.is_announced {
        return;
    }
    Beacon::start(BeaconContext {
        device: house.device.clone(),
        version: env!("CARGO_PKG_VERSION"),
        addresses: addresses.to_vec(),
        // The service speaks plain HTTP; TLS ends in front of it.
        is_tls: false,
        mdns_port: MDNS_PORT,
        health: house.health.clone(),
        tasks: house.tasks.clone(),
        stop: house.stop.clone(),
    });
}

/// Starts fetching configuration, where that is set up.
pub fn start(joined: Joined<'_>, house: &House) -> Fleet {
    let settings = joined.settings;
    let pull = settings.fleet.pull.as_ref().and_then(|pull| fetch(pull, &joined, house));
    Fleet {
        device: house.device.clone(),
        name: settings.fleet.name.clone(),
        is_announced: settings.fleet.is_announced,
        pull,
    }
}

fn fetch(
    pull: &PullSettings,
    joined: &Joined<'_>,
    house: &House,
) -> Option<Arc<Mutex<PullStatus>>> {
    let source = match source(pull, house) {
        Ok(source) => Arc::new(source),
        Err(reason) => {
            error!(reason = reason.as_str(); "No configuration of the fleet is fetched.");
            house.health.component("fleet.config").degraded(
                format!("No configuration is fetched: {reason}."),
                "Correct [fleet] and restart the service.",
            );
            return None;
        }
    };
    let subject = ThisBox {
        layered: Arc::clone(joined.layered),
        at_start: joined.settings.clone(),
        directory: joined.directory.clone(),
        apply: joined.apply.clone(),
        stop_program: Arc::clone(joined.stop_program),
        house: house.clone(),
    };
    let context = PullContext {
        settings: pull.clone(),
        device: house.device.clone(),
        fleet: joined.settings.fleet.name.clone(),
        source,
        shelf: Shelf::new(&joined.settings.state_dir),
        subject: Arc::new(subject),
        clock: house.clock.clone(),
        health: house.health.clone(),
        metrics: house.metrics.clone(),
        tasks: house.tasks.clone(),
        stop: house.stop.clone(),
    };
    Some(Pull::start(context, joined.layered.standing.clone()))
}

fn source(pull: &PullSettings, house: &House) -> Result<HttpSource, String> {
    let certificates = pull.certificates.clone();
    let tls = TlsSettings {
        ca_file: certificates.ca_file,
        cert_file: certificates.cert_file,
        key_file: certificates.key_file,
    };
    let tls = tls::client_config(&tls).map_err(|error| with_causes(&error))?;
    HttpSource::new(pull, house.device.clone(), tls).map_err(|error| error.to_string())
}

/// The running box, as a configuration changes it.
struct ThisBox {
    layered: Arc<Layered>,
    at_start: Settings,
    directory: Directory,
    apply: mpsc::Sender<Apply>,
    stop_program: Arc<Notify>,
    house: House,
}

impl Subject for ThisBox {
    fn check(&self, layer: Option<&str>) -> Result<Change, String> {
        match self.layered.read(layer) {
            Ok(settings) if fixed_parts(&self.at_start, &settings).is_empty() => Ok(Change::Live),
            Ok(_) => Ok(Change::Restart),
            Err(ConfigError::Layer(reason)) => Err(reason),
            Err(reason) => Err(with_causes(&reason)),
        }
    }

    fn apply(&self, layer: Option<String>) -> BoxFuture<'_, ()> {
        self.layered.layer.store(layer.map(Arc::new));
        async {
            let (done, applied) = oneshot::channel();
            // When nobody takes it the program is ending.
            if self.apply.send(done).await.is_ok() {
                let _ = applied.await;
            }
        }
        .boxed()
    }

    fn cameras(&self) -> Vec<CameraVital> {
        let vital = |camera: CameraEntry| CameraVital {
            id: camera.id.to_string(),
            is_online: camera.state == CameraState::Online,
            // A still camera delivers when somebody presses.
            last_seen_at: camera.last_seen_at.filter(|_| camera.fps > 0.0),
        };
        self.directory.list().into_iter().map(vital).collect()
    }

    fn upstreams(&self) -> BoxFuture<'_, Vec<(String, bool)>> {
        async {
            let Ok(settings) = self.layered.load() else { return Vec::new() };
            let House { device, clock, .. } = &self.house;
            let receipts = proof::send(&settings.upload, device, clock).await;
            let well = |(name, receipt): (&str, Result<String, String>)| {
                (name.to_owned(), receipt.is_ok())
            };
            receipts.into_iter().map(well).collect()
        }
        .boxed()
    }

    fn restart(&self) -> bool {
        let is_managed = self.layered.environment.contains_key(STARTED_BY_MANAGER);
        if is_managed {
            self.stop_program.notify_one();
        }
        is_managed
    }
}
