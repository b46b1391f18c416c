//! Settings of the store.

use std::time::Duration;

/// Most records that may wait for one sync. What a power cut can take is bounded by
/// it, and with it the gap in the ids after one.
pub const FLUSH_RECORDS_MAX: usize = 1024;

/// Settings of the store; sizes in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoreSettings {
    /// Records wait at most this long for the next sync.
    pub flush_interval: Duration,
    /// Nor do more than about this many wait for it, 1 to [`FLUSH_RECORDS_MAX`].
    pub flush_records: usize,
    /// Oldest journal segments are removed beyond this many bytes.
    pub journal_max_bytes: u64,
    /// Oldest clips are removed beyond this many bytes.
    pub clips_max_bytes: u64,
    /// No clip is kept longer than this, if set.
    pub clips_max_age: Option<Duration>,
    /// Oldest stills are removed beyond this many bytes.
    pub stills_max_bytes: u64,
    /// No still is kept longer than this, if set.
    pub stills_max_age: Option<Duration>,
    /// Oldest segments of recordings are removed beyond this many bytes.
    pub recordings_max_bytes: u64,
    /// No segment is kept longer than this, if set.
    pub recordings_max_age: Option<Duration>,
    /// Oldest snapshots are removed beyond this many bytes.
    pub media_max_bytes: u64,
    /// Nothing is kept longer than this, if set.
    pub max_age: Option<Duration>,
    /// Space left to the system; below it the oldest goes first, whatever the
    /// other limits say.
    pub min_free_bytes: u64,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            flush_interval: Duration::from_millis(500),
            flush_records: 256,
            journal_max_bytes: 512 << 20,
            clips_max_bytes: 4 << 30,
            clips_max_age: None,
            stills_max_bytes: 4 << 30,
            stills_max_age: None,
            recordings_max_bytes: 16 << 30,
            recordings_max_age: None,
            media_max_bytes: 2 << 30,
            max_age: None,
            min_free_bytes: 64 << 20,
        }
    }
}
