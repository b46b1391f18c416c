//! Where drivers put frames.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::{Decoding, EncodedSink};
use crate::domain::{CameraId, Frame, FrameTap, SessionId};
use crate::health::Counter;
use crate::rt::Clock;

type OnFirst = Box<dyn Fn(Option<&Frame>, Option<&str>) + Send + Sync>;
type OnDecoding = Box<dyn Fn(Decoding) + Send + Sync>;
type OnRest = Box<dyn Fn(Rest) + Send + Sync>;

/// Why no frames come although nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// They come.
    Awake,
    /// Just now: a long exposure, a large transfer.
    Brief,
    /// Until somebody changes it; in words, for health.
    Blind(&'static str),
}

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
    is_announced: AtomicBool,
    on_first: OnFirst,
    on_rest: Option<OnRest>,
    on_decoding: Option<OnDecoding>,
}

impl FrameSink {
    /// A sink for one session. `on_first` is called once, with the name the camera
    /// gave itself: before the taps see the first frame, or without a frame when
    /// the driver says that it is connected.
    pub fn new(
        camera: CameraId,
        session: SessionId,
        clock: Clock,
        taps: Vec<Arc<dyn FrameTap>>,
        on_first: impl Fn(Option<&Frame>, Option<&str>) + Send + Sync + 'static,
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
            is_announced: AtomicBool::new(false),
            on_first: Box::new(on_first),
            on_rest: None,
            on_decoding: None,
        }
    }

    /// The same sink, adding what the driver drops to `counter`.
    #[must_use]
    pub fn counting_drops(self, counter: Counter) -> Self {
        Self { dropped: counter, ..self }
    }

    /// The same sink, calling `on_rest` when the driver pauses and goes on.
    #[must_use]
    pub fn resting_with(self, on_rest: impl Fn(Rest) + Send + Sync + 'static) -> Self {
        Self { on_rest: Some(Box::new(on_rest)), ..self }
    }

    /// The same sink, calling `on_decoding` when the driver knows its decoder.
    #[must_use]
    pub fn decoding_with(self, on_decoding: impl Fn(Decoding) + Send + Sync + 'static) -> Self {
        Self { on_decoding: Some(Box::new(on_decoding)), ..self }
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

    /// Where encoded frames go.
    pub fn encoded(&self) -> EncodedSink {
        EncodedSink::new(self.session, self.clock.clone(), &self.taps)
    }

    /// This is what the camera calls itself; known before the first frame or not
    /// at all. The first name stays.
    pub fn identify(&self, model: impl Into<String>) {
        let _ = self.model.set(model.into());
    }

    /// This decodes the camera's stream; said before the first frame.
    pub fn decoded_by(&self, decoding: Decoding) {
        if let Some(on_decoding) = &self.on_decoding {
            on_decoding(decoding);
        }
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
        self.frames.fetch_add(1, Ordering::Relaxed);
        self.announce(Some(&frame));
        for tap in &self.taps {
            tap.offer(&frame);
        }
    }

    /// There is a session, though frames may not come before somebody asks for
    /// them. Without this the first frame says so.
    pub fn connected(&self) {
        self.announce(None);
    }

    /// No frames come for a while, or they do again; nobody is to call it a stall.
    pub fn rest(&self, rest: Rest) {
        if let Some(on_rest) = &self.on_rest {
            on_rest(rest);
        }
    }

    /// Whether there was a session.
    pub fn was_established(&self) -> bool {
        self.is_announced.load(Ordering::Relaxed)
    }

    fn announce(&self, first: Option<&Frame>) {
        if !self.is_announced.swap(true, Ordering::Relaxed) {
            (self.on_first)(first, self.model.get().map(String::as_str));
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
