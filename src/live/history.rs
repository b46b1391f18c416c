//! What was published lately, for clients that come back.
//!
//! Every message has a position in one stream; a [`Cursor`] names it together
//! with the run of the daemon, so that a cursor from before a restart is
//! recognised. Bounded by age and by bytes; when full, the oldest goes first.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::LiveMessage;
use super::wire::Envelope;

/// Bytes counted for a message beside its own texts: the record, its place here,
/// and the text it is sent as, which is 690 bytes long for a short event and 400
/// for a detection.
const MESSAGE_BYTES: usize = 1 << 10;

/// How much of the stream is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Older messages go.
    pub max_age: Duration,
    /// Memory it may take, bytes, estimated to within a factor of two.
    pub max_bytes: usize,
}

impl Default for HistoryBounds {
    /// Five minutes cover a restarted access point or a browser's sleeping tab;
    /// 1 MiB holds about a thousand messages.
    fn default() -> Self {
        Self { max_age: Duration::from_secs(300), max_bytes: 1 << 20 }
    }
}

/// A position in the stream of one run of the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    run: u32,
    position: u64,
}

impl Cursor {
    /// The position, from 1, in the stream of `run`.
    pub const fn new(run: u32, position: u64) -> Self {
        Self { run, position }
    }

    pub(super) fn position(self) -> u64 {
        self.position
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}-{:x}", self.run, self.position)
    }
}

/// The text is no cursor.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let (run, position) = text.split_once('-').ok_or(InvalidCursor)?;
        let run = u32::from_str_radix(run, 16).map_err(|_| InvalidCursor)?;
        let position = u64::from_str_radix(position, 16).map_err(|_| InvalidCursor)?;
        Ok(Self { run, position })
    }
}

/// The last messages, oldest first.
pub(super) struct History {
    bounds: HistoryBounds,
    /// Position of the newest message, kept or not.
    newest: Cursor,
    entries: VecDeque<Arc<Envelope>>,
    bytes: usize,
}

impl History {
    pub(super) fn new() -> Self {
        // Random: after a restart an old cursor passes for a new one in one case
        // of four thousand million.
        let newest = Cursor { run: fastrand::u32(..), position: 0 };
        Self { bounds: HistoryBounds::default(), newest, entries: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn set_bounds(&mut self, bounds: HistoryBounds) {
        self.bounds = bounds;
    }

    /// Gives the message its position and keeps it.
    pub(super) fn add(&mut self, message: LiveMessage, now: Duration) -> Arc<Envelope> {
        self.newest.position += 1;
        let envelope = Arc::new(Envelope::new(message, now, self.newest));
        self.bytes += footprint(&envelope.message);
        self.entries.push_back(Arc::clone(&envelope));
        self.trim(now);
        envelope
    }

    /// Forgets what is beyond the bounds.
    pub(super) fn trim(&mut self, now: Duration) {
        while let Some(oldest) = self.entries.front() {
            let age = now.saturating_sub(oldest.published);
            if self.bytes <= self.bounds.max_bytes && age <= self.bounds.max_age {
                return;
            }
            self.bytes -= footprint(&oldest.message);
            self.entries.pop_front();
        }
    }

    /// Position of the newest message.
    pub(super) fn newest(&self) -> Cursor {
        self.newest
    }

    /// Position of the oldest message that is kept.
    pub(super) fn oldest(&self) -> Option<Cursor> {
        self.entries.front().map(|entry| entry.cursor)
    }

    /// Whether this run has given that cursor.
    pub(super) fn knows(&self, cursor: Cursor) -> bool {
        cursor.run == self.newest.run && cursor.position <= self.newest.position
    }

    /// Whether nothing after `position` has been forgotten.
    pub(super) fn is_whole_after(&self, position: u64) -> bool {
        position + self.entries.len() as u64 >= self.newest.position
    }

    /// What came after `position`, oldest first.
    pub(super) fn after(&self, position: u64) -> impl Iterator<Item = &Arc<Envelope>> {
        // Positions have no holes, so the index follows from the newest one.
        let wanted = self.newest.position.saturating_sub(position) as usize;
        self.entries.iter().skip(self.entries.len().saturating_sub(wanted))
    }
}

/// Memory that a kept message takes, bytes, at most about.
fn footprint(message: &LiveMessage) -> usize {
    let texts = match message {
        LiveMessage::Event(event) => {
            event.summary.len()
                + event.reasoning.len()
                + event.zones.iter().map(String::len).sum::<usize>()
        }
        LiveMessage::Alert(news) => news.alert.dedup_key.len(),
        LiveMessage::DetectionBatch(batch) => batch.detections.len() * 24,
        LiveMessage::Camera(status) => {
            status.name.len() + status.reason.as_ref().map_or(0, String::len)
        }
        LiveMessage::CameraChanged(changed) => {
            let status = &changed.status;
            status.name.len() + status.reason.as_ref().map_or(0, String::len)
        }
        LiveMessage::Service(report) => {
            report.message.len() + report.next_step.as_ref().map_or(0, String::len)
        }
        LiveMessage::Health(changed) => {
            changed.components.iter().map(|(name, _)| name.len() + MESSAGE_BYTES / 16).sum()
        }
        LiveMessage::CameraSwitched(switched) => switched.reason.len(),
        LiveMessage::JobLog(line) => line.message.len(),
        LiveMessage::Job(job, _) => {
            job.result.as_ref().map_or(0, |it| it.findings.iter().map(String::len).sum())
        }
        LiveMessage::Detection(_)
        | LiveMessage::Notice { .. }
        | LiveMessage::System(_)
        | LiveMessage::SceneChange(_)
        | LiveMessage::Gpu(_)
        | LiveMessage::EventDropped(_) => 0,
    };
    // Once in the record, once in the text that is sent.
    MESSAGE_BYTES + 2 * texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::CameraNotice;

    fn notice() -> LiveMessage {
        let notice = CameraNotice::Connected { model: "m".into() };
        LiveMessage::Notice { camera: "yard".parse().unwrap(), notice }
    }

    fn positions(history: &History, after: u64) -> Vec<u64> {
        history.after(after).map(|entry| entry.cursor.position).collect()
    }

    #[test]
    fn a_cursor_survives_being_text_and_nothing_else_is_one() {
        let cursor = Cursor::new(7, 300);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for text in ["", "-", "7", "7-", "-7", "x-7", "7-7-7", "+7-7é", "111111111-1"] {
            assert_eq!(text.parse::<Cursor>(), Err(InvalidCursor), "{text}");
        }
    }

    #[test]
    fn the_oldest_go_by_bytes_and_by_age_and_the_loss_is_known() {
        let mut history = History::new();
        let max_age = Duration::from_secs(10);
        history.set_bounds(HistoryBounds { max_age, max_bytes: 3 * MESSAGE_BYTES });
        (1..=5).for_each(|second| {
            history.add(notice(), Duration::from_secs(second));
        });
        assert_eq!(positions(&history, 0), [3, 4, 5]);
        assert_eq!(positions(&history, 4), [5]);
        assert_eq!([1, 2, 5].map(|position| history.is_whole_after(position)), [false, true, true]);

        history.trim(Duration::from_secs(15));
        assert_eq!(positions(&history, 0), [5]);
        history.trim(Duration::from_secs(16));
        assert_eq!((history.oldest(), history.bytes), (None, 0));
        assert!(history.is_whole_after(5) && !history.is_whole_after(4));
    }

    #[test]
    fn a_cursor_of_another_run_or_of_the_future_is_not_known() {
        let mut history = History::new();
        history.add(notice(), Duration::ZERO);
        let Cursor { run, position } = history.newest();
        assert!(history.knows(Cursor::new(run, position)));
        assert!(!history.knows(Cursor::new(run, position + 1)));
        assert!(!history.knows(Cursor::new(run ^ 1, position)));
    }
}
