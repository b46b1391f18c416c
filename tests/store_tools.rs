//! `watchpost store` as people use it: the real binary on a real directory.

#![allow(clippy::unwrap_used, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]

mod store_bench;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use store_bench::{Bench, detection, event, index_of, segments_of};
use watchpost::config::StateDir;
use watchpost::domain::{DetectionId, EventId};
use watchpost::store::disk::RealDisk;
use watchpost::store::{Durability, Reader, Record, Writer, tools};

const RECORDS: u64 = 60;

fn watchpost(command: &str, dir: &Path, more: &[&str]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    program.args(["store", command, "--state-dir"]).arg(dir).args(more);
    program.stdin(Stdio::null()).output().unwrap()
}

fn import(dir: &Path, lines: &[u8]) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    program.args(["store", "import", "--state-dir"]).arg(dir);
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    // A refusal comes before the input is read.
    let _ = child.stdin.take().unwrap().write_all(lines);
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    let all = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8(all).unwrap()
}

#[track_caller]
fn ended(output: &Output, code: i32) -> String {
    let said = text(output);
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

/// A store with as many events, the first in three revisions, and detections.
fn made(dir: &Path) {
    let bench = Bench::open(dir);
    for id in 1..=RECORDS {
        let (event_id, seen) = (bench.store.next_event_id().0, bench.store.next_detection_id().0);
        assert_eq!((event_id, seen), (id, id));
        let mut happened = event(id, 0, id as i64);
        happened.summary = format!("Nr. {id}: \"ä\"\n{}", "x".repeat(2000));
        let records = vec![Record::Event(happened), Record::Detection(detection(id, id as i64))];
        bench.submit(records, Durability::Written).unwrap();
    }
    for revision in 1..3 {
        bench.submit(vec![Record::Event(event(1, revision, 1))], Durability::Synced).unwrap();
    }
    bench.close();
}

fn sorted_lines(bytes: &[u8]) -> Vec<&str> {
    let mut lines: Vec<_> = std::str::from_utf8(bytes).unwrap().lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn an_export_goes_into_another_store_whole_and_only_once() {
    let parent = tempfile::tempdir().unwrap();
    let (from, to) = (parent.path().join("from"), parent.path().join("to"));
    made(&from);
    let exported = watchpost("export", &from, &[]);
    ended(&exported, 0);
    assert_eq!(
        exported.stdout.iter().filter(|byte| **byte == b'\n').count() as u64,
        2 * RECORDS + 2
    );

    let said = ended(&import(&to, &exported.stdout), 0);
    assert!(said.contains("new records: 122, already there: 0"), "{said}");
    let said = ended(&import(&to, &exported.stdout), 0);
    assert!(said.contains("new records: 0, already there: 122"), "{said}");
    let again = watchpost("export", &to, &[]);
    assert_eq!(sorted_lines(&again.stdout), sorted_lines(&exported.stdout));

    let bench = Bench::open(&to);
    assert_eq!(bench.store.event(EventId(1)).unwrap().unwrap().revision, 2);
    assert!(bench.store.next_event_id().0 > RECORDS && bench.store.next_detection_id().0 > RECORDS);
    bench.close();
}

#[test]
fn an_export_goes_into_a_new_file_and_never_over_an_old_one() {
    let parent = tempfile::tempdir().unwrap();
    let (store, file) = (parent.path().join("store"), parent.path().join("export.jsonl"));
    made(&store);
    let name = file.to_str().unwrap();
    let said = ended(&watchpost("export", &store, &["--output", name]), 0);
    assert!(said.contains("exported records: 122"), "{said}");
    let written = fs::read(&file).unwrap();
    assert_eq!(written, watchpost("export", &store, &[]).stdout);
    ended(&watchpost("export", &store, &["--output", name]), 1);
    assert_eq!(fs::read(&file).unwrap(), written);
    let other = parent.path().join("other");
    ended(&watchpost("import", &other, &["--input", name]), 0);
}

#[test]
fn garbage_between_the_lines_is_named_and_costs_no_other_line() {
    let parent = tempfile::tempdir().unwrap();
    let (from, to) = (parent.path().join("from"), parent.path().join("to"));
    made(&from);
    let exported = watchpost("export", &from, &[]).stdout;
    let mut lines: Vec<&[u8]> = exported.split(|byte| *byte == b'\n').collect();
    let huge = vec![b'x'; 9 << 20];
    let beyond = br#"{"record":"event.v1","id":18446744073709551615}"#;
    lines.insert(3, b"garbage \xff");
    lines.insert(5, br#"{"record":"event.v7","id":3}"#);
    lines.insert(9, &huge);
    lines.insert(12, beyond);
    let said = ended(&import(&to, &lines.join(&b'\n')), 3);
    for number in [4, 6, 10, 13] {
        assert!(said.contains(&format!("line {number}: ")), "{number} in {said}");
    }
    assert!(said.contains("new records: 122") && said.contains("export: 4"), "{said}");
}

#[test]
fn damage_is_told_repaired_and_gone_with_all_else_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let said = ended(&watchpost("check", dir.path(), &[]), 0);
    assert!(said.contains("is sound") && !said.contains('\r'), "{said}");

    let segment = segments_of(dir.path()).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&segment, &bytes).unwrap();
    let said = ended(&watchpost("check", dir.path(), &[]), 3);
    assert!(said.contains("damaged places: 1") && said.contains("repair"), "{said}");
    ended(&watchpost("export", dir.path(), &[]), 3);

    let said = ended(&watchpost("repair", dir.path(), &[]), 0);
    assert!(said.contains("repaired segment 1"), "{said}");
    ended(&watchpost("check", dir.path(), &[]), 0);
    assert!(index_of(dir.path()).is_dir(), "the index is there again");
    let original = dir.path().join("quarantine-journal/00000000000000000001-0.wpj");
    assert_eq!(fs::read(original).unwrap(), bytes);

    let bench = Bench::open(dir.path());
    let is_there = |id: &u64| {
        let seen = bench.store.detection(DetectionId(*id)).unwrap();
        seen.is_some_and(|seen| seen == detection(*id, *id as i64))
            && bench.store.event(EventId(*id)).unwrap().is_some()
    };
    assert_eq!((1..=RECORDS).filter(is_there).count() as u64, RECORDS - 1);
    assert!(bench.store.next_event_id().0 > RECORDS);
    bench.close();
    ended(&watchpost("repair", dir.path(), &[]), 0);
}

#[test]
fn a_store_in_use_is_read_but_not_touched() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let daemon = StateDir::acquire(dir.path()).unwrap();
    let before = fs::read(&segments_of(dir.path())[0]).unwrap();
    for output in [watchpost("repair", dir.path(), &[]), import(dir.path(), b"{}\n")] {
        let said = ended(&output, 4);
        assert!(said.contains(&format!("process {}", std::process::id())), "{said}");
    }
    for command in ["check", "stats", "export"] {
        ended(&watchpost(command, dir.path(), &[]), 0);
    }
    assert_eq!(fs::read(&segments_of(dir.path())[0]).unwrap(), before);
    drop(daemon);
    ended(&watchpost("repair", dir.path(), &[]), 0);
}

#[test]
fn a_tool_that_is_told_to_stop_ends_with_what_it_has_done_so_far() {
    let dir = tempfile::tempdir().unwrap();
    made(dir.path());
    let stop = &mut |_| std::ops::ControlFlow::Break(());
    let checked = tools::check_with(&RealDisk, dir.path(), stop).unwrap();
    assert_eq!((checked.segments, checked.is_sound()), (0, true));
    let mut lines = Vec::new();
    let exported = tools::export(&RealDisk, dir.path(), &mut lines, stop).unwrap();
    assert_eq!((exported.records, lines.len()), (0, 0));
}
