//! The upload beside a plain loop of HTTP posts: the same detections to the same
//! collector in one run, each row in a process of its own (this program again), so that
//! processor time is counted alone.
//!
//! Compare the rows of one run, and nothing else. The collector is a third process that
//! reads, keeps nothing and confirms everything. `UPLOAD_BENCH_ITEMS` sets how many items
//! there are (50,000); a post for each goes with a tenth of them.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the table is the product")]
#![allow(clippy::disallowed_methods, reason = "it starts this program again")]

mod machine;
#[path = "../tests/upload_support/mod.rs"]
mod upload_support;

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use machine::processor;
use upload_support::seed::{Appliance, http, keep};
use upload_support::{Collector, Fault, eventually};
use watchpost::domain::{BBox, Detection, DetectionId, EventId, Timestamp, TrackId, examples};
use watchpost::rt::Clock;
use watchpost::store::{Record, StoreSettings};
use watchpost::upload::wire::{Data, Item};
use watchpost::upload::{DetectionChoice, HttpSettings, UploadSettings, WireForm};

/// Items of a request, of Watchpost and of the loop.
const BATCH: usize = 500;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let named = |name: &str| arguments.iter().position(|argument| argument == name);
    if named("--collector").is_some() {
        return collect();
    }
    match named("--row") {
        Some(at) => row(&arguments[at + 1], &arguments[at + 2]),
        None => table(),
    }
}

fn items() -> u64 {
    let set = std::env::var("UPLOAD_BENCH_ITEMS");
    set.map_or(50_000, |number| number.parse().expect("a number of items"))
}

/// Says where it listens, and serves until its input ends.
fn collect() {
    let collector = Collector::start(|_, _| Fault::Nod);
    println!("{}", collector.url());
    let _ = std::io::stdin().lock().read_line(&mut String::new());
}

/// The collector as a process.
struct Far {
    child: Child,
    url: String,
}

impl Far {
    fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg("--collector").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        Self { child, url: url.trim().to_owned() }
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A detection as they come: no two are the same.
fn detection(id: u64) -> Detection {
    let mut random = fastrand::Rng::with_seed(id);
    Detection {
        id: DetectionId(id),
        camera: "yard".parse().unwrap(),
        track: TrackId(id / 30),
        event: EventId(id / 30),
        confidence: random.f32(),
        bbox: BBox { x: random.f32(), y: random.f32(), width: random.f32(), height: random.f32() },
        frame_sequence: id,
        captured_at: Timestamp::from_unix_ms(1_768_473_000_000 + id as i64 * 200),
        ..examples::detection()
    }
}

/// Processor time of this process, threads that have ended included, to a hundredth of a
/// second.
fn busy() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = text.rsplit(')').next().unwrap().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

/// Items, seconds, seconds of processor, bytes of bodies.
type Figures = [f64; 4];

/// One row in this process; its figures go to the parent.
fn row(what: &str, url: &str) {
    let figures = match what {
        "watchpost-json" => watchpost(url, WireForm::Json),
        "watchpost-postcard" => watchpost(url, WireForm::Postcard),
        "batches" => posts(url, items(), BATCH),
        "singles" => posts(url, items() / 10, 1),
        other => panic!("no row is called {other}"),
    };
    println!("{}", figures.map(|figure| figure.to_string()).join(" "));
}

fn watchpost(url: &str, form: WireForm) -> Figures {
    let dir = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::open(dir.path(), StoreSettings::default());
    for first in (1..=items()).step_by(1000) {
        let some = first..(first + 1000).min(items() + 1);
        keep(&appliance.store, some.map(|id| Record::Detection(detection(id))).collect());
    }
    let settings = UploadSettings {
        batch_items: BATCH,
        batch_age: Duration::from_millis(1),
        detections: DetectionChoice::All,
        ..UploadSettings::default()
    };
    let clock = Clock::system();
    let (began, used) = (clock.monotonic(), busy());
    appliance.upload_by(&HttpSettings { form, ..http(url) }, settings);
    let status = || appliance.uploads.status().remove(0);
    let sent = || status().lanes.iter().map(|lane| lane.sent).sum::<u64>();
    eventually("all is sent", || sent() == items());
    let figures = [
        items() as f64,
        (clock.monotonic() - began).as_secs_f64(),
        (busy() - used).as_secs_f64(),
        status().bytes_today as f64,
    ];
    appliance.close();
    figures
}

/// What somebody writes in an afternoon: JSON, a connection that is kept, no compression,
/// no journal.
fn posts(url: &str, items: u64, batch: usize) -> Figures {
    let agent = ureq::Agent::new_with_defaults();
    let records: Vec<_> = (1..=items).map(detection).collect();
    let clock = Clock::system();
    let (began, used) = (clock.monotonic(), busy());
    let mut bytes = 0;
    for some in records.chunks(batch) {
        let item = |detection: &Detection| {
            let data = Data::Detection(detection.into());
            Item { key: data.key(), sha256: data.sha256(), data }
        };
        let body = serde_json::to_vec(&some.iter().map(item).collect::<Vec<_>>()).unwrap();
        bytes += body.len();
        agent.post(format!("{url}/v1/batches")).send(&body[..]).unwrap();
    }
    [
        items as f64,
        (clock.monotonic() - began).as_secs_f64(),
        (busy() - used).as_secs_f64(),
        bytes as f64,
    ]
}

fn table() {
    println!("the upload beside a plain loop of posts, over loopback; {}", processor());
    println!("| | items/s | kB/s on the line | bytes an item | processor, us an item | share |");
    println!("|---|---|---|---|---|---|");
    let far = Far::start();
    for (row, name) in [
        ("watchpost-postcard", "Watchpost, postcard with zstd, 500 a request"),
        ("watchpost-json", "Watchpost, JSON with zstd, 500 a request"),
        ("batches", "loop, plain JSON, 500 a request"),
        ("singles", "loop, plain JSON, one a request"),
    ] {
        let [items, span, used, bytes] = again(row, &far.url, Path::new("/"));
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.1} | {:.0} % |",
            items / span,
            bytes / span / 1e3,
            bytes / items,
            used * 1e6 / items,
            used * 100.0 / span
        );
    }
}

/// This program once more, for one row.
fn again(row: &str, url: &str, dir: &Path) -> Figures {
    let mut command = Command::new(std::env::current_exe().unwrap());
    let output = command.args(["--row", row, url]).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let figures: Vec<f64> = text.split_whitespace().map(|it| it.parse().unwrap()).collect();
    figures.try_into().unwrap()
}
