//! What a camera delivers: how much, how often, since when not.
//!
//! Looks at each frame of the camera as its first tap and keeps numbers only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::stall::StallTimer;
use crate::domain::{Frame, FrameTap, Timestamp};
use crate::health::Counter;
use crate::rt::Clock;

/// The rate is that of so many turns of the watch, so of about five seconds:
/// short enough to follow a change, long enough for a camera with 1 fps.
const RATE_TURNS: usize = 5;

/// The numbers of one camera.
pub(super) struct CameraStats {
    clock: Clock,
    counter: Counter,
    stall_timeout: Duration,
    seen: Mutex<Seen>,
}

struct Seen {
    frames: u64,
    last_at: Option<Timestamp>,
    size_px: Option<(u32, u32)>,
    /// Set while a session runs.
    timer: Option<StallTimer>,
    /// Monotonic time and count at the latest turns, oldest first; at most
    /// [`RATE_TURNS`] + 1.
    turns: VecDeque<(Duration, u64)>,
}

/// One look at a camera.
#[derive(Debug, PartialEq)]
pub(super) struct Snapshot {
    /// Frames a second over the last turns.
    pub fps: f32,
    /// Capture time of the latest frame.
    pub last_at: Option<Timestamp>,
    /// Size of the latest frame.
    pub size_px: Option<(u32, u32)>,
    /// Silent for so long that the driver's own timer must have failed.
    pub is_hung: bool,
}

impl CameraStats {
    pub(super) fn new(clock: Clock, counter: Counter, stall_timeout: Duration) -> Self {
        let seen = Seen {
            frames: 0,
            last_at: None,
            size_px: None,
            timer: None,
            turns: VecDeque::with_capacity(RATE_TURNS + 1),
        };
        Self { clock, counter, stall_timeout, seen: Mutex::new(seen) }
    }

    /// A session begins.
    pub(super) fn begin(&self) {
        let timer = StallTimer::new(self.stall_timeout, self.clock.monotonic());
        self.lock().timer = Some(timer);
    }

    /// No frames come for a while, as they should not.
    pub(super) fn rest(&self) {
        self.lock().timer = None;
    }

    /// The session is over.
    pub(super) fn end(&self) {
        let mut seen = self.lock();
        seen.timer = None;
        seen.turns.clear();
    }

    /// Takes a look; called once per turn of the watch.
    pub(super) fn look(&self) -> Snapshot {
        let now = self.clock.monotonic();
        let mut seen = self.lock();
        let frames = seen.frames;
        seen.turns.push_back((now, frames));
        if seen.turns.len() > RATE_TURNS + 1 {
            seen.turns.pop_front();
        }
        Snapshot {
            fps: rate(&seen.turns),
            last_at: seen.last_at,
            size_px: seen.size_px,
            is_hung: seen.timer.as_ref().is_some_and(|timer| timer.is_far_exceeded(now)),
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FrameTap for CameraStats {
    fn offer(&self, frame: &Arc<Frame>) {
        self.counter.inc();
        let now = self.clock.monotonic();
        let mut seen = self.lock();
        seen.frames += 1;
        seen.last_at = Some(frame.meta.captured_at);
        seen.size_px = Some((frame.width_px(), frame.height_px()));
        if let Some(timer) = &mut seen.timer {
            timer.frame(now);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(turns: &VecDeque<(Duration, u64)>) -> f32 {
    let (Some((from, before)), Some((to, after))) = (turns.front(), turns.back()) else {
        return 0.0;
    };
    let span = to.saturating_sub(*from).as_secs_f32();
    if span > 0.0 { after.saturating_sub(*before) as f32 / span } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::super::sim::picture;
    use super::*;

    fn stats() -> (Clock, CameraStats) {
        let clock = Clock::manual(Timestamp::from_unix_ms(1_000));
        let stats =
            CameraStats::new(clock.clone(), Counter::default(), Duration::from_millis(1500));
        (clock, stats)
    }

    fn play(clock: &Clock, stats: &CameraStats, frames: u32, interval_ms: u64) {
        for _ in 0..frames {
            clock.advance(Duration::from_millis(interval_ms));
            stats.offer(&Arc::new(picture::for_tests(0)));
        }
    }

    #[test]
    fn the_rate_is_that_of_the_last_seconds() {
        let (clock, stats) = stats();
        stats.begin();
        assert_eq!(stats.look().fps, 0.0);
        for _ in 0..10 {
            play(&clock, &stats, 25, 40);
            stats.look();
        }
        assert_eq!(stats.look().fps, 25.0);
        for _ in 0..6 {
            play(&clock, &stats, 5, 200);
            stats.look();
        }
        assert_eq!(stats.look().fps, 5.0);
        stats.end();
        assert_eq!(stats.look().fps, 0.0);
    }

    #[test]
    fn a_driver_that_does_not_report_its_own_stall_is_hung() {
        let (clock, stats) = stats();
        stats.begin();
        play(&clock, &stats, 20, 40);
        clock.advance(Duration::from_millis(1500));
        assert!(!stats.look().is_hung, "the driver may still report it");
        clock.advance(Duration::from_secs(3));
        assert!(stats.look().is_hung);
        stats.end();
        assert!(!stats.look().is_hung, "nobody waits for frames between sessions");
    }
}
