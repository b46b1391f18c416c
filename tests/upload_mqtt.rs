//! Records reach a real broker (mosquitto), and through it whoever listens.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "a test that starts a broker needs one")]

mod upload_support;

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{Packet, Publish};
use rumqttc::v5::{Client, Event, MqttOptions};
use upload_support::seed::{Appliance, Keys, fill};
use upload_support::{PATIENCE, eventually, settings};
use watchpost::domain::Secret;
use watchpost::health::State;
use watchpost::store::StoreSettings;
use watchpost::upload::{MqttSettings, TlsSettings};

/// The broker, on a port of its own.
struct Broker {
    child: Child,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Broker {
    fn start(dir: &Path, port: u16, access: &str) -> Self {
        let config = dir.join("mosquitto.conf");
        let text =
            format!("listener {port} 127.0.0.1\n{access}\nmax_queued_messages 0\nuser root\n");
        std::fs::write(&config, text).unwrap();
        // Debian keeps it where the path of ordinary users does not lead.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new("mosquitto");
        command.env("PATH", path).arg("-c").arg(config);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let broker = Self { child: child.expect("scripts/setup installs mosquitto") };
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not listen");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        broker
    }
}

/// Everything that is published, from now on and what is retained.
fn listen(port: u16) -> Receiver<Publish> {
    let mut options = MqttOptions::new("listener", "127.0.0.1", port);
    options.set_max_packet_size(Some(1 << 20));
    let (client, mut connection) = Client::new(options, 10);
    client.subscribe("#", QoS::AtLeastOnce).unwrap();
    let (tx, rx) = sync_channel(100_000);
    let (subscribed, is_subscribed) = sync_channel(1);
    std::thread::spawn(move || {
        let _client = client;
        for event in connection.iter().map_while(Result::ok) {
            match event {
                Event::Incoming(Packet::SubAck(_)) => drop(subscribed.try_send(())),
                // When the test is over nobody listens.
                Event::Incoming(Packet::Publish(publish)) => drop(tx.send(publish)),
                _ => {}
            }
        }
    });
    is_subscribed.recv_timeout(PATIENCE).unwrap();
    rx
}

fn at(port: u16) -> MqttSettings {
    MqttSettings {
        host: "127.0.0.1".to_owned(),
        port,
        is_tls: false,
        username: None,
        password: None,
        topic_prefix: "watchpost".to_owned(),
        discovery_prefix: Some("homeassistant".to_owned()),
        tls: TlsSettings::default(),
    }
}

/// The key of a message that has one.
fn key_of(publish: &Publish) -> Option<String> {
    let properties = publish.properties.as_ref()?;
    let mut pairs = properties.user_properties.iter();
    pairs.find(|(name, _)| name == "key").map(|(_, key)| key.clone())
}

fn topic(publish: &Publish) -> String {
    String::from_utf8(publish.topic.to_vec()).unwrap()
}

#[test]
fn what_waited_for_the_broker_is_told_to_everyone_and_states_stay() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let mut appliance = Appliance::open(&dir.path().join("box"), StoreSettings::default());
    let wanted = fill(&appliance.store, 300);
    appliance.publish(&at(port), settings());

    let broker = Broker::start(dir.path(), port, "allow_anonymous true");
    let mut keys = Keys::new();
    let mut states = BTreeMap::new();
    // Whoever comes late is told the states by the broker; the rest by the box, which
    // may have begun before we listen: then it is sent again by a second box.
    let heard = listen(port);
    let more = fill(&appliance.store, 300);
    while !more.is_subset(&keys) {
        let publish = heard.recv_timeout(PATIENCE).unwrap();
        match key_of(&publish) {
            Some(key) => drop(keys.insert(key)),
            None => drop(states.insert(topic(&publish), publish.payload)),
        }
    }
    assert!(keys.iter().all(|key| wanted.contains(key) || more.contains(key)));
    assert_eq!(&states["watchpost/box-1/status"][..], b"online");
    assert_eq!(&states["watchpost/box-1/cameras/yard/person"][..], b"OFF");
    let sensor = &states["homeassistant/binary_sensor/watchpost_box-1/yard_person/config"];
    let sensor: serde_json::Value = serde_json::from_slice(sensor).unwrap();
    assert_eq!(sensor["state_topic"], "watchpost/box-1/cameras/yard/person");

    appliance.close();
    let mut last = states["watchpost/box-1/status"].clone();
    while &last[..] != b"offline" {
        let publish = heard.recv_timeout(PATIENCE).unwrap();
        if topic(&publish) == "watchpost/box-1/status" {
            last = publish.payload;
        }
    }
    drop(broker);
}

#[test]
fn a_broker_that_does_not_know_the_box_is_named_in_health() {
    let dir = tempfile::tempdir().unwrap();
    let port = free_port();
    let passwords = dir.path().join("passwords");
    std::fs::write(&passwords, "").unwrap();
    let access = format!("allow_anonymous false\npassword_file {}", passwords.display());
    let _broker = Broker::start(dir.path(), port, &access);
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
