//! Thousands of random histories on a simulated disk: power cuts at any operation,
//! a full disk, failing writes and syncs, read-only mounts, retention. After each
//! cut what was acknowledged is there, byte for byte, and nothing is there by half.
//!
//! `POWER_LOSS_HISTORIES` sets how many, `POWER_LOSS_SEED` which is the first; a
//! failure prints the seed that shows it again.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store_bench::{SOON, T0, alert, alert_rule, detection, event};
use watchpost::domain::{AlertAction, Event, EventId, Timestamp};
use watchpost::health::{Health, Metrics};
use watchpost::rt::{Clock, Stop, Tasks};
use watchpost::store::disk::sim::{SimDisk, Trouble};
use watchpost::store::disk::{Disk, Ground};
use watchpost::store::{
    Change, Durability, Record, RecordId, RecordKind, Removal, Store, StoreError, StoreSettings,
    Writer, tools,
};

const DIR: &str = "/state/store";
const HISTORIES: u64 = 3000;
/// So small that a history of kilobytes sees rotation and retention.
const SEGMENT_BYTES: u32 = 8 << 10;
const DISK_BYTES: u64 = 16 << 20;
const JOURNAL_BYTES: u64 = 40 << 10;

/// What a submit came to.
#[derive(Clone, Debug)]
struct Told {
    records: Vec<Record>,
    durability: Durability,
    is_kept: bool,
    /// It is in this segment or a later one.
    segment: u64,
}

/// One boot of the box.
struct Boot {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    tasks: Tasks,
    stop: Stop,
}

impl Boot {
    fn new(disk: &SimDisk, now: Timestamp) -> Self {
        let (clock, stop) = (Clock::manual(now), Stop::new());
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
        let settings = StoreSettings {
            journal_max_bytes: JOURNAL_BYTES,
            min_free_bytes: 64 << 10,
            ..StoreSettings::default()
        };
        let disk = Arc::new(disk.clone());
        let ground =
            Ground { disk, segment_bytes: SEGMENT_BYTES, has_index: false, ..Ground::default() };
        let store =
            Store::open_on(ground, DIR, settings, clock.clone(), &health, &metrics, &tasks, &stop);
        Self { store, clock, metrics, tasks, stop }
    }

    fn dropped_segments(&self) -> u64 {
        self.metrics.counter("watchpost_store_segments_dropped_total", "", &[]).value()
    }

    /// Until everything submitted is answered and the writer has turned once more.
    fn settle(&self) {
        for _ in 0..2 {
            let (tx, rx) = sync_channel(1);
            let done = Box::new(move |_: Result<(), StoreError>| tx.send(()).unwrap());
            self.store.submit(Vec::new(), Durability::Written, done);
            rx.recv_timeout(SOON).expect("an answer");
        }
    }

    /// Holds the writer while `during` submits, so that all of it is one group
    /// (or as few as fit) whatever the scheduler does.
    fn held(&self, during: impl FnOnce(&Self)) {
        let (go, wait) = sync_channel::<()>(1);
        let (tx, held) = sync_channel(1);
        let hold = Box::new(move |_: Result<(), StoreError>| {
            tx.send(()).unwrap();
            wait.recv().unwrap();
        });
        self.store.submit(Vec::new(), Durability::Written, hold);
        held.recv_timeout(SOON).expect("the writer");
        during(self);
        go.send(()).unwrap();
    }

    fn close(self) {
        self.stop.set();
        // Closing its queue wakes the writer; a stop alone is seen at its next look.
        drop(self.store);
        let left = self.tasks.join(&Clock::system(), SOON);
        assert_eq!(left, Vec::<String>::new());
    }
}

/// A history and what must be true of the disk after it.
struct History {
    random: fastrand::Rng,
    disk: SimDisk,
    now: Timestamp,
    told: Arc<Mutex<Vec<Told>>>,
    /// Ids that somebody has heard of, highest of each kind.
    announced: (u64, u64),
    /// Retention has been here: it may bring none of them back, or some.
    dropped_up_to: u64,
    /// Alerts and rules of this boot. Without an index those of earlier boots
    /// cannot be changed.
    changeable: Arc<Mutex<Vec<RecordId>>>,
    cuts: u64,
}

impl History {
    fn new(seed: u64) -> Self {
        Self {
            random: fastrand::Rng::with_seed(seed),
            disk: SimDisk::new(seed, DISK_BYTES),
            now: T0,
            told: Arc::default(),
            announced: (0, 0),
            dropped_up_to: 0,
            changeable: Arc::default(),
            cuts: 0,
        }
    }

    fn run(&mut self) {
        for _ in 0..self.random.usize(2..5) {
            self.live();
            self.check();
        }
    }

    /// One boot, from power to no power (or a stop in good order).
    fn live(&mut self) {
        let boot = Boot::new(&self.disk, self.now);
        let ids = (boot.store.next_detection_id().0, boot.store.next_event_id().0);
        assert!(ids.0 > self.announced.0 && ids.1 > self.announced.1, "ids {ids:?} again");
        self.changeable.lock().unwrap().clear();
        let dropped_before = self.note_dropped();
        let steps = self.random.usize(1..12);
        let cut_at = self.random.bool().then(|| self.random.usize(..steps));
        for step in 0..steps {
            if cut_at == Some(step) {
                self.disk.cut_after(self.random.u64(..12));
            }
            self.change_weather();
            self.submit_group(&boot);
        }
        boot.settle();
        assert!(boot.dropped_segments() > 0 || self.dropped_up_to == dropped_before);
        self.now = boot.clock.now();
        // Pulled now if not before; a stop in good order is a history too.
        if self.random.u8(..4) > 0 {
            self.disk.cut_after(0);
        }
        boot.close();
        self.disk.reboot();
        self.disk.set_capacity(DISK_BYTES);
        self.cuts += 1;
    }

    fn change_weather(&mut self) {
        let random = &mut self.random;
        let one_in = |random: &mut fastrand::Rng| [0, 0, 40, 8, 3][random.usize(..5)];
        match random.u8(..8) {
            0 => self.disk.set_trouble(Trouble {
                writes: one_in(random),
                short_writes: one_in(random),
                syncs: one_in(random),
                others: one_in(random),
            }),
            1 | 2 => self.disk.set_trouble(Trouble::default()),
            3 => self.disk.set_read_only(random.u8(..4) == 0),
            4 => self.disk.set_read_only(false),
            5 => {
                let free = self.disk.free_bytes(Path::new(DIR)).unwrap();
                let used = DISK_BYTES.saturating_sub(free);
                self.disk.set_capacity(used + random.u64(..3000));
            }
            6 => self.disk.set_capacity(DISK_BYTES),
            _ => {}
        }
    }

    fn submit_group(&mut self, boot: &Boot) {
        let answers = Mutex::new(Vec::<Receiver<()>>::new());
        let submits = self.random.usize(1..6);
        boot.held(|boot| {
            for _ in 0..submits {
                answers.lock().unwrap().push(self.submit_one(boot));
            }
            // Turned while the writer stands, so that it wakes to one and the
            // same time in every run.
            let past = [10, 600, 1100, 61_000][self.random.usize(..4)];
            boot.clock.advance(Duration::from_millis(past));
        });
        for answer in answers.into_inner().unwrap() {
            answer.recv_timeout(SOON).expect("an answer");
        }
        boot.settle();
        self.note_dropped();
        let told = self.told.lock().unwrap();
        for record in told.iter().filter(|told| told.is_kept).flat_map(|told| &told.records) {
            match record {
                Record::Detection(seen) => self.announced.0 = self.announced.0.max(seen.id.0),
                Record::Event(happened) => self.announced.1 = self.announced.1.max(happened.id.0),
                _ => {}
            }
        }
    }

    fn segments(&self) -> Vec<u64> {
        let names = self.disk.names(&Path::new(DIR).join("journal"));
        names.iter().map(|name| name.strip_suffix(".wpj").unwrap().parse().unwrap()).collect()
    }

    /// How far retention has come, ever. On a full disk it passes over segments
    /// whose rules it has no room to carry.
    fn note_dropped(&mut self) -> u64 {
        let there = self.segments();
        let last = there.last().copied().unwrap_or(1);
        let gone = (1..last).rev().find(|number| !there.contains(number));
        self.dropped_up_to = self.dropped_up_to.max(gone.unwrap_or(0));
        self.dropped_up_to
    }

    fn submit_one(&mut self, boot: &Boot) -> Receiver<()> {
        let durability = if self.random.bool() { Durability::Synced } else { Durability::Written };
        let (tx, rx) = sync_channel(1);
        let told = Arc::clone(&self.told);
        let segment = self.segments().last().copied().unwrap_or(0);
        let is_change = self.random.u8(..3) == 0;
        if let Some((id, change)) = self.change().filter(|_| is_change) {
            let done = Box::new(move |result: Result<Option<Record>, StoreError>| {
                if let Ok(Some(record)) = result {
                    let records = vec![record];
                    told.lock().unwrap().push(Told { records, durability, is_kept: true, segment });
                }
                tx.send(()).unwrap();
            });
            boot.store.amend(id, change, durability, done);
            return rx;
        }
        let records = self.records(boot);
        let done = Box::new({
            let records = records.clone();
            let changeable = Arc::clone(&self.changeable);
            move |result: Result<(), StoreError>| {
                let is_kept = result.is_ok();
                let ids = records.iter().filter_map(Record::id).filter(|_| is_kept);
                changeable.lock().unwrap().extend(ids);
                told.lock().unwrap().push(Told { records, durability, is_kept, segment });
                tx.send(()).unwrap();
            }
        });
        boot.store.submit(records, durability, done);
        rx
    }

    /// What is to be changed, and how.
    fn change(&mut self) -> Option<(RecordId, Change<Record>)> {
        let event = (self.announced.1 > 0).then(|| EventId(self.announced.1).into());
        let recent = self.changeable.lock().unwrap().last().copied();
        let id = if self.random.bool() { event } else { recent.or(event) }?;
        let is_end = self.random.u8(..3) == 0;
        let change = move |record: Option<Record>| {
            Some(match record? {
                Record::Event(event) => Record::Event(Event { reviewed: !event.reviewed, ..event }),
                Record::Alert(alert) => {
                    let action =
                        [AlertAction::Acknowledge, AlertAction::Dismiss][usize::from(is_end)];
                    Record::Alert(alert.after(action, T0)?)
                }
                Record::AlertRule(_) if is_end => {
                    Record::Removed(Removal { id, revision: 0, at: T0 })
                }
                Record::AlertRule(mut rule) => {
                    rule.name.push('x');
                    Record::AlertRule(rule)
                }
                _ => return None,
            })
        };
        Some((id, Box::new(change)))
    }

    fn records(&mut self, boot: &Boot) -> Vec<Record> {
        let mut records = Vec::new();
        match self.random.u8(..8) {
            // Alone, as it is when it is carried.
            0 => return vec![Record::AlertRule(alert_rule(self.random.u128(..), 0))],
            1 | 2 => records.push(Record::Alert(alert(self.random.u128(..), 0))),
            _ => {}
        }
        for _ in 0..self.random.usize(..4) {
            let id = boot.store.next_detection_id().0;
            records.push(Record::Detection(detection(id, self.random.i64(..100))));
        }
        if records.is_empty() || self.random.bool() {
            let mut happened = event(boot.store.next_event_id().0, 0, self.random.i64(..100));
            happened.reasoning = "r".repeat([0, 40, 700, 3000][self.random.usize(..4)]);
            records.push(Record::Event(happened));
        }
        records
    }

    /// What the disk holds against what was told.
    fn check(&self) {
        if !self.disk.is_dir(Path::new(DIR).join("journal").as_path()) {
            let told = self.told.lock().unwrap();
            let is_synced = |told: &&Told| told.is_kept && told.durability == Durability::Synced;
            assert_eq!(told.iter().find(is_synced).map(|told| key(&told.records)), None);
            return;
        }
        let mut found = Vec::new();
        tools::for_each_commit(&self.disk, Path::new(DIR), |_, records| found.push(records))
            .unwrap();
        let told = self.told.lock().unwrap();
        let by_key: BTreeMap<_, _> = told.iter().map(|told| (key(&told.records), told)).collect();
        let there: BTreeSet<_> = found.iter().map(|records| key(records)).collect();
        for records in &found {
            // An amendment that was not acknowledged may be there; it is whole
            // then, because its frame is.
            if let Some(told) = by_key.get(&key(records)) {
                assert_eq!(&told.records, records, "a commit is there by half or altered");
            }
        }
        let lost = told.iter().find(|told| {
            told.is_kept
                && told.durability == Durability::Synced
                && told.segment > self.dropped_up_to
                && !there.contains(&key(&told.records))
        });
        assert_eq!(lost.map(|told| key(&told.records)), None, "acknowledged and gone");
        self.check_rules(&told, &found);
        let report = tools::check_on(&self.disk, Path::new(DIR)).unwrap();
        let limit = self.cuts + self.disk.failures();
        assert!(report.torn_tails <= limit, "{} torn tails, {limit} at most", report.torn_tails);
        assert_eq!(report.unknown_records, 0);
    }

    /// Rules outlive their segments: nobody gets to see less than he was told.
    fn check_rules(&self, told: &[Told], found: &[Vec<Record>]) {
        let is_rule =
            |record: &&Record| record.id().is_some_and(|id| id.kind == RecordKind::AlertRule);
        let mut latest = BTreeMap::<RecordId, &Record>::new();
        for record in found.iter().flatten().filter(is_rule) {
            let known = latest.entry(record.id().unwrap()).or_insert(record);
            if known.revision() <= record.revision() {
                *known = record;
            }
        }
        let kept = told.iter().filter(|t| t.is_kept && t.durability == Durability::Synced);
        for record in kept.flat_map(|told| &told.records).filter(is_rule) {
            let there = latest.get(&record.id().unwrap());
            let Some(there) = there else {
                let later = told.iter().filter(|told| told.is_kept).flat_map(|told| &told.records);
                let mut later = later.filter(|later| later.id() == record.id());
                let is_removed = later.any(|later| matches!(later, Record::Removed(_)));
                assert!(is_removed, "a rule is gone: {record:?}");
                continue;
            };
            assert!(there.revision() >= record.revision(), "an old revision is back: {there:?}");
            assert!(there.revision() > record.revision() || *there == record, "{there:?}");
        }
    }
}

/// Tells commits apart: no id and revision is stored twice but for what is
/// carried, which is the same each time.
fn key(records: &[Record]) -> (Option<RecordId>, u64, u32) {
    match &records[0] {
        Record::Detection(seen) => (None, seen.id.0, 0),
        record => (record.id(), 0, record.revision()),
    }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

/// Says which history failed.
struct SeedOnPanic(u64);

impl Drop for SeedOnPanic {
    #[expect(clippy::print_stderr, reason = "the seed is what a failure is for")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("again with POWER_LOSS_SEED={} POWER_LOSS_HISTORIES=1", self.0);
        }
    }
}

#[test]
fn what_was_acknowledged_outlasts_every_cut_and_nothing_is_half() {
    let first = number("POWER_LOSS_SEED", 1);
    let mut kept = 0;
    let mut dropped = 0;
    for seed in first..first + number("POWER_LOSS_HISTORIES", HISTORIES) {
        let _seed = SeedOnPanic(seed);
        let mut history = History::new(seed);
        history.run();
        kept += history.told.lock().unwrap().iter().filter(|told| told.is_kept).count();
        dropped += u64::from(history.dropped_up_to > 0);
    }
    if first == 1 && number("POWER_LOSS_HISTORIES", HISTORIES) >= HISTORIES {
        // The histories are of some worth: most submits are kept, some go again.
        assert!(kept > 10_000 && dropped > 50, "{kept} kept, {dropped} with retention");
    }
}
