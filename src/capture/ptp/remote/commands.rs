//! What clients ask, one command after the other.

use super::super::desk;
use super::super::gphoto::Value;
use super::super::properties::Table;
use super::super::session::Session;
use super::Remote;
use super::events::GLANCE;
use super::shot::refusal;
use crate::capture::control::{Action, Command, ControlError, Press, Setting};
use crate::rt::Stop;

impl Remote<'_> {
    /// All commands that wait.
    pub(super) fn commands(&mut self) {
        while !self.is_released && self.lost.is_none() {
            let Ok(command) = self.desk.owner.commands.try_recv() else { return };
            self.obey(command);
        }
    }

    /// One command.
    pub(super) fn obey(&mut self, command: Command) {
        match command {
            Command::Connect { is_kept, reply, .. } => self.desk.stay(is_kept, reply),
            Command::Disconnect(reply) => {
                self.desk.leave(reply);
                self.is_released = true;
            }
            Command::NameStills(naming, reply) => {
                self.stills.rename(&naming);
                self.desk.naming = Some(naming);
                reply.send(Ok(()));
            }
            Command::Files(_, reply) => reply.send(Err(no_card())),
            Command::Pull(_, reply) => reply.send(Err(no_card())),
            other => self.work(other),
        }
    }

    fn turn(&mut self, widget: &str, value: f32) -> Result<(), ControlError> {
        let done = self.camera.set(widget, &Value::Number(value));
        done.map_err(|error| refusal("move the focus", &error))
    }

    /// The movie key, down and up: each press changes between on and off.
    fn record(&mut self) -> Result<(), ControlError> {
        for is_down in [true, false] {
            let done = self.camera.set("movie", &Value::Switch(is_down));
            done.map_err(|error| refusal("record a movie", &error))?;
        }
        self.stale();
        Ok(())
    }
}

impl Session for Remote<'_> {
    fn stop(&self) -> &Stop {
        self.stop
    }

    fn table(&self) -> &Table {
        &self.table
    }

    fn fresh(&mut self) -> Result<(), ControlError> {
        // Waiting for events makes libgphoto2 ask the camera anew; without it the
        // answer can be two seconds old.
        let read = self.event(GLANCE).and_then(|_| self.read_table());
        read.map_err(|lost| {
            let refused = super::super::refused(&lost);
            self.lost = Some(lost);
            refused
        })
    }

    fn write(&mut self, setting: &Setting) -> Result<(), ControlError> {
        let (widget, value) = self.table.get(&setting.name)?.setting(setting.value)?;
        let widget = widget.to_owned();
        self.camera.set(&widget, &value).map_err(|error| match error.is_unsupported() {
            true => ControlError::NotAvailable(format!("{} refused: {error}", setting.name)),
            false => refusal(&format!("set {}", setting.name), &error),
        })
    }

    fn act(&mut self, action: Action) -> Result<(), ControlError> {
        match action {
            Action::Shutter(Press::Once) => self.shoot(),
            Action::Shutter(Press::Down) => self.press(),
            Action::Shutter(Press::Up) => self.release(),
            Action::HalfPress => self.half_press(),
            Action::AfShutter if self.table.is_manual_focus() => Err(ControlError::ManualFocus),
            Action::AfShutter => self.shoot(),
            Action::FocusNearFar(step) => self.turn("manualfocus", f32::from(step)),
            Action::MovieRecord => self.record(),
            Action::Zoom(_) => Err(unknown_to_libgphoto2("power zoom")),
            Action::AfArea { .. } => Err(unknown_to_libgphoto2("the autofocus area")),
        }
    }

    fn switch_live(&mut self, is_on: bool) {
        self.turn_live(is_on);
    }
}

fn no_card() -> ControlError {
    desk::unsupported(
        "the card cannot be read in mode remote; connect in remote-transfer or contents",
    )
}

fn unknown_to_libgphoto2(what: &str) -> ControlError {
    desk::unsupported(format!(
        "{what} cannot be moved in mode remote: libgphoto2 does not know it; connect in \
         remote-transfer over the network"
    ))
}
