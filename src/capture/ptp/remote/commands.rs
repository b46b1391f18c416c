//! What clients ask, one command after the other.

use std::time::Duration;

use super::super::desk;
use super::super::gphoto::Value;
use super::Remote;
use super::events::GLANCE;
use super::shot::refusal;
use crate::capture::control::{
    Action, Command, ControlError, Press, PriorityKey, Property, Setting,
};

/// A camera takes a moment to become what it was set to: Sony bodies step through
/// the values between.
const SETTLE_LOOKS: u32 = 10;
const SETTLE_LOOK: Duration = Duration::from_millis(20);

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
            // Connected already: the mode stays as it is.
            Command::Connect { is_kept, reply, .. } => {
                if let Some(wish) = &mut self.desk.wish {
                    wish.is_kept |= is_kept;
                }
                reply.send(Ok(()));
            }
            Command::Disconnect(reply) => {
                self.desk.leave(reply);
                self.is_released = true;
            }
            Command::Properties(reply) => {
                let fresh = self.fresh();
                reply.send(fresh.map(|()| self.table.properties()));
            }
            Command::Property(name, reply) => {
                let fresh = self.fresh();
                reply.send(fresh.and_then(|()| self.property(&name)));
            }
            Command::Set(setting, reply) => {
                let done = self.set(&setting);
                reply.send(done);
            }
            Command::PriorityKey(reply) => {
                let fresh = self.fresh();
                reply.send(fresh.map(|()| self.table.priority()));
            }
            Command::SetPriorityKey(key, reply) => {
                let done = self.set_priority(key);
                reply.send(done);
            }
            Command::Act(action, reply) => {
                let done = self.act(action);
                reply.send(done);
            }
            Command::LiveView(is_on, reply) => {
                self.switch_live(is_on);
                reply.send(Ok(()));
            }
            Command::NameStills(naming, reply) => {
                self.stills.rename(&naming);
                self.desk.naming = Some(naming);
                reply.send(Ok(()));
            }
            Command::Files(_, reply) => reply.send(Err(no_card())),
            Command::Pull(_, reply) => reply.send(Err(no_card())),
        }
    }

    /// Properties as they are now.
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

    fn property(&self, name: &str) -> Result<Property, ControlError> {
        self.table.get(name).map(|known| known.property.clone())
    }

    /// Sets one property and answers with what it has become.
    fn set(&mut self, setting: &Setting) -> Result<Property, ControlError> {
        let known = self.table.get(&setting.name)?;
        let (widget, value) = known.setting(setting.value)?;
        let widget = widget.to_owned();
        if let Err(error) = self.camera.set(&widget, &value) {
            return Err(match error.is_unsupported() {
                true => ControlError::NotAvailable(format!("{} refused: {error}", setting.name)),
                false => refusal(&format!("set {}", setting.name), &error),
            });
        }
        for _ in 0..SETTLE_LOOKS {
            self.fresh()?;
            let property = self.property(&setting.name)?;
            if property.value == setting.value {
                break;
            }
            self.stop.wait(SETTLE_LOOK);
        }
        self.property(&setting.name)
    }

    fn set_priority(&mut self, key: PriorityKey) -> Result<(), ControlError> {
        let value = match key {
            PriorityKey::CameraPosition => 1,
            PriorityKey::PcRemote => 2,
        };
        self.set(&Setting { name: "priority-key".to_owned(), value }).map(drop)
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
