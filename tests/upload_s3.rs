//! Records and pictures become objects that can be read by name. The storage here knows
//! just enough of S3; an ignored test takes a real one.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "tests keep real deadlines")]

mod upload_support;

use std::sync::Mutex;
use std::time::{Duration, Instant};

use upload_support::seed::{Appliance, Keys, event, fill, keep, picture};
use upload_support::{Collector, Fault, PATIENCE};
use watchpost::domain::Secret;
use watchpost::store::{Record, StoreSettings};
use watchpost::upload::wire::Batch;
use watchpost::upload::{DetectionChoice, S3Settings, TlsSettings, UploadSettings};

fn settings() -> UploadSettings {
    UploadSettings {
        batch_items: 50,
        batch_age: Duration::from_millis(1),
        detections: DetectionChoice::All,
        retry_first: Duration::from_millis(5),
        retry_longest: Duration::from_millis(50),
        ..UploadSettings::default()
    }
}

fn bucket(endpoint: String) -> S3Settings {
    S3Settings {
        endpoint,
        bucket: "boxes".to_owned(),
        region: "us-east-1".to_owned(),
        access_key: "BOX1".to_owned(),
        secret_key: Secret::new("hunter2"),
        prefix: "watchpost".to_owned(),
        tls: TlsSettings::default(),
    }
}

fn wait_until_nothing_waits(appliance: &Appliance) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let status = appliance.uploads.status().remove(0);
        if status.waiting() == 0 && status.last_success.is_some() {
            return;
        }
        assert!(Instant::now() < deadline, "{:?}", appliance.report());
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Records with one picture among them: their keys, and the picture.
fn record(appliance: &Appliance, dir: &std::path::Path) -> (Keys, Vec<u8>) {
    let mut wanted = fill(&appliance.store, 400);
    let mut pictured = event(&appliance.store);
    pictured.has_snapshot = true;
    wanted.insert(format!("event-{}-r0", pictured.id));
    let jpeg: Vec<u8> = (0..90_000_u32).map(|at| (at % 253) as u8).collect();
    picture(dir, pictured.id, &jpeg);
    keep(&appliance.store, vec![Record::Event(pictured)]);
    (wanted, jpeg)
}

#[test]
fn every_record_is_in_an_object_and_every_picture_is_one_whatever_the_line_does() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    let (wanted, jpeg) = record(&appliance, dir.path());
    let random = Mutex::new(fastrand::Rng::with_seed(3));
    let storage = Collector::start(move |_, _| match random.lock().unwrap().u8(0..6) {
        0 => Fault::Reset,
        1 => Fault::LostAnswer,
        2 => Fault::Status(503),
        _ => Fault::None,
    });
    appliance.put(&bucket(format!("http://{}", storage.address)), settings());
    wait_until_nothing_waits(&appliance);
    let objects = storage.look(|kept| kept.media.clone());
    let mut keys = Keys::new();
    for (path, body) in &objects {
        assert!(path.starts_with("/boxes/watchpost/box-1/"), "{path}");
        if path.ends_with(".json.zst") {
            let plain = zstd::bulk::decompress(body, 32 << 20).unwrap();
            let batch: Batch = serde_json::from_slice(&plain).unwrap();
            keys.extend(batch.items.into_iter().map(|item| item.key));
        }
    }
    assert_eq!(keys, wanted);
    let pictures: Vec<_> = objects.iter().filter(|(path, _)| path.ends_with(".jpg")).collect();
    assert_eq!(pictures.len(), 1);
    assert!(pictures[0].0.contains("/media/snapshot-") && *pictures[0].1 == jpeg);
    assert_eq!(storage.look(|kept| kept.contradicted), 0);
    appliance.close();
}

#[test]
#[ignore = "wants S3_ENDPOINT, a storage with a bucket `boxes` that takes any key"]
fn a_real_storage_takes_it_too() {
    let endpoint = std::env::var("S3_ENDPOINT").unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    record(&appliance, dir.path());
    appliance.put(&bucket(endpoint), settings());
    wait_until_nothing_waits(&appliance);
    appliance.close();
}
