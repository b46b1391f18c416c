//! A store with records in it, and the box around it that the upload needs.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use uuid::Uuid;
use watchpost::domain::{
    Alert, AlertId, AlertStatus, Clip, ClipSize, Detection, Event, EventId, RiskLevel, Timestamp,
    examples,
};
use watchpost::health::{Health, Metrics, Report};
use watchpost::media::{ClipLimits, Clips, ClipsContext, Snapshots};
use watchpost::rt::{Claim, Clock, Stop, Tasks};
use watchpost::store::{Durability, Record, Store, StoreSettings, Writer as _};
use watchpost::upload::http::Http;
use watchpost::upload::mqtt::{Around, Look, Mqtt};
use watchpost::upload::s3::S3;
use watchpost::upload::{
    HttpSettings, MqttSettings, Notebook, S3Settings, TIMEOUT, TlsSettings, Transport,
    UploadSettings, Uploads, UploadsContext, WireForm,
};

use super::PATIENCE;

/// Names the box.
pub const DEVICE: &str = "box-1";

/// 2026-01-15T10:30:00Z: long ago, so that no rule judges the events anew.
const MORNING: Timestamp = Timestamp::from_unix_ms(1_768_473_000_000);

/// A detection.
pub fn detection(store: &Store, event: u64) -> Detection {
    let id = store.next_detection_id();
    Detection {
        id,
        camera: "yard".parse().unwrap(),
        event: EventId(event),
        frame_sequence: id.0,
        captured_at: MORNING,
        ..examples::detection()
    }
}

/// An event that has ended.
pub fn event(store: &Store) -> Event {
    Event {
        id: store.next_event_id(),
        camera: "yard".parse().unwrap(),
        started_at: MORNING,
        updated_at: MORNING,
        ended_at: Some(MORNING),
        has_snapshot: false,
        ..examples::event()
    }
}

/// An alert for an event.
pub fn alert(event: EventId) -> Alert {
    Alert {
        id: AlertId(Uuid::new_v4()),
        revision: 0,
        event,
        camera: "yard".parse().unwrap(),
        rule: None,
        severity: RiskLevel::High,
        status: AlertStatus::Pending,
        dedup_key: "yard:person".into(),
        created_at: MORNING,
        updated_at: MORNING,
        acknowledged_at: None,
        dismissed_at: None,
        clock_trusted: true,
    }
}

/// Keys of what was recorded.
pub type Keys = BTreeSet<String>;

/// Records `count` things in turn: mostly detections, now and then an event, and an
/// alert for one event of four.
pub fn fill(store: &Store, count: u64) -> Keys {
    let mut keys = Keys::new();
    let mut records = Vec::new();
    for number in 0..count {
        if number % 25 == 24 {
            let event = event(store);
            keys.insert(format!("event-{}-r0", event.id));
            if number % 100 == 99 {
                let alert = alert(event.id);
                keys.insert(format!("alert-{}-r0", alert.id));
                records.push(Record::Alert(alert));
            }
            records.push(Record::Event(event));
        } else {
            let detection = detection(store, 1);
            keys.insert(format!("detection-{}", detection.id));
            records.push(Record::Detection(detection));
        }
        if records.len() >= 100 {
            keep(store, std::mem::take(&mut records));
        }
    }
    keep(store, records);
    keys
}

/// Records, and waits until they are synced.
pub fn keep(store: &Store, records: Vec<Record>) {
    let (tx, rx) = sync_channel(1);
    store.submit(records, Durability::Synced, Box::new(move |done| tx.send(done).unwrap()));
    rx.recv_timeout(PATIENCE).unwrap().unwrap();
}

/// Puts a picture of `event` where the box keeps them.
pub fn picture(state_dir: &Path, event: EventId, bytes: &[u8]) {
    let dir = state_dir.join("media/snapshots").join((event.0 / 1000).to_string());
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("{event}.jpg")), bytes).unwrap();
}

/// An event with a finished clip of these bytes.
pub fn filmed(store: &Store, state_dir: &Path, bytes: &[u8]) -> Event {
    let mut event = event(store);
    let dir = state_dir.join("media/clips").join((event.id.0 / 1000).to_string());
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join(format!("{}.mp4", event.id)), bytes).unwrap();
    let size = ClipSize { length: Duration::from_secs(9), bytes: bytes.len() as u64 };
    event.clip = Some(Clip { file: event.id, event_at: Duration::from_secs(5), size: Some(size) });
    event
}

/// A collector that is not protected.
pub fn http(url: &str) -> HttpSettings {
    HttpSettings {
        url: url.to_owned(),
        token: None,
        form: WireForm::Postcard,
        timeout: TIMEOUT,
        tls: TlsSettings::default(),
    }
}

/// A box as far as the upload needs one.
pub struct Appliance {
    pub store: Store,
    pub uploads: Uploads,
    pub health: Health,
    pub metrics: Metrics,
    /// By which the upload goes.
    pub clock: Clock,
    snapshots: Snapshots,
    clips: Clips,
    tasks: Tasks,
    stop: Stop,
    runtime: tokio::runtime::Runtime,
}

impl Appliance {
    /// A box on `dir` that uploads nothing yet.
    pub fn open(dir: &Path, store: StoreSettings) -> Self {
        let (clock, stop, metrics) = (Clock::system(), Stop::new(), Metrics::default());
        let health = Health::new(clock.clone());
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let store = Store::open(dir, store, clock.clone(), &health, &metrics, &tasks, &stop);
        assert!(store.wait_until_current(PATIENCE));
        let pictures = dir.join("media/snapshots");
        let snapshots = Snapshots::open(pictures, u64::MAX, &health, &metrics, &tasks, &stop);
        let clips = Clips::open(ClipsContext {
            claim: Claim::free(),
            dir: dir.join("media/clips"),
            limits: ClipLimits { bytes: u64::MAX, age: None, min_free_bytes: 0 },
            free_bytes: Arc::new(|| None),
            clock: clock.clone(),
            health: health.clone(),
            metrics: metrics.clone(),
            tasks: tasks.clone(),
            stop: stop.clone(),
        });
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let uploads = Uploads::default();
        Self { store, uploads, health, metrics, snapshots, clips, clock, tasks, stop, runtime }
    }

    /// Begins to upload to a collector at `url`.
    pub fn upload(&mut self, url: &str, settings: UploadSettings) {
        self.upload_trusting(url, TlsSettings::default(), settings);
    }

    /// Begins to upload to a broker.
    pub fn publish(&mut self, mqtt: &MqttSettings, settings: UploadSettings) {
        self.publish_with(mqtt, None, settings);
    }

    /// The same, telling how the box is.
    pub fn publish_with(
        &mut self,
        mqtt: &MqttSettings,
        look: Option<Look>,
        settings: UploadSettings,
    ) {
        let notebook = Notebook {
            key: "upload.mqtt.told",
            reader: Arc::new(self.store.clone()),
            writer: Arc::new(self.store.clone()),
            clock: self.clock.clone(),
        };
        let around = Around { look, notebook: Some(notebook) };
        let mqtt = Mqtt::new(mqtt, DEVICE, around).unwrap();
        self.upload_through("mqtt", Arc::new(mqtt), settings);
    }

    /// Begins to upload to a bucket.
    pub fn put(&mut self, s3: &S3Settings, settings: UploadSettings) {
        let s3 = S3::new(s3).unwrap();
        self.upload_through("s3", Arc::new(s3), settings);
    }

    /// The same, with certificates.
    pub fn upload_trusting(&mut self, url: &str, tls: TlsSettings, settings: UploadSettings) {
        let http = HttpSettings { tls, ..http(url) };
        self.upload_by(&http, settings);
    }

    /// The same, by settings of its own.
    pub fn upload_by(&mut self, http: &HttpSettings, settings: UploadSettings) {
        let http = Http::new(http, self.clock.clone()).unwrap();
        self.upload_through("http", Arc::new(http), settings);
    }

    /// From now on it goes to the collector at `url` by these settings, or nowhere.
    pub fn change(&self, url: Option<&str>, settings: UploadSettings) {
        let way = url.map(|url| {
            let way = Http::new(&http(url), self.clock.clone()).unwrap();
            Arc::new(way) as Arc<dyn Transport>
        });
        self.runtime.block_on(self.uploads.change("http", settings, way));
    }

    fn upload_through(
        &mut self,
        name: &'static str,
        way: Arc<dyn Transport>,
        settings: UploadSettings,
    ) {
        let context = UploadsContext {
            settings,
            device: DEVICE.into(),
            feed: Arc::new(self.store.clone()),
            reader: Arc::new(self.store.clone()),
            writer: Arc::new(self.store.clone()),
            snapshots: self.snapshots.clone(),
            clips: Some(self.clips.clone()),
            clock: self.clock.clone(),
            health: self.health.clone(),
            metrics: self.metrics.clone(),
            tasks: self.tasks.clone(),
            stop: self.stop.clone(),
        };
        let _guard = self.runtime.enter();
        self.uploads = Uploads::start(context, vec![(name, way)]);
        self.store.keep_for(self.uploads.keeper());
    }

    /// What health says of the upload.
    pub fn report(&self) -> Report {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut reports = self.health.reports().into_iter();
            if let Some(it) = reports.find(|report| report.component.starts_with("upload.")) {
                return it;
            }
            assert!(Instant::now() < deadline, "the upload says nothing of itself");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Ends in good order.
    pub fn close(self) {
        self.stop.set();
        let left = self.tasks.join(&self.clock, PATIENCE);
        assert!(left.is_empty(), "{left:?}");
    }
}
