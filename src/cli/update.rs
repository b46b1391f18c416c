//! `watchpost update …`: updates that fall back.
//!
//! RAUC writes the other slot; this is what makes it safe. `install` notes which
//! slot ran then, `confirm` asks the appliance of the new slot for proof that it
//! works. Who fails is not marked good and restarts, and the boot loader goes back
//! to the old slot when its tries are used up. There `confirm` sees that it is the
//! old one and asks for nothing: a camera that was unplugged meanwhile must not make
//! the box restart for ever.
//!
//! Only the command line comes here; the daemon starts no other programs.

mod proof;

use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{ConfigFile, Exit};
use crate::config::{Environment, Overrides, Settings, parse_span};
use crate::rt::{Clock, Stop, with_causes};
use proof::{Box as ProvenBox, Missing};

/// How often the appliance is asked.
const ASK_EVERY: Duration = Duration::from_secs(2);

/// Longest note that is read; it holds the name of a slot.
const NOTE_MAX_BYTES: usize = 64;

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

/// Answers; `status` and `install` end as RAUC does, which takes this program's
/// place.
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
            match old_slot(note) {
                Some(slot) => writeln!(out, "An update waits for its proof; before ran {slot}.")?,
                None => writeln!(out, "No update waits for its proof.")?,
            }
            become_rauc(&["status"], out)
        }
        Update::Install { bundle, note } => {
            let slot = running_slot(&note.cmdline).unwrap_or_default();
            if let Err(reason) = write_note(&note.note, &slot) {
                writeln!(out, "cannot write {}: {reason}", note.note.display())?;
                return Ok(Exit::Failed);
            }
            become_rauc(&["install", &bundle.display().to_string()], out)
        }
        Update::Confirm(confirm) => self::confirm(confirm, environment, out),
    }
}

fn confirm(confirm: &Confirm, environment: &Environment, out: &mut dyn Write) -> io::Result<Exit> {
    if let Some(old) = old_slot(&confirm.note)
        && running_slot(&confirm.note.cmdline).is_some_and(|running| running == old)
    {
        writeln!(out, "The update did not prove itself; slot {old} runs again.")?;
        return Ok(Exit::Done);
    }
    let overrides = Overrides::default();
    let settings = match Settings::load(&confirm.config.path(), environment, &overrides) {
        Ok(settings) => settings,
        Err(error) => {
            writeln!(out, "{}", with_causes(&error))?;
            return Ok(Exit::Failed);
        }
    };
    let asked = ProvenBox::of(&settings);
    let missing = wait(confirm.within, || asked.missing());
    match missing {
        None => {
            writeln!(out, "The appliance works.")?;
            Ok(Exit::Done)
        }
        Some(missing) => {
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

/// The slot in the kernel's command line, as RAUC looks for it.
fn running_slot(cmdline: &Path) -> Option<String> {
    let text = fs::read_to_string(cmdline).ok()?;
    let slot = text.split_whitespace().find_map(|word| word.strip_prefix("rauc.slot="))?;
    Some(slot.chars().take(NOTE_MAX_BYTES).collect())
}

fn old_slot(note: &Note) -> Option<String> {
    let text = fs::read_to_string(&note.note).ok()?;
    Some(text.trim().chars().take(NOTE_MAX_BYTES).collect())
}

fn write_note(path: &Path, slot: &str) -> io::Result<()> {
    fs::write(path, format!("{slot}\n"))?;
    fs::File::open(path)?.sync_all()
}

fn become_rauc(arguments: &[&str], out: &mut dyn Write) -> io::Result<Exit> {
    out.flush()?;
    #[expect(
        clippy::disallowed_methods,
        reason = "it takes the command's place; the daemon never comes here"
    )]
    let refused = std::process::Command::new("rauc").args(arguments).exec();
    writeln!(out, "cannot start rauc: {refused}; install it, or update by hand")?;
    Ok(Exit::Failed)
}

#[cfg(test)]
mod tests {
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
        write_note(&note.note, "A").unwrap();
        let (exit, said) = confirmed(note);
        assert_eq!(exit, Exit::Done);
        assert!(said.contains("slot A runs again"), "{said}");
    }

    #[test]
    fn the_new_slot_is() {
        let folder = tempfile::tempdir().unwrap();
        let note = note(folder.path(), "rauc.slot=B");
        write_note(&note.note, "A").unwrap();
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
