//! The disk fills up and is freed again.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use store_bench::{Bench, event};
use watchpost::domain::{Event, EventId};
use watchpost::health::State;
use watchpost::store::{Durability, Reader, Record, StoreError, StoreSettings};

/// A small file system of its own; needs the right to mount one.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    #[expect(clippy::disallowed_methods, reason = "no file system is mounted without mount(8)")]
    fn mount() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=32m", "none"]).arg(dir.path());
        mount.output().is_ok_and(|output| output.status.success()).then(|| Self(dir))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    #[expect(clippy::disallowed_methods, reason = "as above")]
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(self.path()).output();
    }
}

fn fill(path: &Path) {
    let mut file = File::create(path).unwrap();
    let block = vec![1; 64 << 10];
    while file.write_all(&block).is_ok() {}
}

fn submit_large(bench: &Bench, id: u64) -> Result<Event, StoreError> {
    let mut happened = event(id, 0, id as i64);
    happened.reasoning = "x".repeat(200_000);
    bench.submit(vec![Record::Event(happened.clone())], Durability::Synced).map(|()| happened)
}

fn found(bench: &Bench, id: u64) -> Option<Event> {
    bench.store.event(EventId(id)).ok().flatten()
}

#[test]
fn on_a_full_disk_the_oldest_records_give_way_to_new_ones() {
    // Where mounting is not allowed there is no small disk to fill; the build
    // machine runs as root and is the one that counts.
    let Some(disk) = SmallDisk::mount() else { return };
    let dir = disk.path().join("store");
    let settings = StoreSettings { min_free_bytes: 1 << 20, ..StoreSettings::default() };
    let bench = Bench::open_with(&dir, settings);
    assert!(dir.join("ballast").exists());
    let filler = disk.path().join("filler");
    fill(&filler);

    let kept: Vec<_> = (1..200).map(|id| submit_large(&bench, id).unwrap()).collect();
    let report = &bench.health.reports()[0];
    assert_eq!(report.state, State::Degraded, "{report:?}");
    assert!(report.next_step.is_some());
    let newest = kept.last().unwrap();
    bench.until(|bench| found(bench, newest.id.0).as_ref() == Some(newest));
    assert_eq!(found(&bench, 1), None);

    fs::remove_file(&filler).unwrap();
    bench.clock.advance(Duration::from_secs(61));
    bench.until(|bench| bench.health.reports()[0].state == State::Healthy);
    assert!(dir.join("ballast").exists());
    bench.close();
}

#[test]
fn a_disk_that_somebody_else_keeps_full_is_said_and_what_was_kept_stays() {
    let Some(disk) = SmallDisk::mount() else { return };
    let dir = disk.path().join("store");
    let settings = StoreSettings { min_free_bytes: 1 << 20, ..StoreSettings::default() };
    let bench = Bench::open_with(&dir, settings);
    let dropped = Arc::new(Mutex::new(HashSet::new()));
    bench.store.on_dropped({
        let dropped = Arc::clone(&dropped);
        move |events| dropped.lock().unwrap().extend(events.iter().map(|event| event.0))
    });
    let mut kept = Vec::new();
    let mut number = 0;
    let refused = loop {
        number += 1;
        fill(&disk.path().join(format!("filler{number}")));
        match submit_large(&bench, number) {
            Ok(happened) => kept.push(happened),
            Err(error) => break error,
        }
        assert!(number < 200, "a full disk took everything");
    };
    assert!(matches!(refused, StoreError::Full), "{refused:?}");
    let report = &bench.health.reports()[0];
    assert_eq!(report.state, State::Unhealthy, "{report:?}");
    assert!(report.message.contains("full") && report.next_step.is_some(), "{report:?}");

    (1..=number).for_each(|n| fs::remove_file(disk.path().join(format!("filler{n}"))).unwrap());
    bench.clock.advance(Duration::from_secs(2));
    kept.push(submit_large(&bench, 500).unwrap());
    let all_are_found = |bench: &Bench| {
        let dropped = dropped.lock().unwrap();
        let mut left = kept.iter().filter(|event| !dropped.contains(&event.id.0));
        left.all(|event| found(bench, event.id.0).as_ref() == Some(event))
    };
    bench.until(all_are_found);
    let bench = bench.restart();
    assert!(all_are_found(&bench));
    bench.close();
}

#[test]
fn a_store_on_a_full_disk_opens_and_answers() {
    let Some(disk) = SmallDisk::mount() else { return };
    let dir = disk.path().join("store");
    let settings = StoreSettings { min_free_bytes: 1 << 20, ..StoreSettings::default() };
    let bench = Bench::open_with(&dir, settings.clone());
    let happened = event(1, 0, 0);
    bench.submit(vec![Record::Event(happened.clone())], Durability::Synced).unwrap();
    bench.close();
    fill(&disk.path().join("filler"));
    let bench = Bench::open_with(&dir, settings);
    assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(happened));
    bench.close();
}

#[test]
fn a_store_that_finds_the_disk_full_gives_up_its_reserve_to_open() {
    let Some(disk) = SmallDisk::mount() else { return };
    let dir = disk.path().join("store");
    let settings = StoreSettings { min_free_bytes: 1 << 20, ..StoreSettings::default() };
    let bench = Bench::open_with(&dir, settings.clone());
    let kept = submit_large(&bench, 1).unwrap();
    bench.close();
    // A torn tail makes it begin a new segment, for which there is no room.
    let segment = store_bench::segments_of(&dir).pop().unwrap();
    File::options().append(true).open(segment).unwrap().write_all(b"torn").unwrap();
    fill(&disk.path().join("filler"));
    let bench = Bench::open_with(&dir, settings);
    assert!(!dir.join("ballast").exists());
    assert_eq!(found(&bench, 1), Some(kept));
    submit_large(&bench, 2).unwrap();
    bench.close();
}
