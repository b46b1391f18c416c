//! Which frames of a camera are looked at when it delivers more than is wanted.
//!
//! Decided by capture time alone, so it does not depend on how busy the box is.

use std::time::Duration;

/// Slowest and fastest rate, frames per second; settings outside are clipped.
const FPS_MIN: f32 = 0.01;
const FPS_MAX: f32 = 240.0;

/// Lets through at most so many frames a second, evenly spread.
#[derive(Debug)]
pub struct Pace {
    interval: Duration,
    due: Option<Duration>,
}

impl Pace {
    /// At most `fps` frames a second; a value that is not a number means
    /// one a second.
    pub fn new(fps: f32) -> Self {
        let fps = if fps.is_nan() { 1.0 } else { fps.clamp(FPS_MIN, FPS_MAX) };
        Self { interval: Duration::from_secs_f32(1.0 / fps), due: None }
    }

    /// Whether the frame taken at `at` is looked at.
    pub fn accepts(&mut self, at: Duration) -> bool {
        // A tenth of the interval is forgiven, or a camera with jitter would lose
        // every second frame at exactly its own rate.
        let is_early = |due: Duration| at + self.interval / 10 < due;
        // Far too early means another time line: a new session, footage that
        // began again.
        let is_other_time = |due: Duration| at + self.interval * 2 < due;
        if self.due.is_some_and(|due| is_early(due) && !is_other_time(due)) {
            return false;
        }
        let late_by = self.due.and_then(|due| at.checked_sub(due));
        self.due = match (self.due, late_by) {
            // In step: keep the rhythm, so that errors do not add up.
            (Some(due), Some(late)) if late < self.interval => Some(due + self.interval),
            (Some(due), None) if !is_other_time(due) => Some(due + self.interval),
            _ => Some(at + self.interval),
        };
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(fps: f32, times_ms: impl IntoIterator<Item = u64>) -> Vec<u64> {
        let mut pace = Pace::new(fps);
        times_ms.into_iter().filter(|ms| pace.accepts(Duration::from_millis(*ms))).collect()
    }

    #[test]
    fn thirty_frames_a_second_become_five_evenly() {
        let times = (0..300).map(|n| n * 1_000 / 30);
        assert_eq!(accepted(5.0, times).len(), 50);
    }

    #[test]
    fn a_camera_with_jitter_at_its_own_rate_loses_nothing() {
        let times: Vec<u64> = (0..100).map(|n| n * 200 + [0, 7, 3, 12][n as usize % 4]).collect();
        assert_eq!(accepted(5.0, times.clone()), times);
    }

    #[test]
    fn after_a_pause_or_on_a_new_time_line_the_next_frame_is_taken() {
        assert_eq!(accepted(2.0, [0, 100, 10_000, 10_100, 10_500]), [0, 10_000, 10_500]);
        assert_eq!(accepted(2.0, [60_000, 60_100, 0, 100, 500]), [60_000, 0, 500]);
    }

    #[test]
    fn absurd_rates_do_not_divide_by_zero() {
        for fps in [0.0, -3.0, f32::NAN, f32::INFINITY] {
            assert_eq!(accepted(fps, [0])[..], [0]);
        }
    }
}
