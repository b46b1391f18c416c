//! Where drivers put frames.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::domain::{CameraId, Frame, FrameTap, SessionId};
use crate::health::Counter;
use crate::rt::Clock;

type OnFirst = Box<dyn Fn(&Arc<Frame>, Option<&str>) + Send + Sync>;

/// Hands each frame of one session to everyone who looks at the camera, in
/// order, and counts. Never blocks.
pub struct FrameSink {
    camera: CameraId,
    session: SessionId,
    clock: Clock,
    taps: Vec<Arc<dyn FrameTap>>,
    frames: AtomicU64,
    last_frame_ms: AtomicU64,
    dropped: Counter,
    model: OnceLock<String>,
    on_first: OnFirst,
}

impl FrameSink {
    /// A sink for one session. `on_first` is called with the first frame and the
    /// name the camera gave itself, before the taps see that frame.
    pub fn new(
        camera: CameraId,
        session: SessionId,
        clock: Clock,
        taps: Vec<Arc<dyn FrameTap>>,
        on_first: impl Fn(&Arc<Frame>, Option<&str>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            camera,
            session,
            clock,
            taps,
            frames: AtomicU64::new(0),
            last_frame_ms: AtomicU64::new(0),
            dropped: Counter::default(),
            model: OnceLock::new(),
            on_first: Box::new(on_first),
        }
    }

    /// The same sink, adding what the driver drops to `counter`.
    #[must_use]
    pub fn counting_drops(self, counter: Counter) -> Self {
        Self { dropped: counter, ..self }
    }

    /// The camera this sink belongs to.
    pub fn camera(&self) -> &CameraId {
        &self.camera
    }

    /// The session this sink belongs to.
    pub fn session(&self) -> SessionId {
        self.session
    }

    /// The clock frames are dated with.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// This is what the camera calls itself; known before the first frame or not
    /// at all. The first name stays.
    pub fn identify(&self, model: impl Into<String>) {
        let _ = self.model.set(model.into());
    }

    /// The driver had to drop `frames` pictures: they were damaged, or it was
    /// behind.
    pub fn add_dropped(&self, frames: u64) {
        self.dropped.add(frames);
    }

    /// Here is the next frame.
    pub fn push(&self, frame: Frame) {
        let frame = Arc::new(frame);
        let now_ms = u64::try_from(self.clock.monotonic().as_millis()).unwrap_or(u64::MAX);
        self.last_frame_ms.store(now_ms, Ordering::Relaxed);
        if self.frames.fetch_add(1, Ordering::Relaxed) == 0 {
            (self.on_first)(&frame, self.model.get().map(String::as_str));
        }
        for tap in &self.taps {
            tap.offer(&frame);
        }
    }

    /// Frames so far in this session.
    pub fn frames(&self) -> u64 {
        self.frames.load(Ordering::Relaxed)
    }

    /// Monotonic time of the last frame; zero before the first.
    pub fn last_frame(&self) -> Duration {
        Duration::from_millis(self.last_frame_ms.load(Ordering::Relaxed))
    }
}
