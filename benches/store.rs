//! The store beside SQLite (WAL, synced at every commit): the same work in one
//! run, engine after engine, each row in a process of its own (this program
//! again), so that memory and bytes written are counted alone.
//!
//! Compare the columns of one run, and nothing else: a disk and a busy machine
//! change every time here. A bare file that is appended to and synced shows what
//! the disk itself takes. `STORE_BENCH_DETECTIONS` sets the size of the big store
//! (1,000,000, with an event for every ten).

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the table is the product")]

mod machine;
mod store_engines;

use std::fs;
use std::path::Path;
use std::time::Duration;

use machine::processor;
use store_engines::{alerts, body, camera, dense, mixed, open};
use watchpost::domain::DetectionId;
use watchpost::rt::Clock;
use watchpost::store::Record;

const ENGINES: [&str; 3] = ["store", "sqlite", "bare"];
/// Every row of writing is measured as often, the engines by turns and each time
/// another one first, and the middle is told: the disk has moods.
const ROUNDS: usize = 9;
const COMMITS: usize = 240;
const WARM_UP_COMMITS: usize = 20;
const TICK_RECORDS: usize = 25;
const QUERIES: u64 = 400;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--row") {
        Some(at) => row(&arguments[at + 1], &arguments[at + 2], Path::new(&arguments[at + 3])),
        None => table(),
    }
}

/// One row in this process; its figures go to the parent.
fn row(what: &str, engine: &str, dir: &Path) {
    let figures = match what {
        "ticks" => write(engine, dir, TICK_RECORDS, mixed),
        "alerts" => write(engine, dir, 1, alerts),
        "fill" => fill(engine, dir),
        "reopen" => reopen(engine, dir),
        other => panic!("no row is called {other}"),
    };
    println!("{}", figures.map(|figure| figure.to_string()).join(" "));
}

fn table() {
    println!("the store beside SQLite {} (WAL, synchronous = FULL)", rusqlite::version());
    println!("{}; {}", processor(), place());
    writing("ticks", "25 records a durable commit (30 detections, then an event)");
    writing("alerts", "one alert a durable commit");
    big();
}

fn writing(what: &str, title: &str) {
    let mut rounds = ENGINES.map(|_| Vec::new());
    for round in 0..ROUNDS {
        for n in 0..ENGINES.len() {
            let at = (round + n) % ENGINES.len();
            rounds[at].push(again(what, ENGINES[at], tempfile::tempdir_in(TMP).unwrap().path()));
        }
    }
    let [ours, sqlite, bare] = rounds.map(|rounds| middle(&rounds));
    println!("\n{title}; middle of {ROUNDS} runs of {COMMITS}");
    print_head("bare file");
    let names = [
        "durable commits/s",
        "records/s",
        "commit p50, ms",
        "commit p99, ms",
        "processor us/record",
        "disk bytes per logical byte",
        "resident memory, MiB",
        "anonymous memory, MiB",
    ];
    for (n, name) in names.into_iter().enumerate() {
        print_row(name, ours[n], sqlite[n], Some(bare[n]));
    }
}

fn big() {
    let events = detections() / 10;
    println!("\n{} detections and {events} events", detections());
    print_head("index built anew");
    let dirs = [(); 2].map(|()| tempfile::tempdir_in(TMP).unwrap());
    let [ours, sqlite] = [("store", &dirs[0]), ("sqlite", &dirs[1])].map(|(engine, dir)| {
        let filled = again("fill", engine, dir.path());
        (filled, again("reopen", engine, dir.path()))
    });
    remove_index(dirs[0].path());
    let rebuilt = again("reopen", "store", dirs[0].path());
    print_row("filled without syncs, records/s", ours.0[0], sqlite.0[0], None);
    print_row("on the disk, MB (Watchpost: 8 of them reserve)", ours.0[1], sqlite.0[1], None);
    let names = [
        "open until all is found, ms",
        "resident memory then, MiB",
        "anonymous memory then, MiB",
        "newest 50 detections, p50 ms",
        "newest 50 detections, p99 ms",
        "newest 50 events, p50 ms",
        "peak of resident memory, MiB",
    ];
    for (n, name) in names.into_iter().enumerate() {
        print_row(name, ours.1[n], sqlite.1[n], Some(rebuilt[n]));
    }
}

fn print_head(last: &str) {
    println!("| | Watchpost | SQLite | Watchpost / SQLite | {last} |");
    println!("|---|---|---|---|---|");
}

fn print_row(name: &str, ours: f64, sqlite: f64, other: Option<f64>) {
    let other = other.map_or_else(String::new, short);
    println!("| {name} | {} | {} | {:.2} | {other} |", short(ours), short(sqlite), ours / sqlite);
}

fn short(figure: f64) -> String {
    match figure {
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

/// On the disk that holds the build: a memory file system would measure nothing.
const TMP: &str = env!("CARGO_TARGET_TMPDIR");

type Figures = [f64; 8];

/// This program again, for one row.
#[expect(clippy::disallowed_methods, reason = "memory is measured in a fresh process")]
fn again(what: &str, engine: &str, dir: &Path) -> Figures {
    let program = std::env::current_exe().unwrap();
    let mut row = std::process::Command::new(program);
    let child = row.args(["--row", what, engine]).arg(dir).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    let text = String::from_utf8(child.stdout).unwrap();
    let figures: Vec<f64> = text.split_whitespace().map(|word| word.parse().unwrap()).collect();
    figures.try_into().unwrap()
}

/// The middle of every figure for itself.
fn middle(rounds: &[Figures]) -> Figures {
    std::array::from_fn(|n| {
        let mut figures: Vec<f64> = rounds.iter().map(|round| round[n]).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    })
}

fn write(name: &str, dir: &Path, records: usize, make: fn(u64) -> Record) -> Figures {
    let clock = Clock::system();
    let before = Memory::now();
    let mut engine = open(name, dir);
    let mut numbers = 0_u64..;
    let mut next = || numbers.by_ref().take(records).map(make).collect::<Vec<_>>();
    (0..WARM_UP_COMMITS).for_each(|_| engine.commit(next()));
    let (written, busy_before, began) = (written_bytes(), busy(), clock.monotonic());
    let mut logical = 0;
    let mut spans = Vec::with_capacity(COMMITS);
    for _ in 0..COMMITS {
        let commit = next();
        let start = clock.monotonic();
        engine.commit(commit);
        spans.push(clock.monotonic() - start);
    }
    let (span, used) = (clock.monotonic() - began, busy() - busy_before);
    let memory = Memory::now();
    // What waits for a checkpoint or a flush is part of the price.
    engine.close();
    let written = written_bytes() - written;
    let kept = COMMITS * records;
    for n in WARM_UP_COMMITS * records..WARM_UP_COMMITS * records + kept {
        logical += body(&make(n as u64)).len();
    }
    spans.sort();
    let commits_per_second = COMMITS as f64 / span.as_secs_f64();
    [
        commits_per_second,
        commits_per_second * records as f64,
        ms(percentile(&spans, 0.5)),
        ms(percentile(&spans, 0.99)),
        used.as_secs_f64() * 1e6 / kept as f64,
        written as f64 / logical as f64,
        memory.resident_mib - before.resident_mib,
        memory.anonymous_mib - before.anonymous_mib,
    ]
}

/// Detections of the big store.
fn detections() -> u64 {
    let set = std::env::var("STORE_BENCH_DETECTIONS");
    set.map_or(1_000_000, |number| number.parse().expect("a number of detections"))
}

fn fill(name: &str, dir: &Path) -> Figures {
    let clock = Clock::system();
    let mut engine = open(name, dir);
    let began = clock.monotonic();
    let records = detections() * 11 / 10;
    for first in (0..records).step_by(TICK_RECORDS) {
        let last = records.min(first + TICK_RECORDS as u64);
        engine.fill((first..last).map(dense).collect());
    }
    let per_second = records as f64 / (clock.monotonic() - began).as_secs_f64();
    engine.close();
    [per_second, bytes_below(dir) as f64 / 1e6, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]
}

fn reopen(name: &str, dir: &Path) -> Figures {
    let clock = Clock::system();
    let before = Memory::now();
    let began = clock.monotonic();
    let engine = open(name, dir);
    for id in [1, detections() / 2, detections()] {
        assert!(engine.has(DetectionId(id)), "detection {id} is lost");
    }
    let opened = clock.monotonic() - began;
    let memory = Memory::now();
    let time = |query: &dyn Fn(u64) -> usize| {
        let mut spans: Vec<_> = (0..QUERIES)
            .map(|n| {
                let start = clock.monotonic();
                assert_eq!(query(n), 50);
                clock.monotonic() - start
            })
            .collect();
        spans.sort();
        spans
    };
    let of_detections = time(&|n| engine.newest_detections(&camera(n)));
    let of_events = time(&|n| engine.newest_events(&camera(n)));
    let peak = Memory::peak_mib();
    engine.close();
    [
        ms(opened),
        memory.resident_mib - before.resident_mib,
        memory.anonymous_mib - before.anonymous_mib,
        ms(percentile(&of_detections, 0.5)),
        ms(percentile(&of_detections, 0.99)),
        ms(percentile(&of_events, 0.5)),
        peak - before.resident_mib,
        0.0,
    ]
}

/// The store finds it missing and builds it from the journal.
fn remove_index(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        if entry.file_name().to_str().unwrap().starts_with("index-") {
            fs::remove_dir_all(entry.path()).unwrap();
        }
    }
}

fn ms(span: Duration) -> f64 {
    span.as_secs_f64() * 1e3
}

fn percentile(sorted: &[Duration], share: f64) -> Duration {
    sorted[((sorted.len() - 1) as f64 * share) as usize]
}

/// Of this process.
struct Memory {
    resident_mib: f64,
    anonymous_mib: f64,
}

impl Memory {
    fn now() -> Self {
        Self { resident_mib: status_mib("VmRSS:"), anonymous_mib: status_mib("RssAnon:") }
    }

    fn peak_mib() -> f64 {
        status_mib("VmHWM:")
    }
}

/// A line of /proc/self/status.
fn status_mib(name: &str) -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

/// What this process had the disks take.
fn written_bytes() -> u64 {
    let text = fs::read_to_string("/proc/self/io").unwrap();
    text.lines().find_map(|line| line.strip_prefix("write_bytes: ")).unwrap().parse().unwrap()
}

/// Time on a processor, all threads of this process.
fn busy() -> Duration {
    let tasks = fs::read_dir("/proc/self/task").unwrap();
    let nanos = |task: fs::DirEntry| {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        text.split(' ').next().and_then(|first| first.parse::<u64>().ok()).unwrap_or(0)
    };
    Duration::from_nanos(tasks.map(|task| nanos(task.unwrap())).sum())
}

fn bytes_below(dir: &Path) -> u64 {
    let bytes = |entry: fs::DirEntry| match entry.metadata().unwrap() {
        meta if meta.is_dir() => bytes_below(&entry.path()),
        meta => meta.len(),
    };
    fs::read_dir(dir).unwrap().map(|entry| bytes(entry.unwrap())).sum()
}

/// Device and file system of the state, and how busy the machine is.
fn place() -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let of = |line: &str| {
        let mut words = line.split(' ').map(str::to_owned);
        Some((words.next()?, words.next()?, words.next()?))
    };
    let holds = |(_, path, _): &(String, String, String)| Path::new(TMP).starts_with(path);
    let mount = mounts.lines().filter_map(of).filter(holds).max_by_key(|mount| mount.1.len());
    let (device, _, system) = mount.unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("{system} on {device}; load {}", load.split(' ').next().unwrap_or("unknown"))
}
