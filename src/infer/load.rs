//! Makes the detector that the settings ask for.
//!
//! `Auto` times both built-in networks once per machine, keeps the faster and
//! says so. Takes about half a second, at first start some seconds; meant for a
//! thread of its own.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::choice::{Key, Timing};
use super::tract::{Network, TractDetector};
use super::{Detector, DetectorInfo, InferError, InferSettings, ModelChoice, labels};
use crate::rt::Clock;

/// NanoDet-m with 32 bit floats; `models/PROVENANCE.md` tells where it comes from.
const F32: BuiltIn =
    BuiltIn { name: "nanodet-m float", bytes: include_bytes!("models/nanodet-m.f32.onnx") };
/// The same, its dense convolutions in 8 bit.
const INT8: BuiltIn =
    BuiltIn { name: "nanodet-m int8", bytes: include_bytes!("models/nanodet-m.int8.onnx") };

/// Largest network from a file, in bytes: sixteen times the built-in one.
const MODEL_FILE_MAX: u64 = 64 * 1024 * 1024;
/// Runs before the clock counts: caches, frequency, lazily packed weights.
const WARM_UP_RUNS: usize = 2;
/// Runs that are timed; the fastest counts, because everything else on the
/// machine can only make a run slower.
const TIMED_RUNS: usize = 5;

struct BuiltIn {
    name: &'static str,
    bytes: &'static [u8],
}

/// The detector of `settings`. `state_dir` is where the choice between the
/// built-in networks is remembered; without one it is made at every start.
///
/// # Errors
/// When a file cannot be read or is not a usable network.
pub fn load(
    settings: &InferSettings,
    state_dir: Option<&Path>,
    clock: &Clock,
) -> Result<Arc<dyn Detector>, InferError> {
    let detector = match &settings.model {
        ModelChoice::Auto => automatic(settings, state_dir, clock)?,
        ModelChoice::F32 => built_in(&F32, "the configuration asks for it".to_owned(), settings)?,
        ModelChoice::Int8 => built_in(&INT8, "the configuration asks for it".to_owned(), settings)?,
        ModelChoice::File(path) => from_file(path, settings)?,
    };
    let DetectorInfo { name, input_px: (width, height), chosen_because, .. } = detector.info();
    let (name, chosen_because) = (name.as_str(), chosen_because.as_str());
    info!(name, width, height, chosen_because; "The detector is ready.");
    Ok(Arc::new(detector))
}

/// At most `limit` bytes of a file; a longer one is an error.
pub(super) fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, InferError> {
    let failed = |source| InferError::Read { path: path.display().to_string(), source };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(limit + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > limit {
        let reason = format!("it is larger than {limit} bytes");
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, reason)));
    }
    Ok(bytes)
}

fn from_file(path: &Path, settings: &InferSettings) -> Result<TractDetector, InferError> {
    let name = path.display().to_string();
    let network = Network::parse(&name, &read_bounded(path, MODEL_FILE_MAX)?, settings.input_px)?;
    let labels = match &settings.labels {
        Some(path) => labels::from_file(path)?,
        None => labels::coco(),
    };
    let info = info(&name, "the configuration names this file".to_owned(), settings);
    TractDetector::new(network, labels, settings.weak_threshold, info)
}

fn built_in(
    model: &BuiltIn,
    because: String,
    settings: &InferSettings,
) -> Result<TractDetector, InferError> {
    let network = Network::parse(model.name, model.bytes, settings.input_px)?;
    let info = info(model.name, because, settings);
    TractDetector::new(network, labels::coco(), settings.weak_threshold, info)
}

fn automatic(
    settings: &InferSettings,
    state_dir: Option<&Path>,
    clock: &Clock,
) -> Result<TractDetector, InferError> {
    let key = Key::here(settings.input_px);
    if let Some(timing) = state_dir.and_then(|dir| Timing::recall(dir, &key)) {
        let model = if timing.is_int8_faster() { &INT8 } else { &F32 };
        return built_in(model, because(&timing), settings);
    }
    // One after the other and each let go again, so that a small board never
    // holds both; loading the winner once more takes a fraction of a second.
    let f32_ms = timed(&F32, settings, clock)?;
    let int8_ms = timed(&INT8, settings, clock)?;
    let timing = Timing { key, f32_ms, int8_ms };
    if let Some(Err(error)) = state_dir.map(|dir| timing.remember(dir)) {
        warn!(error:% = error; "The choice of the network cannot be remembered; the next start makes it again.");
    }
    let model = if timing.is_int8_faster() { &INT8 } else { &F32 };
    built_in(model, because(&timing), settings)
}

/// Milliseconds per frame.
fn timed(model: &BuiltIn, settings: &InferSettings, clock: &Clock) -> Result<f64, InferError> {
    let network = Network::parse(model.name, model.bytes, settings.input_px)?;
    let mut session = network.session()?;
    let mut fastest = Duration::MAX;
    for run in 0..WARM_UP_RUNS + TIMED_RUNS {
        let start = clock.monotonic();
        session.run(|_| ())?;
        if run >= WARM_UP_RUNS {
            fastest = fastest.min(clock.monotonic() - start);
        }
    }
    // A clock that does not move (tests) must not give a time of zero.
    Ok(fastest.as_secs_f64().max(1e-6) * 1e3)
}

fn because(timing: &Timing) -> String {
    format!("int8 {:.0} ms, float {:.0} ms on this machine", timing.int8_ms, timing.f32_ms)
}

fn info(name: &str, chosen_because: String, settings: &InferSettings) -> DetectorInfo {
    DetectorInfo {
        name: name.to_owned(),
        input_px: settings.input_px,
        chosen_because,
        threshold: settings.threshold,
    }
}
