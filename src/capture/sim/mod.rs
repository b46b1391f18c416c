//! A scripted camera: the same pictures in every run, and faults on request.
//!
//! Picture `n` depends on `n` alone ([`picture`]), and frames are dated `1/fps`
//! apart exactly, however late the thread is. Each session plays the script from
//! the beginning. Waits on `Stop` only.

pub(super) mod picture;

use std::time::Duration;

use super::stall::StallTimer;
use super::{CameraSettings, CaptureError, Driver, FrameSink, SimFault, Source};
use crate::domain::{Frame, FrameMeta};
use crate::rt::Stop;

/// Without a requested size: small enough for a test to run many cameras.
const SIZE_DEFAULT_PX: (u32, u32) = (640, 360);

/// Without a requested rate.
const FPS_DEFAULT: u32 = 10;

/// Fastest scripted rate, frames a second.
const FPS_MAX: u32 = 240;

/// The scripted camera.
pub struct SimDriver {
    size_px: (u32, u32),
    interval: Duration,
    faults: Vec<SimFault>,
    stall_timeout: Duration,
    source_name: String,
}

impl SimDriver {
    /// A camera as `settings` script it; a source that is no script plays the
    /// plain scene.
    pub fn new(settings: &CameraSettings) -> Self {
        let faults = match &settings.source {
            Source::Script(faults) => faults.clone(),
            _ => Vec::new(),
        };
        let fps = settings.fps.unwrap_or(FPS_DEFAULT).clamp(1, FPS_MAX);
        Self {
            size_px: settings.size_px.unwrap_or(SIZE_DEFAULT_PX),
            interval: Duration::from_secs(1) / fps,
            faults,
            stall_timeout: settings.stall_timeout,
            source_name: settings.source.describe(),
        }
    }

    fn reached(&self, sequence: u64, threshold: impl Fn(&SimFault) -> Option<u64>) -> bool {
        self.faults.iter().filter_map(threshold).any(|after| sequence >= after)
    }

    fn is_disconnected(&self, sequence: u64) -> bool {
        self.reached(sequence, |fault| match fault {
            SimFault::DisconnectAfter(after) => Some(*after),
            _ => None,
        })
    }

    fn is_stalled(&self, sequence: u64) -> bool {
        self.reached(sequence, |fault| match fault {
            SimFault::StallAfter(after) => Some(*after),
            _ => None,
        })
    }

    fn is_corrupt(&self, sequence: u64) -> bool {
        self.reached(sequence, |fault| match fault {
            SimFault::CorruptAfter(after) => Some(*after),
            _ => None,
        })
    }

    /// Which picture is shown at `sequence`: a frozen encoder repeats its last.
    fn shown(&self, sequence: u64) -> u64 {
        let freeze = |fault: &SimFault| match fault {
            SimFault::FreezeAfter(after) => Some(after.saturating_sub(1)),
            _ => None,
        };
        self.faults.iter().filter_map(freeze).fold(sequence, u64::min)
    }

    fn frame(&self, meta: FrameMeta) -> Result<Frame, CaptureError> {
        let sequence = meta.sequence;
        let picture = if self.is_corrupt(sequence) {
            picture::noise(meta, self.size_px)
        } else {
            let shown = self.shown(sequence);
            picture::scene(meta, self.size_px, shown)
        };
        picture.map_err(|error| CaptureError::Format {
            source_name: self.source_name.clone(),
            reason: error.to_string(),
        })
    }

    /// Silent like a hung camera, until our own timer gives up on it.
    fn stall(&self, mut timer: StallTimer, frames: &FrameSink, stop: &Stop) -> CaptureError {
        timer.frame(frames.clock().monotonic());
        loop {
            let waited = timer.limit();
            if stop.wait(waited) || timer.exceeded(frames.clock().monotonic()).is_some() {
                return CaptureError::Stalled { waited };
            }
            stop.wait(Duration::from_millis(1));
        }
    }
}

impl Driver for SimDriver {
    fn run(&mut self, frames: &FrameSink, stop: &Stop) -> Result<(), CaptureError> {
        let clock = frames.clock().clone();
        let (began_mono, began_at) = (clock.monotonic(), clock.now());
        let mut timer = StallTimer::new(self.stall_timeout, began_mono);
        for sequence in 0.. {
            let due = self.interval * u32::try_from(sequence).unwrap_or(u32::MAX);
            let wait = (began_mono + due).saturating_sub(clock.monotonic()).min(self.interval);
            if stop.wait(wait) {
                break;
            }
            if self.is_disconnected(sequence) {
                return Err(CaptureError::Ended { source_name: self.source_name.clone() });
            }
            if self.is_stalled(sequence) {
                return match self.stall(timer, frames, stop) {
                    _ if stop.is_set() => Ok(()),
                    stalled => Err(stalled),
                };
            }
            frames.push(self.frame(FrameMeta {
                camera: frames.camera().clone(),
                session: frames.session(),
                sequence,
                captured_at: began_at.after(due),
                captured_mono: began_mono + due,
            })?);
            timer.frame(clock.monotonic());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
