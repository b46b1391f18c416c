//! Records and pictures become objects that can be read by name: in a storage that knows
//! just enough of S3 behind a bad line, and in one that is not ours.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "tests keep real deadlines")]

mod upload_support;

use std::path::Path;
use std::sync::Mutex;
use std::sync::mpsc::sync_channel;

use upload_support::line::Line;
use upload_support::seed::{Appliance, Keys, alert, event, fill, filmed, keep, picture};
use upload_support::storage::Storage;
use upload_support::{Collector, Fault, PATIENCE, eventually, settings};
use watchpost::domain::{EventId, Secret};
use watchpost::store::{Record, StoreSettings};
use watchpost::upload::wire::{Batch, sha256_hex};
use watchpost::upload::{S3Settings, TIMEOUT, TlsSettings, UploadSettings};

fn bucket(endpoint: String) -> S3Settings {
    S3Settings {
        endpoint,
        bucket: "boxes".to_owned(),
        region: "us-east-1".to_owned(),
        access_key: "BOX1".to_owned(),
        secret_key: Secret::new("hunter2"),
        prefix: "watchpost".to_owned(),
        timeout: TIMEOUT,
        tls: TlsSettings::default(),
    }
}

fn wait_until_nothing_waits(appliance: &Appliance) {
    eventually("nothing waits", || {
        let status = appliance.uploads.status().remove(0);
        status.waiting() == 0 && status.last_success.is_some()
    });
}

/// An event with a picture of so many bytes: its key, and the picture.
fn pictured(appliance: &Appliance, dir: &Path, bytes: u32) -> (String, Vec<u8>) {
    let mut pictured = event(&appliance.store);
    pictured.has_snapshot = true;
    let jpeg: Vec<u8> = (0..bytes).map(|at| (at % 253) as u8 ^ (at >> 12) as u8).collect();
    picture(dir, pictured.id, &jpeg);
    let key = format!("event-{}-r0", pictured.id);
    keep(&appliance.store, vec![Record::Event(pictured)]);
    (key, jpeg)
}

/// Records with one picture among them: their keys, and the picture.
fn record(appliance: &Appliance, dir: &Path) -> (Keys, Vec<u8>) {
    let mut wanted = fill(&appliance.store, 400);
    let (key, jpeg) = pictured(appliance, dir, 90_000);
    wanted.insert(key);
    (wanted, jpeg)
}

/// Keys of the records in an object.
fn keys_in(object: &[u8]) -> impl Iterator<Item = String> {
    let plain = zstd::bulk::decompress(object, 32 << 20).unwrap();
    let batch: Batch = serde_json::from_slice(&plain).unwrap();
    batch.items.into_iter().map(|item| item.key)
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
            keys.extend(keys_in(body));
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
fn an_alert_does_not_wait_for_a_picture_that_is_under_way() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    pictured(&appliance, dir.path(), 90_000);
    let (reached, is_under_way) = sync_channel::<()>(1);
    let (release, go_on) = sync_channel::<()>(1);
    let go_on = Mutex::new(go_on);
    let storage = Collector::start(move |request, _| {
        if request.path.ends_with(".jpg") {
            reached.send(()).unwrap();
            go_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
        Fault::None
    });
    appliance.put(&bucket(format!("http://{}", storage.address)), settings());
    is_under_way.recv_timeout(PATIENCE).unwrap();
    keep(&appliance.store, vec![Record::Alert(alert(EventId(1)))]);
    let is_alert = |path: &String| path.contains("/alerts/");
    storage.wait("the alert", |kept| kept.media.keys().any(is_alert));
    assert!(storage.look(|kept| kept.media.keys().all(|path| !path.ends_with(".jpg"))));
    release.send(()).unwrap();
    wait_until_nothing_waits(&appliance);
    assert!(storage.look(|kept| kept.media.keys().any(|path| path.ends_with(".jpg"))));
    assert_eq!(storage.look(|kept| kept.contradicted), 0);
    appliance.close();
}

#[test]
fn a_storage_that_is_not_ours_has_every_record_and_every_picture() {
    let storage = Storage::start();
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    let (wanted, jpeg) = record(&appliance, dir.path());
    appliance.put(&bucket(format!("http://{}", storage.address)), settings());
    wait_until_nothing_waits(&appliance);
    let mut keys = Keys::new();
    for name in storage.names() {
        let object = storage.object(&name);
        if name.ends_with(".jpg") {
            assert!(object == jpeg && name.ends_with(&format!("{}.jpg", sha256_hex(&jpeg))));
        } else {
            keys.extend(keys_in(&object));
        }
    }
    assert_eq!(keys, wanted);
    appliance.close();
}

#[test]
fn a_large_medium_goes_on_after_a_restart_and_leaves_nothing_unfinished() {
    let storage = Storage::start();
    // Somebody else's, which is not touched, and one of this box that was given up.
    storage.begin_upload("watchpost/box-2/a.mp4");
    storage.begin_upload("watchpost/box-1/some-journal/media/snapshot-1/0.jpg");
    let line = Line::to(storage.address);
    // The first part of 5 MiB goes through, and half of the second.
    line.hold_at(8_000_000);
    let settings_of = bucket(format!("http://{}", line.address));
    let dir = tempfile::tempdir().unwrap();
    let mut first = Appliance::open(dir.path(), StoreSettings::default());
    let (_, jpeg) = pictured(&first, dir.path(), 12_000_000);
    first.put(&settings_of, settings());
    line.wait(8_000_000);
    first.close();
    assert_eq!(storage.unfinished().len(), 2, "the one of this box, and somebody else's");

    line.release();
    let mut second = Appliance::open(dir.path(), StoreSettings::default());
    second.put(&settings_of, settings());
    wait_until_nothing_waits(&second);
    let names = storage.names();
    let name = names.iter().find(|name| name.ends_with(".jpg")).unwrap();
    assert!(storage.object(name) == jpeg, "it is not what was sent");
    assert_eq!(storage.unfinished(), ["watchpost/box-2/a.mp4"]);
    assert_eq!(storage.asked("partNumber=1&"), 1, "the first part went once");
    assert_eq!(storage.asked("partNumber=3&"), 1);
    second.close();
}

#[test]
fn clips_go_last_and_whole_to_bucket_and_collector_when_they_are_wanted() {
    let storage = Storage::start();
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    let video: Vec<u8> = (0..6_000_000_u32).map(|at| (at % 251) as u8 ^ (at >> 13) as u8).collect();
    let filmed = filmed(&appliance.store, dir.path(), &video);
    let end = format!("clips/clip-{}/{}.mp4", filmed.id, sha256_hex(&video));
    keep(&appliance.store, vec![Record::Event(filmed)]);
    let wanted = UploadSettings { has_clips: true, ..settings() };
    appliance.put(&bucket(format!("http://{}", storage.address)), wanted.clone());
    wait_until_nothing_waits(&appliance);
    let names = storage.names();
    let name = names.iter().find(|name| name.ends_with(&end)).unwrap();
    assert!(storage.object(name) == video, "it is not what was filmed");
    assert!(storage.unfinished().is_empty());

    let collector = Collector::start(|_, _| Fault::None);
    appliance.upload(&collector.url(), wanted);
    wait_until_nothing_waits(&appliance);
    assert!(collector.look(|kept| kept.media.values().any(|medium| *medium == video)));
    assert!(collector.look(|kept| kept.requests) > 10, "it went in one piece");
    appliance.close();
}

#[test]
fn a_large_medium_that_is_there_is_not_sent_again() {
    let storage = Storage::start();
    let settings_of = bucket(format!("http://{}", storage.address));
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    let (_, jpeg) = pictured(&appliance, dir.path(), 6_000_000);
    appliance.put(&settings_of, settings());
    wait_until_nothing_waits(&appliance);
    assert_eq!(storage.asked("partNumber="), 2);
    // The same picture once more, with the end of the event.
    let mut later = event(&appliance.store);
    later.id.0 -= 1;
    (later.revision, later.has_snapshot) = (1, true);
    keep(&appliance.store, vec![Record::Event(later)]);
    eventually("the second time", || {
        let media = appliance.uploads.status().remove(0).lanes.remove(2);
        media.sent == 2
    });
    assert_eq!(storage.asked("partNumber="), 2, "it was sent again");
    assert!(
        storage.object(storage.names().iter().find(|it| it.ends_with(".jpg")).unwrap()) == jpeg
    );
    appliance.close();
}
