//! Brokers that are not ours, and somebody who listens to them.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use rumqttc::v5;
use serde_json::Value;

use super::PATIENCE;

/// A broker on a port of its own.
pub struct Broker {
    child: Child,
}

impl Drop for Broker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl Broker {
    /// MQTT 5, with lines of configuration about who may.
    pub fn mosquitto(dir: &Path, port: u16, access: &str) -> Self {
        let config = dir.join("mosquitto.conf");
        let text =
            format!("listener {port} 127.0.0.1\n{access}\nmax_queued_messages 0\nuser root\n");
        std::fs::write(&config, text).unwrap();
        Self::start("mosquitto", &config, port)
    }

    /// NATS with JetStream, through its MQTT port.
    pub fn nats(dir: &Path, port: u16) -> Self {
        let config = dir.join("nats.conf");
        let text = format!(
            "server_name: boxes\nlisten: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"{}\" }}\n\
             mqtt {{ listen: \"127.0.0.1:{port}\" }}\n",
            free_port(),
            dir.join("jetstream").display()
        );
        std::fs::write(&config, text).unwrap();
        Self::start("nats-server", &config, port)
    }

    fn start(program: &str, config: &Path, port: u16) -> Self {
        // Debian keeps them where the path of ordinary users does not lead.
        let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
        let mut command = Command::new(program);
        command.env("PATH", path).arg("-c").arg(config);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let broker = Self { child: child.expect("scripts/setup installs brokers") };
        let deadline = Instant::now() + PATIENCE;
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "the broker does not listen");
            std::thread::park_timeout(Duration::from_millis(10));
        }
        broker
    }
}

/// A message that somebody heard.
#[derive(Clone, Debug)]
pub struct Heard {
    pub topic: String,
    pub payload: Vec<u8>,
    pub is_retained: bool,
    /// The key of its item, if it has one.
    pub key: Option<String>,
}

/// Everything that is published, from now on and what is retained, in MQTT 5.
pub fn listen(port: u16) -> Receiver<Heard> {
    let mut options = v5::MqttOptions::new(name(), "127.0.0.1", port);
    options.set_max_packet_size(Some(1 << 20));
    let (client, mut connection) = v5::Client::new(options, 10);
    client.subscribe("#", v5::mqttbytes::QoS::AtLeastOnce).unwrap();
    listening(move |subscribed, tx| {
        let _client = client;
        for event in connection.iter().map_while(Result::ok) {
            match event {
                v5::Event::Incoming(v5::mqttbytes::v5::Packet::SubAck(_)) => {
                    let _ = subscribed.try_send(());
                }
                v5::Event::Incoming(v5::mqttbytes::v5::Packet::Publish(it)) => {
                    let key = it.properties.as_ref().and_then(|properties| {
                        let mut pairs = properties.user_properties.iter();
                        pairs.find(|(name, _)| name == "key").map(|(_, key)| key.clone())
                    });
                    let topic = String::from_utf8(it.topic.to_vec()).unwrap();
                    let (payload, is_retained) = (it.payload.to_vec(), it.retain);
                    // When the test is over nobody listens.
                    drop(tx.send(Heard { topic, payload, is_retained, key }));
                }
                _ => {}
            }
        }
    })
}

/// The same in MQTT 3.1.1.
pub fn listen_311(port: u16) -> Receiver<Heard> {
    let mut options = rumqttc::MqttOptions::new(name(), "127.0.0.1", port);
    options.set_max_packet_size(1 << 20, 1 << 20);
    let (client, mut connection) = rumqttc::Client::new(options, 10);
    client.subscribe("#", rumqttc::QoS::AtLeastOnce).unwrap();
    listening(move |subscribed, tx| {
        let _client = client;
        for event in connection.iter().map_while(Result::ok) {
            match event {
                rumqttc::Event::Incoming(rumqttc::Packet::SubAck(_)) => {
                    let _ = subscribed.try_send(());
                }
                rumqttc::Event::Incoming(rumqttc::Packet::Publish(it)) => {
                    let record: Value = serde_json::from_slice(&it.payload).unwrap_or_default();
                    let key = record["item"]["key"].as_str().map(str::to_owned);
                    let (payload, is_retained) = (it.payload.to_vec(), it.retain);
                    drop(tx.send(Heard { topic: it.topic, payload, is_retained, key }));
                }
                _ => {}
            }
        }
    })
}

fn name() -> String {
    format!("listener-{}", fastrand::u64(..))
}

fn listening(
    listen: impl FnOnce(SyncSender<()>, SyncSender<Heard>) + Send + 'static,
) -> Receiver<Heard> {
    let (tx, rx) = sync_channel(100_000);
    let (subscribed, is_subscribed) = sync_channel(1);
    std::thread::spawn(move || listen(subscribed, tx));
    is_subscribed.recv_timeout(PATIENCE).unwrap();
    rx
}
