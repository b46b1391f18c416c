//! The outbox over a real store, with a clock that is turned by hand.

use std::path::Path;
use std::sync::mpsc::sync_channel;

use super::*;
use crate::health::{Health, Metrics};
use crate::media::Snapshots;
use crate::rt::{Stop, Tasks};
use crate::store::{Durability, Store, StoreSettings, Writer as _};
use crate::upload::DetectionChoice;
use crate::upload::testing::detection;

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(60);

struct Bench {
    store: Store,
    outbox: Arc<Outbox>,
    clock: Clock,
    tasks: Tasks,
    stop: Stop,
}

impl Bench {
    fn open(dir: &Path, settings: StoreSettings) -> Self {
        let clock = Clock::manual("2026-11-23T10:00:00Z".parse().unwrap());
        let (health, metrics, stop) = (Health::new(clock.clone()), Metrics::default(), Stop::new());
        let tasks = Tasks::new(stop.clone(), |_| {});
        let store = Store::open(dir, settings, clock.clone(), &health, &metrics, &tasks, &stop);
        assert!(store.wait_until_current(PATIENCE));
        let snapshots =
            Snapshots::open(dir.join("pictures"), u64::MAX, &health, &metrics, &tasks, &stop);
        let selection = Selection {
            lanes: vec![Lane::Alerts, Lane::Bulk],
            detections: DetectionChoice::All,
            snapshots,
            clips: None,
        };
        let shelf = Shelf {
            upstream: "test",
            reader: Arc::new(store.clone()),
            writer: Arc::new(store.clone()),
        };
        let limits = Limits { items: 10, bytes: 1 << 20 };
        let feed = Arc::new(store.clone());
        let outbox = Arc::new(Outbox::new(feed, shelf, clock.clone(), selection, limits));
        store.keep_for(Arc::<Outbox>::clone(&outbox));
        Self { store, outbox, clock, tasks, stop }
    }

    fn settled(self) -> Self {
        assert!(self.outbox.settle());
        self.count();
        self
    }

    fn count(&self) {
        while !self.outbox.count().unwrap() {}
    }

    /// Writes detections and waits until they are synced.
    fn write(&self, ids: std::ops::RangeInclusive<u64>) {
        let records = ids.map(|id| crate::store::Record::Detection(detection(id))).collect();
        let (tx, rx) = sync_channel(1);
        let done = Box::new(move |result| tx.send(result).unwrap());
        self.store.submit(records, Durability::Synced, done);
        rx.recv_timeout(PATIENCE).unwrap().unwrap();
    }

    /// The same, and counts them.
    fn record(&self, ids: std::ops::RangeInclusive<u64>) {
        self.write(ids);
        self.count();
    }

    fn next(&self) -> Vec<String> {
        let items = self.outbox.next(Lane::Bulk, 10, u64::MAX).unwrap();
        items.into_iter().map(|item| item.key).collect()
    }

    fn close(self) {
        self.stop.set();
        assert!(self.tasks.join(&Clock::system(), PATIENCE).is_empty());
    }
}

fn keys(ids: impl IntoIterator<Item = u64>) -> Vec<String> {
    ids.into_iter().map(|id| format!("detection-{id}")).collect()
}

#[test]
fn what_is_confirmed_is_not_given_again_after_a_restart_either() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path(), StoreSettings::default()).settled();
    bench.record(1..=25);
    assert_eq!(bench.outbox.backlog(Lane::Bulk).waiting, 25);
    assert_eq!(bench.next(), keys(1..=10));
    assert_eq!(bench.next(), keys(1..=10), "not confirmed, so the same");
    bench.outbox.confirm(Lane::Bulk, 10, 10, 500);
    bench.outbox.confirm(Lane::Bulk, 0, 0, 0);
    assert_eq!(bench.next(), keys(11..=20));
    bench.close();
    let bench = Bench::open(dir.path(), StoreSettings::default()).settled();
    let backlog = bench.outbox.backlog(Lane::Bulk);
    assert_eq!((backlog.waiting, backlog.sent), (15, 10));
    assert_eq!(bench.next(), keys(11..=20));
    let (spent, last_success) = bench.outbox.spent();
    assert_eq!(spent.today(bench.clock.now()), 500);
    assert!(last_success.is_some());
    bench.close();
}

#[test]
fn a_refused_request_is_halved_until_the_one_that_is_meant_is_alone() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path(), StoreSettings::default()).settled();
    bench.record(1..=8);
    let is_poison = |keys: &[String]| keys.contains(&"detection-3".to_owned());
    let mut requests = 0;
    while bench.outbox.backlog(Lane::Bulk).waiting > 0 {
        requests += 1;
        let items = bench.next();
        match is_poison(&items) {
            true => assert!(bench.outbox.refuse(Lane::Bulk, items.len(), "no")),
            false => bench.outbox.confirm(Lane::Bulk, items.len(), items.len(), 1),
        }
    }
    assert!(requests < 12, "{requests}");
    let dead = bench.outbox.dead();
    assert_eq!((dead.len(), dead[0].key.as_str()), (1, "detection-3"));
    assert_eq!(bench.outbox.backlog(Lane::Bulk).sent, 7);
    assert_eq!(bench.outbox.want(None), 1);
    let (lane, item) = bench.outbox.next_wanted().unwrap().unwrap();
    assert_eq!((lane, item.key.as_str()), (Lane::Bulk, "detection-3"));
    bench.outbox.tried(&item.key, None);
    assert_eq!((bench.outbox.dead().len(), bench.outbox.backlog(Lane::Bulk).sent), (0, 8));
    bench.close();
}

#[test]
fn what_must_go_before_it_was_sent_is_counted_also_before_it_is_known_how_far_the_lane_is() {
    let dir = tempfile::tempdir().unwrap();
    let small = StoreSettings { journal_max_bytes: 5 << 20, ..StoreSettings::default() };
    let is_early = [false, true];
    for is_early in is_early {
        let dir = dir.path().join(is_early.to_string());
        std::fs::create_dir_all(&dir).unwrap();
        let bench = Bench::open(&dir, small.clone());
        let bench = if is_early { bench } else { bench.settled() };
        let mut count = 90_000;
        (1..=count).step_by(1000).for_each(|first| bench.write(first..=first + 999));
        if !is_early {
            bench.count();
            assert_eq!(bench.outbox.backlog(Lane::Bulk).waiting, count);
            assert_eq!(bench.next(), keys(1..=10), "these are in hand and cannot be lost");
        }
        bench.clock.advance(std::time::Duration::from_secs(61));
        // What is written after something was removed is written after retention.
        let mut is_over = false;
        while !is_over {
            is_over = bench.outbox.lock().gone > 0;
            count += 1;
            bench.write(count..=count);
        }
        let bench = if is_early { bench.settled() } else { bench };
        bench.count();
        let backlog = bench.outbox.backlog(Lane::Bulk);
        assert_eq!(backlog.waiting + backlog.shed, count);
        assert!(backlog.shed > 10_000 && backlog.waiting > 10_000, "{backlog:?}");
        if !is_early {
            assert_eq!(bench.next(), keys(1..=10));
            bench.outbox.confirm(Lane::Bulk, 10, 10, 1);
            assert_eq!(bench.next()[0], format!("detection-{}", backlog.shed + 11));
        }
        bench.close();
    }
}
