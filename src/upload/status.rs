//! How the upload is, in figures and in words.

use std::time::Duration;

use super::Lane;
use super::dead::DeadLetter;
use super::lane_state::Backlog;
use crate::domain::Timestamp;

/// How the way to one upstream is.
#[derive(Clone, Debug, PartialEq)]
pub struct UpstreamStatus {
    /// `http`, `mqtt` or `s3`.
    pub name: &'static str,
    /// Where it goes.
    pub address: String,
    /// `starting`, `idle`, `sending`, `held` (by budget or quiet hours), `retrying` or
    /// `open` (the circuit: one small request at a time).
    pub state: &'static str,
    /// What failed last, or what holds it back.
    pub reason: Option<String>,
    /// What waits in each lane.
    pub lanes: Vec<LaneStatus>,
    /// Bytes of this day (UTC).
    pub bytes_today: u64,
    /// When something was confirmed last.
    pub last_success: Option<Timestamp>,
    /// When it is tried again, if it failed.
    pub next_try: Option<Timestamp>,
    /// Failures in a row.
    pub failures: u32,
    /// What the upstream refuses.
    pub dead_letters: Vec<DeadLetter>,
}

/// What waits in one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LaneStatus {
    /// Which.
    pub lane: Lane,
    /// Items that wait.
    pub waiting: u64,
    /// About as many bytes.
    pub waiting_bytes: u64,
    /// When the oldest of them was made or last changed.
    pub oldest: Option<Timestamp>,
    /// Confirmed so far.
    pub sent: u64,
    /// Lost so far, because there was no room to keep them.
    pub shed: u64,
}

impl LaneStatus {
    pub(super) fn of(lane: Lane, backlog: Backlog) -> Self {
        let Backlog { waiting, waiting_bytes, oldest, sent, shed, .. } = backlog;
        Self { lane, waiting, waiting_bytes, oldest, sent, shed }
    }
}

impl UpstreamStatus {
    /// Items that wait in all lanes.
    pub fn waiting(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.waiting).sum()
    }

    /// About as many bytes.
    pub fn waiting_bytes(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.waiting_bytes).sum()
    }

    /// Lost so far in all lanes.
    pub fn shed(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.shed).sum()
    }

    /// Age of the oldest item that waits.
    pub fn oldest_age(&self, now: Timestamp) -> Option<Duration> {
        self.lanes.iter().filter_map(|lane| lane.oldest).min().map(|oldest| now.since(oldest))
    }

    /// How it is, in one sentence.
    pub fn sentence(&self, now: Timestamp) -> String {
        let mut text = match (self.waiting(), self.oldest_age(now)) {
            (0, _) => "Everything is delivered".to_owned(),
            (waiting, age) => {
                let (bytes, age) = (kib(self.waiting_bytes()), words(age.unwrap_or_default()));
                format!("{waiting} items ({bytes}) wait, the oldest for {age}")
            }
        };
        text += &format!("; {} today", kib(self.bytes_today));
        text += &match self.last_success {
            Some(at) => format!(", last success {} ago", words(now.since(at))),
            None => ", no success yet".to_owned(),
        };
        if let Some(reason) = &self.reason {
            text += &format!("; {reason}");
        }
        if let Some(at) = self.next_try {
            text += &format!("; next try in {}", words(at.since(now)));
        }
        if self.shed() > 0 {
            text += &format!("; {} were lost for lack of room", self.shed());
        }
        text + "."
    }
}

/// A number of bytes for people.
fn kib(bytes: u64) -> String {
    match bytes {
        0..10_240 => format!("{bytes} bytes"),
        10_240..10_485_760 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// A span for people, in its largest unit.
fn words(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds @ 7_200..172_800 => format!("{} h", seconds / 3_600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentence_says_what_waits_why_and_until_when() {
        let now = Timestamp::from_unix_ms(1_800_000_000_000);
        let lane = |lane, waiting, oldest| LaneStatus {
            lane,
            waiting,
            waiting_bytes: waiting * 1000,
            oldest,
            sent: 0,
            shed: 0,
        };
        let ago = |seconds| now.before(Duration::from_secs(seconds));
        let status = UpstreamStatus {
            name: "http",
            address: "https://collector.example".to_owned(),
            state: "retrying",
            reason: Some("cannot connect".to_owned()),
            lanes: vec![
                lane(Lane::Alerts, 2, Some(ago(60))),
                lane(Lane::Bulk, 200, Some(ago(10_800))),
            ],
            bytes_today: 12 << 20,
            last_success: Some(ago(7_300)),
            next_try: Some(now.after(Duration::from_secs(40))),
            failures: 3,
            dead_letters: Vec::new(),
        };
        assert_eq!(
            status.sentence(now),
            "202 items (197 KiB) wait, the oldest for 3 h; 12 MiB today, last success 2 h ago; \
             cannot connect; next try in 40 s."
        );
        let idle = UpstreamStatus {
            reason: None,
            lanes: Vec::new(),
            last_success: None,
            next_try: None,
            ..status
        };
        assert_eq!(idle.sentence(now), "Everything is delivered; 12 MiB today, no success yet.");
    }
}
