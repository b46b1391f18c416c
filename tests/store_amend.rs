//! Changing an event is one step: two who change it never undo each other.

#![allow(clippy::unwrap_used, reason = "a test")]

mod store_bench;

use std::fs;
use std::sync::mpsc::sync_channel;

use store_bench::{Bench, SOON, event, segments_of};
use watchpost::domain::{Event, EventId};
use watchpost::store::{Change, Durability, Reader, Record, StoreError, Writer};

fn amend(bench: &Bench, id: u64, change: Change) -> Result<Option<Event>, StoreError> {
    let (tx, rx) = sync_channel(1);
    let done = Box::new(move |result| tx.send(result).unwrap());
    bench.store.amend_event(EventId(id), change, Durability::Synced, done);
    rx.recv_timeout(SOON).unwrap()
}

fn reviewed() -> Change {
    Box::new(|event| event.map(|event| Event { reviewed: true, ..event }))
}

#[test]
fn a_change_sees_what_was_submitted_before_it_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    let (tx, rx) = sync_channel(1000);
    bench.store.submit(
        vec![Record::Event(event(1, 0, 0))],
        Durability::Written,
        Box::new(|result| result.unwrap()),
    );
    for number in 0..400 {
        let tx = tx.clone();
        let change: Change = if number == 200 {
            reviewed()
        } else {
            Box::new(|event| {
                event.map(|event| Event { detection_count: event.detection_count + 1, ..event })
            })
        };
        let done = Box::new(move |result| tx.send(result).unwrap());
        bench.store.amend_event(EventId(1), change, Durability::Written, done);
    }
    let revisions: Vec<_> = (0..400)
        .map(|_| {
            let kept: Result<Option<Event>, StoreError> = rx.recv_timeout(SOON).unwrap();
            kept.unwrap().unwrap().revision
        })
        .collect();
    assert_eq!(revisions, (1..=400).collect::<Vec<_>>());
    let bench = bench.restart_without_index();
    let left = bench.store.event(EventId(1)).unwrap().unwrap();
    assert_eq!((left.detection_count, left.reviewed, left.revision), (9 + 399, true, 400));
    bench.close();
}

#[test]
fn a_late_writer_of_an_old_revision_does_not_undo_a_change() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    bench.submit(vec![Record::Event(event(1, 0, 0))], Durability::Written).unwrap();
    let kept = amend(&bench, 1, reviewed()).unwrap().unwrap();
    assert_eq!(kept.revision, 1);
    let stale: Change = Box::new(|latest| {
        let latest = latest.unwrap();
        Some(Event { summary: "Still there.".into(), revision: 0, ..latest })
    });
    let kept = amend(&bench, 1, stale).unwrap().unwrap();
    assert!(kept.reviewed && kept.revision == 2);
    assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(kept));
    bench.close();
}

#[test]
fn an_event_of_an_earlier_run_is_changed_and_one_that_never_was_can_be_made_or_left() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    bench.submit(vec![Record::Event(event(1, 3, 0))], Durability::Written).unwrap();
    let bench = bench.restart();
    assert_eq!(amend(&bench, 1, reviewed()).unwrap().unwrap().revision, 4);
    assert_eq!(amend(&bench, 77, reviewed()).unwrap(), None);
    let made: Change = Box::new(|found| {
        assert!(found.is_none());
        Some(event(78, 0, 5))
    });
    assert_eq!(amend(&bench, 78, made).unwrap(), Some(event(78, 0, 5)));
    assert_eq!(bench.store.event(EventId(77)).unwrap(), None);
    assert_eq!(bench.store.event(EventId(78)).unwrap(), Some(event(78, 0, 5)));
    bench.close();
}

#[test]
fn a_change_of_a_damaged_revision_builds_on_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let bench = Bench::open(dir.path());
    for revision in 0..3 {
        bench.submit(vec![Record::Event(event(1, revision, 0))], Durability::Written).unwrap();
    }
    let bench = bench.restart();
    let segment = segments_of(dir.path()).pop().unwrap();
    let mut bytes = fs::read(&segment).unwrap();
    // The last frame closes the journal: 16 bytes and 18.
    let last = bytes.len() - 35;
    bytes[last] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let kept = amend(&bench, 1, reviewed()).unwrap().unwrap();
    assert!(kept.reviewed && kept.revision == 2, "{kept:?}");
    assert_eq!(bench.store.event(EventId(1)).unwrap(), Some(kept));
    bench.close();
}
