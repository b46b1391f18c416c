//! Detection batches: detections of one camera that belong together in time.
//!
//! At most one is open. It closes 90 s after its first detection, 30 s after its
//! latest, or with its 50th (realtime contract 3.2) unless other spans are set; the
//! next detection opens another. Detections of one frame are never divided.

use std::time::Duration;

use uuid::Uuid;

use crate::domain::BatchId;

const SIZE: usize = 50;

/// A batch that takes more detections.
#[derive(Clone, Debug, PartialEq)]
pub struct OpenBatch {
    /// Which.
    pub id: BatchId,
    /// Detections so far.
    pub detections: usize,
    /// Since its first detection.
    pub age: Duration,
}

/// The batches of one camera.
#[derive(Debug)]
pub struct Batches {
    window: Duration,
    idle: Duration,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    id: BatchId,
    first: Duration,
    latest: Duration,
    count: usize,
}

impl Batches {
    /// None yet; each closes `window` after its first detection and `idle` after its
    /// latest.
    pub fn new(window: Duration, idle: Duration) -> Self {
        Self { window, idle, open: None }
    }

    /// Other spans, also for the batch that is open.
    pub fn set_spans(&mut self, window: Duration, idle: Duration) {
        (self.window, self.idle) = (window, idle);
    }

    /// The batch that takes `count` detections at `now`, a time that does not
    /// run backwards.
    pub fn add(&mut self, now: Duration, count: usize) -> BatchId {
        if self.open.as_ref().is_some_and(|open| self.is_over(open, now)) {
            self.open = None;
        }
        let fresh = || Open { id: fresh_id(), first: now, latest: now, count: 0 };
        let open = self.open.get_or_insert_with(fresh);
        open.latest = now;
        open.count += count;
        open.id.clone()
    }

    /// The batch that would take a detection at `now`.
    pub fn open(&self, now: Duration) -> Option<OpenBatch> {
        let open = self.open.as_ref().filter(|open| !self.is_over(open, now))?;
        let age = now.saturating_sub(open.first);
        Some(OpenBatch { id: open.id.clone(), detections: open.count, age })
    }

    fn is_over(&self, open: &Open, now: Duration) -> bool {
        now.saturating_sub(open.first) >= self.window
            || now.saturating_sub(open.latest) >= self.idle
            || open.count >= SIZE
    }
}

/// 48 random bits: after 100 000 batches the chance that two ever got the same
/// id is one in fifty thousand, and no state must survive a restart.
fn fresh_id() -> BatchId {
    let hex = Uuid::new_v4().simple().to_string();
    BatchId::new(format!("batch_{}", &hex[..12]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documented() -> Batches {
        Batches::new(Duration::from_secs(90), Duration::from_secs(30))
    }

    fn ids(times_s: impl IntoIterator<Item = u64>) -> Vec<BatchId> {
        let mut batches = documented();
        times_s.into_iter().map(|s| batches.add(Duration::from_secs(s), 1)).collect()
    }

    #[test]
    fn a_batch_closes_after_its_window_its_idle_time_or_its_fiftieth_detection() {
        let window = ids([0, 20, 40, 60, 80, 89, 90]);
        assert!(window[..6].iter().all(|id| *id == window[0]) && window[6] != window[0]);
        let idle = ids([0, 29, 59]);
        assert!(idle[0] == idle[1] && idle[1] != idle[2]);
        let full = ids([5; 51]);
        assert!(full[49] == full[0] && full[50] != full[0]);
    }

    #[test]
    fn a_batch_is_open_until_it_would_take_nothing_more() {
        let mut batches = documented();
        let at = Duration::from_secs;
        assert_eq!(batches.open(at(0)), None);
        let id = batches.add(at(10), 3);
        let open = OpenBatch { id, detections: 3, age: at(29) };
        assert_eq!(batches.open(at(39)), Some(open));
        assert_eq!(batches.open(at(40)), None);
        batches.set_spans(at(90), at(60));
        assert!(batches.open(at(40)).is_some(), "it is given more time");
    }

    #[test]
    fn ids_are_short_text_with_a_prefix() {
        let id = fresh_id();
        let hex = id.as_str().strip_prefix("batch_").unwrap();
        assert!(hex.len() == 12 && hex.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    }
}
