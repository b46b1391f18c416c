//! When silence becomes a loss.
//!
//! A stopped camera keeps its connection open, and neither the kernel nor
//! GStreamer notices (measured: `rtspsrc` waits for ever on TCP). So every live
//! source has this timer. Never reads a clock.

use std::time::Duration;

/// Longest wait for the first two pictures: the negotiation, then up to one
/// interval between keyframes (10 s is the longest that cameras offer commonly).
/// The second is included because only then an interval is known; without it a
/// camera with one picture in five seconds would be lost for ever.
pub const FIRST_FRAMES_TIMEOUT: Duration = Duration::from_secs(10);

/// So many usual intervals without a picture are a stall.
const INTERVALS: u32 = 4;

/// Knows how often pictures come and tells when they no longer do.
#[derive(Clone, Debug)]
pub struct StallTimer {
    timeout: Duration,
    last: Duration,
    has_frame: bool,
    interval: Option<Duration>,
}

impl StallTimer {
    /// A timer for a session that begins `now`; `timeout` is the shortest silence
    /// that counts.
    pub fn new(timeout: Duration, now: Duration) -> Self {
        Self { timeout, last: now, has_frame: false, interval: None }
    }

    /// A picture came `now`.
    pub fn frame(&mut self, now: Duration) {
        if self.has_frame {
            let newest = now.saturating_sub(self.last);
            // Smoothed over about eight pictures: one hiccup is not a new pace.
            let smooth = |known: Duration| (known * 7 + newest) / 8;
            self.interval = Some(self.interval.map_or(newest, smooth));
        }
        self.has_frame = true;
        self.last = now;
    }

    /// The longest silence that is allowed at the moment.
    pub fn limit(&self) -> Duration {
        match self.interval {
            None => self.timeout.max(FIRST_FRAMES_TIMEOUT),
            Some(interval) => self.timeout.max(round_up(interval * INTERVALS)),
        }
    }

    /// The limit, if it has been exceeded.
    pub fn exceeded(&self, now: Duration) -> Option<Duration> {
        (now.saturating_sub(self.last) > self.limit()).then(|| self.limit())
    }

    /// Whether the silence has lasted twice the limit and a second: whoever should
    /// have acted on [`Self::exceeded`] does not come back from a call.
    pub fn is_far_exceeded(&self, now: Duration) -> bool {
        now.saturating_sub(self.last) > self.limit() * 2 + Duration::from_secs(1)
    }
}

/// To tenths of a second: the limit is told to people.
fn round_up(span: Duration) -> Duration {
    let tenths = u64::try_from(span.as_millis().div_ceil(100)).unwrap_or(u64::MAX / 100);
    Duration::from_millis(tenths * 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_millis(1500);

    fn fed(interval_ms: u64, frames: u64) -> (StallTimer, Duration) {
        let mut timer = StallTimer::new(TIMEOUT, Duration::ZERO);
        for frame in 0..frames {
            timer.frame(Duration::from_millis(frame * interval_ms));
        }
        (timer, Duration::from_millis((frames - 1) * interval_ms))
    }

    #[test]
    fn a_camera_that_falls_silent_is_named_after_the_timeout() {
        let (timer, last) = fed(100, 30);
        assert_eq!(timer.exceeded(last + TIMEOUT), None);
        assert_eq!(timer.exceeded(last + TIMEOUT + Duration::from_millis(1)), Some(TIMEOUT));
    }

    #[test]
    fn a_slow_camera_may_take_four_of_its_intervals() {
        let (timer, last) = fed(5_000, 3);
        assert_eq!(timer.exceeded(last + Duration::from_secs(20)), None);
        assert_eq!(timer.exceeded(last + Duration::from_secs(21)), Some(Duration::from_secs(20)));
    }

    #[test]
    fn the_first_pictures_may_take_as_long_as_a_keyframe_does() {
        let (timer, last) = fed(100, 1);
        assert_eq!(timer.exceeded(last + FIRST_FRAMES_TIMEOUT), None);
        assert!(timer.exceeded(last + FIRST_FRAMES_TIMEOUT * 2).is_some());
    }
}
