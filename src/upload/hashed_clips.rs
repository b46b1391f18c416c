//! Clips with their SHA-256, which is computed once for each.
//!
//! A clip is long and goes in many parts; before each the outbox is asked anew what is
//! next. A clip never changes once it is whole, and one after the other is sent, so
//! the hash of the last one is kept.

use std::sync::{Arc, Mutex, PoisonError};

use super::Medium;
use super::medium::hash_of;
use crate::domain::{Event, EventId};
use crate::media::Clips;

/// The clips, and the hash of the last that was asked for.
#[derive(Clone)]
pub(super) struct HashedClips {
    clips: Clips,
    last: Arc<Mutex<Option<Hashed>>>,
}

#[derive(Clone)]
struct Hashed {
    event: EventId,
    bytes: u64,
    sha256: String,
}

impl HashedClips {
    /// Nothing is read yet.
    pub fn new(clips: Clips) -> Self {
        Self { clips, last: Arc::default() }
    }

    /// The clip of an event; `None` when it is not there any more. Reads the disk: the
    /// whole file the first time.
    ///
    /// # Errors
    /// When the file is there but cannot be read, with the reason.
    pub fn medium(&self, event: &Event) -> Result<Option<Medium>, String> {
        let loaded = self.clips.load(event.id).map_err(|error| error.to_string())?;
        let Some((file, bytes)) = loaded else { return Ok(None) };
        let lock = || self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let known = lock().clone().filter(|last| (last.event, last.bytes) == (event.id, bytes));
        let sha256 = match known {
            Some(known) => known.sha256,
            None => hash_of(&file, bytes)
                .map_err(|error| format!("read the clip of {}: {error}", event.id))?,
        };
        *lock() = Some(Hashed { event: event.id, bytes, sha256: sha256.clone() });
        Ok(Some(Medium::clip(event.id, event.camera.clone(), file, bytes, sha256)))
    }
}
