//! The process is killed at random points; what was acknowledged is there.
//! `STORE_KILLS` sets how often.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

use store_bench::{Bench, detection, event};
use watchpost::domain::{DetectionId, EventId};
use watchpost::store::{
    DetectionQuery, Durability, PAGE_MAX, Range, Reader, Record, StoreError, Writer, tools,
};

const CHILD_DIR: &str = "WATCHPOST_STORE_CRASH_DIR";
const KILLS: usize = 12;

/// A submit: `count` detections from `first` on, and perhaps an event.
#[derive(Clone, Copy, Debug)]
struct Group {
    first: u64,
    count: u64,
    event: u64,
}

impl Group {
    fn records(self) -> Vec<Record> {
        let detections = (0..self.count).map(|n| {
            let mut seen = detection(self.first + n, (self.first + n) as i64);
            // Any of them tells how many belong together.
            (seen.frame_sequence, seen.frame_width_px) = (self.first, self.count as u32);
            Record::Detection(seen)
        });
        let mut records: Vec<_> = detections.collect();
        records.push(Record::Event(event(self.event, 0, self.event as i64)));
        records
    }

    fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.strip_prefix("ack ")?.split(' ').map(str::parse);
        let mut next = || numbers.next()?.ok();
        Some(Self { first: next()?, count: next()?, event: next()? })
    }
}

/// Not a test of its own: the program that [`acknowledged_records_survive_sigkill`]
/// starts and kills.
#[test]
fn child_that_submits_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let bench = Bench::open(Path::new(&dir));
    let mut random = fastrand::Rng::new();
    loop {
        // Ids first, as the pipeline does; sixteen submits are under way at once.
        let (tx, rx) = std::sync::mpsc::sync_channel(16);
        for _ in 0..16 {
            let count = random.u64(1..6);
            let ids: Vec<_> = (0..count).map(|_| bench.store.next_detection_id().0).collect();
            let group = Group { first: ids[0], count, event: bench.store.next_event_id().0 };
            let durability =
                if random.u8(..) < 8 { Durability::Synced } else { Durability::Written };
            let tx = tx.clone();
            let done = Box::new(move |result: Result<(), StoreError>| {
                result.unwrap();
                let line = format!("ack {} {} {}\n", group.first, group.count, group.event);
                std::io::stdout().write_all(line.as_bytes()).unwrap();
                tx.send(()).unwrap();
            });
            bench.store.submit(group.records(), durability, done);
        }
        (0..16).for_each(|_| rx.recv().unwrap());
    }
}

/// Starts the child, kills it after some acknowledgements, returns them.
#[expect(clippy::disallowed_methods, reason = "a test that kills a process needs one")]
fn run_and_kill(dir: &Path, after: usize) -> Vec<Group> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_that_submits_until_it_is_killed", "--nocapture", "--quiet"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    for line in lines {
        acknowledged.extend(Group::parse(&line.unwrap()));
        if acknowledged.len() == after {
            child.kill().unwrap();
        }
    }
    child.wait().unwrap();
    assert!(acknowledged.len() >= after, "the child ended by itself");
    acknowledged
}

fn verify(bench: &Bench, acknowledged: &[Group]) {
    for group in acknowledged {
        for record in group.records() {
            let found = match &record {
                Record::Detection(d) => bench.store.detection(d.id).unwrap().map(Record::Detection),
                Record::Event(e) => bench.store.event(e.id).unwrap().map(Record::Event),
                other => panic!("a group has none of these: {other:?}"),
            };
            assert_eq!(found, Some(record), "acknowledged in {group:?}");
        }
    }
}

fn verify_nothing_is_half(bench: &Bench) {
    let mut groups = BTreeMap::<u64, (u32, u32)>::new();
    let range = Range { limit: PAGE_MAX, ..Range::default() };
    let mut query = DetectionQuery { range, ..DetectionQuery::default() };
    loop {
        let page = bench.store.detections(&query).unwrap();
        for found in page.items {
            let (seen, _) = groups.entry(found.frame_sequence).or_insert((0, found.frame_width_px));
            *seen += 1;
        }
        query.range.cursor = page.next_cursor;
        if query.range.cursor.is_none() {
            break;
        }
    }
    assert!(groups.values().all(|(seen, wanted)| seen == wanted), "a submit is there by half");
}

#[test]
fn acknowledged_records_survive_sigkill() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = fastrand::Rng::with_seed(11);
    let mut acknowledged = Vec::<Group>::new();
    let kills = std::env::var("STORE_KILLS").map_or(KILLS, |text| text.parse().unwrap());
    for kill in 0..kills {
        let highest = acknowledged.iter().map(|g| g.first + g.count - 1).max().unwrap_or(0);
        let fresh = run_and_kill(dir.path(), random.usize(1..600));
        assert!(fresh.iter().all(|group| group.first > highest), "an id was given out twice");
        acknowledged.extend(fresh);
        if kill % 4 == 3 {
            let bench = Bench::open(dir.path());
            verify(&bench, &acknowledged);
            verify_nothing_is_half(&bench);
            let last = acknowledged.last().unwrap();
            assert!(bench.store.next_detection_id() > DetectionId(last.first + last.count - 1));
            assert!(bench.store.next_event_id() > EventId(last.event));
            bench.close();
        }
    }
    let report = tools::check(dir.path()).unwrap();
    assert_eq!((report.damaged, report.unknown_records), (0, 0), "{report:?}");
    let records: u64 = acknowledged.iter().map(|group| group.count + 1).sum();
    assert!(report.records >= records);
}
