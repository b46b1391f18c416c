//! Wear: how much the card takes for what is kept.
//!
//! Three figures, each counted where it is true: bytes of the records that were
//! accepted; bytes of the 4 KiB blocks that syncs of the journal had the disk
//! take; and what the kernel says the whole process had the disks take, which
//! adds the index and the pictures. What the card makes of it inside is unknown.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use super::frame::FRAME_HEADER;
use super::journal::Place;
use crate::health::{Counter, Gauge, Metrics};

/// What a file system writes at least.
const BLOCK_BYTES: u64 = 4096;
/// Before that a figure for a day would be a guess.
const SETTLED: Duration = Duration::from_secs(600);
const DAY_SECONDS: f64 = 86_400.0;

/// The figures.
pub(super) struct WearMetrics {
    accepted: Counter,
    journal: Counter,
    blocks: Counter,
    per_byte: Gauge,
    per_day: Gauge,
    index: Gauge,
}

impl WearMetrics {
    pub fn new(metrics: &Metrics) -> Self {
        let counter = |name, help| metrics.counter(name, help, &[]);
        let gauge = |name, help| metrics.gauge(name, help, &[]);
        Self {
            accepted: counter(
                "watchpost_store_accepted_bytes_total",
                "Bytes of the records accepted, as they are encoded.",
            ),
            journal: counter(
                "watchpost_store_bytes_written_total",
                "Bytes written to the journal.",
            ),
            blocks: counter(
                "watchpost_store_journal_block_bytes_total",
                "Bytes of the 4 KiB blocks that syncs of the journal had the disk take.",
            ),
            per_byte: gauge(
                "watchpost_store_disk_bytes_per_accepted_byte",
                "Bytes the whole process had the disks take (journal, index, pictures) \
                 for each byte of records accepted, since the start.",
            ),
            per_day: gauge(
                "watchpost_store_disk_bytes_per_day",
                "Bytes the whole process had the disks take in a day, at the rate since the start.",
            ),
            index: gauge("watchpost_store_index_bytes", "Bytes of the index on the disk."),
        }
    }

    /// Size of the index.
    pub fn set_index_bytes(&self, bytes: u64) {
        self.index.set(bytes as f64);
    }
}

/// Counts on the writer's thread.
pub(super) struct Wear {
    began: Duration,
    process_bytes: Option<u64>,
    accepted_bytes: u64,
    /// Written and not synced: begin and end in each segment.
    unsynced: BTreeMap<u64, (u64, u64)>,
}

impl Wear {
    /// Counts from `now`.
    pub fn new(now: Duration) -> Self {
        let process_bytes = process_bytes();
        Self { began: now, process_bytes, accepted_bytes: 0, unsynced: BTreeMap::new() }
    }

    /// Frames with these bodies were written.
    pub fn note_written(&mut self, metrics: &WearMetrics, places: &[Place], bodies: &[&[u8]]) {
        for (place, body) in places.iter().zip(bodies) {
            let (begin, len) = (u64::from(place.offset), (FRAME_HEADER + body.len()) as u64);
            let (_, end) = self.unsynced.entry(place.segment).or_insert((begin, begin));
            *end = begin + len;
            metrics.journal.add(len);
            metrics.accepted.add(body.len() as u64);
            self.accepted_bytes += body.len() as u64;
        }
    }

    /// What was written is synced.
    pub fn note_synced(&mut self, metrics: &WearMetrics) {
        for (begin, end) in std::mem::take(&mut self.unsynced).into_values() {
            metrics.blocks.add((end.div_ceil(BLOCK_BYTES) - begin / BLOCK_BYTES) * BLOCK_BYTES);
        }
    }

    /// Brings the rates up to date; what to tell a person of them, if they mean
    /// anything yet.
    pub fn tell(&self, metrics: &WearMetrics, now: Duration) -> Option<String> {
        let written = process_bytes()?.checked_sub(self.process_bytes?)? as f64;
        let elapsed = now.saturating_sub(self.began);
        if elapsed < SETTLED || self.accepted_bytes == 0 {
            return None;
        }
        let per_byte = written / self.accepted_bytes as f64;
        let per_day = written / elapsed.as_secs_f64() * DAY_SECONDS;
        metrics.per_byte.set(per_byte);
        metrics.per_day.set(per_day);
        let megabytes = (per_day / 1e6).round();
        Some(format!("the disk takes {megabytes} MB a day, {per_byte:.1} bytes for each byte kept"))
    }
}

/// What this process had the disks take; `None` where the kernel does not say.
fn process_bytes() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/io").ok()?;
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_costs_whole_blocks_and_the_last_one_again() {
        let registry = Metrics::default();
        let metrics = WearMetrics::new(&registry);
        let mut wear = Wear::new(Duration::ZERO);
        let at = |segment, offset| Place { segment, offset };
        let body = [0_u8; 984];
        wear.note_written(&metrics, &[at(1, 40), at(1, 1040)], &[&body, &body]);
        assert_eq!((metrics.journal.value(), metrics.blocks.value()), (2000, 0));
        wear.note_synced(&metrics);
        assert_eq!(metrics.blocks.value(), 4096);
        // The rest of that block, one in the same segment, one in the next.
        wear.note_written(&metrics, &[at(1, 2040), at(1, 3040), at(2, 40)], &[body.as_slice(); 3]);
        wear.note_synced(&metrics);
        wear.note_synced(&metrics);
        assert_eq!(metrics.blocks.value(), 2 * 4096 + 4096);
        assert_eq!(metrics.accepted.value(), 5 * 984);
    }

    #[test]
    fn rates_are_told_when_they_mean_something() {
        let metrics = WearMetrics::new(&Metrics::default());
        let mut wear = Wear::new(Duration::ZERO);
        assert_eq!(wear.tell(&metrics, SETTLED), None, "nothing was accepted");
        wear.note_written(&metrics, &[Place { segment: 1, offset: 40 }], &[&[0; 100]]);
        assert_eq!(wear.tell(&metrics, SETTLED - Duration::from_secs(1)), None);
        let told = wear.tell(&metrics, SETTLED);
        assert_eq!(told.is_some(), process_bytes().is_some());
    }
}
