//! What clients ask in the transfer modes.

use std::time::Duration;

use super::super::desk::unsupported;
use super::super::gphoto::Value;
use super::super::ip::LinkError;
use super::super::packet::codes::control;
use super::super::properties::Table;
use super::super::refused;
use super::super::session::Session;
use super::Transfer;
use crate::capture::Rest;
use crate::capture::control::{Action, Command, ConnectionMode, ControlError, Press, Setting};
use crate::domain::AfState;
use crate::rt::Stop;

/// Longest wait for the focus.
const FOCUS_LIMIT: Duration = Duration::from_secs(1);

/// How long the shutter is held.
const PRESS: Duration = Duration::from_millis(200);

/// One look at the camera while a key is held.
const LOOK: Duration = Duration::from_millis(20);

/// Width and height that the autofocus area is counted in (API: 640 by 480).
const AREA: (f32, f32) = (639.0, 479.0);

impl Transfer<'_> {
    /// One command.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Connect { is_kept, reply, .. } => self.desk.stay(is_kept, reply),
            Command::Disconnect(reply) => {
                self.desk.leave(reply);
                self.is_released = true;
            }
            Command::Files(slot, reply) => {
                let files = self.list(slot);
                reply.send(files.map(|items| items.into_iter().map(|item| item.file).collect()));
            }
            Command::Pull(pull, reply) => {
                let begun = self.begin_pull(pull);
                reply.send(begun);
            }
            Command::NameStills(naming, reply) => {
                self.desk.naming = Some(naming);
                reply.send(Ok(()));
            }
            other if self.mode == ConnectionMode::Contents => {
                let words = "in contents mode files are fetched only; connect in remote or \
                             remote-transfer";
                super::super::desk::refuse(other, unsupported(words));
            }
            other => self.work(other),
        }
    }

    /// An answer of the camera as a client hears it; a loss ends the session.
    pub(super) fn answer<T>(
        &mut self,
        what: &str,
        answer: Result<T, LinkError>,
    ) -> Result<T, ControlError> {
        let error = match answer {
            Ok(answer) => return Ok(answer),
            Err(error) => error,
        };
        let code = if error.is_busy() { 0x8010 } else { 0x8001 };
        let message = format!("cannot {what}: {error}");
        if let Err(lost) = self.judge(Err::<(), _>(error)) {
            let words = refused(&lost);
            self.lost = Some(lost);
            return Err(words);
        }
        Err(ControlError::Refused { code, message })
    }

    fn turn(&mut self, what: &str, code: u16, value: &[u8]) -> Result<(), ControlError> {
        let done = self.camera.work(code, value);
        self.answer(what, done)
    }

    fn key(&mut self, code: u16, is_down: bool) -> Result<(), ControlError> {
        let done = self.camera.key(code, is_down);
        self.answer("press the key", done)
    }

    /// Half press, and the focus awaited.
    fn focus(&mut self) -> Result<(), ControlError> {
        self.key(control::HALF_PRESS, true)?;
        let until = self.clock.monotonic() + FOCUS_LIMIT;
        while !self.table.is_manual_focus()
            && self.af != AfState::Focused
            && self.clock.monotonic() < until
            && !self.stop.wait(LOOK)
        {
            self.fresh()?;
        }
        Ok(())
    }

    fn shoot(&mut self) -> Result<(), ControlError> {
        let pressed = self.focus().and_then(|()| self.key(control::SHUTTER, true));
        self.stop.wait(PRESS);
        let released = self.key(control::SHUTTER, false);
        let ended = self.key(control::HALF_PRESS, false);
        pressed.and(released).and(ended)
    }
}

impl Session for Transfer<'_> {
    fn stop(&self) -> &Stop {
        self.stop
    }

    fn table(&self) -> &Table {
        &self.table
    }

    fn fresh(&mut self) -> Result<(), ControlError> {
        self.read_table().map_err(|lost| {
            let words = refused(&lost);
            self.lost = Some(lost);
            words
        })
    }

    fn write(&mut self, setting: &Setting) -> Result<(), ControlError> {
        self.fresh()?;
        let (widget, value) = self.table.get(&setting.name)?.setting(setting.value)?;
        let Value::Text(number) = value else { return Err(unsupported("not a number")) };
        let info = self.infos.iter().find(|info| format!("{:04x}", info.code) == widget).cloned();
        let (Some(info), Ok(number)) = (info, number.parse()) else {
            return Err(unsupported(format!("{} cannot be set in this mode", setting.name)));
        };
        let done = self.camera.set(&info, number);
        self.answer(&format!("set {}", setting.name), done)
    }

    fn switch_live(&mut self, is_on: bool) {
        self.live_at = is_on.then(|| self.clock.monotonic());
        self.frames.rest(match is_on {
            true => Rest::Awake,
            false => Rest::Blind("live view is switched off; nothing is detected"),
        });
        let mut status = (*self.desk.owner.shown()).clone();
        status.is_live_view_streaming = is_on;
        status.is_live_view_enabled |= is_on;
        self.desk.owner.show(status);
    }

    fn act(&mut self, action: Action) -> Result<(), ControlError> {
        match action {
            Action::Shutter(Press::Once) => self.shoot(),
            Action::AfShutter if self.table.is_manual_focus() => Err(ControlError::ManualFocus),
            Action::AfShutter => self.shoot(),
            Action::Shutter(Press::Down) => {
                self.key(control::HALF_PRESS, true)?;
                self.key(control::SHUTTER, true)
            }
            Action::Shutter(Press::Up) => {
                self.key(control::SHUTTER, false)?;
                self.key(control::HALF_PRESS, false)
            }
            Action::HalfPress => {
                self.focus()?;
                self.key(control::HALF_PRESS, false)
            }
            Action::MovieRecord => {
                self.key(control::MOVIE, true)?;
                self.key(control::MOVIE, false)
            }
            Action::FocusNearFar(step) => {
                self.turn("move the focus", control::NEAR_FAR, &i16::from(step).to_le_bytes())
            }
            Action::Zoom(speed) => {
                let speed = speed.clamp(-8, 8);
                self.turn("zoom", control::ZOOM, &speed.to_le_bytes())
            }
            Action::AfArea { x, y } => {
                let at = |share: f32, most: f32| (share.clamp(0.0, 1.0) * most).round() as u32;
                let place = at(x, AREA.0) << 16 | at(y, AREA.1);
                self.turn("move the autofocus area", control::AF_AREA, &place.to_le_bytes())
            }
        }
    }
}
