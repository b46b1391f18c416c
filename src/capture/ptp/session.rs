//! A connected camera as commands see it: what both connection modes do alike.

use std::time::Duration;

use super::desk::{self, unsupported};
use super::properties::Table;
use crate::capture::control::{Action, Command, ControlError, PriorityKey, Property, Setting};
use crate::rt::Stop;

/// A camera takes a moment to become what it was set to: Sony bodies step through
/// the values between.
const SETTLE_LOOKS: u32 = 10;
const SETTLE_LOOK: Duration = Duration::from_millis(20);

/// A session with a camera that can be worked.
pub(super) trait Session {
    /// Ends waiting early.
    fn stop(&self) -> &Stop;

    /// Properties as they were read last.
    fn table(&self) -> &Table;

    /// Reads properties as they are now.
    fn fresh(&mut self) -> Result<(), ControlError>;

    /// Tells the camera what a property shall be, without waiting until it is.
    fn write(&mut self, setting: &Setting) -> Result<(), ControlError>;

    /// Works a control.
    fn act(&mut self, action: Action) -> Result<(), ControlError>;

    /// Switches live view.
    fn switch_live(&mut self, is_on: bool);

    /// One property as it was read last.
    fn property(&self, name: &str) -> Result<Property, ControlError> {
        self.table().get(name).map(|known| known.property.clone())
    }

    /// Sets one property and answers with what it has become.
    fn set(&mut self, setting: &Setting) -> Result<Property, ControlError> {
        self.write(setting)?;
        for _ in 0..SETTLE_LOOKS {
            self.fresh()?;
            if self.property(&setting.name)?.value == setting.value {
                break;
            }
            self.stop().wait(SETTLE_LOOK);
        }
        self.property(&setting.name)
    }

    /// Says who is in charge of the settings.
    fn set_priority(&mut self, key: PriorityKey) -> Result<(), ControlError> {
        let value = match key {
            PriorityKey::CameraPosition => 1,
            PriorityKey::PcRemote => 2,
        };
        self.set(&Setting { name: "priority-key".to_owned(), value }).map(drop)
    }

    /// A command that works the camera; others are refused.
    fn work(&mut self, command: Command) {
        match command {
            Command::Properties(reply) => {
                let fresh = self.fresh();
                reply.send(fresh.map(|()| self.table().properties()));
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
                reply.send(fresh.map(|()| self.table().priority()));
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
            other => desk::refuse(other, unsupported("not in this mode")),
        }
    }
}
