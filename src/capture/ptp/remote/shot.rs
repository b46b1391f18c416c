//! One press of the shutter, from the half press to the file.
//!
//! The keys are those of the body: half press (0xD2C1), shutter (0xD2C2). The half
//! press is held until the still is here, so that the focus is reported as
//! released last. Between focus and file the session goes on as usual.

use std::time::Duration;

use super::super::gphoto::{GpError, Value};
use super::Remote;
use crate::capture::control::ControlError;
use crate::capture::{CaptureError, Rest};
use crate::domain::AfState;

/// Longest wait for the focus, as libgphoto2 waits.
const FOCUS_LIMIT: Duration = Duration::from_secs(1);

/// How long the shutter is held at most.
const PRESS: Duration = Duration::from_millis(500);

/// Longest wait for the still: 30 s is the longest exposure but bulb.
const STILL_LIMIT: Duration = Duration::from_secs(35);

/// The same when the still stays on the card and only the shutter is awaited.
const CARD_LIMIT: Duration = Duration::from_secs(3);

/// One look at the camera's events while a key is held.
const GLANCE: Duration = Duration::from_millis(20);

/// What is known of the shot that is under way.
#[derive(Default)]
pub(super) struct Shot {
    /// Until when it may take; none while there is no shot.
    until: Option<Duration>,
    /// The shutter has fired.
    pub is_captured: bool,
    /// Its file is here.
    pub has_file: bool,
    /// The shutter was told of before its file came.
    pub awaits_file: bool,
    /// The latest sign of a capture.
    pub last_sign: Option<Duration>,
}

impl Shot {
    pub(super) fn is_running(&self) -> bool {
        self.until.is_some()
    }

    /// Whether only the card will tell of it.
    pub(super) fn is_for_card(&self) -> bool {
        self.is_running() && !self.is_captured
    }
}

impl Remote<'_> {
    /// Focus, shutter, and up again; the file comes later.
    pub(super) fn shoot(&mut self) -> Result<(), ControlError> {
        self.begin_shot();
        let pressed = self.press_through();
        if pressed.is_err() {
            self.end_shot();
        }
        pressed
    }

    fn press_through(&mut self) -> Result<(), ControlError> {
        self.key("autofocus", true)?;
        if !self.table.is_manual_focus() {
            self.watch(FOCUS_LIMIT, |remote| remote.af == AfState::Focused)?;
        }
        self.key("capture", true)?;
        self.watch(PRESS, |remote| remote.shot.is_captured)?;
        self.key("capture", false)
    }

    /// Half a press: focus, and release.
    pub(super) fn half_press(&mut self) -> Result<(), ControlError> {
        self.key("autofocus", true)?;
        let focused = self.watch(FOCUS_LIMIT, |remote| remote.af == AfState::Focused);
        self.key("autofocus", false)?;
        focused?;
        self.stale();
        Ok(())
    }

    /// The shutter goes down and stays there.
    pub(super) fn press(&mut self) -> Result<(), ControlError> {
        self.begin_shot();
        // As long as the finger stays: bulb, a burst.
        self.shot.until = Some(Duration::MAX);
        self.key("autofocus", true)?;
        self.key("capture", true)
    }

    /// The shutter goes up.
    pub(super) fn release(&mut self) -> Result<(), ControlError> {
        let released = self.key("capture", false);
        self.shot.until = Some(self.clock.monotonic() + self.patience());
        self.finish_shot();
        released
    }

    /// Ends a shot that is over, or that takes too long.
    pub(super) fn finish_shot(&mut self) {
        let Some(until) = self.shot.until else { return };
        let is_done = until != Duration::MAX
            && self.shot.is_captured
            && (self.shot.has_file || !self.table.sends_stills());
        if is_done || self.clock.monotonic() >= until {
            self.end_shot();
        }
    }

    fn begin_shot(&mut self) {
        let until = Some(self.clock.monotonic() + self.patience());
        self.shot = Shot { until, ..Shot::default() };
        // A long exposure has no live picture.
        self.pause_live(Rest::Brief);
    }

    fn end_shot(&mut self) {
        self.shot.until = None;
        // The camera may have been lost in the meantime; the next event tells.
        let _ = self.key("autofocus", false);
        self.pause_live(Rest::Awake);
        self.stale();
    }

    fn patience(&self) -> Duration {
        if self.table.sends_stills() { STILL_LIMIT } else { CARD_LIMIT }
    }

    /// Holds a key or lets it go.
    fn key(&mut self, name: &str, is_down: bool) -> Result<(), ControlError> {
        let pressed = self.camera.set(name, &Value::Switch(is_down));
        pressed.map_err(|error| refusal("press the shutter", &error))
    }

    /// Hears the camera's events until `is_done`, for at most `limit`.
    fn watch(
        &mut self,
        limit: Duration,
        is_done: impl Fn(&Self) -> bool,
    ) -> Result<(), ControlError> {
        let until = self.clock.monotonic() + limit;
        while !is_done(self) && self.clock.monotonic() < until && !self.stop.is_set() {
            if let Err(lost) = self.event(GLANCE) {
                return Err(self.lose(lost));
            }
        }
        Ok(())
    }

    /// The camera was lost in the middle of a command: the client hears it, and the
    /// session ends with the next look at the camera.
    fn lose(&mut self, lost: CaptureError) -> ControlError {
        let refused = super::super::refused(&lost);
        self.lost = Some(lost);
        refused
    }
}

/// A refusal of the camera as a client hears it: the SDK's generic error.
pub(super) fn refusal(what: &str, error: &GpError) -> ControlError {
    let (code, advice) = if error.is_busy() {
        (0x8010, "; it is busy, try again in a second")
    } else {
        (0x8001, "")
    };
    ControlError::Refused { code, message: format!("cannot {what}: {error}{advice}") }
}
