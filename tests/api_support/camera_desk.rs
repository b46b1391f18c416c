//! Cameras that can be made over the API and never run.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value};
use watchpost::api::CameraDesk;
use watchpost::capture::CameraEntry;
use watchpost::domain::{CAMERA_BOOK, CameraBook, CameraId, CameraState, Secret, Setting};

use super::samples::camera;

/// `front_door` is in the file, and there is room for two more.
#[derive(Default)]
pub struct Cameras {
    /// What was to be applied.
    pub tuned: Arc<Mutex<Vec<Setting>>>,
    pub passwords: Mutex<BTreeMap<CameraId, Secret>>,
}

impl CameraDesk for Cameras {
    fn is_in_file(&self, id: &CameraId) -> bool {
        id.as_str() == "front_door"
    }

    fn room(&self) -> usize {
        2
    }

    fn read(
        &self,
        id: &CameraId,
        definition: &Map<String, Value>,
    ) -> Result<CameraEntry, Vec<String>> {
        let text = |key: &str| definition.get(key).and_then(Value::as_str).map(str::to_owned);
        let source = text("source").ok_or_else(|| vec!["source: is missing".to_owned()])?;
        let name = text("name").unwrap_or_else(|| id.as_str().to_owned());
        let state = CameraState::Unknown;
        Ok(CameraEntry { id: id.clone(), name, source, state, ..camera() })
    }

    fn keep_password(&self, id: &CameraId, password: Option<&Secret>) -> io::Result<()> {
        let mut passwords = self.passwords.lock().unwrap();
        match password {
            Some(password) => drop(passwords.insert(id.clone(), password.clone())),
            None => drop(passwords.remove(id)),
        }
        Ok(())
    }

    fn listed(&self) -> Vec<(CameraEntry, bool)> {
        let tuned = self.tuned.lock().unwrap();
        let book = CameraBook::read(tuned.iter().rfind(|setting| setting.key == CAMERA_BOOK));
        let note = book.0.get(&camera().id).cloned().unwrap_or_default();
        let name = note.name.unwrap_or(camera().name);
        let own = (CameraEntry { name, ..camera() }, !note.is_off);
        let made = book.defined().map(|(id, definition, is_off)| {
            (self.read(id, definition).expect("checked before"), !is_off)
        });
        made.chain([own]).collect()
    }
}
