//! A broker over MQTT: records and pictures as messages with QoS 1, states retained.
//!
//! An item counts as delivered when the broker has acknowledged every message of it.
//! One connection at a time, made when it is needed and kept; the broker says
//! `offline` for a box that is gone (last will). Each message names its item by device,
//! journal, key and hash, by which receivers see what they have seen. How the box and its
//! cameras are is told when it changes. For Home Assistant what there is, is announced
//! under the discovery prefix, and taken back when it is no more.
//! Memory: the messages of one parcel; at most [`IN_FLIGHT`] unacknowledged.

mod client;
mod discovery;
mod messages;
mod presence;
mod session;
mod situation;
mod told;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rumqttc::TlsConfiguration;
use tokio::sync::{Mutex, MutexGuard};

use super::{Attempt, Lane, MqttSettings, Notebook, Parcel, SendError, Sent, Transport, tls};
use client::Options;
use messages::{Message, Topics};
use session::Session;
pub use situation::{Camera, Look, Situation};

/// Messages on the way that the broker has not acknowledged.
const IN_FLIGHT: u16 = 50;

/// Longest silence: then both sides know that the line is gone.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Longest message to us: acknowledgements have a few bytes.
const INCOMING_MAX: u32 = 16 << 10;

/// One broker.
pub struct Mqtt {
    options: Options,
    address: String,
    look: Option<Look>,
    notebook: Option<Notebook>,
    is_changed: AtomicBool,
    line: Mutex<Line>,
}

/// What a broker gets to know beside the journal.
#[derive(Clone, Default)]
pub struct Around {
    /// How the box is; `None` for one that does not run.
    pub look: Option<Look>,
    /// Keeps what the broker was told there is, so that it can be taken back after a
    /// restart.
    pub notebook: Option<Notebook>,
}

struct Line {
    topics: Topics,
    session: Option<Session>,
    /// What an earlier run has told is known.
    is_recalled: bool,
    /// What was told last over this connection.
    told: Option<Situation>,
}

/// Bytes that went over the line, and what came of them.
type Outcome = (u64, Result<(), SendError>);

impl Mqtt {
    /// The way to the broker of these settings, for the box `device`. Reads
    /// certificates.
    ///
    /// # Errors
    /// When a certificate makes no sense.
    pub fn new(
        settings: &MqttSettings,
        device: &str,
        around: Around,
    ) -> Result<Self, tls::TlsError> {
        let (prefix, discovery) = (&settings.topic_prefix, settings.discovery_prefix.clone());
        let topics = Topics::new(prefix, discovery, device, settings.version);
        let tls = match settings.is_tls {
            true => Some(TlsConfiguration::Rustls(Arc::new(tls::client_config(&settings.tls)?))),
            false => None,
        };
        let options = Options::new(settings, device, topics.status(), tls);
        let scheme = if settings.is_tls { "mqtts" } else { "mqtt" };
        let address = format!("{scheme}://{}:{}", settings.host, settings.port);
        let line = Line { topics, session: None, is_recalled: false, told: None };
        let Around { look, notebook } = around;
        let (is_changed, line) = (AtomicBool::new(true), Mutex::new(line));
        Ok(Self { options, address, look, notebook, is_changed, line })
    }

    /// The connection, made anew if there is none; bytes that took.
    async fn connected(&self) -> (u64, Result<MutexGuard<'_, Line>, SendError>) {
        let mut line = self.line.lock().await;
        if line.session.as_ref().is_some_and(Session::is_up) {
            return (0, Ok(line));
        }
        (line.session, line.told) = (None, None);
        self.recall(&mut line).await;
        let session = match Session::open(self.options.clone()).await {
            Ok(session) => session,
            Err(error) => return (0, Err(error)),
        };
        line.session = Some(session);
        self.is_changed.store(true, Ordering::Relaxed);
        let greeting = line.topics.greeting();
        let (bytes, result) = line.deliver(greeting).await;
        (bytes, result.map(|()| line))
    }

    /// What an earlier run has told the broker.
    async fn recall(&self, line: &mut Line) {
        let Some(notebook) = self.notebook.clone().filter(|_| !line.is_recalled) else { return };
        let read = tokio::task::spawn_blocking(move || notebook.read()).await;
        line.topics.recall(read.unwrap_or_default());
        line.is_recalled = true;
    }

    async fn publish(&self, parcel: &Parcel) -> Outcome {
        let (before, line) = self.connected().await;
        let mut line = match line {
            Ok(line) => line,
            Err(error) => return (before, Err(error)),
        };
        let mut messages = match self.is_changed.swap(false, Ordering::Relaxed) {
            true => self.situation(&mut line),
            false => Vec::new(),
        };
        messages.extend(parcel.items.iter().flat_map(|item| line.topics.messages(parcel, item)));
        self.note(&mut line);
        let (bytes, result) = line.deliver(messages).await;
        (before + bytes, result)
    }

    /// Tells how the box is, as far as that is news.
    async fn tell(&self) -> Outcome {
        let (before, line) = self.connected().await;
        let mut line = match line {
            Ok(line) => line,
            Err(error) => return (before, Err(error)),
        };
        self.is_changed.store(false, Ordering::Relaxed);
        let messages = self.situation(&mut line);
        if messages.is_empty() {
            return (before, Ok(()));
        }
        self.note(&mut line);
        let (bytes, result) = line.deliver(messages).await;
        (before + bytes, result)
    }

    /// What is news about the box.
    fn situation(&self, line: &mut Line) -> Vec<Message> {
        let Some(look) = &self.look else { return Vec::new() };
        let (now, topics) = (look(), &mut line.topics);
        let before = line.told.take();
        let mut messages = Vec::new();
        if before.as_ref().is_none_or(|before| before.pulse() != now.pulse()) {
            messages.extend(topics.health(now.health()));
        }
        let known = before.as_ref().and_then(|before| before.cameras.as_deref()).unwrap_or(&[]);
        if let Some(cameras) = &now.cameras {
            for camera in cameras.iter().filter(|camera| !known.contains(camera)) {
                messages.extend(topics.camera(&camera.id, &camera.name, camera.state));
                topics.told.camera(&camera.id);
            }
            for id in topics.told.spoken_of() {
                if !cameras.iter().any(|camera| camera.id == id) {
                    messages.extend(topics.forget(&id));
                }
            }
        }
        line.told = Some(now);
        messages
    }

    fn note(&self, line: &mut Line) {
        if line.topics.told.take_change()
            && let Some(notebook) = &self.notebook
        {
            notebook.write(&line.topics.told);
        }
    }
}

impl Line {
    async fn deliver(&mut self, messages: Vec<Message>) -> Outcome {
        let Some(session) = &mut self.session else { return (0, Err(lost())) };
        let bytes = messages.iter().map(Message::bytes).sum();
        let result = session.deliver(messages).await;
        if result.is_err() {
            // What is still on the way must not be taken for something sent later.
            self.session = None;
        }
        (bytes, result)
    }
}

impl Transport for Mqtt {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn takes(&self, lane: Lane) -> bool {
        lane != Lane::Clips
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

    fn keep_up(&self) -> BoxFuture<'_, Option<(u64, Result<(), SendError>)>> {
        async move { Some(self.tell().await) }.boxed()
    }

    fn look_again(&self) {
        self.is_changed.store(true, Ordering::Relaxed);
    }
}

/// The connection is gone and nobody said why.
fn lost() -> SendError {
    unavailable("the connection to the broker is lost")
}

fn unavailable(reason: impl Into<String>) -> SendError {
    SendError::Unavailable { reason: reason.into(), retry_after: None }
}
