//! The store keeps records and finds them again, across restarts.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::time::Duration;

use store_bench::{Bench, T0, detection, event};
use watchpost::domain::{Detection, DetectionId, EventId, RiskLevel, RiskScore, Timestamp};
use watchpost::health::{Health, Metrics, Progress, State};
use watchpost::rt::{Clock, Stop, Tasks};
use watchpost::store::{
    DetectionQuery, Durability, EventQuery, Range, Reader, Record, Store, StoreError,
    StoreSettings, Writer,
};

fn all_pages(bench: &Bench, query: &DetectionQuery) -> Vec<Detection> {
    let (mut found, mut query) = (Vec::new(), query.clone());
    loop {
        let page = bench.store.detections(&query).unwrap();
        assert!(page.items.len() <= query.range.limit);
        assert!(page.next_cursor.is_none() || page.items.len() == query.range.limit);
        found.extend(page.items);
        match page.next_cursor {
            Some(cursor) => query.range.cursor = Some(cursor),
            None => return found,
        }
    }
}

#[test]
fn what_is_announced_is_found_at_once_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let (seen, happened) = (detection(1, 10), event(1, 0, 10));
    let records = vec![Record::Detection(seen.clone()), Record::Event(happened.clone())];
    bench.submit(records, Durability::Written).unwrap();
    assert_eq!(bench.store.detection(seen.id).unwrap(), Some(seen.clone()));
    let bench = bench.restart();
    assert_eq!(bench.store.detection(seen.id).unwrap(), Some(seen));
    assert_eq!(bench.store.event(happened.id).unwrap(), Some(happened));
    assert_eq!(bench.store.event(EventId(99)).unwrap(), None);
}

#[test]
fn the_latest_revision_counts_also_when_an_older_one_arrives_late() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let mut latest = event(1, 2, 10);
    latest.risk = RiskScore::new(90);
    for happened in [event(1, 0, 10), latest.clone(), event(1, 1, 10)] {
        bench.submit(vec![Record::Event(happened)], Durability::Written).unwrap();
    }
    let of_level = |bench: &Bench, level| {
        let query = EventQuery { level: Some(level), ..EventQuery::default() };
        bench.store.events(&query).unwrap().items
    };
    let check = |bench: &Bench| {
        assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(latest.clone()));
        assert_eq!(of_level(bench, RiskLevel::Critical), [latest.clone()]);
        assert_eq!(of_level(bench, RiskLevel::Medium), []);
        assert_eq!(bench.store.events(&EventQuery::default()).unwrap().items.len(), 1);
    };
    check(&bench);
    let bench = bench.restart();
    check(&bench);
    let bench = bench.restart_without_index();
    check(&bench);
}

#[test]
fn pages_of_any_size_together_give_exactly_the_filtered_list() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let mut random = fastrand::Rng::with_seed(2);
    let mut kept = Vec::new();
    for id in 1..=600 {
        // Few distinct times: ties are where paging goes wrong.
        let mut seen = detection(id, random.i64(0..40));
        seen.camera = ["yard", "yard2", "gate"][random.usize(..3)].parse().unwrap();
        seen.label = watchpost::domain::Label::new(["person", "dog"][random.usize(..2)]);
        seen.confidence = random.f32();
        seen.event = EventId(random.u64(1..5));
        kept.push(seen);
    }
    for group in kept.chunks(37) {
        let records = group.iter().cloned().map(Record::Detection).collect();
        bench.submit(records, Durability::Written).unwrap();
    }
    kept.sort_by_key(|d| std::cmp::Reverse((d.captured_at, d.id)));
    for _ in 0..60 {
        let mut query = DetectionQuery::default();
        query.range.limit = random.usize(1..50);
        if random.bool() {
            query.camera = Some(["yard", "yard2", "none"][random.usize(..3)].parse().unwrap());
        }
        query.label = random.bool().then(|| "dog".to_owned());
        query.min_confidence = random.bool().then(|| random.f32());
        query.event = random.bool().then(|| EventId(random.u64(1..6)));
        query.range.from = random.bool().then(|| T0.after(Duration::from_millis(random.u64(..40))));
        query.range.until =
            random.bool().then(|| T0.after(Duration::from_millis(random.u64(..40))));
        let wanted: Vec<_> = kept
            .iter()
            .filter(|d| query.camera.as_ref().is_none_or(|camera| *camera == d.camera))
            .filter(|d| query.label.as_deref().is_none_or(|label| label == d.label.as_str()))
            .filter(|d| query.min_confidence.is_none_or(|least| d.confidence >= least))
            .filter(|d| query.event.is_none_or(|event| event == d.event))
            .filter(|d| query.range.from.is_none_or(|from| d.captured_at >= from))
            .filter(|d| query.range.until.is_none_or(|until| d.captured_at < until))
            .cloned()
            .collect();
        assert_eq!(all_pages(&bench, &query), wanted, "{query:?}");
    }
    assert_eq!(bench.store.count_detections().unwrap(), kept.len() as u64);
}

#[test]
fn event_filters_hold_together() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let mut random = fastrand::Rng::with_seed(3);
    let mut kept = Vec::new();
    for id in 1..=200 {
        let mut happened = event(id, 0, random.i64(0..20));
        happened.camera = ["yard", "gate"][random.usize(..2)].parse().unwrap();
        happened.label = watchpost::domain::Label::new(["person", "dog"][random.usize(..2)]);
        happened.risk = RiskScore::new(random.i32(0..100));
        happened.reviewed = random.bool();
        bench.submit(vec![Record::Event(happened.clone())], Durability::Written).unwrap();
        kept.push(happened);
    }
    kept.sort_by_key(|e| std::cmp::Reverse((e.started_at, e.id)));
    for _ in 0..40 {
        let query = EventQuery {
            camera: random.bool().then(|| "yard".parse().unwrap()),
            label: random.bool().then(|| "dog".to_owned()),
            level: random.bool().then_some(RiskLevel::High),
            reviewed: random.bool().then_some(true),
            range: Range { limit: 1000, ..Range::default() },
        };
        let wanted: Vec<_> = kept
            .iter()
            .filter(|e| query.camera.as_ref().is_none_or(|camera| *camera == e.camera))
            .filter(|e| query.label.as_deref().is_none_or(|label| label == e.label.as_str()))
            .filter(|e| query.level.is_none_or(|level| level == e.risk.level()))
            .filter(|e| query.reviewed.is_none_or(|reviewed| reviewed == e.reviewed))
            .cloned()
            .collect();
        let page = bench.store.events(&query).unwrap();
        assert_eq!((&page.items, page.next_cursor), (&wanted, None), "{query:?}");
        let mut counted = Vec::new();
        let rest = bench.store.survey_events(&query, &mut |e| counted.push((e.started_at, e.risk)));
        assert_eq!(rest.unwrap(), None);
        let wanted: Vec<_> = wanted.iter().map(|e| (e.started_at, e.risk)).collect();
        assert_eq!(counted, wanted, "counted from the index alone");
    }
}

#[test]
fn a_cursor_that_was_not_given_out_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    for cursor in ["", "x", "64800001890000000000000000000000010000000a"] {
        let range = Range { cursor: Some(cursor.into()), ..Range::default() };
        let query = DetectionQuery { range: range.clone(), ..DetectionQuery::default() };
        assert!(matches!(bench.store.detections(&query), Err(StoreError::BadCursor)));
        let query = EventQuery { range, ..EventQuery::default() };
        assert!(matches!(bench.store.events(&query), Err(StoreError::BadCursor)));
    }
}

#[test]
fn ids_go_on_where_they_were_and_never_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut bench = Bench::open(dir.path());
    let mut last = (0, 0);
    for _ in 0..4 {
        for _ in 0..10 {
            let ids = (bench.store.next_detection_id().0, bench.store.next_event_id().0);
            assert!(ids.0 == last.0 + 1 && ids.1 == last.1 + 1, "{ids:?} after {last:?}");
            last = ids;
        }
        bench = bench.restart();
    }
}

#[test]
fn answers_come_in_the_order_of_submission_whatever_their_durability() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let (tx, rx) = std::sync::mpsc::sync_channel(300);
    for id in 1..=300_u64 {
        let durability = if id % 7 == 0 { Durability::Synced } else { Durability::Written };
        let tx = tx.clone();
        let done = Box::new(move |result: Result<(), StoreError>| {
            tx.send((id, result.is_ok())).unwrap();
        });
        bench.store.submit(vec![Record::Detection(detection(id, 0))], durability, done);
    }
    let answers: Vec<_> = (0..300).map(|_| rx.recv_timeout(store_bench::SOON).unwrap()).collect();
    assert_eq!(answers, (1..=300).map(|id| (id, true)).collect::<Vec<_>>());
}

#[test]
fn a_flood_is_refused_at_once_while_the_writer_is_busy_and_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let hold = Box::new(move |_: Result<(), StoreError>| wait.recv().unwrap());
    bench.store.submit(vec![Record::Event(event(1, 0, 0))], Durability::Written, hold);
    let (tx, rx) = std::sync::mpsc::sync_channel(5000);
    for id in 1..=3000_u64 {
        let tx = tx.clone();
        let done = Box::new(move |result: Result<(), StoreError>| tx.send((id, result)).unwrap());
        bench.store.submit(vec![Record::Detection(detection(id, 0))], Durability::Written, done);
    }
    let refused: Vec<_> = rx.try_iter().collect();
    assert!(refused.len() > 1000, "the queue is not bounded: {} refused", refused.len());
    assert!(refused.iter().all(|(_, result)| matches!(result, Err(StoreError::Overloaded))));
    go.send(()).unwrap();
    for _ in refused.len()..3000 {
        let (id, result) = rx.recv_timeout(store_bench::SOON).unwrap();
        result.unwrap();
        assert!(bench.store.detection(DetectionId(id)).unwrap().is_some());
    }
}

#[test]
fn a_directory_that_cannot_be_used_degrades_the_store_and_heals_without_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("store");
    std::fs::write(&place, "a file is in the way").unwrap();
    let bench = Bench::open(&place);
    let refused = bench.submit(vec![Record::Event(event(1, 0, 0))], Durability::Synced);
    assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
    assert!(matches!(bench.store.event(EventId(1)), Err(StoreError::Unavailable(_))));
    let report = &bench.health.reports()[0];
    assert_eq!((report.component.as_str(), report.state), ("store", State::Unhealthy));
    assert!(report.next_step.is_some());
    let handed_out = bench.store.next_event_id();
    assert!(handed_out.0 > 1 << 40 && handed_out.0 < 1 << 53);

    std::fs::remove_file(&place).unwrap();
    bench.until(|bench| bench.store.wait_until_current(Duration::ZERO));
    bench.submit(vec![Record::Event(event(handed_out.0, 0, 0))], Durability::Synced).unwrap();
    assert_eq!(bench.health.reports()[0].state, State::Healthy);
    let bench = bench.restart();
    assert!(bench.store.event(handed_out).unwrap().is_some());
    assert!(bench.store.next_event_id() > handed_out);
}

#[test]
fn retention_drops_whole_segments_and_names_the_events_that_are_gone() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings { journal_max_bytes: 6 << 20, ..StoreSettings::default() };
    let bench = Bench::open_with(dir.path(), settings);
    let (tx, rx) = std::sync::mpsc::sync_channel(10_000);
    bench.store.on_dropped(move |events| events.iter().for_each(|e| tx.send(*e).unwrap()));
    for id in 1..=40 {
        let mut happened = event(id, 0, id as i64);
        happened.reasoning = "x".repeat(300_000);
        bench.submit(vec![Record::Event(happened)], Durability::Written).unwrap();
    }
    // Event 1 has a later revision in a segment that stays.
    bench.submit(vec![Record::Event(event(1, 1, 1))], Durability::Written).unwrap();
    bench.clock.advance(Duration::from_secs(61));
    let first = rx.recv_timeout(store_bench::SOON).unwrap();
    bench.submit(Vec::new(), Durability::Synced).unwrap();
    let dropped: Vec<_> = std::iter::once(first).chain(rx.try_iter()).collect();
    assert!(!dropped.contains(&EventId(1)) && dropped.contains(&EventId(2)));
    let query =
        EventQuery { range: Range { limit: 1000, ..Range::default() }, ..Default::default() };
    let left = bench.store.events(&query).unwrap().items;
    assert_eq!(left.len() + dropped.len(), 40);
    assert!(left.iter().any(|e| e.id == EventId(1) && e.revision == 1));
    assert!(bench.store.event(dropped[0]).unwrap().is_none());
    let bench = bench.restart();
    assert_eq!(bench.store.events(&query).unwrap().items, left);
}

#[test]
fn age_drops_nothing_while_the_clock_is_not_set() {
    let dir = tempfile::tempdir().unwrap();
    let settings = StoreSettings { max_age: Some(Duration::from_secs(3600)), ..Default::default() };
    let bench = Bench::open_with(dir.path(), settings.clone());
    for id in 1..=30 {
        let mut happened = event(id, 0, 0);
        happened.reasoning = "x".repeat(300_000);
        bench.submit(vec![Record::Event(happened)], Durability::Written).unwrap();
    }
    let unset = Timestamp::from_unix_ms(1_000_000);
    let bench = bench.restart_at(unset, settings.clone());
    bench.clock.advance(Duration::from_secs(7200));
    bench.submit(Vec::new(), Durability::Synced).unwrap();
    bench.submit(Vec::new(), Durability::Synced).unwrap();
    assert!(bench.store.event(EventId(1)).unwrap().is_some());
    let bench = bench.restart_at(T0.after(Duration::from_secs(86_400)), settings);
    bench.submit(Vec::new(), Durability::Synced).unwrap();
    // A wrong clock would have been put right by now.
    bench.clock.advance(Duration::from_secs(661));
    bench.until(|bench| bench.store.event(EventId(1)).unwrap().is_none());
}

#[test]
fn dropping_the_last_handle_writes_everything_and_closes_in_good_order() {
    let dir = tempfile::tempdir().unwrap();
    let (clock, stop) = (Clock::manual(T0), Stop::new());
    let tasks = Tasks::new(stop.clone(), |_| {});
    let (health, metrics) = (Health::new(clock.clone()), Metrics::default());
    let settings = StoreSettings::default();
    let store = Store::open(dir.path(), settings, clock, &health, &metrics, &tasks, &stop);
    let clone = store.clone();
    for _ in 0..500 {
        let seen = detection(clone.next_detection_id().0, 0);
        clone.submit(vec![Record::Detection(seen)], Durability::Written, Box::new(|_| {}));
    }
    drop((store, clone));
    assert_eq!(tasks.join(&Clock::system(), store_bench::SOON), Vec::<String>::new());
    let bench = Bench::open(dir.path());
    assert!(bench.store.detection(DetectionId(500)).unwrap().is_some());
    assert_eq!(bench.store.next_detection_id(), DetectionId(501));
}

fn counted(bench: &Bench, name: &'static str) -> u64 {
    bench.metrics.counter(name, "", &[]).value()
}

#[test]
fn as_many_records_wait_for_a_sync_as_the_settings_say() {
    for (flush_records, syncs) in [(10, 1), (11, 0)] {
        let dir = tempfile::tempdir().unwrap();
        let settings = StoreSettings { flush_records, ..StoreSettings::default() };
        let bench = Bench::open_with(dir.path(), settings);
        let records = (1..=10).map(|id| Record::Detection(detection(id, 0))).collect();
        bench.submit(records, Durability::Written).unwrap();
        // The turn that synced has ended when the next one answers.
        bench.submit(Vec::new(), Durability::Written).unwrap();
        assert_eq!(counted(&bench, "watchpost_store_syncs_total"), syncs);
    }
}

#[test]
fn what_the_card_takes_for_what_is_kept_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    for id in 1..=3 {
        bench.submit(vec![Record::Detection(detection(id, 0))], Durability::Synced).unwrap();
    }
    let accepted = counted(&bench, "watchpost_store_accepted_bytes_total");
    let written = counted(&bench, "watchpost_store_bytes_written_total");
    assert_eq!(written, accepted + 3 * 16, "a header for each frame");
    assert_eq!(counted(&bench, "watchpost_store_journal_block_bytes_total"), 3 * 4096);
}

#[test]
fn a_writer_that_does_not_come_back_is_stuck_and_an_idle_one_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let progress = Progress::new(bench.clock.clone());
    bench.store.show_progress(&progress);
    let minutes = Duration::from_secs(120);
    bench.clock.advance(minutes);
    bench.until(|_| progress.stuck().is_empty());
    let (go, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let (tx, held) = std::sync::mpsc::sync_channel(1);
    let hold = Box::new(move |_: Result<(), StoreError>| {
        tx.send(()).unwrap();
        wait.recv().unwrap();
    });
    bench.store.submit(Vec::new(), Durability::Written, hold);
    held.recv_timeout(store_bench::SOON).unwrap();
    bench.clock.advance(minutes);
    assert_eq!(progress.stuck(), [("store".to_owned(), minutes)]);
    go.send(()).unwrap();
    bench.until(|_| progress.stuck().is_empty());
}
