//! Loading networks: what is accepted, what is refused in which words, and how
//! the choice between the built-in ones is made and remembered.

#![allow(clippy::unwrap_used, reason = "in a test, a failed step is the failed test")]

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use watchpost::infer::{self, InferError, InferSettings, ModelChoice};
use watchpost::rt::Clock;

/// Small, so that loading is quick.
const INPUT_PX: (u32, u32) = (64, 64);

fn built_in() -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/infer/models/nanodet-m.f32.onnx"))
        .unwrap()
}

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

fn load(settings: InferSettings) -> Result<String, InferError> {
    infer::load(&settings, None, &Clock::system()).map(|detector| detector.info().name.clone())
}

fn file(path: PathBuf) -> InferSettings {
    let model = ModelChoice::File(path);
    InferSettings { model, input_px: INPUT_PX, ..InferSettings::default() }
}

/// Why `bytes` are refused as a network.
fn refusal(bytes: &[u8]) -> String {
    let folder = Folder::new();
    match load(file(folder.write("net.onnx", bytes))) {
        Err(InferError::Unusable { reason, .. }) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_network_from_a_file_runs_like_the_built_in_one() {
    let folder = Folder::new();
    let path = folder.write("mine.onnx", &built_in());
    assert_eq!(load(file(path.clone())).unwrap(), path.display().to_string());
}

#[test]
fn truncated_and_foreign_files_are_refused_without_a_panic() {
    let whole = built_in();
    for keep in [0, 1, 100, 5_000, whole.len() / 2, whole.len() - 1] {
        assert!(!refusal(&whole[..keep]).is_empty(), "the first {keep} bytes");
    }
    assert!(!refusal(b"\x89PNG\r\n\x1a\n and so on").is_empty());
    assert!(!refusal(&[0xff; 4096]).is_empty());
    assert!(!refusal(b"<html>404 Not Found</html>").is_empty());
}

#[test]
fn damage_in_the_middle_of_a_network_never_panics() {
    let whole = built_in();
    let folder = Folder::new();
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..12 {
        let mut damaged = whole.clone();
        // The graph lies before the weights; damage there is the worst.
        let at = random.usize(..40_000);
        damaged[at..at + 16].fill(random.u8(..));
        // Either outcome is right, as long as it is one.
        let _ = load(file(folder.write("net.onnx", &damaged)));
    }
}

/// Encodes a field of a protocol buffer message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, u8::try_from(content.len()).unwrap()], content].concat()
}

#[test]
fn a_network_that_is_not_a_detector_is_refused_for_its_shape() {
    // ONNX: one Relu from `data` to `output`.
    let node = [field(1, b"data"), field(2, b"output"), field(4, b"Relu")].concat();
    // Both are tensors of f32, of no stated shape.
    let value = |name: &[u8]| [field(1, name), field(2, &field(1, &[1 << 3, 1]))].concat();
    let graph = [
        field(1, &node),
        field(2, b"relu"),
        field(11, &value(b"data")),
        field(12, &value(b"output")),
    ];
    let (ir_version, opset) = (vec![1 << 3, 8], field(8, &[2 << 3, 13]));
    let model = [ir_version, opset, field(7, &graph.concat())].concat();
    let reason = refusal(&model);
    assert!(reason.starts_with("its output is [1, 3, 64, 64] instead of [1, 84,"), "{reason}");
}

#[test]
fn labels_must_fit_the_network() {
    let folder = Folder::new();
    let network = folder.write("net.onnx", &built_in());
    let settings = |labels: &[u8]| InferSettings {
        labels: Some(folder.write("labels.txt", labels)),
        ..file(network.clone())
    };
    let failure = load(settings(b"person\ncar\n")).unwrap_err().to_string();
    assert!(failure.contains("it gives 112 columns, but 2 labels"), "{failure}");
    assert!(load(settings(&[0xff; 50])).is_err());
    let names: Vec<String> = (0..80).map(|n| format!("thing {n}")).collect();
    assert!(load(settings(names.join("\n").as_bytes())).is_ok());
}

#[test]
fn a_missing_file_and_an_endless_one_are_named() {
    let missing = load(file(PathBuf::from("/nonexistent/net.onnx"))).unwrap_err();
    assert_eq!(missing.to_string(), "cannot read the network /nonexistent/net.onnx");
    let endless = load(file(PathBuf::from("/dev/zero"))).unwrap_err();
    assert!(matches!(endless, InferError::Read { .. }), "{endless:?}");
}

#[test]
fn input_sizes_that_no_network_has_are_refused() {
    for input_px in [(0, 0), (100, 64), (64, 4_000_000_000), (1312, 64)] {
        let settings =
            InferSettings { model: ModelChoice::F32, input_px, ..InferSettings::default() };
        let failure = load(settings).unwrap_err().to_string();
        assert!(failure.contains("multiple of 32"), "{failure}");
    }
}

#[test]
fn the_faster_network_is_chosen_once_and_then_remembered() {
    let folder = Folder::new();
    let settings = InferSettings { input_px: INPUT_PX, ..InferSettings::default() };
    let because = || {
        let detector = infer::load(&settings, Some(folder.0.path()), &Clock::system()).unwrap();
        (detector.info().name.clone(), detector.info().chosen_because.clone())
    };
    let first = because();
    assert!(first.1.starts_with("int8 ") && first.1.ends_with(" ms on this machine"), "{first:?}");

    // What is remembered decides, not another timing.
    let path = folder.0.path().join("detector-choice.json");
    let mut known: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (f32_ms, name) in [(5.0, "nanodet-m float"), (9_000.0, "nanodet-m int8")] {
        known["f32_ms"] = f32_ms.into();
        known["int8_ms"] = 700.0.into();
        fs::write(&path, known.to_string()).unwrap();
        assert_eq!(
            because(),
            (name.to_owned(), format!("int8 700 ms, float {f32_ms} ms on this machine"))
        );
    }

    // A damaged memory is no memory.
    fs::write(&path, b"{\"key\"").unwrap();
    assert_ne!(because().1, "int8 700 ms, float 9000 ms on this machine");
    assert!(serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap()).is_ok());
}

#[test]
fn a_state_directory_that_cannot_be_written_costs_only_the_memory() {
    let settings = InferSettings { input_px: INPUT_PX, ..InferSettings::default() };
    let nowhere = Path::new("/proc/nowhere");
    assert!(infer::load(&settings, Some(nowhere), &Clock::system()).is_ok());
}
