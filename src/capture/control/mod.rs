//! Camera control: what a client may ask of a camera beside pictures.
//!
//! A [`Control`] is one camera's bounded queue of [`Command`]s and what its owner
//! last said of itself. One owner takes the commands off the queue, one after the
//! other: there are never two transactions with a camera at once. A full queue
//! refuses ([`ControlError::Busy`]), so a client never waits behind many others.

mod command;
mod error;
mod property;
mod status;

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;

pub use command::{Action, CardFile, Command, Press, Pull, Rendition, Reply, Setting, StillNaming};
pub use error::ControlError;
pub use property::{Choice, Property};
pub use status::{ConnectionMode, ControlStatus, PriorityKey};

use crate::domain::CameraId;

/// Commands that wait for one camera at most: more than one program sends, far
/// less than a camera needs a second for.
pub const QUEUE_COMMANDS: usize = 32;

/// One camera's control. Cheap to clone; clones share the queue.
#[derive(Clone)]
pub struct Control {
    queue: SyncSender<Command>,
    status: Arc<ArcSwap<ControlStatus>>,
}

/// The other end, in the hands of whoever owns the camera.
pub struct ControlOwner {
    /// The commands, oldest first. A command that is dropped unanswered tells its
    /// client that the camera is gone.
    pub commands: Receiver<Command>,
    status: Arc<ArcSwap<ControlStatus>>,
}

impl Control {
    /// A queue and its two ends. The camera is not connected yet.
    pub fn new() -> (Self, ControlOwner) {
        let (queue, commands) = sync_channel(QUEUE_COMMANDS);
        let status = Arc::new(ArcSwap::from_pointee(ControlStatus::default()));
        (Self { queue, status: Arc::clone(&status) }, ControlOwner { commands, status })
    }

    /// What the owner last said of itself. Does not ask the camera.
    pub fn status(&self) -> Arc<ControlStatus> {
        self.status.load_full()
    }

    /// Asks, and waits for the answer.
    ///
    /// # Errors
    /// [`ControlError::Busy`] when too many commands wait, [`ControlError::Gone`]
    /// when nobody owns the camera any more, and whatever the camera answers.
    pub async fn ask<T>(
        &self,
        command: impl FnOnce(Reply<T>) -> Command,
    ) -> Result<T, ControlError> {
        let (reply, answer) = Reply::new();
        self.queue.try_send(command(reply)).map_err(|refused| match refused {
            TrySendError::Full(_) => ControlError::Busy,
            TrySendError::Disconnected(_) => ControlError::Gone,
        })?;
        answer.await.unwrap_or(Err(ControlError::Gone))
    }
}

impl ControlOwner {
    /// Says how things are.
    pub fn show(&self, status: ControlStatus) {
        self.status.store(Arc::new(status));
    }

    /// What was said last.
    pub fn shown(&self) -> Arc<ControlStatus> {
        self.status.load_full()
    }
}

/// The controls of all cameras. Cheap to clone; clones share the list.
#[derive(Clone, Default)]
pub struct Controls(Arc<Mutex<BTreeMap<CameraId, Control>>>);

impl Controls {
    /// Adds a camera's control, or replaces it.
    pub fn insert(&self, camera: CameraId, control: Control) {
        self.lock().insert(camera, control);
    }

    /// Removes a camera's control.
    pub fn remove(&self, camera: &CameraId) {
        self.lock().remove(camera);
    }

    /// One camera's control.
    pub fn get(&self, camera: &CameraId) -> Option<Control> {
        self.lock().get(camera).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<CameraId, Control>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_command_is_answered_by_the_owner_and_by_nobody_when_it_is_gone() {
        let (control, owner) = Control::new();
        assert!(!control.status().is_connected());
        let answering = tokio::task::spawn_blocking(move || {
            let status = ControlStatus { mode: Some(ConnectionMode::Remote), ..Default::default() };
            owner.show(status);
            if let Ok(Command::Disconnect(reply)) = owner.commands.recv() {
                reply.send(Ok(()));
            }
        });
        assert_eq!(control.ask(Command::Disconnect).await, Ok(()));
        answering.await.unwrap();
        assert!(control.status().is_connected());
        assert_eq!(control.ask(Command::Disconnect).await, Err(ControlError::Gone));
    }

    #[tokio::test]
    async fn a_full_queue_refuses() {
        let (control, _owner) = Control::new();
        for _ in 0..QUEUE_COMMANDS {
            let (reply, _) = Reply::new();
            assert!(control.queue.try_send(Command::Disconnect(reply)).is_ok());
        }
        assert_eq!(control.ask(Command::Disconnect).await, Err(ControlError::Busy));
    }
}
