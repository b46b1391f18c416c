//! One connection to a broker, from its beginning to its end.
//!
//! The connection is driven by a task of its own that ends with it. Nothing of it
//! outlives it: after a failure a new one begins, and what was not acknowledged is sent
//! again by whoever wanted it sent.

use std::time::Duration;

use rumqttc::v5::mqttbytes::QoS;
use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, Packet, PubAckReason};
use rumqttc::v5::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions};
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::super::SendError;
use super::messages::Message;

/// Longest time until a connection stands, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(20);

/// Longest time for the acknowledgements of a parcel, beside its bytes.
const ACK_MAX: Duration = Duration::from_secs(30);

/// Bytes a second of a line on which nothing would ever be delivered.
const SLOWEST: u64 = 1 << 10;

/// Messages between us and the connection's task. When it is full, whoever sends
/// waits.
const QUEUE: usize = 50;

/// How far a connection is.
#[derive(Clone, Debug, Default)]
struct Progress {
    is_up: bool,
    acknowledged: u64,
    refused: Option<SendError>,
    ended: Option<SendError>,
}

/// An open connection.
pub(super) struct Session {
    client: AsyncClient,
    progress: watch::Receiver<Progress>,
    sent: u64,
    task: AbortHandle,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Session {
    /// Connects, and waits until the broker has taken us.
    pub async fn open(options: MqttOptions) -> Result<Self, SendError> {
        let (client, events) = AsyncClient::new(options, QUEUE);
        let (tx, progress) = watch::channel(Progress::default());
        let task = tokio::spawn(drive(events, tx)).abort_handle();
        let mut session = Self { client, progress, sent: 0, task };
        session.wait(CONNECT_MAX, |progress| progress.is_up).await?;
        Ok(session)
    }

    /// Whether it still stands, as far as is known.
    pub fn is_up(&self) -> bool {
        let progress = self.progress.borrow();
        progress.is_up && progress.ended.is_none() && progress.refused.is_none()
    }

    /// Sends messages and waits until every one is acknowledged.
    pub async fn deliver(&mut self, messages: Vec<Message>) -> Result<(), SendError> {
        let bytes: usize = messages.iter().map(|message| message.payload.len()).sum();
        let limit = ACK_MAX + Duration::from_secs(bytes as u64 / SLOWEST);
        let all = async {
            for message in messages {
                let Message { topic, payload, is_retained, properties } = message;
                let sent = self.client.publish_with_properties(
                    topic,
                    QoS::AtLeastOnce,
                    is_retained,
                    payload,
                    properties,
                );
                sent.await.map_err(|_| self.reason())?;
                self.sent += 1;
            }
            Ok(())
        };
        match tokio::time::timeout(limit, all).await {
            Ok(result) => result?,
            Err(_) => return Err(unavailable("the broker takes no more messages")),
        }
        let sent = self.sent;
        self.wait(limit, |progress| progress.acknowledged >= sent).await
    }

    async fn wait(
        &mut self,
        limit: Duration,
        is_wanted: impl Fn(&Progress) -> bool,
    ) -> Result<(), SendError> {
        let is_over = |it: &Progress| is_wanted(it) || it.ended.is_some() || it.refused.is_some();
        let waited = tokio::time::timeout(limit, self.progress.wait_for(is_over)).await;
        match waited {
            Ok(Ok(progress)) => match progress.refused.as_ref().or(progress.ended.as_ref()) {
                Some(error) => Err(error.clone()),
                None => Ok(()),
            },
            Ok(Err(_)) => Err(lost()),
            Err(_) => Err(unavailable("no answer in time")),
        }
    }

    fn reason(&self) -> SendError {
        self.progress.borrow().ended.clone().unwrap_or_else(lost)
    }
}

/// Drives a connection until it fails.
async fn drive(mut events: EventLoop, tx: watch::Sender<Progress>) {
    loop {
        match events.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => tx.send_modify(|it| it.is_up = true),
            Ok(Event::Incoming(Packet::PubAck(ack))) => tx.send_modify(|it| {
                it.acknowledged += 1;
                it.refused = it.refused.take().or(refusal(ack.reason));
            }),
            Ok(Event::Incoming(Packet::Disconnect(said))) => {
                let reason = format!("the broker ends the connection: {:?}", said.reason_code);
                return tx.send_modify(|it| it.ended = Some(unavailable(reason)));
            }
            Ok(_) => {}
            Err(error) => return tx.send_modify(|it| it.ended = Some(meaning(&error))),
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

fn meaning(error: &ConnectionError) -> SendError {
    let reason = super::super::with_causes(error);
    match error {
        ConnectionError::ConnectionRefused(
            ConnectReturnCode::BadUserNamePassword | ConnectReturnCode::NotAuthorized,
        ) => SendError::Denied {
            reason,
            next_step: "Correct username and password under [upload.mqtt].".to_owned(),
        },
        _ => unavailable(reason),
    }
}

/// The connection is gone and nobody said why.
pub(super) fn lost() -> SendError {
    unavailable("the connection to the broker is lost")
}

fn unavailable(reason: impl Into<String>) -> SendError {
    SendError::Unavailable { reason: reason.into(), retry_after: None }
}
