//! A broker over MQTT 5: records and pictures as messages with QoS 1, states retained.
//!
//! An item counts as delivered when the broker has acknowledged every message of it.
//! One connection at a time, made when it is needed and kept; the broker says
//! `offline` for a box that is gone (last will). Each message carries device, journal,
//! key and hash as user properties, by which receivers see what they have seen. For
//! Home Assistant what there is, is announced under the discovery prefix.
//! Memory: the messages of one parcel; at most [`IN_FLIGHT`] unacknowledged.

mod discovery;
mod messages;
mod session;

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rumqttc::v5::MqttOptions;
use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::LastWill;
use rumqttc::{TlsConfiguration, Transport as Carrier};
use tokio::sync::{Mutex, MutexGuard};

use super::{Attempt, Lane, MqttSettings, Parcel, SendError, Sent, Transport, tls};
use messages::{Message, Topics};
use session::Session;

/// Messages on the way that the broker has not acknowledged.
const IN_FLIGHT: u16 = 50;

/// Longest silence: then both sides know that the line is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Longest message to us: acknowledgements have a few bytes.
const INCOMING_MAX: u32 = 16 << 10;

/// One broker.
pub struct Mqtt {
    options: MqttOptions,
    address: String,
    line: Mutex<Line>,
}

struct Line {
    topics: Topics,
    session: Option<Session>,
}

impl Mqtt {
    /// The way to the broker of these settings, for the box `device`. Reads
    /// certificates.
    ///
    /// # Errors
    /// When a certificate makes no sense.
    pub fn new(settings: &MqttSettings, device: &str) -> Result<Self, tls::TlsError> {
        let topics = Topics::new(&settings.topic_prefix, settings.discovery_prefix.clone(), device);
        let client_id = format!("watchpost-{device}");
        let mut options = MqttOptions::new(client_id, settings.host.clone(), settings.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_start(true)
            .set_outgoing_inflight_upper_limit(IN_FLIGHT)
            .set_max_packet_size(Some(INCOMING_MAX))
            .set_last_will(LastWill::new(topics.status(), "offline", QoS::AtLeastOnce, true, None));
        if let (Some(name), Some(password)) = (&settings.username, &settings.password) {
            options.set_credentials(name.clone(), password.expose());
        }
        if settings.is_tls {
            let config = tls::client_config(&settings.tls)?;
            let config = TlsConfiguration::Rustls(std::sync::Arc::new(config));
            options.set_transport(Carrier::Tls(config));
        }
        let scheme = if settings.is_tls { "mqtts" } else { "mqtt" };
        let address = format!("{scheme}://{}:{}", settings.host, settings.port);
        Ok(Self { options, address, line: Mutex::new(Line { topics, session: None }) })
    }

    /// The connection, made anew if there is none.
    async fn connected(&self) -> Result<MutexGuard<'_, Line>, SendError> {
        let mut line = self.line.lock().await;
        if line.session.as_ref().is_some_and(Session::is_up) {
            return Ok(line);
        }
        line.session = None;
        let mut session = Session::open(self.options.clone()).await?;
        session.deliver(line.topics.greeting()).await?;
        line.session = Some(session);
        Ok(line)
    }

    /// Bytes that went over the line, and what came of it.
    async fn publish(&self, parcel: &Parcel) -> (u64, Result<(), SendError>) {
        let mut line = match self.connected().await {
            Ok(line) => line,
            Err(error) => return (0, Err(error)),
        };
        let Line { topics, session } = &mut *line;
        let Some(open) = session else { return (0, Err(session::lost())) };
        let messages = parcel.items.iter().flat_map(|item| topics.messages(parcel, item));
        let messages: Vec<Message> = messages.collect();
        let bytes = messages.iter().map(Message::bytes).sum();
        let result = open.deliver(messages).await;
        if result.is_err() {
            // What is still on the way must not be taken for something sent later.
            *session = None;
        }
        (bytes, result)
    }
}

impl Transport for Mqtt {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn takes(&self, _: Lane) -> bool {
        true
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Attempt> {
        async move {
            let count = parcel.items.len();
            let whole =
                |()| Sent::Whole { rejected: Vec::new(), receipt: format!("{count} acknowledged") };
            let (bytes, result) = self.publish(parcel).await;
            Attempt { bytes, result: result.map(whole) }
        }
        .boxed()
    }

    fn keep_up(&self) -> BoxFuture<'_, Option<Result<(), SendError>>> {
        async move { Some(self.connected().await.map(drop)) }.boxed()
    }
}
