//! Inference: which objects are in a picture.
//!
//! Port: [`Detector`]; [`load`] makes one. The network, its pre- and
//! post-processing and its labels live below; nobody outside knows which engine
//! runs it.

mod choice;
pub mod input;
mod labels;
mod load;
pub mod output;
mod settings;
pub mod tract;

pub use load::load;
pub use settings::{InferSettings, ModelChoice};

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::domain::{Candidate, Frame};
use crate::health::{SpanFigures, Spans};

/// Finds objects in pictures. Shared by all inference workers.
pub trait Detector: Send + Sync {
    /// All objects above the configured weak threshold, best first, at most
    /// [`CANDIDATES_MAX`].
    ///
    /// # Errors
    /// When the network fails on this input.
    fn detect(&self, frame: &Frame) -> Result<Vec<Candidate>, InferError>;

    /// Which network this is and how it was chosen.
    fn info(&self) -> &DetectorInfo;
}

/// Most objects reported for one frame; the weakest go first. More than this is
/// noise or a crowd, and either way one event per object helps nobody.
pub const CANDIDATES_MAX: usize = 100;

/// What a detector is, for people.
#[derive(Clone, Debug, PartialEq)]
pub struct DetectorInfo {
    /// Network and precision, such as `nanodet-m int8`.
    pub name: String,
    /// Input width and height, pixels.
    pub input_px: (u32, u32),
    /// Why this one: the timing of both, or the configuration.
    pub chosen_because: String,
    /// Least score, 0..=1, of a candidate that counts on its own; weaker ones
    /// only carry on what is already followed.
    pub threshold: f32,
}

/// Why there are no detections.
#[derive(Debug, thiserror::Error)]
pub enum InferError {
    /// The network's file cannot be read.
    #[error("cannot read the network {path}")]
    Read {
        /// The file.
        path: String,
        /// The system's reason.
        #[source]
        source: std::io::Error,
    },
    /// The file is not a network that this detector can run.
    #[error("{name} is not a usable detection network: {reason}")]
    Unusable {
        /// File or built-in name.
        name: String,
        /// What is wrong: truncated, wrong shape, unknown operator.
        reason: String,
    },
    /// Running the network failed.
    #[error("inference failed: {0}")]
    Run(String),
}

impl InferError {
    /// What a person should do about it, in one sentence.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::Read { .. } => {
                "correct the path or its permissions, or remove `model` to use a built-in network"
            }
            Self::Unusable { .. } => {
                "give a NanoDet network in ONNX form with its label file, or use a built-in network"
            }
            Self::Run(_) => {
                "nothing if it was one frame; otherwise choose another network and report this message"
            }
        }
    }
}

/// How busy inference is. Counters only grow; readers take differences.
#[derive(Debug, Default)]
pub struct InferStats {
    inferences: AtomicU64,
    busy_us: AtomicU64,
    spans: Spans,
}

impl InferStats {
    /// One inference took `span`.
    pub fn record(&self, span: Duration) {
        self.inferences.fetch_add(1, Ordering::Relaxed);
        let us = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.busy_us.fetch_add(us, Ordering::Relaxed);
        self.spans.record(span);
    }

    /// How long one takes.
    pub fn spans(&self) -> SpanFigures {
        self.spans.figures()
    }

    /// Inferences so far, and the time they took together.
    pub fn totals(&self) -> (u64, Duration) {
        let busy = Duration::from_micros(self.busy_us.load(Ordering::Relaxed));
        (self.inferences.load(Ordering::Relaxed), busy)
    }
}
