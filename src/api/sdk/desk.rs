//! What clients have set that no camera keeps: live view, overlay, file names.
//!
//! One small entry per camera that was in the configuration; lost at a restart,
//! as a session is.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::domain::CameraId;

/// The notes about all cameras.
#[derive(Default)]
pub(in crate::api) struct Desk(Mutex<BTreeMap<CameraId, Notes>>);

/// The notes about one camera.
#[derive(Clone, Default)]
pub(super) struct Notes {
    /// Live view was enabled or disabled in this session.
    pub(super) is_live_view_enabled: Option<bool>,
    /// Boxes are drawn into on-screen-display pictures.
    pub(super) is_osd_enabled: bool,
    /// Where stills go, and how they are named.
    pub(super) naming: Option<Naming>,
}

/// How stills are named.
#[derive(Clone)]
pub(super) struct Naming {
    pub(super) directory: PathBuf,
    pub(super) prefix: String,
    pub(super) start: Option<u32>,
}

impl Desk {
    /// The notes as they are.
    pub(super) fn read(&self, camera: &CameraId) -> Notes {
        self.lock().get(camera).cloned().unwrap_or_default()
    }

    /// Where the stills of a camera go, if a client has named a directory.
    pub(in crate::api) fn still_directory(&self, camera: &CameraId) -> Option<PathBuf> {
        self.read(camera).naming.map(|naming| naming.directory)
    }

    /// Changes the notes.
    pub(super) fn write(&self, camera: &CameraId, change: impl FnOnce(&mut Notes)) {
        change(self.lock().entry(camera.clone()).or_default());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<CameraId, Notes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
