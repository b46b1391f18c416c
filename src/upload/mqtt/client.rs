//! The client library's two protocol versions behind one set of words.

use bytes::Bytes;
use rumqttc::v5::mqttbytes::v5::{
    ConnectReturnCode as Code5, LastWill as Will5, Packet as Packet5, PubAckReason,
    PublishProperties,
};
use rumqttc::v5::{
    AsyncClient as Client5, ConnectionError as Error5, Event as Event5, EventLoop as Loop5,
    MqttOptions as Options5, StateError as State5,
};
use rumqttc::{
    AsyncClient as Client3, ConnectReturnCode as Code3, ConnectionError as Error3, Event as Event3,
    EventLoop as Loop3, LastWill as Will3, MqttOptions as Options3, Packet as Packet3,
    TlsConfiguration, Transport as Carrier,
};
use rumqttc::{QoS as Qos3, v5::mqttbytes::QoS as Qos5};

use super::super::{MqttSettings, MqttVersion, SendError};
use super::messages::Message;
use super::{IN_FLIGHT, INCOMING_MAX, KEEP_ALIVE, unavailable};
use crate::rt::with_causes;

/// Longest message to the broker where that does not say what it takes.
const OUTGOING_MAX: usize = 64 << 20;

/// How to connect.
#[derive(Clone)]
pub(super) enum Options {
    V5(Box<Options5>),
    V311(Box<Options3>),
}

/// Hands messages to the connection.
pub(super) enum Sender {
    V5(Client5),
    V311(Client3),
}

/// The connection itself.
pub(super) enum Connection {
    /// And whether the broker has taken us.
    V5(Box<Loop5>, bool),
    V311(Box<Loop3>),
}

/// What comes from the broker.
pub(super) enum News {
    Connected,
    Acknowledged(Option<SendError>),
    Ended(SendError),
    Nothing,
}

impl Options {
    /// For the broker of these settings; it says `offline` at `status` for a box that is
    /// gone.
    pub fn new(
        settings: &MqttSettings,
        device: &str,
        status: String,
        tls: Option<TlsConfiguration>,
    ) -> Self {
        let (id, host) = (format!("watchpost-{device}"), settings.host.clone());
        let login = settings.username.as_ref().zip(settings.password.as_ref());
        match settings.version {
            MqttVersion::V5 => {
                let mut options = Options5::new(id, host, settings.port);
                let will = Will5::new(status, "offline", Qos5::AtLeastOnce, true, None);
                options
                    .set_keep_alive(KEEP_ALIVE)
                    .set_clean_start(true)
                    .set_outgoing_inflight_upper_limit(IN_FLIGHT)
                    .set_max_packet_size(Some(INCOMING_MAX))
                    .set_last_will(will);
                if let Some((name, password)) = login {
                    options.set_credentials(name.clone(), password.expose());
                }
                if let Some(tls) = tls {
                    options.set_transport(Carrier::Tls(tls));
                }
                Self::V5(Box::new(options))
            }
            MqttVersion::V311 => {
                let mut options = Options3::new(id, host, settings.port);
                options
                    .set_keep_alive(KEEP_ALIVE)
                    .set_clean_session(true)
                    .set_inflight(IN_FLIGHT)
                    .set_max_packet_size(INCOMING_MAX as usize, OUTGOING_MAX)
                    .set_last_will(Will3::new(status, "offline", Qos3::AtLeastOnce, true));
                if let Some((name, password)) = login {
                    options.set_credentials(name.clone(), password.expose());
                }
                if let Some(tls) = tls {
                    options.set_transport(Carrier::Tls(tls));
                }
                Self::V311(Box::new(options))
            }
        }
    }

    /// Both ends of a connection that begins with its first [`Connection::news`].
    pub fn open(self, queue: usize) -> (Sender, Connection) {
        match self {
            Self::V5(options) => {
                let (client, events) = Client5::new(*options, queue);
                (Sender::V5(client), Connection::V5(Box::new(events), false))
            }
            Self::V311(options) => {
                let (client, events) = Client3::new(*options, queue);
                (Sender::V311(client), Connection::V311(Box::new(events)))
            }
        }
    }
}

impl Sender {
    /// Waits for room in the queue; an error when the connection is gone.
    pub async fn publish(&self, message: Message) -> Result<(), ()> {
        let Message { topic, payload, is_retained, names, content_type } = message;
        match self {
            Self::V5(client) => {
                let properties = PublishProperties {
                    user_properties: names,
                    content_type: content_type.map(str::to_owned),
                    ..PublishProperties::default()
                };
                let quality = Qos5::AtLeastOnce;
                let sent = client
                    .publish_with_properties(topic, quality, is_retained, payload, properties)
                    .await;
                sent.map_err(drop)
            }
            Self::V311(client) => {
                let payload: Bytes = payload;
                let sent =
                    client.publish_bytes(topic, Qos3::AtLeastOnce, is_retained, payload).await;
                sent.map_err(drop)
            }
        }
    }
}

impl Connection {
    /// Drives the connection until there is something to tell.
    pub async fn news(&mut self) -> News {
        match self {
            Self::V5(events, is_up) => match events.poll().await {
                Ok(Event5::Incoming(Packet5::ConnAck(_))) => {
                    *is_up = true;
                    News::Connected
                }
                Ok(Event5::Incoming(Packet5::PubAck(ack))) => {
                    News::Acknowledged(refusal(ack.reason))
                }
                Ok(Event5::Incoming(Packet5::Disconnect(said))) => {
                    let reason = format!("the broker ends the connection: {:?}", said.reason_code);
                    News::Ended(unavailable(reason))
                }
                Ok(_) => News::Nothing,
                Err(error) => News::Ended(meaning5(&error, *is_up)),
            },
            Self::V311(events) => match events.poll().await {
                Ok(Event3::Incoming(Packet3::ConnAck(_))) => News::Connected,
                Ok(Event3::Incoming(Packet3::PubAck(_))) => News::Acknowledged(None),
                Ok(_) => News::Nothing,
                Err(error) => News::Ended(meaning3(&error)),
            },
        }
    }
}

/// What an acknowledgement means that is none.
fn refusal(reason: PubAckReason) -> Option<SendError> {
    let said = format!("the broker refuses a message: {reason:?}");
    match reason {
        PubAckReason::Success | PubAckReason::NoMatchingSubscribers => None,
        PubAckReason::TopicNameInvalid | PubAckReason::PayloadFormatInvalid => {
            Some(SendError::Rejected { reason: said })
        }
        PubAckReason::NotAuthorized => Some(SendError::Denied {
            reason: said,
            next_step: "Let this user publish below upload.mqtt.topic_prefix and discovery_prefix."
                .to_owned(),
        }),
        PubAckReason::UnspecifiedError
        | PubAckReason::ImplementationSpecificError
        | PubAckReason::PacketIdentifierInUse
        | PubAckReason::QuotaExceeded => Some(unavailable(said)),
    }
}

fn meaning5(error: &Error5, is_up: bool) -> SendError {
    let reason = with_causes(error);
    match error {
        Error5::ConnectionRefused(Code5::BadUserNamePassword | Code5::NotAuthorized) => {
            login(reason)
        }
        Error5::ConnectionRefused(
            Code5::RefusedProtocolVersion | Code5::UnsupportedProtocolVersion,
        ) => version(reason),
        Error5::MqttState(State5::OutgoingPacketTooLarge { .. }) => SendError::Rejected { reason },
        // A broker that knows no MQTT 5 hangs up (NATS), or answers in the form of 3.1.1,
        // which makes no sense here.
        Error5::MqttState(State5::Deserialization(_) | State5::ConnectionAborted) if !is_up => {
            version(reason)
        }
        _ => unavailable(reason),
    }
}

fn meaning3(error: &Error3) -> SendError {
    let reason = with_causes(error);
    match error {
        Error3::ConnectionRefused(Code3::BadUserNamePassword | Code3::NotAuthorized) => {
            login(reason)
        }
        _ => unavailable(reason),
    }
}

fn login(reason: String) -> SendError {
    let next_step = "Correct username and password under [upload.mqtt].".to_owned();
    SendError::Denied { reason, next_step }
}

fn version(reason: String) -> SendError {
    let next_step = "If the broker knows no MQTT 5, write version = \"3.1.1\" under [upload.mqtt].";
    SendError::Denied { reason, next_step: next_step.to_owned() }
}
