//! Records and states reach brokers that are not ours (mosquitto, NATS), and through them
//! whoever listens.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "a test that starts a broker needs one")]

mod upload_support;

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use upload_support::broker::{Broker, Heard, free_port, listen, listen_311};
use upload_support::seed::{Appliance, Keys, event, fill, keep};
use upload_support::{PATIENCE, eventually, settings};
use watchpost::domain::Secret;
use watchpost::health::State;
use watchpost::store::{Record, StoreSettings};
use watchpost::upload::mqtt::{Camera, Look, Situation};
use watchpost::upload::{MqttSettings, MqttVersion, TlsSettings};

fn at(port: u16) -> MqttSettings {
    MqttSettings {
        host: "127.0.0.1".to_owned(),
        port,
        is_tls: false,
        version: MqttVersion::V5,
        username: None,
        password: None,
        topic_prefix: "watchpost".to_owned(),
        discovery_prefix: Some("homeassistant".to_owned()),
        tls: TlsSettings::default(),
    }
}

/// What is said on `topic` in the end.
fn wait_for(heard: &Receiver<Heard>, topic: &str, payload: &str) {
    loop {
        let message = heard.recv_timeout(PATIENCE);
        let message = message.unwrap_or_else(|_| panic!("no {payload:?} on {topic}"));
        if message.topic == topic && message.payload == payload.as_bytes() {
            return;
        }
    }
}

/// Items by their keys, and the last of everything else, until all of `wanted` came.
fn hear(heard: &Receiver<Heard>, wanted: &Keys) -> (Keys, BTreeMap<String, Vec<u8>>) {
    let (mut keys, mut states) = (Keys::new(), BTreeMap::new());
    while !wanted.is_subset(&keys) {
        let message = heard.recv_timeout(PATIENCE).unwrap();
        match message.key {
            Some(key) => drop(keys.insert(key)),
            None => drop(states.insert(message.topic, message.payload)),
        }
    }
    (keys, states)
}

#[test]
fn what_waited_for_the_broker_is_told_to_everyone_and_states_stay() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut appliance = Appliance::open(&dir.path().join("box"), StoreSettings::default());
    let wanted = fill(&appliance.store, 300);
    appliance.publish(&at(port), settings());

    let broker = Broker::mosquitto(dir.path(), port, "allow_anonymous true");
    // Whoever comes late is told the states by the broker; the rest by the box, which
    // may have begun before we listen: then more is recorded.
    let heard = listen(port);
    let more = fill(&appliance.store, 300);
    let (keys, states) = hear(&heard, &more);
    assert!(keys.iter().all(|key| wanted.contains(key) || more.contains(key)));
    assert_eq!(&states["watchpost/box-1/status"][..], b"online");
    assert_eq!(&states["watchpost/box-1/cameras/yard/person"][..], b"OFF");
    let sensor = &states["homeassistant/binary_sensor/watchpost_box-1/yard_person/config"];
    let sensor: Value = serde_json::from_slice(sensor).unwrap();
    assert_eq!(sensor["state_topic"], "watchpost/box-1/cameras/yard/person");

    appliance.close();
    wait_for(&heard, "watchpost/box-1/status", "offline");
    drop(broker);
}

/// A box with these cameras and nothing wrong.
fn situation(cameras: &[(&str, &'static str)]) -> Situation {
    let camera = |(id, state): &(&str, &'static str)| Camera {
        id: (*id).to_owned(),
        name: format!("The {id}"),
        state,
    };
    let cameras = Some(cameras.iter().map(camera).collect());
    Situation { overall: State::Healthy, cameras, reports: Vec::new() }
}

#[test]
fn how_the_box_is_stays_true_through_changes_and_restarts() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let _broker = Broker::mosquitto(dir.path(), port, "allow_anonymous true");
    let heard = listen(port);
    let now = Arc::new(Mutex::new(situation(&[("yard", "online"), ("gate", "offline")])));
    let look = || -> Look {
        let now = Arc::clone(&now);
        Arc::new(move || now.lock().unwrap().clone())
    };
    let home = dir.path().join("box");
    let mut first = Appliance::open(&home, StoreSettings::default());
    first.publish_with(&at(port), Some(look()), settings());
    wait_for(&heard, "watchpost/box-1/cameras/gate/state", "offline");
    *now.lock().unwrap() = situation(&[("yard", "online"), ("gate", "off")]);
    first.uploads.look_again();
    wait_for(&heard, "watchpost/box-1/cameras/gate/state", "off");
    // Somebody comes, and the box is gone before they leave.
    let mut begun = event(&first.store);
    begun.ended_at = None;
    keep(&first.store, vec![Record::Event(begun)]);
    wait_for(&heard, "watchpost/box-1/cameras/yard/person", "ON");
    first.close();
    wait_for(&heard, "watchpost/box-1/status", "offline");

    // The next run knows nothing of them, and the gate has been taken down.
    *now.lock().unwrap() = situation(&[("yard", "online")]);
    let mut second = Appliance::open(&home, StoreSettings::default());
    second.publish_with(&at(port), Some(look()), settings());
    wait_for(&heard, "watchpost/box-1/cameras/yard/person", "OFF");
    wait_for(&heard, "homeassistant/binary_sensor/watchpost_box-1/gate_camera/config", "");
    // Whoever comes late finds what is true now, and nothing of the gate.
    let late = listen(port);
    keep(&second.store, vec![Record::Event(event(&second.store))]);
    let (_, states) = hear(&late, &["event-2-r0".to_owned()].into());
    assert_eq!(&states["watchpost/box-1/cameras/yard/state"][..], b"online");
    assert_eq!(&states["watchpost/box-1/status"][..], b"online");
    let health: Value = serde_json::from_slice(&states["watchpost/box-1/health"]).unwrap();
    assert_eq!(health["state"], "healthy");
    assert!(states.keys().all(|topic| !topic.contains("gate")), "{:?}", states.keys());
    second.close();
}

#[test]
fn nats_takes_what_it_is_sent_in_its_own_version_and_says_when_it_is_another() {
    let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
    let _broker = Broker::nats(dir.path(), port);
    let heard = listen_311(port);
    let mut appliance = Appliance::open(&dir.path().join("box"), StoreSettings::default());
    let wanted = fill(&appliance.store, 200);
    let nats = MqttSettings { version: MqttVersion::V311, ..at(port) };
    appliance.publish(&nats, settings());
    let (keys, states) = hear(&heard, &wanted);
    assert_eq!(keys, wanted);
    assert_eq!(&states["watchpost/box-1/status"][..], b"online");
    let late = listen_311(port);
    wait_for(&late, "watchpost/box-1/cameras/yard/person", "OFF");
    appliance.close();
    wait_for(&heard, "watchpost/box-1/status", "offline");

    let mut newer = Appliance::open(&dir.path().join("newer"), StoreSettings::default());
    fill(&newer.store, 25);
    newer.publish(&at(port), settings());
    eventually("health names it", || newer.report().state == State::Degraded);
    let report = newer.report();
    assert!(report.next_step.as_ref().unwrap().contains("3.1.1"), "{report:?}");
    newer.close();
}

#[test]
fn a_broker_that_does_not_know_the_box_is_named_in_health() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let passwords = dir.path().join("passwords");
    std::fs::write(&passwords, "").unwrap();
    let access = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let _broker = Broker::mosquitto(dir.path(), port, &access);
    let mut appliance = Appliance::open(&dir.path().join("box"), StoreSettings::default());
    fill(&appliance.store, 25);
    let name = Some("box".to_owned());
    let mqtt = MqttSettings { username: name, password: Some(Secret::new("hunter2")), ..at(port) };
    appliance.publish(&mqtt, settings());
    eventually("health names it", || appliance.report().state == State::Degraded);
    let report = appliance.report();
    assert!(report.next_step.as_ref().unwrap().contains("[upload.mqtt]"), "{report:?}");
    assert!(!format!("{report:?}").contains("hunter2"));
    appliance.close();
}

#[test]
fn a_broker_must_prove_who_it_is_before_it_is_told_anything() {
    for (name, is_trusted) in [("expired", false), ("stranger", false), ("server", true)] {
        let (dir, port) = (tempfile::tempdir().unwrap(), free_port());
        let file = |name: &str| {
            format!("{}/tests/upload_support/tls/{name}.pem", env!("CARGO_MANIFEST_DIR"))
        };
        let papers = format!(
            "allow_anonymous true\ncertfile {}\nkeyfile {}",
            file(name),
            file(&format!("{name}-key"))
        );
        let _broker = Broker::mosquitto(dir.path(), port, &papers);
        let tls = TlsSettings { ca_file: Some(file("ca").into()), ..TlsSettings::default() };
        let mut appliance = Appliance::open(&dir.path().join("box"), StoreSettings::default());
        fill(&appliance.store, 25);
        appliance.publish(&MqttSettings { is_tls: true, tls, ..at(port) }, settings());
        let status = || appliance.uploads.status().remove(0);
        eventually(name, || match is_trusted {
            true => status().last_success.is_some() && status().waiting() == 0,
            false => appliance.report().state == State::Degraded,
        });
        if !is_trusted {
            let message = appliance.report().message;
            assert!(message.contains("certificate"), "{name}: {message}");
            assert_eq!(status().last_success, None);
        }
        appliance.close();
    }
}
