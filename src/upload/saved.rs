//! How far an upstream is, as it lies in the journal: two settings for each, written
//! with every confirmation. A setting costs no file and no sync of its own; a power
//! cut takes back half a second of them, and what is sent again is recognized.

use std::collections::BTreeMap;
use std::sync::Arc;

use log::warn;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::Lane;
use super::budget::Spent;
use super::dead::DeadLetter;
use crate::domain::{Setting, Timestamp};
use crate::rt::Clock;
use crate::store::{Durability, Mark, Reader, StoreError, Writer};

/// A few words that a way upstream keeps between runs, as a setting in the journal.
#[derive(Clone)]
pub struct Notebook {
    /// Name of the setting.
    pub key: &'static str,
    /// Finds it.
    pub reader: Arc<dyn Reader>,
    /// Keeps it.
    pub writer: Arc<dyn Writer>,
    /// The clock.
    pub clock: Clock,
}

impl Notebook {
    /// What was kept; nothing when there is none or it makes no sense. Reads the disk.
    pub(super) fn read<T: DeserializeOwned + Default>(&self) -> T {
        let setting = self.reader.setting(self.key).ok().flatten();
        setting.and_then(|it| serde_json::from_str(&it.value).ok()).unwrap_or_default()
    }

    /// Keeps it.
    pub(super) fn write(&self, what: &impl Serialize) {
        // Plain data of our own: writing it to memory cannot fail.
        let Ok(value) = serde_json::to_string(what) else { return };
        let (key, updated_at) = (self.key.to_owned(), self.clock.now());
        let setting = Setting { key: key.clone(), revision: 0, value, updated_at };
        let change = Box::new(move |_| Some(setting));
        let done = Box::new(move |result: Result<_, StoreError>| {
            if let Err(error) = result {
                warn!(error:%; "What an upstream was told could not be kept.");
            }
        });
        self.writer.amend_setting(&key, change, Durability::Written, done);
    }
}

/// How far an upstream is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Saved {
    /// Which journal the marks are of: a UUID.
    pub journal: Option<String>,
    pub lanes: BTreeMap<Lane, SavedLane>,
    pub spent: Spent,
    pub last_success: Option<Timestamp>,
}

/// How far a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedLane {
    /// Everything before is confirmed, dead or shed.
    pub cursor: Mark,
    pub sent: u64,
    pub shed: u64,
}

/// Where it is kept.
#[derive(Clone)]
pub(super) struct Shelf {
    pub upstream: &'static str,
    pub reader: Arc<dyn Reader>,
    pub writer: Arc<dyn Writer>,
}

impl Shelf {
    /// What was kept; a default where there is nothing.
    ///
    /// # Errors
    /// When the store cannot tell yet.
    pub fn load(&self) -> Result<(Saved, Vec<DeadLetter>), StoreError> {
        if !self.reader.is_current() {
            return Err(StoreError::Unavailable("it is being opened".into()));
        }
        Ok((self.read(&self.key())?, self.read(&self.dead_key())?))
    }

    fn read<T: DeserializeOwned + Default>(&self, key: &str) -> Result<T, StoreError> {
        let Some(setting) = self.reader.setting(key)? else { return Ok(T::default()) };
        Ok(serde_json::from_str(&setting.value).unwrap_or_else(|error| {
            warn!(error:%, key; "What was kept of the upload makes no sense; it begins anew.");
            T::default()
        }))
    }

    /// Keeps it; survives the end of the process at once, and a power cut after the
    /// next sync.
    pub fn save(&self, saved: &Saved, at: Timestamp) {
        self.write(self.key(), serde_json::to_string(saved), Durability::Written, at);
    }

    /// Keeps the dead letters, before the cursor passes them.
    pub fn save_dead(&self, dead: &[DeadLetter], at: Timestamp) {
        self.write(self.dead_key(), serde_json::to_string(dead), Durability::Synced, at);
    }

    fn write(
        &self,
        key: String,
        value: serde_json::Result<String>,
        durability: Durability,
        updated_at: Timestamp,
    ) {
        // Plain data of our own: writing it to memory cannot fail.
        let Ok(value) = value else { return };
        let setting = Setting { key: key.clone(), revision: 0, value, updated_at };
        let change = Box::new(move |_| Some(setting));
        let upstream = self.upstream;
        let done = Box::new(move |result: Result<_, StoreError>| {
            if let Err(error) = result {
                warn!(error:%, upstream; "How far the upload is could not be kept; after a restart some items are sent again.");
            }
        });
        self.writer.amend_setting(&key, change, durability, done);
    }

    fn key(&self) -> String {
        format!("upload.{}", self.upstream)
    }

    fn dead_key(&self) -> String {
        format!("upload.{}.dead", self.upstream)
    }
}
