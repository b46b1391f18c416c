//! Upload: what happened reaches the systems upstream, whatever the line does.
//!
//! The journal is the outbox: a courier for each upstream follows it with one cursor
//! for each [`Lane`], sends [`Parcel`]s through its [`Transport`] and moves the cursor
//! when the upstream has confirmed. Delivery is at least once; every item carries a
//! key and a hash of its content, so that the receiver shows it once. Nothing is
//! copied but the cursors, which lie in the journal too.

mod budget;
mod courier;
mod dead;
mod figures;
mod gather;
mod hashed_clips;
pub mod http;
mod lane_state;
mod line;
mod medium;
pub mod mqtt;
mod outbox;
mod patience;
pub mod s3;
mod saved;
mod settings;
mod status;
#[cfg(test)]
mod testing;
pub mod tls;
mod uploads;
pub mod wire;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use uuid::Uuid;

pub use dead::{DEAD_MAX, DeadLetter};
pub use medium::{Medium, MediumKind};
pub use saved::Notebook;
pub use settings::{
    DetectionChoice, HttpSettings, MqttSettings, MqttVersion, QuietHours, S3Settings, TIMEOUT,
    TlsSettings, UploadSettings, WireForm,
};
pub use status::{LaneStatus, UpstreamStatus};
pub use uploads::{Uploads, UploadsContext, Ways};

use crate::domain::Timestamp;
use crate::store::Mark;

/// What is sent first: while a lane has something due, those below it wait.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// Alerts: at once, in quiet hours too.
    Alerts,
    /// Events and scene changes.
    Events,
    /// Pictures of events.
    Media,
    /// Detections.
    Bulk,
    /// Videos of events.
    Clips,
}

impl Lane {
    /// All lanes, the most urgent first.
    pub const ALL: [Self; 5] = [Self::Alerts, Self::Events, Self::Media, Self::Bulk, Self::Clips];

    /// Whether its items are files, which go one by one and in parts.
    pub const fn has_files(self) -> bool {
        matches!(self, Self::Media | Self::Clips)
    }

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alerts => "alerts",
            Self::Events => "events",
            Self::Media => "media",
            Self::Bulk => "bulk",
            Self::Clips => "clips",
        }
    }
}

/// One thing to deliver.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Names it, together with device and journal; of letters, digits, `-` and `_`.
    pub key: String,
    /// When it was made or last changed.
    pub touched_at: Timestamp,
    /// Where its record stands in the journal.
    pub at: Mark,
    /// Where the next one stands.
    pub behind: Mark,
    /// What is sent.
    pub content: Content,
    /// About as many bytes on the line, before compression.
    pub bytes: u64,
}

/// What is sent of an item.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// A record.
    Record(Box<wire::Data>),
    /// A file.
    Medium(Medium),
}

/// Items that are sent together; all of one lane, in the order of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Parcel {
    /// This box.
    pub device: Arc<str>,
    /// Its journal.
    pub journal: Uuid,
    /// The lane.
    pub lane: Lane,
    /// At least one; exactly one in lanes of files.
    pub items: Vec<Item>,
    /// About as many bytes may go in one turn; see [`Sent::Part`].
    pub turn_bytes: u64,
}

impl Parcel {
    /// The same for the same stretch of the same journal: its idempotency key.
    pub fn id(&self) -> String {
        let (from, to) = self.stretch();
        format!("{}:{}:{}:{from}:{to}", self.device, self.journal, self.lane.as_str())
    }

    /// Where its items begin and end in the journal.
    fn stretch(&self) -> (Mark, Mark) {
        let (first, last) = (self.items.first(), self.items.last());
        let from = first.map_or(Mark::START, |item| item.at);
        (from, last.map_or(Mark::START, |item| item.behind))
    }
}

/// What came of a parcel that the upstream took.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// All of it is confirmed, but for these items, with the upstream's reason.
    Whole {
        /// Keys and reasons.
        rejected: Vec<(String, String)>,
        /// What the upstream said, for people.
        receipt: String,
    },
    /// Part of a large item is there; the same parcel goes on at its next turn, so
    /// that something urgent may go in between.
    Part,
}

/// Why a parcel was not delivered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The line or the upstream fails for now; try again.
    #[error("{reason}")]
    Unavailable {
        /// What failed.
        reason: String,
        /// Not earlier than after this, says the upstream.
        retry_after: Option<Duration>,
    },
    /// The upstream does not want us, or not like this: somebody must act.
    #[error("{reason}")]
    Denied {
        /// What it said.
        reason: String,
        /// What a person should do.
        next_step: String,
    },
    /// The upstream is well and refuses what is in the parcel.
    #[error("{reason}")]
    Rejected {
        /// What it said.
        reason: String,
    },
}

/// One try to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Bytes that went over the line, about.
    pub bytes: u64,
    /// What came of it.
    pub result: Result<Sent, SendError>,
}

/// A way to an upstream.
///
/// A transport confirms only what the upstream has confirmed. It bounds its own
/// time and memory, follows no redirect and never falls back to plaintext.
pub trait Transport: Send + Sync {
    /// Where it goes, for people; without secrets.
    fn address(&self) -> String;

    /// Whether it has a use for a lane.
    fn takes(&self, lane: Lane) -> bool;

    /// Whether a medium is one long request, beside which another can go.
    fn has_room_beside_media(&self) -> bool {
        false
    }

    /// Sends a parcel and waits for the confirmation.
    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Attempt>;

    /// Keeps the line open while there is nothing to send, for those upstream who watch
    /// how the box is: bytes that went over it, and what came of them; `None` for a way
    /// that has no line to keep. Called every few seconds.
    fn keep_up(&self) -> BoxFuture<'_, Option<(u64, Result<(), SendError>)>> {
        Box::pin(std::future::ready(None))
    }

    /// Something about the box has changed that those upstream may watch.
    fn look_again(&self) {}
}
