//! The daemon itself is killed under load: what clients were told is kept.
//!
//! An event or detection counts as acknowledged once a WebSocket client has it,
//! a review once its `PATCH` is answered with 200. `STORE_KILLS` sets how often.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "a test that kills a process needs one")]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use serde_json::Value;
use support::appliance::{Appliance, eventually};
use support::live::WsClient;
use watchpost::api::wire::records::{DetectionData, EventData};
use watchpost::store::disk::RealDisk;
use watchpost::store::{Record, tools};

const KILLS: usize = 8;

/// Three cameras on which the network sees something all the time, most of it
/// nonsense: over a hundred records a second.
const CONFIG: &str = r#"
    [detector]
    model = "int8"
    threshold = 0.05
    weak_threshold = 0.05
    workers = 2

    [[camera]]
    id = "square"
    source = "script"
    fps = 60
    detect = { fps = 60, min_confidence = 0.05, idle_interval = "100ms" }

    [[camera]]
    id = "noise"
    source = "script:corrupt@1"
    fps = 60
    detect = { fps = 60, min_confidence = 0.05, idle_interval = "100ms" }

    [[camera]]
    id = "small"
    source = "script"
    size = [320, 240]
    fps = 60
    detect = { fps = 60, min_confidence = 0.05, idle_interval = "100ms" }
"#;

/// What a client was told, as JSON.
#[derive(Default)]
struct Told {
    /// By id and revision.
    events: BTreeMap<(u64, u64), Value>,
    /// By id.
    detections: BTreeMap<u64, Value>,
    /// Answers of `PATCH`, by event and revision.
    reviews: BTreeMap<(u64, u64), Value>,
}

impl Told {
    fn hear(&mut self, mut message: Value) {
        let mut data = message["data"].take();
        match message["type"].as_str() {
            Some("event") => drop(self.events.insert(revision_of(&data), data)),
            Some("event.updated") => {
                data.as_object_mut().unwrap().remove("updated_fields");
                self.events.insert(revision_of(&data), data);
            }
            Some("detection") => drop(self.detections.insert(number(&data, "id"), data)),
            Some("review") => drop(self.reviews.insert(revision_of(&data), data)),
            _ => {}
        }
    }

    fn count(&self) -> usize {
        self.events.len() + self.detections.len()
    }

    fn highest(&self) -> (u64, u64) {
        let event = self.events.keys().map(|(id, _)| *id).max().unwrap_or(0);
        (event, self.detections.keys().max().copied().unwrap_or(0))
    }

    fn absorb(&mut self, later: Self) {
        self.events.extend(later.events);
        self.detections.extend(later.detections);
        self.reviews.extend(later.reviews);
    }
}

fn number(data: &Value, field: &str) -> u64 {
    data[field].as_u64().unwrap_or_else(|| panic!("{field} in {data}"))
}

fn revision_of(data: &Value) -> (u64, u64) {
    (number(data, "id"), number(data, "revision"))
}

/// Passes on what a WebSocket says until the other side is dead.
fn listen(appliance: &Appliance, path: &str, subscribe: &str, tx: Sender<Value>) -> JoinHandle<()> {
    let mut socket = WsClient::connect(appliance.address(), path);
    socket.send(subscribe);
    std::thread::spawn(move || {
        while let Some(message) = socket.next_while_alive() {
            let _ = tx.send(message);
        }
    })
}

/// Reviews events until the other side is dead; what was answered is told.
fn review(url: String, events: Receiver<u64>, tx: Sender<Value>) -> JoinHandle<()> {
    std::thread::spawn(move || {
        for id in events {
            let body = serde_json::json!({"reviewed": true});
            let Ok(mut answer) = ureq::patch(format!("{url}/{id}")).send_json(&body) else {
                return;
            };
            let Ok(data) = answer.body_mut().read_json::<Value>() else { return };
            let _ = tx.send(serde_json::json!({"type": "review", "data": data}));
        }
    })
}

/// Listens to `appliance` until it has said so much, kills it, and gives back all
/// that was said.
fn listen_and_kill(appliance: Appliance, after: usize) -> Told {
    let (tx, heard) = channel();
    let (review_tx, to_review) = channel();
    let updates = r#"{"type":"subscribe","data":{"events":["event","event.updated"]}}"#;
    let seen = r#"{"type":"subscribe","data":{"events":["detection"]}}"#;
    let threads = [
        listen(&appliance, "/ws/events", updates, tx.clone()),
        listen(&appliance, "/ws/detections", seen, tx.clone()),
        review(appliance.url("/api/events"), to_review, tx),
    ];
    let mut told = Told::default();
    let (mut appliance, mut review_tx) = (Some(appliance), Some(review_tx));
    for message in heard {
        if message["type"] == "event" {
            let _ = review_tx.as_ref().map(|tx| tx.send(number(&message["data"], "id")));
        }
        told.hear(message);
        if told.count() >= after {
            review_tx = None;
            appliance.take().into_iter().for_each(Appliance::kill);
        }
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    told
}

/// What the journal holds, as clients would be told of it.
fn stored(dir: &Path) -> Told {
    let mut found = Told::default();
    let mut add = |records: Vec<Record>| {
        for record in records {
            match record {
                Record::Event(event) => {
                    let data = serde_json::to_value(EventData::from(&event)).unwrap();
                    let before = found.events.insert(revision_of(&data), data);
                    assert_eq!(before, None, "a revision is there twice");
                }
                Record::Detection(seen) => {
                    let data = serde_json::to_value(DetectionData::new(&seen, false)).unwrap();
                    let before = found.detections.insert(seen.id.0, data);
                    assert_eq!(before, None, "an id was given out twice");
                }
                // No client is told of these here.
                _ => {}
            }
        }
    };
    tools::for_each_commit(&RealDisk, dir, |_, records| add(records)).unwrap();
    found
}

/// Everything that was told is in the journal, exactly.
fn check_journal(told: &Told, dir: &Path) {
    let report = tools::check(dir).unwrap();
    assert_eq!((report.damaged, report.unknown_records), (0, 0), "{report:?}");
    let stored = stored(dir);
    for (key, data) in told.events.iter().chain(&told.reviews) {
        assert_eq!(stored.events.get(key), Some(data), "event {key:?}");
    }
    for (id, data) in &told.detections {
        assert_eq!(stored.detections.get(id), Some(data), "detection {id}");
    }
}

/// The started daemon answers with it, in this or a later revision.
fn check_answers(told: &Told, appliance: &Appliance) {
    for ((id, revision), data) in &told.events {
        let found = appliance.get(&format!("/api/events/{id}"));
        match number(&found, "revision") {
            same if same == *revision => assert_eq!(&found, data),
            later => assert!(later > *revision, "event {id} is back at revision {later}"),
        }
    }
    for (id, _) in told.reviews.keys() {
        let found = appliance.get(&format!("/api/events/{id}"));
        assert_eq!(found["reviewed"], true, "the review of event {id}");
    }
    for (id, data) in &told.detections {
        let mut found = appliance.get(&format!("/api/detections/{id}"));
        // The picture may have been saved after the detection was announced.
        found["thumbnail_path"] = Value::Null;
        assert_eq!(&found, data);
    }
}

fn metric(appliance: &Appliance, name: &str) -> f64 {
    let text = appliance.get_text("/metrics", "*/*");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("{name} is missing")).parse().unwrap()
}

fn start(dir: &Path) -> Appliance {
    let appliance = Appliance::start(CONFIG, dir);
    eventually("the store is healthy", || {
        let report = appliance.get("/api/system/health")["services"]["store"].clone();
        (report["status"] == "healthy").then_some(())
    });
    let torn = metric(&appliance, "watchpost_store_torn_tails_total");
    assert!(torn <= 1.0, "{torn} torn tails after one kill");
    assert_eq!(metric(&appliance, "watchpost_store_damaged_frames_total"), 0.0);
    appliance
}

#[test]
fn what_clients_were_told_outlasts_sigkill_of_the_daemon() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(31);
    let kills = std::env::var("STORE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    let mut all = Told::default();
    let mut appliance = start(dir.path());
    for _ in 0..kills {
        let told = listen_and_kill(appliance, random.usize(1..180));
        let highest = all.highest();
        let new_events = told.events.keys().filter(|(_, revision)| *revision == 0);
        assert!(new_events.map(|(id, _)| *id).all(|id| id > highest.0), "an event's id again");
        assert!(told.detections.keys().all(|id| *id > highest.1), "a detection's id again");
        check_journal(&told, dir.path());
        appliance = start(dir.path());
        check_answers(&told, &appliance);
        all.absorb(told);
    }
    check_answers(&all, &appliance);
    appliance.kill();
    check_journal(&all, dir.path());
    assert!(!all.events.is_empty() && !all.detections.is_empty(), "there was load");
    if kills >= KILLS {
        assert!(!all.reviews.is_empty(), "somebody has reviewed");
    }
}
