//! Where drivers put encoded frames, on whatever thread they come.

use std::sync::Arc;

use crate::domain::{EncodedFrame, FrameTap, SessionId};
use crate::rt::Clock;

/// Hands each encoded frame of one session to everyone who wants them. Cheap to
/// clone; never blocks.
#[derive(Clone)]
pub struct EncodedSink {
    session: SessionId,
    clock: Clock,
    taps: Arc<[Arc<dyn FrameTap>]>,
}

impl EncodedSink {
    pub(super) fn new(session: SessionId, clock: Clock, taps: &[Arc<dyn FrameTap>]) -> Self {
        Self { session, clock, taps: taps.into() }
    }

    /// The session this sink belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The clock frames are dated with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Whether anybody wants them now; otherwise they need not be made.
    pub fn is_wanted(&self) -> bool {
        self.taps.iter().any(|tap| tap.wants_encoded())
    }

    /// Here is the next one.
    pub fn push(&self, frame: EncodedFrame) {
        let frame = Arc::new(frame);
        for tap in self.taps.iter().filter(|tap| tap.wants_encoded()) {
            tap.offer_encoded(&frame);
        }
    }
}
