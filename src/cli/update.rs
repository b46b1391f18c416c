//! `watchpost update …`: updates that fall back.
//!
//! RAUC writes the other slot; this is what makes it safe. `install` notes which
//! slot ran then, `confirm` asks the appliance of the new slot for proof that it
//! works. Who fails is marked bad and restarts into the old slot. There `confirm` sees
//! that it is the old one and asks for nothing, and neither does a slot that has proved
//! itself before: a camera that was unplugged meanwhile must not make the box restart for
//! ever, nor use up the boot loader's tries.
//!
//! Only the command line comes here; the daemon starts no other programs.

mod notes;
mod proof;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ConfigFile, Exit};
use crate::config::{Environment, Overrides, Settings, parse_span};
use crate::rt::{Clock, Stop, with_causes};
pub use notes::Note;
use proof::{Box as ProvenBox, Missing};

/// How often the appliance is asked.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// What to do about updates.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Update {
    /// Show both slots, in RAUC's words, and whether an update waits for its proof
    Status(Note),
    /// Check a bundle's signature and write it to the other slot; restart then
    Install {
        /// The bundle
        bundle: PathBuf,
        /// Where the running slot is noted.
        #[command(flatten)]
        note: Note,
    },
    /// Wait until the appliance has proved that it works: a picture, a look of the
    /// network, a record stored and found again, a proof through every way upstream. The
    /// service manager calls it after an update
    Confirm(Confirm),
}

/// Waits for the proof.
#[derive(Clone, Debug, clap::Args)]
pub struct Confirm {
    /// Which configuration.
    #[command(flatten)]
    pub config: ConfigFile,
    /// Longest wait, such as 10m
    #[arg(long, value_name = "SPAN", default_value = "10m", value_parser = span)]
    pub within: Duration,
    /// Where the running slot is noted.
    #[command(flatten)]
    pub note: Note,
}

fn span(text: &str) -> Result<Duration, String> {
    parse_span(text).ok_or_else(|| "write a span such as 90s or 10m".to_owned())
}

/// Answers.
///
/// # Errors
/// When `out` cannot be written.
pub fn answer(
    question: &Update,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    match question {
        Update::Status(note) => {
            writeln!(out, "{}", note.story())?;
            rauc(&["status"], out)
        }
        Update::Install { bundle, note } => install(bundle, note, out),
        Update::Confirm(confirm) => self::confirm(confirm, environment, out),
    }
}

fn install(bundle: &Path, note: &Note, out: &mut dyn Write) -> io::Result<Exit> {
    let running = note.running().unwrap_or_default();
    if let Some(old) = note.old()
        && old != running
    {
        // The other slot is the only one that is known to work.
        writeln!(out, "slot {running} has not proved itself yet; install after that")?;
        return Ok(Exit::Failed);
    }
    // Before anything is written: after a power cut the old slot knows that it is the old one.
    if let Err(reason) = note.begin(&running) {
        writeln!(out, "cannot write {}: {reason}", note.note.display())?;
        return Ok(Exit::Failed);
    }
    let exit = rauc(&["install", &bundle.display().to_string()], out)?;
    if exit != Exit::Done {
        note.forget(out)?;
    }
    Ok(exit)
}

fn confirm(confirm: &Confirm, environment: &Environment, out: &mut dyn Write) -> io::Result<Exit> {
    let note = &confirm.note;
    if note.is_back() {
        let story = note.fell_back();
        writeln!(out, "{story}")?;
        return Ok(Exit::Done);
    }
    if note.has_proved() {
        writeln!(out, "This slot has proved itself before.")?;
        return Ok(Exit::Done);
    }
    let overrides = Overrides::default();
    let exit = match Settings::load(&confirm.config.path(), environment, &overrides) {
        Ok(settings) => {
            let asked = ProvenBox::of(&settings);
            wait(confirm.within, || asked.missing()).map(|missing| missing.to_string())
        }
        Err(error) => Some(with_causes(&error)),
    };
    match exit {
        None => {
            note.proved();
            writeln!(out, "The appliance works.")?;
            Ok(Exit::Done)
        }
        Some(missing) => {
            note.failed(&missing);
            writeln!(out, "The appliance has not proved that it works: {missing}.")?;
            Ok(Exit::Failed)
        }
    }
}

/// What is missing still when nothing is, or when the time is over.
fn wait(limit: Duration, mut ask: impl FnMut() -> Option<Missing>) -> Option<Missing> {
    let (clock, stop) = (Clock::system(), Stop::new());
    loop {
        let missing = ask()?;
        if clock.monotonic() >= limit {
            return Some(missing);
        }
        stop.wait(ASK_EVERY.min(limit));
    }
}

/// Runs RAUC to its end, which says for itself how it went.
fn rauc(arguments: &[&str], out: &mut dyn Write) -> io::Result<Exit> {
    out.flush()?;
    #[expect(clippy::disallowed_methods, reason = "the daemon never comes here")]
    let ended = std::process::Command::new("rauc").args(arguments).status();
    match ended {
        Ok(status) if status.success() => Ok(Exit::Done),
        Ok(_) => Ok(Exit::Failed),
        Err(reason) => {
            writeln!(out, "cannot start rauc: {reason}; install it, or update by hand")?;
            Ok(Exit::Failed)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn note(folder: &Path, cmdline: &str) -> Note {
        let file = folder.join("cmdline");
        fs::write(&file, cmdline).unwrap();
        Note { note: folder.join("pending"), cmdline: file }
    }

    fn confirmed(note: Note) -> (Exit, String) {
        let mut out = Vec::new();
        let config = ConfigFile { config: Some("/nowhere/w.toml".into()) };
        let confirm = Confirm { config, within: Duration::ZERO, note };
        let exit = super::confirm(&confirm, &Environment::new(), &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_old_slot_is_asked_for_no_proof() {
        let folder = tempfile::tempdir().unwrap();
        let note = note(folder.path(), "root=/dev/x rauc.slot=A quiet\n");
        note.begin("A").unwrap();
        let (exit, said) = confirmed(note);
        assert_eq!(exit, Exit::Done);
        assert!(said.contains("slot A runs again"), "{said}");
    }

    #[test]
    fn the_new_slot_is() {
        let folder = tempfile::tempdir().unwrap();
        let note = note(folder.path(), "rauc.slot=B");
        note.begin("A").unwrap();
        let (exit, said) = confirmed(note);
        assert_eq!(exit, Exit::Failed, "there is no configuration: {said}");
    }

    #[test]
    fn waiting_ends_with_the_proof_or_with_the_time() {
        let mut left = 3;
        let proved = wait(Duration::from_secs(3_600), || {
            left -= 1;
            (left > 2).then_some(Missing::Answer)
        });
        assert_eq!(proved, None);
        assert_eq!(wait(Duration::ZERO, || Some(Missing::Picture)), Some(Missing::Picture));
    }
}
