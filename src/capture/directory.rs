//! What the rest of the box may know about the cameras.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::Decoding;
use crate::domain::{CameraId, CameraNotice, CameraState, CameraStatus, Timestamp};

/// One camera as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraEntry {
    /// Stable id.
    pub id: CameraId,
    /// Name for people.
    pub name: String,
    /// What the camera calls itself, or what its source is (`RTSP stream`).
    pub model: String,
    /// `USB` or `Network`, the two words of the camera SDK contract.
    pub connection_type: &'static str,
    /// Address, path or device, without credentials.
    pub source: String,
    /// Whether it delivers.
    pub state: CameraState,
    /// Why not, in words.
    pub reason: Option<String>,
    /// Size of its pictures, once one has arrived.
    pub size_px: Option<(u32, u32)>,
    /// Frames per second over the last seconds.
    pub fps: f32,
    /// What decodes its stream, while that is known.
    pub decoding: Option<Decoding>,
    /// When it was configured first, as far as this run knows.
    pub created_at: Timestamp,
    /// Capture time of its latest frame.
    pub last_seen_at: Option<Timestamp>,
}

/// Something that happened to a camera.
#[derive(Clone, Debug, PartialEq)]
pub enum CameraEvent {
    /// Its state changed.
    Status(CameraStatus),
    /// The SDK would have called back.
    Notice {
        /// Which camera.
        camera: CameraId,
        /// What happened.
        notice: CameraNotice,
    },
}

type Listener = Box<dyn Fn(&CameraEvent) + Send + Sync>;

/// All cameras. Cheap to clone; clones share the list.
#[derive(Clone, Default)]
pub struct Directory(Arc<Inner>);

#[derive(Default)]
struct Inner {
    cameras: Mutex<BTreeMap<CameraId, CameraEntry>>,
    listeners: Mutex<Vec<Listener>>,
}

impl Directory {
    /// All cameras, ordered by id.
    pub fn list(&self) -> Vec<CameraEntry> {
        self.lock().values().cloned().collect()
    }

    /// One camera.
    pub fn get(&self, id: &CameraId) -> Option<CameraEntry> {
        self.lock().get(id).cloned()
    }

    /// Calls `listener` for each event, on the camera's thread and in order; it
    /// must not block.
    pub fn on_event(&self, listener: impl Fn(&CameraEvent) + Send + Sync + 'static) {
        self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(listener));
    }

    /// Adds a camera, or replaces what is known about it.
    pub fn insert(&self, entry: CameraEntry) {
        self.lock().insert(entry.id.clone(), entry);
    }

    /// Removes a camera.
    pub fn remove(&self, id: &CameraId) {
        self.lock().remove(id);
    }

    /// Changes what is known about a camera, if it is still there.
    pub fn update(&self, id: &CameraId, change: impl FnOnce(&mut CameraEntry)) {
        if let Some(entry) = self.lock().get_mut(id) {
            change(entry);
        }
    }

    /// Tells the listeners.
    pub fn announce(&self, event: &CameraEvent) {
        let listeners = self.0.listeners.lock().unwrap_or_else(PoisonError::into_inner);
        listeners.iter().for_each(|listener| listener(event));
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<CameraId, CameraEntry>> {
        self.0.cameras.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
