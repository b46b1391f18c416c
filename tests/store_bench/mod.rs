//! A store on a directory, with a clock turned by hand.

#![allow(dead_code, clippy::unwrap_used, reason = "helpers of tests; each file uses its part")]

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use watchpost::domain::{
    Alert, AlertId, AlertRule, AlertStatus, BBox, BatchId, Detection, DetectionId, Event, EventId,
    RiskLevel, RiskScore, RuleId, Timestamp, TrackId, examples,
};
use watchpost::health::{Health, Metrics};
use watchpost::rt::{Clock, Stop, Tasks};
use watchpost::store::{Durability, Record, Store, StoreError, StoreSettings, Writer};

/// Nothing here takes longer unless it hangs.
pub const SOON: Duration = Duration::from_secs(60);
/// When the first record was made.
pub const T0: Timestamp = Timestamp::from_unix_ms(1_768_473_000_000);

pub struct Bench {
    pub store: Store,
    pub clock: Clock,
    pub health: Health,
    pub metrics: Metrics,
    dir: PathBuf,
    settings: StoreSettings,
    tasks: Tasks,
    stop: Stop,
}

impl Bench {
    pub fn open(dir: &Path) -> Self {
        Self::open_with(dir, StoreSettings::default())
    }

    pub fn open_with(dir: &Path, settings: StoreSettings) -> Self {
        Self::open_at(dir, settings, Clock::manual(T0))
    }

    pub fn open_at(dir: &Path, settings: StoreSettings, clock: Clock) -> Self {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
        let store =
            Store::open(dir, settings.clone(), clock.clone(), &health, &metrics, &tasks, &stop);
        let bench =
            Self { store, clock, health, metrics, dir: dir.to_owned(), settings, tasks, stop };
        if dir.is_dir() {
            bench.until(|bench| bench.store.wait_until_current(Duration::from_millis(10)));
        }
        bench
    }

    /// Turns the clock a little at a time until it is so.
    pub fn until(&self, is_so: impl Fn(&Self) -> bool) {
        for _ in 0..6000 {
            if is_so(self) {
                return;
            }
            // Retries of the store wait for this clock.
            self.clock.advance(Duration::from_millis(10));
            self.stop.child().wait(Duration::from_millis(10));
        }
        panic!("not within a minute");
    }

    pub fn submit(&self, records: Vec<Record>, durability: Durability) -> Result<(), StoreError> {
        let (tx, rx) = sync_channel(1);
        self.store.submit(records, durability, Box::new(move |result| tx.send(result).unwrap()));
        rx.recv_timeout(SOON).expect("an answer")
    }

    pub fn close(self) -> PathBuf {
        self.stop.set();
        let left = self.tasks.join(&Clock::system(), SOON);
        assert_eq!(left, Vec::<String>::new());
        self.dir
    }

    pub fn restart(self) -> Self {
        let (settings, now) = (self.settings.clone(), self.clock.now());
        self.restart_at(now, settings)
    }

    pub fn restart_at(self, now: Timestamp, settings: StoreSettings) -> Self {
        let dir = self.close();
        Self::open_at(&dir, settings, Clock::manual(now))
    }

    pub fn restart_without_index(self) -> Self {
        let (settings, now) = (self.settings.clone(), self.clock.now());
        let dir = self.close();
        std::fs::remove_dir_all(index_of(&dir)).unwrap();
        Self::open_at(&dir, settings, Clock::manual(now))
    }
}

/// The index directory in use.
pub fn index_of(dir: &Path) -> PathBuf {
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let is_index =
        |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with("index-");
    entries.filter(is_index).max().expect("an index")
}

/// The journal segments, oldest first.
pub fn segments_of(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("journal")).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

pub fn detection(id: u64, after_ms: i64) -> Detection {
    Detection {
        id: DetectionId(id),
        camera: "yard".parse().unwrap(),
        track: TrackId(4),
        batch: BatchId::new("batch-1"),
        event: EventId(1),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        frame_sequence: id,
        captured_at: Timestamp::from_unix_ms(T0.unix_ms() + after_ms),
        ..examples::detection()
    }
}

pub fn event(id: u64, revision: u32, after_ms: i64) -> Event {
    let started_at = Timestamp::from_unix_ms(T0.unix_ms() + after_ms);
    Event {
        id: EventId(id),
        revision,
        camera: "yard".parse().unwrap(),
        batch: BatchId::new("batch-1"),
        track: TrackId(4),
        confidence: 0.75,
        bbox: BBox { x: 0.25, y: 0.5, width: 0.125, height: 0.25 },
        risk: RiskScore::new(40),
        summary: "A person in the yard.".into(),
        reasoning: "Base 40.".into(),
        detection_count: 9,
        started_at,
        updated_at: started_at,
        has_snapshot: false,
        ..examples::event()
    }
}

pub fn alert(id: u128, after_ms: i64) -> Alert {
    let created_at = Timestamp::from_unix_ms(T0.unix_ms() + after_ms);
    Alert {
        id: AlertId(uuid::Uuid::from_u128(id)),
        revision: 0,
        event: EventId(1),
        camera: "yard".parse().unwrap(),
        rule: Some(RuleId(uuid::Uuid::from_u128(5))),
        severity: RiskLevel::High,
        status: AlertStatus::Pending,
        dedup_key: "yard".into(),
        created_at,
        updated_at: created_at,
        acknowledged_at: None,
        dismissed_at: None,
        clock_trusted: true,
    }
}

pub fn alert_rule(id: u128, after_ms: i64) -> AlertRule {
    let created_at = Timestamp::from_unix_ms(T0.unix_ms() + after_ms);
    AlertRule {
        id: RuleId(uuid::Uuid::from_u128(id)),
        revision: 0,
        name: "Everything".into(),
        description: None,
        is_enabled: true,
        severity: None,
        risk_threshold: None,
        object_types: Vec::new(),
        cameras: Vec::new(),
        zones: Vec::new(),
        min_confidence: None,
        schedule: None,
        motion_within: None,
        dedup_key_template: "{camera_id}:{rule_id}".into(),
        cooldown: Duration::from_secs(300),
        channels: Vec::new(),
        created_at,
        updated_at: created_at,
    }
}
