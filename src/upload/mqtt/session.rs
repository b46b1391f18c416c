//! One connection to a broker, from its beginning to its end.
//!
//! The connection is driven by a task of its own that ends with it. Nothing of it
//! outlives it: after a failure a new one begins, and what was not acknowledged is sent
//! again by whoever wanted it sent.

use std::time::Duration;

use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::super::SendError;
use super::client::{Connection, News, Options, Sender};
use super::messages::Message;
use super::{lost, unavailable};

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
    sender: Sender,
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
    pub async fn open(options: Options) -> Result<Self, SendError> {
        let (sender, connection) = options.open(QUEUE);
        let (tx, progress) = watch::channel(Progress::default());
        let task = tokio::spawn(drive(connection, tx)).abort_handle();
        let mut session = Self { sender, progress, sent: 0, task };
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
                self.sender.publish(message).await.map_err(|()| self.reason())?;
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
async fn drive(mut connection: Connection, tx: watch::Sender<Progress>) {
    loop {
        match connection.news().await {
            News::Connected => tx.send_modify(|it| it.is_up = true),
            News::Acknowledged(refused) => tx.send_modify(|it| {
                it.acknowledged += 1;
                it.refused = it.refused.take().or(refused);
            }),
            News::Ended(reason) => return tx.send_modify(|it| it.ended = Some(reason)),
            News::Nothing => {}
        }
    }
}
