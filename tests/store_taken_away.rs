//! The state directory goes away under the running service.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::fs;
use std::time::Duration;

use store_bench::{Bench, event, segments_of};
use watchpost::domain::EventId;
use watchpost::health::State;
use watchpost::store::{Durability, Reader, Record};

fn submit(bench: &Bench, id: u64) -> bool {
    // The tick during which the removal is noticed.
    bench.clock.advance(Duration::from_secs(1));
    bench.submit(vec![Record::Event(event(id, 0, id as i64))], Durability::Synced).is_ok()
}

#[test]
fn a_state_directory_that_was_deleted_is_noticed_and_made_anew() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state");
    let bench = Bench::open(&dir);
    assert!(submit(&bench, 1));

    fs::remove_dir_all(&dir).unwrap();
    // Whatever is answered until it is noticed, a record is soon in a file again.
    let mut id = 1;
    while !dir.join("journal").is_dir() {
        id += 1;
        assert!(id < 2000, "never noticed: {:?}", bench.health.reports());
        submit(&bench, id);
    }
    bench.until(|bench| bench.health.reports()[0].state == State::Healthy);
    assert!(submit(&bench, id + 1));
    assert_eq!(segments_of(&dir).len(), 1);

    let bench = bench.restart();
    assert!(bench.store.event(EventId(id + 1)).unwrap().is_some());
    bench.close();
}

#[test]
fn a_journal_replaced_by_a_file_is_said_and_healed_when_the_file_goes() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("state");
    let bench = Bench::open(&dir);
    assert!(submit(&bench, 1));

    fs::remove_dir_all(dir.join("journal")).unwrap();
    fs::write(dir.join("journal"), "in the way").unwrap();
    submit(&bench, 2);
    bench.until(|bench| bench.health.reports()[0].state == State::Unhealthy);
    assert!(bench.health.reports()[0].next_step.is_some());

    fs::remove_file(dir.join("journal")).unwrap();
    bench.until(|bench| bench.health.reports()[0].state == State::Healthy);
    assert!(submit(&bench, 3));
    bench.close();
}
