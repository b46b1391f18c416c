//! The clock is set late, wrongly, or by ten years: what is kept and how it is
//! dated.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use store_bench::{Bench, T0, alert, detection, event, segments_of};
use watchpost::domain::{
    Alert, Detection, Event, EventId, SceneChange, SceneChangeType, Timestamp,
};
use watchpost::health::State;
use watchpost::rt::Clock;
use watchpost::store::disk::RealDisk;
use watchpost::store::{
    AlertQuery, DetectionQuery, Durability, EventQuery, Range, Reader, Record, StoreSettings,
    Writer, tools,
};

const BOOT: Timestamp = Timestamp::from_unix_ms(5000);
const SECOND: Duration = Duration::from_secs(1);
const DECADE: Duration = Duration::from_secs(3653 * 86_400);
/// Longer than whatever the store waits for after the clock was set.
const SETTLED: Duration = Duration::from_secs(15);
const EVENTS: u64 = 40;

fn open(dir: &Path, now: Timestamp) -> Bench {
    Bench::open_at(dir, StoreSettings::default(), Clock::manual(now))
}

/// An event that begins now, as the pipeline dates and marks it.
fn happens(bench: &Bench) -> Event {
    let now = bench.clock.now();
    let happened = Event {
        started_at: now,
        updated_at: now.after(SECOND * 3),
        ended_at: Some(now.after(SECOND * 4)),
        clock_trusted: bench.clock.is_trusted(),
        ..event(bench.store.next_event_id().0, 0, 0)
    };
    bench.submit(vec![Record::Event(happened.clone())], Durability::Written).unwrap();
    happened
}

/// So many events, a second apart.
fn time_passes(bench: &Bench) -> Vec<Event> {
    let one = |_| {
        bench.clock.advance(SECOND);
        happens(bench)
    };
    (0..EVENTS).map(one).collect()
}

fn sees_the_clock(bench: &Bench) {
    // The writer looks at the clock after each group.
    for _ in 0..2 {
        bench.submit(Vec::new(), Durability::Written).unwrap();
    }
}

fn found(bench: &Bench, id: EventId) -> Event {
    bench.store.event(id).unwrap().unwrap()
}

fn are_dated(bench: &Bench, events: &[Event]) -> bool {
    events.iter().all(|event| found(bench, event.id).clock_trusted)
}

fn moved(at: Timestamp, ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(at.unix_ms() + ms)
}

fn is_moved(before: &Event, after: &Event, ms: i64) {
    let wanted = Event {
        revision: before.revision + 1,
        started_at: moved(before.started_at, ms),
        updated_at: moved(before.updated_at, ms),
        ended_at: before.ended_at.map(|at| moved(at, ms)),
        clock_trusted: true,
        ..before.clone()
    };
    assert_eq!(*after, wanted);
}

fn clock_state(bench: &Bench) -> Option<State> {
    let reports = bench.health.reports();
    reports.iter().find(|report| report.component == "clock").map(|report| report.state)
}

#[test]
fn events_of_an_unset_clock_are_dated_anew_when_it_is_set() {
    let dir = tempfile::tempdir().unwrap();
    let bench = open(dir.path(), BOOT);
    sees_the_clock(&bench);
    assert_eq!(clock_state(&bench), Some(State::Degraded));
    let before = time_passes(&bench);
    assert!(before.iter().all(|event| !event.clock_trusted));
    let shift_ms = T0.unix_ms() - bench.clock.now().unix_ms();
    bench.clock.set(T0);
    sees_the_clock(&bench);
    assert_eq!(clock_state(&bench), Some(State::Healthy));
    let after = happens(&bench);
    bench.clock.advance(SETTLED);
    bench.until(|bench| are_dated(bench, &before));
    for event in &before {
        is_moved(event, &found(&bench, event.id), shift_ms);
    }
    assert_eq!(found(&bench, after.id), after, "dated by the set clock");

    let range = Range { limit: 100, from: Some(T0.before(SECOND * 60)), ..Range::default() };
    let listed = bench.store.events(&EventQuery { range, ..EventQuery::default() }).unwrap().items;
    let ids: Vec<_> = listed.iter().map(|event| event.id.0).collect();
    assert_eq!(ids, (1..=EVENTS + 1).rev().collect::<Vec<_>>(), "by time as by sequence");
    let count = |name| bench.metrics.counter(name, "", &[]).value();
    assert_eq!(count("watchpost_store_clock_shifts_total"), 1);
    assert_eq!(count("watchpost_store_redated_events_total"), EVENTS);
    let bench = bench.restart();
    is_moved(&before[0], &found(&bench, before[0].id), shift_ms);
    bench.close();

    let mut lines = Vec::new();
    tools::export(&RealDisk, dir.path(), &mut lines, &mut tools::go_on).unwrap();
    let lines = String::from_utf8(lines).unwrap();
    let audit = lines.lines().next().unwrap();
    assert!(audit.contains("\"record\":\"clock_shift.v1\""), "{audit}");
    assert!(audit.contains(&format!("\"shift_ms\":{shift_ms}")), "{audit}");
}

#[test]
fn a_clock_ten_years_behind_is_put_right_and_ten_years_ahead_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let bench = open(dir.path(), T0.before(DECADE));
    sees_the_clock(&bench);
    let behind = time_passes(&bench);
    bench.clock.set(T0);
    sees_the_clock(&bench);
    bench.clock.advance(SETTLED);
    bench.until(|bench| are_dated(bench, &behind));
    let shift_ms =
        found(&bench, behind[0].id).started_at.unix_ms() - behind[0].started_at.unix_ms();
    assert!(shift_ms.abs_diff(DECADE.as_millis() as i64) < 60_000);

    bench.clock.set(T0.after(DECADE));
    sees_the_clock(&bench);
    let ahead = time_passes(&bench);
    bench.clock.set(T0.after(SECOND * 120));
    sees_the_clock(&bench);
    let last = happens(&bench);
    bench.clock.advance(SETTLED);
    sees_the_clock(&bench);
    for event in ahead.iter().chain([&last]) {
        assert_eq!(found(&bench, event.id), *event, "nobody knows which clock was right");
    }
    assert!(last.id > ahead[0].id && last.started_at < ahead[0].started_at);
    bench.close();
}

/// Everything from a minute before the clock was set on, page by page.
fn listed(bench: &Bench) -> Vec<Detection> {
    let from = Some(T0.before(SECOND * 60));
    let range = Range { limit: 7, from, ..Range::default() };
    let mut query = DetectionQuery { range, ..DetectionQuery::default() };
    let mut found = Vec::new();
    loop {
        let page = bench.store.detections(&query).unwrap();
        found.extend(page.items);
        query.range.cursor = page.next_cursor;
        if query.range.cursor.is_none() {
            return found;
        }
    }
}

#[test]
fn detections_of_an_unset_clock_are_found_at_their_right_times() {
    let dir = tempfile::tempdir().unwrap();
    let bench = open(dir.path(), BOOT);
    sees_the_clock(&bench);
    let sees = |bench: &Bench| {
        bench.clock.advance(SECOND);
        let id = bench.store.next_detection_id().0;
        let seen = Detection { captured_at: bench.clock.now(), ..detection(id, 0) };
        bench.submit(vec![Record::Detection(seen.clone())], Durability::Written).unwrap();
        seen
    };
    let mut wanted: Vec<_> = (0..30).map(|_| sees(&bench)).collect();
    let shift_ms = T0.unix_ms() - bench.clock.now().unix_ms();
    bench.clock.set(T0);
    sees_the_clock(&bench);
    for seen in &mut wanted {
        seen.captured_at = moved(seen.captured_at, shift_ms);
    }
    wanted.extend((0..5).map(|_| sees(&bench)));
    wanted.reverse();
    assert_eq!(listed(&bench), wanted);
    assert_eq!(bench.store.detection(wanted[30].id).unwrap().as_ref(), Some(&wanted[30]));
    let bench = bench.restart();
    assert_eq!(listed(&bench), wanted);
    let bench = bench.restart_without_index();
    assert_eq!(listed(&bench), wanted);
    let dir_of_first = bench.close();

    let mut lines = Vec::new();
    tools::export(&RealDisk, &dir_of_first, &mut lines, &mut tools::go_on).unwrap();
    let other = tempfile::tempdir().unwrap();
    let bench = open(other.path(), T0);
    let imported = tools::Import::new(&bench.store).run(&mut lines.as_slice(), &mut |_| ());
    assert_eq!(imported.unwrap().added, 35);
    assert_eq!(listed(&bench), wanted);
    bench.close();
}

#[test]
fn alerts_and_scene_changes_are_dated_with_their_events() {
    let dir = tempfile::tempdir().unwrap();
    let bench = open(dir.path(), BOOT);
    sees_the_clock(&bench);
    let happened = happens(&bench);
    let now = bench.clock.now();
    let raised = Alert {
        event: happened.id,
        created_at: now,
        updated_at: now,
        clock_trusted: false,
        ..alert(7, 0)
    };
    let change = SceneChange {
        id: bench.store.next_scene_change_id(),
        revision: 0,
        camera: happened.camera.clone(),
        detected_at: now,
        change: SceneChangeType::ViewBlocked,
        similarity: 0.5,
        acknowledged_at: None,
        clock_trusted: false,
    };
    let records = vec![Record::Alert(raised.clone()), Record::SceneChange(change.clone())];
    bench.submit(records, Durability::Written).unwrap();
    bench.clock.set(T0);
    sees_the_clock(&bench);
    bench.clock.advance(SETTLED);
    bench.until(|bench| bench.store.alert(raised.id).unwrap().unwrap().clock_trusted);
    let dated = bench.store.alert(raised.id).unwrap().unwrap();
    assert_eq!((dated.created_at, dated.updated_at, dated.revision), (T0, T0, 1));
    let dated = bench.store.scene_change(change.id).unwrap().unwrap();
    assert_eq!((dated.detected_at, dated.clock_trusted, dated.revision), (T0, true, 1));
    let range = Range { from: Some(T0), ..Range::default() };
    let query = AlertQuery { range, ..AlertQuery::default() };
    assert_eq!(bench.store.alerts(&query).unwrap().items.len(), 1, "and found there");
    bench.close();
}

#[test]
fn cut_off_in_the_middle_the_dating_goes_on_at_the_next_start() {
    let parent = tempfile::tempdir().unwrap();
    let (dir, cut) = (parent.path().join("state"), parent.path().join("cut"));
    let bench = open(&dir, BOOT);
    sees_the_clock(&bench);
    let before = time_passes(&bench);
    let shift_ms = T0.unix_ms() - bench.clock.now().unix_ms();
    let (from, to) = (dir.clone(), cut.clone());
    // On the writer's thread, between two slices: what a power cut would leave.
    bench.store.on_redated(move |event| {
        if event.id == EventId(5) {
            copy(&from, &to);
        }
    });
    bench.clock.set(T0);
    sees_the_clock(&bench);
    bench.clock.advance(SETTLED);
    bench.until(|bench| are_dated(bench, &before));
    bench.close();

    let bench = open(&cut, T0.after(SECOND * 3600));
    let is_dated = |event: &&Event| found(&bench, event.id).clock_trusted;
    let dated = before.iter().filter(is_dated).count();
    assert!(dated > 0 && dated < EVENTS as usize, "{dated} were dated before the cut");
    bench.until(|bench| are_dated(bench, &before));
    for event in &before {
        is_moved(event, &found(&bench, event.id), shift_ms);
    }
    bench.close();
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.join("journal")).unwrap();
    fs::copy(from.join("clock-shifts"), to.join("clock-shifts")).unwrap();
    for path in segments_of(from) {
        let name: PathBuf = Path::new("journal").join(path.file_name().unwrap());
        fs::copy(&path, to.join(name)).unwrap();
    }
}

/// Records of five segments, the last of them of today.
fn fill(bench: &Bench) {
    for id in 1..=50 {
        let mut happened = event(id, 0, id as i64);
        happened.reasoning = "r".repeat(400_000);
        bench.submit(vec![Record::Event(happened)], Durability::Written).unwrap();
    }
}

#[test]
fn nothing_is_dropped_for_its_age_while_the_clock_may_be_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let max_age = Some(Duration::from_secs(3600));
    let settings = StoreSettings { max_age, ..StoreSettings::default() };
    let bench = Bench::open_at(dir.path(), settings, Clock::manual(T0));
    fill(&bench);
    let dropped = |bench: &Bench| {
        bench.metrics.counter("watchpost_store_segments_dropped_total", "", &[]).value()
    };
    // Beyond all waiting but that of a wrong clock; every look is a minute apart.
    let passes = |bench: &Bench, minutes: u32| {
        for _ in 0..minutes {
            bench.clock.advance(SECOND * 61);
            sees_the_clock(bench);
        }
    };
    bench.clock.set(T0.before(DECADE));
    passes(&bench, 20);
    assert_eq!(dropped(&bench), 0, "ten years ago");
    bench.clock.set(T0.after(DECADE));
    passes(&bench, 20);
    assert_eq!(dropped(&bench), 0, "ten years on, but only just");
    bench.clock.set(T0);
    passes(&bench, 20);
    assert_eq!(dropped(&bench), 0, "not that old");
    bench.clock.advance(SECOND * 25 * 3600);
    bench.until(|bench| {
        bench.clock.advance(SECOND * 61);
        dropped(bench) > 0
    });
    bench.close();
}
