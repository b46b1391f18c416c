//! What a configuration means, in short, as `check-config` says it.

use std::io::{self, Write};

use crate::board::{Profile, ProfileStorage};
use crate::config::{LeftOpen, Settings, driver_word, size_text, source_text};

/// Writes it, for a board of this kind.
pub(super) fn describe(
    settings: &Settings,
    profile: &Profile,
    out: &mut dyn Write,
) -> io::Result<()> {
    for address in &settings.api.listen {
        writeln!(out, "  serves http://{address}/")?;
    }
    match settings.api.keys.len() {
        0 => writeln!(out, "  asks for no key: whoever reaches it may do everything")?,
        n => writeln!(out, "  asks for a key ({n} configured)")?,
    }
    let store = &settings.store;
    let (journal, media) = (size_text(store.journal_max_bytes), size_text(store.media_max_bytes));
    let place = settings.state_dir.display();
    writeln!(out, "  keeps {journal} of records and {media} of pictures in {place}")?;
    let (wait, free) = (store.flush_interval.as_millis(), size_text(store.min_free_bytes));
    let board = match (settings.left_open, profile.storage) {
        (LeftOpen { flush_interval: false, min_free: false }, _) => String::new(),
        (_, storage) if storage == ProfileStorage::default() => String::new(),
        _ => format!(" (where nothing is said, as suits a {})", profile.title),
    };
    writeln!(out, "  syncs them every {wait} ms and leaves {free} free{board}")?;
    if settings.cameras.is_empty() {
        writeln!(
            out,
            "  has no camera: add a [[camera]]; `watchpost probe` shows what is attached"
        )?;
    }
    for camera in &settings.cameras {
        let capture = &camera.capture;
        let (driver, source) = (driver_word(capture.driver), source_text(&capture.source));
        writeln!(out, "  camera {} ({}): {driver} reads {source}", capture.id, capture.name)?;
    }
    Ok(())
}
