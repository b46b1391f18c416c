//! What a frame costs: both networks at two input sizes, step by step, on one
//! thread, with resident memory.
//!
//! Every row runs in a process of its own (this program, started again), because
//! memory that one network has touched never quite goes away. Pictures are the
//! labelled frames of the footage, 768x576, already decoded.

#![allow(clippy::unwrap_used, reason = "a bench that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the table is the product")]

mod machine;

use std::fs;
use std::path::Path;
use std::time::Duration;

use machine::processor;
use watchpost::domain::{ColorSpace, Frame, FrameMeta, PixelFormat, Plane, SessionId, Timestamp};
use watchpost::infer::input::{Fit, Preparer};
use watchpost::infer::tract::{Network, Session};
use watchpost::infer::{self, InferSettings, ModelChoice, output};
use watchpost::rt::Clock;

const WARM_UP_RUNS: usize = 3;
const RUNS: usize = 40;
const SIZES: [(u32, u32); 2] = [(416, 320), (320, 256)];
const MODELS: [(&str, &[u8]); 2] = [
    ("float", include_bytes!("../src/infer/models/nanodet-m.f32.onnx")),
    ("int8", include_bytes!("../src/infer/models/nanodet-m.int8.onnx")),
];

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.iter().position(|argument| argument == "--row") {
        Some(at) => row(&arguments[at + 1], arguments[at + 2].parse().unwrap()),
        None => table(),
    }
}

fn table() {
    println!("NanoDet-m in tract, one thread of {}, pictures 768x576", processor());
    println!(
        "times in ms: median (least) of {RUNS} runs, on a busy machine only the least counts;"
    );
    println!("frames/s from processor time; memory in MiB, without the pictures\n");
    println!(
        "| network | input | prepare | network | decode | frames/s per core | resident | peak |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for size in 0..SIZES.len() {
        for (model, _) in MODELS {
            print!("{}", again(model, size));
        }
    }
    println!();
    for size in 0..SIZES.len() {
        print!("{}", again("ratio", size));
    }
}

/// This program again, for one row.
#[expect(clippy::disallowed_methods, reason = "memory is measured in a fresh process")]
fn again(what: &str, size: usize) -> String {
    let program = std::env::current_exe().unwrap();
    let size = size.to_string();
    let child = std::process::Command::new(program).args(["--row", what, &size]).output().unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stderr));
    String::from_utf8(child.stdout).unwrap()
}

fn row(what: &str, size: usize) {
    let (clock, input_px) = (Clock::system(), SIZES[size]);
    let frames = pictures();
    match what {
        "ratio" => print_ratio(&clock, &frames, input_px),
        model => print_row(&clock, &frames, input_px, model),
    }
}

fn print_row(clock: &Clock, frames: &[Frame], input_px: (u32, u32), model: &str) {
    let before = memory_kib("VmRSS:");
    let choice = if model == "int8" { ModelChoice::Int8 } else { ModelChoice::F32 };
    let settings = InferSettings { model: choice, input_px, ..InferSettings::default() };
    let detector = infer::load(&settings, None, clock).unwrap();
    let detect = |n: usize| _ = detector.detect(&frames[n % frames.len()]).unwrap();
    (0..WARM_UP_RUNS).for_each(detect);
    let busy_before = busy();
    (0..RUNS).for_each(detect);
    let per_frame = (busy() - busy_before).as_secs_f64() / RUNS as f64;
    let mib = |kib: u64| kib.saturating_sub(before) as f64 / 1024.0;
    // Read before the single steps below allocate sessions of their own.
    let (resident, peak) = (mib(memory_kib("VmRSS:")), mib(memory_kib("VmHWM:")));

    let mut session = session(model, input_px);
    let mut preparer = Preparer::default();
    let mut tensor = vec![0.0; 3 * (input_px.0 * input_px.1) as usize];
    let mut fit = Fit { picture_px: (1.0, 1.0) };
    let prepare =
        times(clock, |n| fit = preparer.fill(&frames[n % frames.len()], input_px, &mut tensor));
    let network = times(clock, |_| session.run(|input| input.copy_from_slice(&tensor)).unwrap());
    let labels: Vec<_> = (0..80).map(|n| watchpost::domain::Label::new(n.to_string())).collect();
    let decode = times(clock, |_| {
        let threshold = settings.weak_threshold;
        let candidates =
            session.output(|rows| output::candidates(rows, &labels, input_px, fit, threshold));
        std::hint::black_box(candidates.unwrap());
    });
    let (width, height) = input_px;
    println!(
        "| {model} | {width}x{height} | {} | {} | {} | {:.1} | {resident:.0} | {peak:.0} |",
        words(&prepare),
        words(&network),
        words(&decode),
        1.0 / per_frame,
    );
}

/// Both networks in turn, so that whatever else the machine does hits both.
fn print_ratio(clock: &Clock, frames: &[Frame], input_px: (u32, u32)) {
    let mut tensor = vec![0.0; 3 * (input_px.0 * input_px.1) as usize];
    Preparer::default().fill(&frames[0], input_px, &mut tensor);
    let mut sessions = MODELS.map(|(model, _)| session(model, input_px));
    let mut spans = [Vec::new(), Vec::new()];
    for _ in 0..WARM_UP_RUNS + RUNS {
        for (session, spans) in sessions.iter_mut().zip(&mut spans) {
            let start = clock.monotonic();
            session.run(|input| input.copy_from_slice(&tensor)).unwrap();
            spans.push(clock.monotonic() - start);
        }
    }
    let [float, int8] = spans.map(|spans| sorted(spans[WARM_UP_RUNS..].to_vec()));
    let ratio = median(&int8).as_secs_f64() / median(&float).as_secs_f64();
    let (width, height) = input_px;
    println!("int8 takes {ratio:.2} times as long as float at {width}x{height} (runs alternate)");
}

fn session(model: &str, input_px: (u32, u32)) -> Session {
    let (name, bytes) = MODELS.into_iter().find(|(name, _)| *name == model).unwrap();
    Network::parse(name, bytes, input_px).unwrap().session().unwrap()
}

/// Sorted times of `work`, which is told the number of its run.
fn times(clock: &Clock, mut work: impl FnMut(usize)) -> Vec<Duration> {
    let mut time = |run| {
        let start = clock.monotonic();
        work(run);
        clock.monotonic() - start
    };
    let spans: Vec<_> = (0..WARM_UP_RUNS + RUNS).map(&mut time).collect();
    sorted(spans[WARM_UP_RUNS..].to_vec())
}

fn sorted(mut spans: Vec<Duration>) -> Vec<Duration> {
    spans.sort();
    spans
}

fn median(sorted: &[Duration]) -> Duration {
    sorted[sorted.len() / 2]
}

fn words(sorted: &[Duration]) -> String {
    let ms = |span: Duration| span.as_secs_f64() * 1e3;
    format!("{:.2} ({:.2})", ms(median(sorted)), ms(sorted[0]))
}

/// Time this thread has spent on a processor. Unlike wall time it does not grow
/// when the machine has other work.
fn busy() -> Duration {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(text.split_whitespace().next().unwrap().parse().unwrap())
}

/// A line of /proc/self/status.
fn memory_kib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// The labelled frames as a camera would deliver them.
fn pictures() -> Vec<Frame> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/footage/frames");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| picture(path)).collect()
}

fn picture(path: &Path) -> Frame {
    let jpeg = fs::read(path).unwrap();
    let image = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap();
    // Through JPEG again, because the planes of the files differ in subsampling.
    let yuv = turbojpeg::compress(image.as_deref(), 100, turbojpeg::Subsamp::Sub2x2)
        .and_then(|jpeg| turbojpeg::decompress_to_yuv(&jpeg))
        .unwrap();
    let (luma, chroma) = (yuv.y_width() * yuv.y_height(), yuv.uv_width() * yuv.uv_height());
    let planes = [
        Plane { offset: 0, stride: yuv.y_width() },
        Plane { offset: luma, stride: yuv.uv_width() },
        Plane { offset: luma + chroma, stride: yuv.uv_width() },
    ];
    let size_px = (image.width as u32, image.height as u32);
    let meta = FrameMeta {
        camera: "bench".parse().unwrap(),
        session: SessionId(1),
        sequence: 0,
        captured_at: Timestamp::default(),
        captured_mono: Duration::ZERO,
    };
    let (format, color) = (PixelFormat::I420, ColorSpace::Bt601Full);
    Frame::new(meta, size_px, format, color, &planes, yuv.pixels.into()).unwrap()
}
