//! What this box is called by those who have many.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;

use log::warn;
use uuid::Uuid;

use crate::config::Settings;
use crate::health::Metrics;

const NAME: &str = "device-id";
const UNFINISHED: &str = "device-id.new";

/// The configured name, or one that the box has given itself: a UUID that is kept in
/// the state directory. When it cannot be kept, it lasts until the end of the process.
pub fn id(configured: Option<String>, state_dir: &Path) -> Arc<str> {
    if let Some(name) = configured {
        return name.into();
    }
    let kept = read(&state_dir.join(NAME)).or_else(|_| give(state_dir));
    kept.unwrap_or_else(|error| {
        warn!(error:%; "The box cannot keep the name that it gave itself.");
        Uuid::new_v4()
    })
    .to_string()
    .into()
}

/// The name that the box has, if it has one already.
pub fn known(settings: &Settings) -> Option<String> {
    let given = || read(&settings.state_dir.join(NAME)).ok().map(|id| id.to_string());
    settings.device_id.clone().or_else(given)
}

/// Shows who this is beside the figures.
pub fn show(device: &str, metrics: &Metrics) {
    let labels = [("device", device), ("version", env!("CARGO_PKG_VERSION"))];
    metrics.gauge("watchpost_info", "Which box this is; always 1.", &labels).set(1.0);
}

fn read(path: &Path) -> io::Result<Uuid> {
    let mut text = String::new();
    File::open(path)?.take(64).read_to_string(&mut text)?;
    text.trim().parse().map_err(io::Error::other)
}

fn give(state_dir: &Path) -> io::Result<Uuid> {
    let id = Uuid::new_v4();
    let unfinished = state_dir.join(UNFINISHED);
    let mut file = File::create(&unfinished)?;
    writeln!(file, "{id}")?;
    file.sync_all()?;
    fs::rename(&unfinished, state_dir.join(NAME))?;
    File::open(state_dir)?.sync_all()?;
    Ok(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_keeps_the_name_that_it_gave_itself_and_obeys_one_that_it_is_given() {
        let dir = tempfile::tempdir().unwrap();
        let first = id(None, dir.path());
        assert_eq!(id(None, dir.path()), first);
        assert_eq!(&*id(Some("box-17".to_owned()), dir.path()), "box-17");
        assert_eq!(id(None, dir.path()), first);
    }
}
