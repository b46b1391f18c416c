//! Bits flip, blocks are zeroed, files are cut short: what is undamaged is found,
//! what is damaged is said, and nothing is ever wrong.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::fs;
use std::path::{Path, PathBuf};

use store_bench::{Bench, detection, event, index_of, segments_of};
use watchpost::domain::{DetectionId, EventId};
use watchpost::store::{Durability, Reader, Record, Writer, tools};

const RECORDS: u64 = 400;

/// A store with one frame for each detection, in two segments.
fn made(dir: &Path) {
    let bench = Bench::open(dir);
    for id in 1..=RECORDS {
        let mut happened = event(id, 0, id as i64);
        // About 16 kB: a zeroed page costs one frame or two.
        happened.reasoning = format!("{id}").repeat(16_000 / id.to_string().len());
        let records = vec![Record::Event(happened), Record::Detection(detection(id, id as i64))];
        bench.submit(records, Durability::Written).unwrap();
    }
    bench.close();
    assert!(segments_of(dir).len() >= 2);
}

fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|e| (e.path(), e.file_name())).unwrap();
        if path.is_dir() {
            copied(&path, &to.join(name));
        } else if path.file_name().unwrap() != "ballast" {
            fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

#[derive(Clone, Copy, Debug)]
enum Damage {
    Flip,
    Zero,
    Cut,
}

fn damage(path: &Path, kind: Damage, random: &mut fastrand::Rng) {
    let mut bytes = fs::read(path).unwrap();
    if bytes.is_empty() {
        return;
    }
    let at = random.usize(..bytes.len());
    match kind {
        Damage::Flip => bytes[at] ^= 1 << random.u8(..8),
        Damage::Zero => {
            let end = (at + 4096).min(bytes.len());
            bytes[at..end].fill(0);
        }
        Damage::Cut => bytes.truncate(at),
    }
    fs::write(path, bytes).unwrap();
}

/// How many records are missing; those found are equal to what was kept.
fn missing(bench: &Bench) -> u64 {
    let found = |id| {
        let event = bench.store.event(EventId(id)).ok()?;
        let seen = bench.store.detection(DetectionId(id)).ok()?;
        if let Some(event) = &event {
            assert!(event.reasoning.starts_with(&id.to_string()), "a wrong value");
        }
        if let Some(seen) = &seen {
            assert_eq!(*seen, detection(id, id as i64));
        }
        event.and(seen)
    };
    (1..=RECORDS).filter(|id| found(*id).is_none()).count() as u64
}

fn is_said(bench: &Bench, dir: &Path) -> bool {
    let report = tools::check(dir).unwrap();
    let unreadable =
        bench.metrics.counter("watchpost_store_unreadable_records_total", "", &[]).value();
    report.damaged + report.torn_tails > 0 || unreadable > 0
}

#[test]
fn damage_in_the_journal_costs_only_the_records_it_lies_in() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    made(&original);
    let mut random = fastrand::Rng::with_seed(5);
    for trial in 0..24 {
        let place = dir.path().join(trial.to_string());
        copied(&original, &place);
        let segments = segments_of(&place);
        let kind = [Damage::Flip, Damage::Zero, Damage::Cut][trial % 3];
        let segment = &segments[random.usize(..segments.len())];
        let before = fs::read(segment).unwrap();
        damage(segment, kind, &mut random);
        let lost_bytes = (before.len() as u64).saturating_sub(fs::metadata(segment).unwrap().len());
        if random.bool() {
            fs::remove_dir_all(index_of(&place)).unwrap();
        }
        let bench = Bench::open(&place);
        let limit = match kind {
            Damage::Flip => 1,
            Damage::Zero => 2,
            Damage::Cut => lost_bytes / 16_000 + 1,
        };
        let gone = missing(&bench);
        assert!(gone <= limit, "{kind:?} in {}: {gone} gone", segment.display());
        assert!(gone == 0 || is_said(&bench, &place), "{kind:?}: silent loss");
        // What is new is kept and found beside the damage.
        let id = bench.store.next_event_id();
        assert!(id.0 > RECORDS);
        bench.submit(vec![Record::Event(event(id.0, 0, 0))], Durability::Synced).unwrap();
        bench.until(|bench| matches!(bench.store.event(id), Ok(Some(_))));
        bench.close();
        fs::remove_dir_all(&place).unwrap();
    }
}

fn index_files(dir: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(index_of(dir))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    files
}

#[test]
fn damage_in_the_index_costs_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let original = dir.path().join("original");
    made(&original);
    let mut random = fastrand::Rng::with_seed(6);
    for trial in 0..24 {
        let place = dir.path().join(trial.to_string());
        copied(&original, &place);
        let files = index_files(&place);
        let kind = [Damage::Flip, Damage::Zero, Damage::Cut][trial % 3];
        damage(&files[random.usize(..files.len())], kind, &mut random);
        let bench = Bench::open(&place);
        // The first query may be the one that meets the damage.
        bench.until(|bench| missing(bench) == 0);
        bench.close();
        fs::remove_dir_all(&place).unwrap();
    }
}

#[test]
fn garbage_in_place_of_the_index_is_moved_aside() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    for file in index_files(dir.path()) {
        fs::write(file, "not a database").unwrap();
    }
    let bench = Bench::open(dir.path());
    assert_eq!(missing(&bench), 0);
    bench.close();
    let names = fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name());
    let aside = names.filter(|name| name.to_str().unwrap().starts_with("quarantine-")).count();
    assert_eq!(aside, 1);
}

#[test]
fn an_event_whose_latest_revision_is_damaged_is_found_in_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    for revision in 0..3 {
        bench.submit(vec![Record::Event(event(1, revision, 0))], Durability::Written).unwrap();
    }
    let segment = segments_of(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    fs::write(&segment, bytes).unwrap();
    assert_eq!(bench.store.event(EventId(1)).unwrap(), None);
    bench.until(|bench| matches!(bench.store.event(EventId(1)), Ok(Some(e)) if e.revision == 1));
    bench.close();
}
