//! The state directory, claimed for this instance and taken again when it is replaced.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use log::error;

use super::AppError;
use crate::config::{StateDir, StateDirError};
use crate::rt::{Claim, Refused, with_causes};

/// A directory that cannot be written degrades the box, until it can be; a second
/// instance would destroy what the first one keeps, so this one stays away.
pub fn state_dir(path: &Path) -> Result<Claim, AppError> {
    let first = match StateDir::acquire(path) {
        Ok(state_dir) => Some(state_dir),
        Err(reason @ StateDirError::InUse { .. }) => return Err(AppError::StateDir(reason)),
        Err(reason) => {
            error!("Nothing is kept for now: {}", with_causes(&reason));
            None
        }
    };
    let (path, held) = (path.to_owned(), Mutex::new(first));
    Ok(Claim::new(move || {
        let mut held = held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_some_and(StateDir::is_in_place) {
            return Ok(());
        }
        *held = None;
        *held = Some(StateDir::acquire(&path).map_err(refused)?);
        Ok(())
    }))
}

fn refused(reason: StateDirError) -> Refused {
    match reason {
        StateDirError::InUse { .. } => Refused::InUse(with_causes(&reason)),
        StateDirError::Unwritable { .. } => Refused::Unusable(with_causes(&reason)),
    }
}
