//! What an earlier version wrote is read, and what a later one wrote is kept.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::fs;
use std::path::{Path, PathBuf};

use store_bench::{Bench, detection, event, segments_of};
use watchpost::domain::{DetectionId, Event, EventId};
use watchpost::store::disk::RealDisk;
use watchpost::store::{Durability, Reader, Record, Writer, tools};

/// Written by version 0.1.0, and never made anew: the boxes out there are not.
const V1: &str = "tests/golden/store/v1";

fn copied(golden: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("journal")).unwrap();
    for entry in fs::read_dir(Path::new(golden).join("journal")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), dir.path().join("journal").join(entry.file_name())).unwrap();
    }
    dir
}

/// Event 1 as it was left: looked at and over.
fn reviewed() -> Event {
    let first = event(1, 0, 100);
    Event { revision: 1, ended_at: Some(first.updated_at), reviewed: true, ..first }
}

#[test]
fn a_journal_of_version_1_is_read_to_the_last_record() {
    let dir = copied(V1);
    let report = tools::check(dir.path()).unwrap();
    assert!(report.is_sound() && report.torn_tails == 0, "{report:?}");
    let mut lines = Vec::new();
    tools::export(&RealDisk, dir.path(), &mut lines, &mut tools::go_on).unwrap();
    let golden = fs::read(Path::new(V1).join("export.jsonl")).unwrap();
    assert_eq!(String::from_utf8(lines).unwrap(), String::from_utf8(golden).unwrap());

    let bench = Bench::open(dir.path());
    assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(reviewed()));
    for id in 1..=3 {
        assert_eq!(bench.store.detection(DetectionId(id)).unwrap(), Some(detection(id, id as i64)));
    }
    // The second run came after a crash, behind a gap.
    assert!(bench.store.next_event_id().0 > 1500 && bench.store.next_detection_id().0 > 1500);
    bench.close();
}

#[test]
fn an_event_of_version_1_takes_notes_and_keeps_them_over_a_restart() {
    let dir = copied(V1);
    let noted = Event { notes: "The postman.".into(), revision: 2, ..reviewed() };
    let bench = Bench::open(dir.path());
    bench.submit(vec![Record::Event(noted.clone())], Durability::Synced).unwrap();
    bench.close();
    let bench = Bench::open(dir.path());
    assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(noted.clone()));
    bench.close();

    let mut lines = Vec::new();
    tools::export(&RealDisk, dir.path(), &mut lines, &mut tools::go_on).unwrap();
    let text = String::from_utf8(lines).unwrap();
    assert!(text.contains(r#""record":"event.v2""#) && text.contains(r#""record":"event.v1""#));
}

/// A segment as a later version might write one: the layout of `src/store/frame.rs`.
fn segment(format: u32, number: u64, ids: (u64, u64), bodies: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"WPJRNL\r\n".to_vec();
    bytes.extend(format.to_le_bytes());
    [number, ids.0, ids.1].iter().for_each(|value| bytes.extend(value.to_le_bytes()));
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    for body in bodies {
        let (offset, len) = (bytes.len() as u32, body.len() as u32);
        let crc = crc32fast::hash(body);
        let mut place = number.to_le_bytes().to_vec();
        [offset, len, crc].iter().for_each(|value| place.extend(value.to_le_bytes()));
        bytes.extend([0xF7, b'W', b'P', 0x9E]);
        bytes.extend(len.to_le_bytes());
        bytes.extend(crc.to_le_bytes());
        bytes.extend(crc32fast::hash(&place).to_le_bytes());
        bytes.extend(*body);
    }
    bytes
}

/// A store of ours with `later` behind it; the segments and what is in them.
fn with_later(dir: &Path, later: &[u8]) -> Vec<(PathBuf, Vec<u8>)> {
    let bench = Bench::open(dir);
    bench.submit(vec![Record::Event(event(1, 0, 1))], Durability::Synced).unwrap();
    bench.close();
    fs::write(dir.join("journal/00000000000000000002.wpj"), later).unwrap();
    segments_of(dir).into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

/// Opens it, writes, closes, and finds the segments as they were but longer.
fn is_served_beside(dir: &Path, before: &[(PathBuf, Vec<u8>)], above: u64) {
    let bench = Bench::open(dir);
    assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(event(1, 0, 1)));
    let id = bench.store.next_event_id().0;
    assert!(id >= above && bench.store.next_detection_id().0 >= above, "{id} may be taken");
    bench.submit(vec![Record::Event(event(id, 0, 2))], Durability::Synced).unwrap();
    assert_eq!(bench.store.event(EventId(id)).unwrap(), Some(event(id, 0, 2)));
    bench.close();
    let repaired = tools::repair(dir, &mut tools::go_on).unwrap().repaired;
    assert_eq!(repaired, Vec::<u64>::new(), "nothing is damaged");
    for (path, bytes) in before {
        assert!(fs::read(path).unwrap().starts_with(bytes), "{} was changed", path.display());
    }
}

#[test]
fn records_of_a_later_version_are_told_kept_and_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let unknown_record = [1, 1, 99, 200, 0, 0, 0].iter().copied().chain([7; 200]);
    let unknown_record: Vec<u8> = unknown_record.collect();
    let later = segment(1, 2, (50, 60), &[&[9; 300], &unknown_record]);
    let before = with_later(dir.path(), &later);
    let report = tools::check(dir.path()).unwrap();
    assert_eq!((report.unknown_records, report.damaged, report.records), (2, 0, 1));
    assert!(!report.is_sound());
    let exported =
        tools::export(&RealDisk, dir.path(), &mut Vec::new(), &mut tools::go_on).unwrap();
    assert_eq!((exported.records, exported.unknown), (1, 2));
    // There may be an id in each of their bytes.
    is_served_beside(dir.path(), &before, 60 + 500);
}

#[test]
fn a_segment_of_a_later_layout_is_told_kept_and_not_added_to() {
    let dir = tempfile::tempdir().unwrap();
    let later = segment(2, 2, (50, 60), &[&[1; 400]]);
    let before = with_later(dir.path(), &later);
    let report = tools::check(dir.path()).unwrap();
    assert_eq!((report.later_segments, report.damaged), (1, 0), "{report:?}");
    is_served_beside(dir.path(), &before, 60 + 400);
    assert_eq!(fs::read(&before[1].0).unwrap(), later);
    assert_eq!(segments_of(dir.path()).len(), 3);
}
