//! One camera on its way to its recording: a bounded queue of encoded frames.
//!
//! Filled by the camera's thread, emptied by the writer; both hold the lock for
//! moments. When the disk is too slow the queue fills up; then the newest frames are
//! dropped and counted until a keyframe finds room again. The frames are those of
//! the pre-roll, so what waits for moments costs no memory of its own.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::domain::{EncodedFrame, Frame, FrameTap};
use crate::health::Counter;
use crate::rt::Clock;

/// Frames that wait, whatever their size: eight seconds of 60 a second.
const WAITING_MAX: usize = 512;

/// Without a frame for this long there is no stream, and its segment ends.
const SILENCE: Duration = Duration::from_secs(5);

/// One camera.
pub(super) struct Lane {
    clock: Clock,
    dropped: Counter,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    is_on: bool,
    bytes_max: u64,
    waiting: Vec<Waiting>,
    bytes: u64,
    /// Frames were dropped; only a keyframe goes on.
    is_broken: bool,
    /// When the latest frame came.
    arrived: Option<Duration>,
}

/// A frame that waits.
pub(super) struct Waiting {
    pub frame: Arc<EncodedFrame>,
    /// Frames before it are missing.
    pub after_loss: bool,
}

/// What the writer gets.
pub(super) struct Batch {
    pub frames: Vec<Waiting>,
    /// No more will follow for now.
    pub is_over: bool,
}

impl Lane {
    pub fn new(clock: Clock, dropped: Counter) -> Self {
        Self { clock, dropped, state: Mutex::default() }
    }

    /// Whether the camera is recorded from now on.
    pub fn set_on(&self, is_on: bool) {
        self.lock().is_on = is_on;
    }

    /// Whether it is to be recorded.
    pub fn is_on(&self) -> bool {
        self.lock().is_on
    }

    /// Whether it is to be recorded, and sends something that can be.
    pub fn is_live(&self) -> bool {
        let now = self.clock.monotonic();
        let state = self.lock();
        state.is_on && !state.is_silent(now)
    }

    /// How many bytes of video may wait.
    pub fn set_bytes_max(&self, bytes: u64) {
        self.lock().bytes_max = bytes;
    }

    /// What waits.
    pub fn take(&self) -> Batch {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        state.bytes = 0;
        let is_over = !state.is_on || state.is_silent(now);
        Batch { frames: std::mem::take(&mut state.waiting), is_over }
    }

    /// Frames that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.value()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_silent(&self, now: Duration) -> bool {
        self.arrived.is_none_or(|arrived| now.saturating_sub(arrived) >= SILENCE)
    }

    /// A single frame always fits.
    fn has_room(&self, bytes: u64) -> bool {
        self.waiting.is_empty()
            || (self.waiting.len() < WAITING_MAX && self.bytes + bytes <= self.bytes_max)
    }
}

impl FrameTap for Lane {
    fn offer(&self, _: &Arc<Frame>) {}

    fn wants_encoded(&self) -> bool {
        self.lock().is_on
    }

    fn offer_encoded(&self, frame: &Arc<EncodedFrame>) {
        let now = self.clock.monotonic();
        let mut state = self.lock();
        if !state.is_on {
            return;
        }
        state.arrived = Some(now);
        let bytes = frame.data.len() as u64;
        let after_loss = state.is_broken;
        state.is_broken = (after_loss && !frame.is_keyframe) || !state.has_room(bytes);
        if state.is_broken {
            drop(state);
            return self.dropped.inc();
        }
        state.bytes += bytes;
        state.waiting.push(Waiting { frame: Arc::clone(frame), after_loss });
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::clip_testing::keyframe_every;
    use super::*;
    use crate::domain::Timestamp;

    #[test]
    fn what_does_not_fit_is_dropped_up_to_the_next_keyframe_and_counted() {
        let lane = Lane::new(Clock::manual(Timestamp::default()), Counter::default());
        lane.set_on(true);
        lane.set_bytes_max(1_500);
        (0..25).for_each(|number| lane.offer_encoded(&keyframe_every(10, number)));
        assert_eq!(lane.take().frames.len(), 15);
        (25..40).for_each(|number| lane.offer_encoded(&keyframe_every(10, number)));
        let batch = lane.take();
        assert_eq!(batch.frames.len(), 10, "from 30 on");
        let marks: Vec<_> = batch.frames.iter().map(|waiting| waiting.after_loss).collect();
        assert_eq!(marks[..3], [true, false, false]);
        assert_eq!(lane.dropped(), 15);
    }

    #[test]
    fn a_stream_is_over_when_nothing_comes_or_nothing_is_wanted() {
        let clock = Clock::manual(Timestamp::default());
        let lane = Lane::new(clock.clone(), Counter::default());
        lane.set_on(true);
        assert!(!lane.is_live(), "nothing came yet");
        lane.offer_encoded(&keyframe_every(10, 0));
        assert!(!lane.take().is_over && lane.is_live());
        clock.advance(SILENCE);
        assert!(lane.take().is_over && !lane.is_live());
        lane.offer_encoded(&keyframe_every(10, 1));
        lane.set_on(false);
        lane.offer_encoded(&keyframe_every(10, 2));
        let batch = lane.take();
        assert!(batch.is_over && batch.frames.len() == 1 && !lane.wants_encoded());
    }
}
