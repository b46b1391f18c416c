//! The port through which cameras are made, changed and removed while the box runs.

use std::io;

use serde_json::{Map, Value};

use crate::capture::CameraEntry;
use crate::domain::{CameraId, Secret};

/// What the service must know of cameras to change them. Calls may block, but for
/// [`Self::listed`].
pub trait CameraDesk: Send + Sync {
    /// Whether the configuration file has this camera.
    fn is_in_file(&self, id: &CameraId) -> bool;

    /// Cameras there may be beside those of the file.
    fn room(&self) -> usize;

    /// The camera that `definition` means: the keys of a `[[camera]]` of the
    /// configuration, without `id`. A password that is kept counts as given.
    ///
    /// # Errors
    /// All that is wrong with it, field by field: `source: is missing; …`.
    fn read(
        &self,
        id: &CameraId,
        definition: &Map<String, Value>,
    ) -> Result<CameraEntry, Vec<String>>;

    /// Keeps the password of a camera that is not in the file, durably and apart from
    /// all records, or forgets it.
    ///
    /// # Errors
    /// The system's.
    fn keep_password(&self, id: &CameraId, password: Option<&Secret>) -> io::Result<()>;

    /// Every camera that is to run or is switched off, as far as it can be told without
    /// its pictures; true for those that are to run.
    fn listed(&self) -> Vec<(CameraEntry, bool)>;
}
