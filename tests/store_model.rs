//! Queries of detections against a plain list: random detections of several
//! cameras under a clock that is set to and fro, random filters and pages, across
//! restarts, rebuilt and damaged indexes, retention, and while records come in.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "a thread of the test, joined by it")]

mod store_bench;

use std::path::{Path, PathBuf};
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use store_bench::{SOON, T0, detection, event, index_of};
use watchpost::domain::{BatchId, Detection, DetectionId, EventId, Label, Timestamp};
use watchpost::health::{Health, Metrics};
use watchpost::rt::{Clock, Stop, Tasks};
use watchpost::store::disk::{Ground, RealDisk};
use watchpost::store::{
    DetectionQuery, Durability, Range, Reader, Record, SCAN_BYTES_MAX, Store, StoreSettings,
    Writer, tools,
};

/// So small that some hundred detections see several segments.
const SEGMENT_BYTES: u32 = 96 << 10;

struct Rig {
    store: Store,
    clock: Clock,
    metrics: Metrics,
    dir: PathBuf,
    journal_max_bytes: u64,
    tasks: Tasks,
    stop: Stop,
}

impl Rig {
    fn open(dir: &Path, journal_max_bytes: u64) -> Self {
        let (clock, stop) = (Clock::manual(T0), Stop::new());
        let tasks = Tasks::new(stop.clone(), |end| panic!("{end:?}"));
        let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
        let settings = StoreSettings { journal_max_bytes, ..StoreSettings::default() };
        let ground = Ground { segment_bytes: SEGMENT_BYTES, ..Ground::default() };
        let store =
            Store::open_on(ground, dir, settings, clock.clone(), &health, &metrics, &tasks, &stop);
        assert!(store.wait_until_current(SOON));
        Self { store, clock, metrics, dir: dir.to_owned(), journal_max_bytes, tasks, stop }
    }

    fn reopen(self, between: impl FnOnce(&Path)) -> Self {
        let (dir, journal_max_bytes) = (self.dir.clone(), self.journal_max_bytes);
        self.close();
        between(&dir);
        Self::open(&dir, journal_max_bytes)
    }

    fn close(self) {
        self.stop.set();
        drop(self.store);
        assert_eq!(self.tasks.join(&Clock::system(), SOON), Vec::<String>::new());
    }

    fn submit(&self, records: Vec<Record>) {
        let (tx, rx) = sync_channel(1);
        let done = Box::new(move |result| tx.send(result).unwrap());
        self.store.submit(records, Durability::Written, done);
        rx.recv_timeout(SOON).unwrap().unwrap();
    }

    /// Lets retention run.
    fn retain(&self) {
        self.clock.advance(Duration::from_secs(61));
        for _ in 0..2 {
            self.submit(Vec::new());
        }
    }

    fn rebuilds(&self) -> u64 {
        self.metrics.counter("watchpost_store_index_rebuilds_total", "", &[]).value()
    }
}

fn position(detection: &Detection) -> (Timestamp, DetectionId) {
    (detection.captured_at, detection.id)
}

/// The plain list.
#[derive(Default)]
struct Model(Vec<Detection>);

impl Model {
    /// What is in the journal.
    fn read(dir: &Path) -> Self {
        let mut kept = Vec::new();
        tools::for_each_commit(&RealDisk, dir, |_, records| {
            kept.extend(records.into_iter().filter_map(|record| match record {
                Record::Detection(detection) => Some(detection),
                _ => None,
            }));
        })
        .unwrap();
        Self(kept)
    }

    fn wanted(
        &self,
        query: &DetectionQuery,
        after: Option<(Timestamp, DetectionId)>,
    ) -> Vec<Detection> {
        let is_wanted = |d: &&Detection| {
            query.camera.as_ref().is_none_or(|camera| *camera == d.camera)
                && query.label.as_deref().is_none_or(|label| label == d.label.as_str())
                && query.min_confidence.is_none_or(|least| d.confidence >= least)
                && query.event.is_none_or(|event| event == d.event)
                && query.range.from.is_none_or(|from| d.captured_at >= from)
                && query.range.until.is_none_or(|until| d.captured_at < until)
                && after.is_none_or(|after| position(d) < after)
        };
        let mut wanted: Vec<_> = self.0.iter().filter(is_wanted).cloned().collect();
        wanted.sort_by_key(|d| std::cmp::Reverse(position(d)));
        wanted
    }
}

/// Makes detections under a clock that does what it wants.
struct World {
    random: fastrand::Rng,
    now: Timestamp,
    id: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), now: T0, id: 0 }
    }

    fn step_the_clock(&mut self) {
        let ten_years = Duration::from_secs(10 * 365 * 86_400);
        let span = Duration::from_millis(self.random.u64(..5000));
        self.now = match self.random.u8(..12) {
            0 => self.now.after(ten_years),
            1 => self.now.before(ten_years),
            2 => Timestamp::from_unix_ms(self.random.i64(-5..5)),
            3 => T0,
            4 => self.now.before(span),
            _ => self.now.after(span),
        };
    }

    fn detection(&mut self) -> Detection {
        self.id += 1;
        let random = &mut self.random;
        // Cameras are not equally far behind.
        let mut seen = detection(self.id, 0);
        seen.captured_at = self.now.before(Duration::from_millis(random.u64(..400)));
        seen.camera = ["yard", "yard2", "gate", "roof"][random.usize(..4)].parse().unwrap();
        seen.label = Label::new(["person", "dog", "car"][random.usize(..3)]);
        seen.confidence = random.f32();
        seen.event = EventId((self.id / 40).saturating_sub(random.u64(..3)) + 1);
        // Few fit into 32 KiB of journal.
        seen.batch = BatchId::new("b".repeat(random.usize(100..700)));
        seen
    }

    fn query(&mut self, kept: &[Detection]) -> DetectionQuery {
        let random = &mut self.random;
        let some = |random: &mut fastrand::Rng| {
            (!kept.is_empty()).then(|| kept[random.usize(..kept.len())].clone())
        };
        let mut query = DetectionQuery::default();
        query.range.limit = if random.bool() { random.usize(1..8) } else { random.usize(1..300) };
        if random.u8(..3) == 0 {
            query.camera = Some(["yard", "yard2", "none"][random.usize(..3)].parse().unwrap());
        }
        if random.u8(..3) == 0 {
            query.label = Some(["dog", "car", "bear"][random.usize(..3)].to_owned());
        }
        query.event = some(random).map(|d| d.event).filter(|_| random.u8(..4) == 0);
        query.min_confidence = (random.u8(..4) == 0).then(|| random.f32());
        query.range.from = some(random).map(|d| d.captured_at).filter(|_| random.u8(..3) == 0);
        query.range.until = some(random).map(|d| d.captured_at).filter(|_| random.u8(..3) == 0);
        query
    }
}

/// Follows the cursors and holds each page against the list as it is by then;
/// `meanwhile` may add to both between the pages.
fn compare(
    rig: &Rig,
    model: &mut Model,
    mut query: DetectionQuery,
    mut meanwhile: impl FnMut(&Rig, &mut Model),
) {
    let mut after = None;
    loop {
        let wanted = model.wanted(&query, after);
        let page = rig.store.detections(&query).unwrap();
        let is_last = wanted.len() <= query.range.limit;
        assert_eq!(page.items, wanted[..wanted.len().min(query.range.limit)], "{query:?}");
        assert_eq!(page.next_cursor.is_none(), is_last, "{query:?}");
        after = page.items.last().map(position);
        query.range.cursor = page.next_cursor;
        if query.range.cursor.is_none() {
            return;
        }
        meanwhile(rig, model);
    }
}

fn add(rig: &Rig, model: &mut Model, world: &mut World) {
    world.step_the_clock();
    let group: Vec<_> = (0..world.random.usize(1..60)).map(|_| world.detection()).collect();
    model.0.extend(group.iter().cloned());
    for part in group.chunks(world.random.usize(1..20)) {
        let mut records: Vec<_> = part.iter().cloned().map(Record::Detection).collect();
        if world.random.u8(..4) == 0 {
            records.push(Record::Event(event(world.id, 0, 0)));
        }
        rig.submit(records);
    }
}

/// Writes nonsense over some outlines and takes others away.
fn damage_outlines(dir: &Path, random: &mut fastrand::Rng) {
    let db = sled::open(index_of(dir)).unwrap();
    let keys: Vec<_> = db.scan_prefix(b"s").keys().map(Result::unwrap).collect();
    for key in keys {
        let mut value = db.get(&key).unwrap().unwrap().to_vec();
        let at = random.usize(..value.len());
        match random.u8(..4) {
            0 => drop(db.remove(&key).unwrap()),
            1 => drop(db.insert(&key, &value[..at]).unwrap()),
            2 => {
                value[at] ^= 1 << random.u8(..8);
                db.insert(&key, value).unwrap();
            }
            _ => {}
        }
    }
    db.flush().unwrap();
}

#[test]
fn whatever_the_clock_did_pages_are_those_of_a_plain_list() {
    for seed in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::new(seed);
        let mut model = Model::default();
        let mut rig = Rig::open(dir.path(), 1 << 30);
        for _ in 0..40 {
            add(&rig, &mut model, &mut world);
            let query = world.query(&model.0);
            let mut additions = world.random.u8(..4);
            compare(&rig, &mut model, query, |rig, model| {
                if additions > 0 && world.random.bool() {
                    additions -= 1;
                    add(rig, model, &mut world);
                }
            });
            let id = DetectionId(world.random.u64(..world.id + 3));
            let wanted = model.0.iter().find(|d| d.id == id).cloned();
            assert_eq!(rig.store.detection(id).unwrap(), wanted);
            rig = match world.random.u8(..12) {
                0 => rig.reopen(|_| {}),
                1 => rig.reopen(|dir| std::fs::remove_dir_all(index_of(dir)).unwrap()),
                2 => rig.reopen(|dir| damage_outlines(dir, &mut world.random)),
                _ => rig,
            };
            assert_eq!(rig.rebuilds(), 0, "nothing was wrong with sled");
        }
        rig.close();
    }
}

#[test]
fn an_index_of_another_format_is_moved_aside_and_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(30);
    let mut model = Model::default();
    let mut rig = Rig::open(dir.path(), 1 << 30);
    (0..10).for_each(|_| add(&rig, &mut model, &mut world));
    for format in [&[1_u8][..], &[99], b""] {
        rig = rig.reopen(|dir| {
            let db = sled::open(index_of(dir)).unwrap();
            db.insert(b"mformat", format).unwrap();
            db.flush().unwrap();
        });
        assert_eq!(rig.rebuilds(), 1);
        compare(&rig, &mut model, DetectionQuery::default(), |_, _| {});
    }
    rig.close();
}

#[test]
fn what_retention_drops_is_gone_and_the_rest_is_found() {
    for seed in 10..13 {
        let dir = tempfile::tempdir().unwrap();
        let mut world = World::new(seed);
        let mut model = Model::default();
        let mut rig = Rig::open(dir.path(), 400 << 10);
        let mut dropped = 0;
        for _ in 0..60 {
            add(&rig, &mut model, &mut world);
            if world.random.u8(..4) == 0 {
                rig.retain();
                let before = std::mem::replace(&mut model, Model::read(dir.path()));
                dropped += before.0.len() - model.0.len();
            }
            let query = world.query(&model.0);
            compare(&rig, &mut model, query, |_, _| {});
            if world.random.u8(..12) == 0 {
                rig = rig.reopen(|_| {});
                // Retention looks at once what is too much.
                rig.submit(Vec::new());
                rig.submit(Vec::new());
                model = Model::read(dir.path());
            }
        }
        assert!(dropped > 100, "{dropped}");
        rig.close();
    }
}

/// Every page, each in order and behind the one before; how many there are.
fn read_all(store: &Store, limit: usize) -> usize {
    let range = Range { limit, ..Range::default() };
    let mut query = DetectionQuery { range, ..DetectionQuery::default() };
    let (mut last, mut pages) = (None, 0);
    loop {
        let page = store.detections(&query).unwrap();
        let positions: Vec<_> = page.items.iter().map(position).collect();
        assert!(positions.is_sorted_by(|a, b| a > b));
        assert!(last.is_none_or(|l| positions.first().is_none_or(|first| *first < l)));
        last = positions.last().copied().or(last);
        pages += 1;
        query.range.cursor = page.next_cursor;
        if query.range.cursor.is_none() {
            return pages;
        }
    }
}

#[test]
fn readers_beside_the_writer_and_retention_see_every_page_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let mut world = World::new(20);
    let rig = Rig::open(dir.path(), 400 << 10);
    let (over, store) = (Stop::new(), rig.store.clone());
    let reads = {
        let over = over.clone();
        move || {
            let mut pages = 0;
            while !over.is_set() {
                pages += read_all(&store, 1 + pages % 90);
            }
            pages
        }
    };
    let reader = std::thread::Builder::new().spawn(reads).unwrap();
    for step in 0..150 {
        add(&rig, &mut Model::default(), &mut world);
        if step % 10 == 0 {
            rig.retain();
        }
    }
    over.set();
    assert!(reader.join().unwrap() > 0);
    rig.close();
}

/// Large records: 900 kB in every submit.
fn fill(rig: &Rig, submits: u64, captured_at: impl Fn(u64) -> Timestamp) -> Vec<Detection> {
    let mut kept = Vec::new();
    for id in 1..=submits * 15 {
        let mut seen = detection(id, 0);
        seen.captured_at = captured_at(id);
        seen.confidence = if id % 100 == 7 { 0.9 } else { 0.1 };
        seen.batch = BatchId::new("b".repeat(60_000));
        kept.push(seen);
    }
    for group in kept.chunks(15) {
        rig.submit(group.iter().cloned().map(Record::Detection).collect());
    }
    kept
}

/// Follows the cursors; what was found and how many pages it took.
fn follow(rig: &Rig, mut query: DetectionQuery) -> (Vec<Detection>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let page = rig.store.detections(&query).unwrap();
        found.extend(page.items);
        pages += 1;
        query.range.cursor = page.next_cursor;
        if query.range.cursor.is_none() {
            return (found, pages);
        }
    }
}

#[test]
fn a_query_that_must_read_too_much_ends_its_page_early_and_its_cursor_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path(), 1 << 30);
    let kept = fill(&rig, 60, |id| T0.after(Duration::from_millis(id)));
    let at_least = 60 * 900_000 / SCAN_BYTES_MAX as usize;
    let query = DetectionQuery { min_confidence: Some(2.0), ..DetectionQuery::default() };
    let (found, pages) = follow(&rig, query.clone());
    assert!(found.is_empty() && (at_least..at_least + 3).contains(&pages), "{pages} pages");
    let query = DetectionQuery { min_confidence: Some(0.5), ..query };
    let (found, pages) = follow(&rig, query.clone());
    assert!((at_least..at_least + 3).contains(&pages), "{pages} pages");
    assert_eq!(found, Model(kept).wanted(&query, None));
    rig.close();
}

#[test]
fn cursors_come_to_the_end_also_when_every_stretch_spans_all_times() {
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path(), 1 << 30);
    let kept = fill(&rig, 40, |id| match id % 15 {
        0 => T0.before(Duration::from_secs(1)),
        1 => T0.after(Duration::from_secs(id)),
        _ => T0,
    });
    for (least, limit) in [(2.0, 50), (0.5, 3), (0.0, 100)] {
        let range = Range { limit, ..Range::default() };
        let min_confidence = Some(least);
        let query = DetectionQuery { min_confidence, range, ..DetectionQuery::default() };
        let (found, pages) = follow(&rig, query.clone());
        assert_eq!(found, Model(kept.clone()).wanted(&query, None));
        assert!(pages < 700, "{pages} pages");
    }
    rig.close();
}

#[test]
fn the_index_of_detections_that_come_and_go_stays_small() {
    let bytes_of = |dir: &Path| -> u64 {
        let files = std::fs::read_dir(index_of(dir)).unwrap().map(|entry| entry.unwrap());
        files.map(|file| file.metadata().unwrap().len()).sum()
    };
    let dir = tempfile::tempdir().unwrap();
    let rig = Rig::open(dir.path(), 1 << 20);
    let mut id = 0;
    for round in 0..200 {
        for _ in 0..20 {
            let group = (0..20).map(|_| {
                id += 1;
                Record::Detection(detection(id, id as i64 * 10))
            });
            rig.submit(group.collect());
        }
        if round % 4 == 0 {
            rig.retain();
        }
    }
    let dropped = rig.metrics.counter("watchpost_store_segments_dropped_total", "", &[]).value();
    assert!(dropped > 30, "{dropped}");
    let bytes = bytes_of(dir.path());
    assert!(bytes < 2 << 20, "{bytes} bytes for {id} detections");
    rig.close();
}
