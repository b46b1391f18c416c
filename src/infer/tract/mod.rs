//! A detector that runs on tract, on the processor.
//!
//! Shared by all workers. Each call borrows a session (run state, input tensor
//! and scaling tables) from a pool that never grows beyond the number of calls at
//! the same time. With one session and 416x320 the float network keeps 32 MiB
//! resident, the 8 bit one 22 MiB (`benches/detect.rs`). A panic inside the
//! engine ends that session and is an error of that frame, never of the daemon.

mod network;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

pub use network::{Network, Session};

use super::input::{Fit, Preparer};
use super::output::{self, EDGE_COLUMNS};
use super::{Detector, DetectorInfo, InferError};
use crate::domain::{Candidate, Frame, Label};
use crate::rt::panic_message;

/// A network with its labels and thresholds.
pub struct TractDetector {
    network: Network,
    labels: Vec<Label>,
    weak_threshold: f32,
    info: DetectorInfo,
    idle: Mutex<Vec<Runner>>,
}

struct Runner {
    session: Session,
    preparer: Preparer,
}

impl TractDetector {
    /// A detector from its parts.
    ///
    /// # Errors
    /// When the network has not as many columns as `labels` demand.
    pub fn new(
        network: Network,
        labels: Vec<Label>,
        weak_threshold: f32,
        info: DetectorInfo,
    ) -> Result<Self, InferError> {
        let (has, needs) = (network.columns(), labels.len() + EDGE_COLUMNS);
        if has != needs {
            let reason = format!(
                "it gives {has} columns, but {} labels and {EDGE_COLUMNS} edge columns make {needs}; \
                 the label file must name every class",
                labels.len()
            );
            return Err(InferError::Unusable { name: info.name, reason });
        }
        Ok(Self { network, labels, weak_threshold, info, idle: Mutex::default() })
    }

    fn run(&self, runner: &mut Runner, frame: &Frame) -> Result<Vec<Candidate>, InferError> {
        let Runner { session, preparer } = runner;
        let input_px = self.info.input_px;
        let mut fit = Fit { picture_px: (1.0, 1.0) };
        session.run(|tensor| fit = preparer.fill(frame, input_px, tensor))?;
        session.output(|rows| {
            output::candidates(rows, &self.labels, input_px, fit, self.weak_threshold)
        })
    }

    fn borrow(&self) -> Result<Runner, InferError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(runner) => Ok(runner),
            None => Ok(Runner { session: self.network.session()?, preparer: Preparer::default() }),
        }
    }
}

impl Detector for TractDetector {
    fn detect(&self, frame: &Frame) -> Result<Vec<Candidate>, InferError> {
        let mut runner = self.borrow()?;
        let result = catch_unwind(AssertUnwindSafe(|| self.run(&mut runner, frame)))
            .map_err(|panic| InferError::Run(panic_message(panic.as_ref()).to_owned()))?;
        if result.is_ok() {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(runner);
        }
        result
    }

    fn info(&self) -> &DetectorInfo {
        &self.info
    }
}
