//! A repair on the simulated disk: whatever it is cut off by, the journal opens
//! with all that could be read before, and in the end it is sound.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;

use store_bench::{SOON, T0, detection, event};
use watchpost::health::{Health, Metrics};
use watchpost::rt::{Clock, Stop, Tasks};
use watchpost::store::disk::sim::{SimDisk, Trouble};
use watchpost::store::disk::{Disk, Ground, read_whole};
use watchpost::store::{Durability, Record, Store, StoreSettings, Writer, tools};

const DIR: &str = "/state";
const HISTORIES: u64 = 150;
const SEGMENT_BYTES: u32 = 8 << 10;
/// Events that are kept before the damage comes.
const EVENTS: u64 = 40;

struct Boot {
    store: Store,
    tasks: Tasks,
    stop: Stop,
}

impl Boot {
    fn new(disk: &SimDisk) -> Self {
        let (clock, stop) = (Clock::manual(T0), Stop::new());
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
        let ground = Ground {
            disk: Arc::new(disk.clone()),
            segment_bytes: SEGMENT_BYTES,
            has_index: false,
            ..Ground::default()
        };
        let settings = StoreSettings { min_free_bytes: 0, ..StoreSettings::default() };
        let store = Store::open_on(ground, DIR, settings, clock, &health, &metrics, &tasks, &stop);
        Self { store, tasks, stop }
    }

    fn keep(&self, records: Vec<Record>) {
        let (tx, rx) = sync_channel(1);
        let done = Box::new(move |result| tx.send(result).unwrap());
        self.store.submit(records, Durability::Synced, done);
        rx.recv_timeout(SOON).expect("an answer").unwrap();
    }

    fn close(self) {
        self.stop.set();
        drop(self.store);
        assert_eq!(self.tasks.join(&Clock::system(), SOON), Vec::<String>::new());
    }
}

/// A disk with a store on it, and what that holds; closed in good order or not.
fn made(seed: u64, random: &mut fastrand::Rng) -> SimDisk {
    let disk = SimDisk::new(seed, 64 << 20);
    let boot = Boot::new(&disk);
    for _ in 0..EVENTS {
        let id = boot.store.next_event_id().0;
        let mut happened = event(id, 0, id as i64);
        happened.reasoning = "r".repeat(random.usize(..1500));
        let seen = boot.store.next_detection_id().0;
        boot.keep(vec![Record::Event(happened), Record::Detection(detection(seen, 0))]);
    }
    if random.bool() {
        disk.cut_after(0);
    }
    boot.close();
    disk.reboot();
    disk
}

fn commits(disk: &SimDisk) -> Vec<Vec<Record>> {
    let mut found = Vec::new();
    tools::for_each_commit(disk, Path::new(DIR), |_, records| found.push(records)).unwrap();
    found
}

fn damage(disk: &SimDisk, random: &mut fastrand::Rng) {
    let journal = Path::new(DIR).join("journal");
    for _ in 0..random.usize(1..5) {
        let files = disk.list(&journal).unwrap();
        let (name, bytes) = &files[random.usize(..files.len())];
        disk.damage(&journal.join(name), random.usize(..*bytes as usize));
    }
}

fn history(seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let disk = made(seed, &mut random);
    damage(&disk, &mut random);
    let readable = commits(&disk);
    let damaged = tools::check_on(&disk, Path::new(DIR)).unwrap().damaged;
    loop {
        match random.u8(..4) {
            0 => disk.set_trouble(Trouble { writes: 5, short_writes: 2, syncs: 9, others: 20 }),
            1 | 2 => disk.cut_after(random.u64(..60)),
            _ => {}
        }
        let report = tools::repair_on(&disk, Path::new(DIR), &mut tools::go_on);
        disk.reboot();
        assert_eq!(commits(&disk), readable, "readable before the repair, and not after");
        if report.is_ok() {
            break;
        }
    }
    let report = tools::check_on(&disk, Path::new(DIR)).unwrap();
    assert_eq!(report.damaged, 0, "{report:?}; there were {damaged}");
    let kept = disk.names(&Path::new(DIR).join("quarantine-journal")).len();
    assert_eq!(kept > 0, damaged > 0, "{damaged} damaged, {kept} originals");
    let boot = Boot::new(&disk);
    let ids = (boot.store.next_event_id().0, boot.store.next_detection_id().0);
    assert!(ids.0 > EVENTS && ids.1 > EVENTS, "ids {ids:?} again");
    boot.close();
}

#[test]
fn a_repair_cut_off_at_any_step_loses_nothing_and_ends_sound() {
    for seed in 1..=HISTORIES {
        history(seed);
    }
}

#[test]
fn the_original_of_a_repaired_segment_is_kept_as_it_was() {
    let disk = made(1, &mut fastrand::Rng::with_seed(1));
    let segment = Path::new(DIR).join("journal/00000000000000000001.wpj");
    disk.damage(&segment, 200);
    let damaged = read_whole(&disk, &segment).unwrap();
    let report = tools::repair_on(&disk, Path::new(DIR), &mut tools::go_on).unwrap();
    assert_eq!(report.repaired, [1]);
    let original = report.quarantine.unwrap().join("00000000000000000001-0.wpj");
    assert_eq!(read_whole(&disk, &original).unwrap(), damaged);
    assert_ne!(read_whole(&disk, &segment).unwrap(), damaged);
}
