//! The live picture: asked for at a steady pace, once for however many look.

use std::time::Duration;

use log::debug;

use super::Remote;
use crate::capture::{CaptureError, FIRST_FRAMES_TIMEOUT, Rest};

/// Pictures a second without a setting: what the API's own clients poll at.
const FPS_DEFAULT: u32 = 15;

/// After a refusal the camera is left alone for this long: a menu is open, or a
/// picture is being taken.
const RETRY: Duration = Duration::from_millis(250);

/// When the next live picture is due, and since when there is none.
pub(super) struct Live {
    is_on: bool,
    interval: Duration,
    due: Duration,
    last: Duration,
    is_blind: bool,
}

impl Live {
    /// On, from now.
    pub(super) fn new(fps: Option<u32>, now: Duration) -> Self {
        let interval = Duration::from_secs(1) / fps.unwrap_or(FPS_DEFAULT).clamp(1, 60);
        Self { is_on: true, interval, due: now, last: now, is_blind: false }
    }

    /// When the next one is due; never while it is off.
    pub(super) fn due(&self) -> Option<Duration> {
        self.is_on.then_some(self.due)
    }
}

impl Remote<'_> {
    /// Switches the live view.
    pub(super) fn turn_live(&mut self, is_on: bool) {
        let now = self.clock.monotonic();
        let was_on = std::mem::replace(&mut self.live.is_on, is_on);
        if is_on && !was_on {
            (self.live.due, self.live.last) = (now, now);
            self.frames.rest(Rest::Awake);
        } else if !is_on && was_on {
            let words = "live view is switched off; nothing is detected";
            self.frames.rest(Rest::Blind(words));
        }
        self.live.is_blind = false;
        let mut status = (*self.desk.owner.shown()).clone();
        status.is_live_view_streaming = is_on;
        status.is_live_view_enabled |= is_on;
        self.desk.owner.show(status);
    }

    /// No live picture for a moment, or they go on; nothing while it is off.
    pub(super) fn pause_live(&mut self, rest: Rest) {
        if self.live.is_on {
            self.frames.rest(rest);
            self.live.last = self.clock.monotonic();
            self.live.is_blind = false;
        }
    }

    /// A live picture, if one is due.
    pub(super) fn picture(&mut self) -> Result<(), CaptureError> {
        let now = self.clock.monotonic();
        if self.live.due().is_none_or(|due| now < due) {
            return Ok(());
        }
        // At a steady pace; what is missed is not made up for.
        self.live.due = (self.live.due + self.live.interval).max(now);
        let preview = self.camera.preview();
        let Some(jpeg) = self.judge(preview)? else {
            self.live.due = now + RETRY;
            return self.go_blind();
        };
        match self.pictures.frame(&jpeg, self.frames) {
            Ok(frame) => {
                self.live.last = self.clock.monotonic();
                if std::mem::take(&mut self.live.is_blind) {
                    self.frames.rest(Rest::Awake);
                }
                self.frames.push(frame);
                Ok(())
            }
            Err(reason) => {
                self.frames.add_dropped(1);
                debug!(camera:% = self.desk.camera, reason:%; "A live picture is damaged.");
                self.go_blind()
            }
        }
    }

    /// A camera that answers but shows nothing stays connected: its user may be in
    /// a menu, and its shutter still works. Health says that nothing is seen.
    fn go_blind(&mut self) -> Result<(), CaptureError> {
        let silent = self.clock.monotonic().saturating_sub(self.live.last);
        if silent > FIRST_FRAMES_TIMEOUT && !self.live.is_blind && !self.shot.is_running() {
            self.live.is_blind = true;
            self.frames.rest(Rest::Blind("the camera answers but sends no live picture"));
        }
        Ok(())
    }
}
