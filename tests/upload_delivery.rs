//! Records and pictures reach a collector once, in the right order, whatever the line
//! and the collector do.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "tests keep real deadlines")]

mod upload_support;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use upload_support::line::Line;
use upload_support::seed::{Appliance, Keys, alert, event, fill, http, keep, picture};
use upload_support::{Collector, Fault, Kept, PATIENCE, Refuses, eventually, settings};
use watchpost::domain::EventId;
use watchpost::health::State;
use watchpost::rt::Clock;
use watchpost::store::{Record, StoreSettings};
use watchpost::upload::{HttpSettings, Lane, UploadSettings};

fn open(dir: &Path) -> Appliance {
    Appliance::open(dir, StoreSettings::default())
}

fn keys(kept: &Kept) -> Keys {
    kept.items.keys().map(|(_, key)| key.clone()).collect()
}

#[test]
fn what_waited_goes_in_the_order_of_its_urgency_and_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let wanted = fill(&appliance.store, 1000);
    let collector = Collector::start(|_, _| Fault::None);
    appliance.upload(&collector.url(), settings());
    collector.wait("all items", |kept| kept.items.len() == wanted.len());
    assert_eq!(collector.look(keys), wanted);
    // What hardware/fleet.md reckons with.
    let bytes = collector.look(|kept| kept.bytes);
    assert!(bytes < wanted.len() * 100, "{bytes} bytes for {} items", wanted.len());
    let order = collector.look(|kept| kept.order.clone());
    let kinds: Vec<_> = order.iter().map(|key| key.split('-').next().unwrap()).collect();
    let begins = |kind| kinds.iter().position(|it| *it == kind).unwrap();
    let ends = |kind| kinds.iter().rposition(|it| *it == kind).unwrap();
    assert!(ends("alert") < begins("event") && ends("event") < begins("detection"));
    eventually("nothing waits", || appliance.uploads.status()[0].waiting() == 0);
    assert_eq!(collector.look(|kept| kept.repeated), 0);
    let status = appliance.uploads.status().remove(0);
    assert_eq!(status.lanes.iter().map(|lane| lane.sent).sum::<u64>(), wanted.len() as u64);
    assert!(status.bytes_today > 0 && status.last_success.is_some());
    appliance.close();
}

#[test]
fn a_line_that_does_everything_wrong_loses_nothing_and_shows_nothing_twice() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let wanted = fill(&appliance.store, 1500);
    let random = Mutex::new(fastrand::Rng::with_seed(11));
    let collector = Collector::start(move |_, _| match random.lock().unwrap().u8(0..12) {
        0 => Fault::Reset,
        1 => Fault::LostAnswer,
        2 => Fault::HalfAnswer,
        3 => Fault::OldAnswer,
        4 => Fault::Stranger,
        5 => Fault::Status(500),
        6 => Fault::Status(429),
        7 => Fault::Status(307),
        8 => Fault::Status(401),
        9 => Fault::Endless,
        _ => Fault::None,
    });
    appliance.upload(&collector.url(), settings());
    collector.wait("all items", |kept| kept.items.len() == wanted.len());
    assert_eq!(collector.look(keys), wanted);
    assert!(collector.look(|kept| kept.repeated) > 0, "the faults did nothing");
    assert_eq!(collector.look(|kept| kept.contradicted), 0);
    eventually("nothing waits", || appliance.uploads.status()[0].waiting() == 0);
    appliance.close();
}

#[test]
fn an_alert_that_comes_while_detections_go_out_is_in_the_next_request() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let wanted = fill(&appliance.store, 600);
    let (reached, at_tenth) = sync_channel::<()>(1);
    let (release, go_on) = sync_channel::<()>(1);
    let go_on = Mutex::new(go_on);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let collector = Collector::start(move |request, number| {
        log.lock().unwrap().push(request.headers["idempotency-key"].clone());
        if number == 10 {
            reached.send(()).unwrap();
            go_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
        Fault::None
    });
    appliance.upload(&collector.url(), settings());
    at_tenth.recv_timeout(PATIENCE).unwrap();
    let before = seen.lock().unwrap().len();
    keep(&appliance.store, vec![Record::Alert(alert(EventId(1)))]);
    release.send(()).unwrap();
    collector.wait("all items", |kept| kept.items.len() == wanted.len() + 1);
    let seen = seen.lock().unwrap();
    assert!(seen[before - 1].contains(":bulk:"), "{}", seen[before - 1]);
    assert!(seen[before].contains(":alerts:"), "{}", seen[before]);
    assert!(seen[before + 1].contains(":bulk:"), "{}", seen[before + 1]);
    drop(seen);
    appliance.close();
}

#[test]
fn pictures_go_on_where_they_broke_off_and_arrive_whole() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let mut pictures = Vec::new();
    for number in 0..4_u8 {
        let mut event = event(&appliance.store);
        event.has_snapshot = true;
        let bytes: Vec<u8> = (0..150_000_u32).map(|at| (at % 251) as u8 ^ number).collect();
        picture(dir.path(), event.id, &bytes);
        keep(&appliance.store, vec![Record::Event(event)]);
        pictures.push(bytes);
    }
    let random = Mutex::new(fastrand::Rng::with_seed(5));
    let collector = Collector::start(move |_, _| match random.lock().unwrap().u8(0..6) {
        0 => Fault::Reset,
        1 => Fault::LostAnswer,
        2 => Fault::Status(503),
        _ => Fault::None,
    });
    appliance.upload(&collector.url(), settings());
    eventually("nothing waits", || {
        let status = appliance.uploads.status().remove(0);
        status.last_success.is_some() && status.waiting() == 0
    });
    let arrived = collector.look(|kept| kept.media.values().cloned().collect::<Vec<_>>());
    assert_eq!(arrived.len(), 4);
    assert!(pictures.iter().all(|picture| arrived.contains(picture)));
    appliance.close();
}

#[test]
fn a_poisoned_item_is_found_kept_apart_and_sent_again_when_somebody_wants_that() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let wanted = fill(&appliance.store, 300);
    let collector = Collector::start(|_, _| Fault::None);
    let is_poison = |key: &str| key == "detection-77" || key == "detection-140";
    collector.refuse(Refuses { whole: is_poison, alone: |key| key == "detection-200" });
    appliance.upload(&collector.url(), settings());
    collector.wait("all but three", |kept| kept.items.len() == wanted.len() - 3);
    eventually("nothing waits", || appliance.uploads.status()[0].waiting() == 0);
    let dead = appliance.uploads.status().remove(0).dead_letters;
    let found: Keys = dead.iter().map(|dead| dead.key.clone()).collect();
    assert_eq!(found, ["detection-77", "detection-140", "detection-200"].map(String::from).into());
    assert!(dead[0].reason.contains("422"), "{}", dead[0].reason);
    assert!(dead.iter().any(|dead| dead.reason == "not wanted here"));
    eventually("health says so", || appliance.report().state == State::Degraded);

    // Again, but the collector has not changed its mind about one of them.
    collector.refuse(Refuses { alone: |key| key == "detection-200", ..Refuses::default() });
    assert_eq!(appliance.uploads.retry("http", None), Some(3));
    assert_eq!(appliance.uploads.retry("nowhere", None), None);
    collector.wait("all but one", |kept| kept.items.len() == wanted.len() - 1);
    eventually("one is left", || {
        let dead = appliance.uploads.status().remove(0).dead_letters;
        dead.len() == 1 && dead[0].key == "detection-200" && dead[0].tries == 2
    });
    appliance.close();
}

#[test]
fn a_restart_goes_on_where_the_upload_was() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::start(|_, _| Fault::None);
    let mut first = open(dir.path());
    let mut wanted = fill(&first.store, 300);
    first.upload(&collector.url(), settings());
    collector.wait("the first", |kept| kept.items.len() == wanted.len());
    eventually("nothing waits", || first.uploads.status()[0].waiting() == 0);
    first.close();
    let mut second = open(dir.path());
    wanted.extend(fill(&second.store, 100));
    second.upload(&collector.url(), settings());
    collector.wait("the second", |kept| kept.items.len() == wanted.len());
    assert_eq!(collector.look(|kept| kept.repeated), 0);
    assert_eq!(collector.look(keys), wanted);
    let bulk =
        second.uploads.status()[0].lanes.iter().find(|it| it.lane == Lane::Bulk).unwrap().sent;
    assert!(bulk > 300, "the count goes on: {bulk}");
    second.close();
}

#[test]
fn an_upstream_that_answers_a_byte_at_a_time_is_left_and_asked_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let wanted = fill(&appliance.store, 50);
    let is_slow = Arc::new(AtomicBool::new(true));
    let state = Arc::clone(&is_slow);
    let collector = Collector::start(move |_, _| match state.load(Ordering::Relaxed) {
        true => Fault::Drip,
        false => Fault::None,
    });
    let patient = HttpSettings { timeout: Duration::from_secs(1), ..http(&collector.url()) };
    appliance.upload_by(&patient, settings());
    eventually("health names it", || {
        let report = appliance.report();
        report.state == State::Degraded && report.message.contains("timed out")
    });
    is_slow.store(false, Ordering::Relaxed);
    collector.wait("all items", |kept| kept.items.len() == wanted.len());
    assert_eq!(collector.look(keys), wanted);
    assert_eq!(collector.look(|kept| kept.contradicted), 0);
    appliance.close();
}

#[test]
fn an_upstream_that_claims_wrong_ranges_gets_the_right_ones_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let mut pictured = event(&appliance.store);
    pictured.has_snapshot = true;
    let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at % 251) as u8).collect();
    picture(dir.path(), pictured.id, &bytes);
    keep(&appliance.store, vec![Record::Event(pictured)]);
    let collector = Collector::start(|request, number| {
        let lies = [7, 200_000, 199_999, u64::MAX, 65_536];
        match request.path.contains("/media/") && number % 3 != 0 {
            true => lies.get(number / 2).map_or(Fault::None, |lie| Fault::Claims(*lie)),
            false => Fault::None,
        }
    });
    appliance.upload(&collector.url(), settings());
    eventually("nothing waits", || {
        let status = appliance.uploads.status().remove(0);
        status.last_success.is_some() && status.waiting() == 0
    });
    let arrived = collector.look(|kept| kept.media.values().cloned().collect::<Vec<_>>());
    assert!(arrived == [bytes], "it is not what was sent");
    appliance.close();
}

#[test]
fn other_settings_take_over_without_losing_or_repeating_anything() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let mut wanted = fill(&appliance.store, 600);
    let (reached, at_third) = sync_channel::<()>(1);
    let (release, go_on) = sync_channel::<()>(1);
    let go_on = Mutex::new(go_on);
    let collector = Collector::start(move |_, number| {
        if number == 3 {
            reached.send(()).unwrap();
            go_on.lock().unwrap().recv_timeout(PATIENCE).unwrap();
        }
        Fault::None
    });
    appliance.upload(&collector.url(), settings());
    at_third.recv_timeout(PATIENCE).unwrap();
    // In the middle of a request, which is finished first.
    let elsewhere = format!("{}/elsewhere", collector.url());
    std::thread::scope(|scope| {
        let smaller = UploadSettings { batch_items: 20, ..settings() };
        scope.spawn(|| appliance.change(Some(&elsewhere), smaller));
        release.send(()).unwrap();
    });
    collector.wait("all items", |kept| kept.items.len() == wanted.len());
    assert_eq!(appliance.uploads.status()[0].address, elsewhere);

    // Nowhere, and back again: what was recorded meanwhile goes then.
    eventually("nothing waits", || appliance.uploads.status()[0].waiting() == 0);
    appliance.change(None, settings());
    assert!(appliance.uploads.status().is_empty());
    assert!(appliance.health.reports().iter().all(|it| !it.component.starts_with("upload")));
    wanted.extend(fill(&appliance.store, 100));
    appliance.change(Some(&collector.url()), settings());
    collector.wait("all items", |kept| kept.items.len() == wanted.len());
    eventually("nothing waits", || appliance.uploads.status()[0].waiting() == 0);
    assert_eq!(collector.look(keys), wanted);
    assert_eq!(collector.look(|kept| (kept.repeated, kept.contradicted)), (0, 0));
    appliance.close();
}

/// Bytes a second of a line of 64 kbit/s.
const SLOW: u64 = 8_000;

/// The line takes no time in truth: it turns the clock of the upload by what its bytes
/// would take.
#[test]
fn on_a_line_of_64_kbit_alerts_arrive_ten_times_sooner_than_what_waits_with_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = open(dir.path());
    let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
    appliance.clock = clock.clone();
    let mut random = fastrand::Rng::with_seed(9);
    for _ in 0..12 {
        let mut pictured = event(&appliance.store);
        pictured.has_snapshot = true;
        let bytes: Vec<u8> = (0..40_000).map(|_| random.u8(..)).collect();
        picture(dir.path(), pictured.id, &bytes);
        keep(&appliance.store, vec![Record::Event(pictured)]);
    }
    let bulk = fill(&appliance.store, 2000).len();
    type Arrivals = Arc<Mutex<Vec<(String, Duration)>>>;
    let arrivals = Arrivals::default();
    let (log, at) = (Arc::clone(&arrivals), clock.clone());
    let collector = Collector::start(move |request, _| {
        let name = request.headers.get("idempotency-key").unwrap_or(&request.path).clone();
        log.lock().unwrap().push((name, at.monotonic()));
        Fault::None
    });
    let turned = clock.clone();
    let line = Line::with_toll(collector.address, move |bytes, _| {
        turned.advance(Duration::from_micros(bytes as u64 * 1_000_000 / SLOW));
    });
    // The first alert comes when the line is known, the others in the midst of it all.
    let places = [150_000, 250_000, 350_000, 450_000];
    line.hold_at(places[0]);
    let all_at_once = UploadSettings { batch_age: Duration::ZERO, ..settings() };
    appliance.upload(&format!("http://{}/in", line.address), all_at_once);
    let mut waits = Vec::new();
    for (number, place) in places.into_iter().enumerate() {
        line.wait(place);
        let alerts = |log: &Arrivals| {
            let log = log.lock().unwrap();
            log.iter().rfind(|(name, _)| name.contains(":alerts:")).cloned()
        };
        let (before, recorded_at) = (alerts(&arrivals), clock.monotonic());
        keep(&appliance.store, vec![Record::Alert(alert(EventId(number as u64)))]);
        match places.get(number + 1) {
            Some(next) => line.hold_at(*next),
            None => line.release(),
        }
        eventually("the alert", || alerts(&arrivals) != before);
        waits.push(alerts(&arrivals).unwrap().1 - recorded_at);
    }
    collector.wait("all", |kept| kept.items.len() == bulk + 12 + places.len());
    // All the rest was recorded at the beginning.
    let log = arrivals.lock().unwrap();
    let (last, worst) = (log.last().unwrap().1, *waits.iter().max().unwrap());
    assert!(worst * 10 <= last, "alerts waited up to {worst:?}, the last of the bulk {last:?}");
    drop(log);
    appliance.close();
}

/// `UPDATE_GOLDEN=1 cargo test --test upload_delivery` writes the file anew.
#[test]
fn the_protocol_is_what_collectors_were_promised() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/collector-openapi.json");
    let text = format!("{:#}\n", watchpost::upload::http::openapi());
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(&path).unwrap_or_default());
}
