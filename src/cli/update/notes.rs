//! Two notes beside RAUC's own, on the partition that survives updates: which slot ran when
//! an update was installed and why the new one failed, and which slot has proved itself.
//!
//! Each is a few short lines, at most `NOTE_MAX_BYTES` of which are read. A note that
//! cannot be written costs a proof more at the next start and never a working slot, so
//! only `begin` fails for it.

use std::fs::{self, File};
use std::io::{self, Read as _, Write};
use std::path::{Path, PathBuf};

/// Most of a note that is read; a slot has one letter, a reason a line.
const NOTE_MAX_BYTES: u64 = 1 << 10;

/// The note beside the given one that holds the slot that has proved itself.
const PROVED: &str = "watchpost-proved";

/// Where the running slot is noted while an update waits for its proof.
#[derive(Clone, Debug, clap::Args)]
pub struct Note {
    /// Note of the slot that ran when the update was installed
    #[arg(long, value_name = "FILE", default_value = "/data/rauc/watchpost-pending")]
    pub note: PathBuf,
    /// What the kernel was started with
    #[arg(long, value_name = "FILE", default_value = "/proc/cmdline", hide = true)]
    pub cmdline: PathBuf,
}

impl Note {
    /// The slot in the kernel's command line, as RAUC looks for it.
    pub fn running(&self) -> Option<String> {
        let text = read(&self.cmdline)?;
        text.split_whitespace().find_map(|word| word.strip_prefix("rauc.slot=")).map(str::to_owned)
    }

    /// The slot that ran when the update was installed that waits for its proof.
    pub fn old(&self) -> Option<String> {
        Some(read(&self.note)?.lines().next().unwrap_or_default().trim().to_owned())
    }

    /// Whether the old slot runs again.
    pub fn is_back(&self) -> bool {
        self.old().is_some_and(|old| self.running().is_some_and(|running| running == old))
    }

    /// Whether the running slot has proved itself at an earlier start.
    pub fn has_proved(&self) -> bool {
        let proved = read(&self.proof()).and_then(|text| Some(text.lines().next()?.to_owned()));
        self.old().is_none() && proved.is_some_and(|slot| self.running() == Some(slot))
    }

    /// An update is being installed while this slot runs.
    pub fn begin(&self, slot: &str) -> io::Result<()> {
        write(&self.note, &format!("{slot}\n"))
    }

    /// The update was not installed.
    pub fn forget(&self, out: &mut dyn Write) -> io::Result<()> {
        if let Err(reason) = fs::remove_file(&self.note) {
            writeln!(out, "cannot remove {}: {reason}", self.note.display())?;
        }
        Ok(())
    }

    /// The running slot has proved itself.
    pub fn proved(&self) {
        if let Some(slot) = self.running() {
            self.keep(&slot, &format!("Slot {slot} has proved itself."));
        }
    }

    /// The new slot has not: why, for the old one to say.
    pub fn failed(&self, reason: &str) {
        if let Some(old) = self.old() {
            // Who cannot write it falls back all the same.
            let _ = write(&self.note, &format!("{old}\n{reason}\n"));
        }
    }

    /// The old slot runs again; what happened.
    pub fn fell_back(&self) -> String {
        let slot = self.running().unwrap_or_default();
        let story = match read(&self.note).as_deref().and_then(|text| text.lines().nth(1)) {
            Some(reason) => {
                format!("The update did not prove itself ({reason}); slot {slot} runs again.")
            }
            None => format!(
                "The update was not finished, or its slot did not start; slot {slot} runs again."
            ),
        };
        self.keep(&slot, &story);
        story
    }

    /// What there is to say of the last update.
    pub fn story(&self) -> String {
        if let Some(old) = self.old() {
            return format!("An update waits for its proof; before ran {old}.");
        }
        let told = read(&self.proof()).and_then(|text| Some(text.lines().nth(1)?.to_owned()));
        format!("No update waits for its proof. {}", told.unwrap_or_default()).trim_end().to_owned()
    }

    fn keep(&self, slot: &str, story: &str) {
        // Without it the next start is asked for a proof once more.
        let _ = write(&self.proof(), &format!("{slot}\n{story}\n"));
    }

    fn proof(&self) -> PathBuf {
        self.note.with_file_name(PROVED)
    }
}

fn read(path: &Path) -> Option<String> {
    let mut text = Vec::new();
    File::open(path).ok()?.take(NOTE_MAX_BYTES).read_to_end(&mut text).ok()?;
    Some(String::from_utf8_lossy(&text).into_owned())
}

/// Whole or not at all, also when the power goes.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(folder: &Path, slot: &str) -> Note {
        let file = folder.join("cmdline");
        fs::write(&file, format!("root=/dev/x rauc.slot={slot} quiet\n")).unwrap();
        Note { note: folder.join("pending"), cmdline: file }
    }

    #[test]
    fn the_old_slot_says_why_the_new_one_failed() {
        let folder = tempfile::tempdir().unwrap();
        note(folder.path(), "A").begin("A").unwrap();
        let new = note(folder.path(), "B");
        assert!(!new.is_back() && !new.has_proved());
        new.failed("no camera has delivered a picture");
        let old = note(folder.path(), "A");
        assert!(old.is_back());
        assert!(old.fell_back().contains("(no camera has delivered a picture); slot A runs again"));
        fs::remove_file(&old.note).unwrap();
        assert!(old.story().contains("did not prove itself"), "{}", old.story());
        assert!(old.has_proved(), "it is asked for nothing again");
    }

    #[test]
    fn a_slot_that_has_proved_itself_is_asked_again_only_after_an_update() {
        let folder = tempfile::tempdir().unwrap();
        let running = note(folder.path(), "B");
        assert!(!running.has_proved());
        running.proved();
        assert!(running.has_proved());
        assert!(!note(folder.path(), "A").has_proved(), "the other slot has not");
        note(folder.path(), "B").begin("A").unwrap();
        assert!(!note(folder.path(), "B").has_proved());
    }
}
