//! `watchpost store`: what is kept, whether it is sound, and how to mend and move
//! it.
//!
//! Check, stats and export read only, and need no lock: a running instance is not
//! disturbed, and its half written last record may then show as a torn end.
//! Repair and import take the lock and refuse a store that is in use.

mod progress;
mod session;

use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use self::progress::ProgressBar;
use self::session::Session;
use super::{Exit, Export, Import, Store};
use crate::config::{StateDir, StateDirError, size_text};
use crate::rt::with_causes;
use crate::store::StoreError;
use crate::store::disk::RealDisk;
use crate::store::tools::{
    self, CheckReport, Exported, Imported, Progress, RepairReport, StoreStats,
};

/// Answers a question about the store, or does what is asked; `notes` gets what
/// must not stand in an export.
///
/// # Errors
/// When `out` cannot be written.
pub fn answer(question: &Store, out: &mut dyn Write, notes: &mut dyn Write) -> io::Result<Exit> {
    let done = match question {
        Store::Check(args) => check(&args.state_dir, out),
        Store::Stats(args) => stats(&args.state_dir, out),
        Store::Repair(args) => repair(&args.state_dir, out),
        Store::Export(args) => export(args, out, notes),
        Store::Import(args) => import(args, out),
    };
    match done {
        Ok(exit) => Ok(exit),
        Err(Failure::Output(error)) => Err(error),
        Err(Failure::InUse(error)) => {
            writeln!(notes, "{}", with_causes(&error))?;
            Ok(Exit::InUse)
        }
        Err(Failure::Reason(reason)) => {
            writeln!(notes, "{reason}")?;
            Ok(Exit::Failed)
        }
    }
}

/// Why nothing came of it.
enum Failure {
    Output(io::Error),
    InUse(StateDirError),
    Reason(String),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        let hint = "name the directory with --state-dir, and run this as the daemon's user";
        Self::Reason(format!("{}; {hint}", with_causes(&error)))
    }
}

impl From<StateDirError> for Failure {
    fn from(error: StateDirError) -> Self {
        match error {
            StateDirError::InUse { .. } => Self::InUse(error),
            StateDirError::Unwritable { .. } => Self::Reason(with_causes(&error)),
        }
    }
}

fn check(dir: &Path, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut bar = ProgressBar::new("checking");
    let report = tools::check_with(&RealDisk, dir, &mut |progress| bar.follow(progress))?;
    drop(bar);
    Ok(write_check(&report, out)?)
}

fn stats(dir: &Path, out: &mut dyn Write) -> Result<Exit, Failure> {
    let mut bar = ProgressBar::new("counting");
    let stats = tools::stats_with(dir, &mut |progress| bar.follow(progress))?;
    drop(bar);
    Ok(write_stats(&stats, out)?)
}

fn repair(dir: &Path, out: &mut dyn Write) -> Result<Exit, Failure> {
    let state_dir = hold_store(dir)?;
    let mut bar = ProgressBar::new("repairing");
    let report = tools::repair(dir, &mut |progress| bar.follow(progress))?;
    drop(bar);
    Session::open(state_dir)?.close();
    Ok(write_repair(&report, out)?)
}

fn export(args: &Export, out: &mut dyn Write, notes: &mut dyn Write) -> Result<Exit, Failure> {
    let dir = &args.store.state_dir;
    let mut bar = ProgressBar::new("exporting");
    let on_progress = &mut |progress| bar.follow(progress);
    let exported = match &args.output {
        None => tools::export(&RealDisk, dir, &mut BufWriter::new(out), on_progress)?,
        Some(path) => {
            let failed =
                |error| Failure::Reason(format!("cannot write {}: {error}", path.display()));
            let mut file = File::create_new(path).map_err(failed)?;
            let written =
                tools::export(&RealDisk, dir, &mut BufWriter::new(&mut file), on_progress)?;
            file.sync_all().map_err(failed)?;
            written
        }
    };
    drop(bar);
    Ok(write_exported(&exported, notes)?)
}

fn import(args: &Import, out: &mut dyn Write) -> Result<Exit, Failure> {
    let (mut input, all_bytes): (Box<dyn BufRead>, u64) = match &args.input {
        None => (Box::new(io::stdin().lock()), 0),
        Some(path) => {
            let failed =
                |error| Failure::Reason(format!("cannot read {}: {error}", path.display()));
            let file = File::open(path).map_err(failed)?;
            let bytes = file.metadata().map_err(failed)?.len();
            (Box::new(BufReader::new(file)), bytes)
        }
    };
    let session = Session::open(StateDir::acquire(&args.store.state_dir)?)?;
    let mut bar = ProgressBar::new("importing");
    let on_progress = &mut |done_bytes| bar.tell(Progress { done_bytes, all_bytes });
    let imported = tools::Import::new(&session.store).run(input.as_mut(), on_progress);
    drop(bar);
    session.close();
    Ok(write_imported(&imported?, out)?)
}

/// The lock of a state directory with a store in it.
fn hold_store(dir: &Path) -> Result<StateDir, Failure> {
    if !tools::is_store(&RealDisk, dir) {
        let (what, reason) = (format!("find a store in {}", dir.display()), "there is none".into());
        return Err(StoreError::Io { what, reason }.into());
    }
    Ok(StateDir::acquire(dir)?)
}

fn write_check(report: &CheckReport, out: &mut dyn Write) -> io::Result<Exit> {
    for finding in &report.findings {
        writeln!(out, "{finding}")?;
    }
    let (segments, records) = (report.segments, report.records);
    writeln!(out, "readable records: {records}, journal segments: {segments}")?;
    if report.torn_tails > 0 {
        let ends = report.torn_tails;
        writeln!(out, "torn ends, as a power cut leaves them: {ends}; nothing to do")?;
    }
    if report.is_sound() {
        writeln!(out, "The store is sound.")?;
        return Ok(Exit::Done);
    }
    if report.unknown_records + report.later_segments > 0 {
        let (records, segments) = (report.unknown_records, report.later_segments);
        writeln!(
            out,
            "of a later version of the program: {records} records, {segments} whole segments; \
             they are kept, and that version reads them"
        )?;
    }
    if report.damaged > 0 {
        let (places, lost) = (report.damaged, size_text(report.lost_bytes));
        writeln!(
            out,
            "damaged places: {places}, {lost} lost; the daemon skips them and keeps the rest. \
             `watchpost store repair` tidies up; check the disk if there are more next time."
        )?;
    }
    Ok(Exit::Faults)
}

fn write_stats(stats: &StoreStats, out: &mut dyn Write) -> io::Result<Exit> {
    writeln!(out, "detections       {}", stats.detections)?;
    writeln!(out, "event revisions  {}", stats.event_revisions)?;
    writeln!(out, "other revisions  {}", stats.other_revisions)?;
    writeln!(out, "journal          {} bytes, segments: {}", stats.journal_bytes, stats.segments)?;
    writeln!(out, "index            {} bytes", stats.index_bytes)?;
    if let (Some(oldest), Some(newest)) = (stats.oldest, stats.newest) {
        writeln!(out, "from             {oldest}")?;
        writeln!(out, "to               {newest}")?;
    }
    Ok(Exit::Done)
}

fn write_repair(report: &RepairReport, out: &mut dyn Write) -> io::Result<Exit> {
    for number in &report.repaired {
        writeln!(out, "repaired segment {number}")?;
    }
    let (segments, repaired) = (report.segments, report.repaired.len());
    writeln!(out, "journal segments: {segments}, repaired: {repaired}; the index is built again")?;
    if let Some(place) = &report.quarantine {
        let (kept, lost) = (report.kept_frames, size_text(report.lost_bytes));
        writeln!(out, "carried over: {kept} commits; not readable: {lost}")?;
        writeln!(
            out,
            "The originals are in {}; delete them when they are of no use.",
            place.display()
        )?;
    }
    if report.later_segments > 0 {
        let later = report.later_segments;
        writeln!(out, "left alone, of a later version of the program: {later} segments")?;
    }
    Ok(Exit::Done)
}

fn write_exported(exported: &Exported, notes: &mut dyn Write) -> io::Result<Exit> {
    writeln!(notes, "exported records: {}; pictures are not part of an export", exported.records)?;
    if exported.unknown > 0 {
        let unknown = exported.unknown;
        writeln!(notes, "passed over, of a later version of the program: {unknown}")?;
    }
    if exported.damaged > 0 {
        writeln!(notes, "passed over, damaged places: {}", exported.damaged)?;
    }
    let is_whole = exported.unknown == 0 && exported.damaged == 0;
    Ok(if is_whole { Exit::Done } else { Exit::Faults })
}

fn write_imported(imported: &Imported, out: &mut dyn Write) -> io::Result<Exit> {
    for fault in &imported.fault_lines {
        writeln!(out, "{fault}")?;
    }
    writeln!(out, "new records: {}, already there: {}", imported.added, imported.known)?;
    if imported.faults > 0 {
        writeln!(out, "lines that are no records of an export: {}", imported.faults)?;
        return Ok(Exit::Faults);
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::StoreArgs;

    fn said(report: &CheckReport) -> (Exit, String) {
        let mut out = Vec::new();
        let exit = write_check(report, &mut out).unwrap();
        (exit, String::from_utf8(out).unwrap())
    }

    #[test]
    fn torn_ends_are_no_damage_but_damaged_places_are() {
        let torn = CheckReport { torn_tails: 2, records: 7, segments: 1, ..CheckReport::default() };
        let (exit, text) = said(&torn);
        assert_eq!(exit, Exit::Done, "{text}");
        assert!(text.contains("leaves them: 2") && text.contains("is sound"), "{text}");

        let damaged = CheckReport { damaged: 1, lost_bytes: 512, ..torn };
        let (exit, text) = said(&damaged);
        assert_eq!(exit, Exit::Faults, "{text}");
        assert!(text.contains("damaged places: 1, 512B lost"), "{text}");
    }

    #[test]
    fn a_directory_that_is_not_there_is_one_sentence_and_is_not_made() {
        let args = StoreArgs { state_dir: "/nowhere/at/all".into() };
        let export = Export { store: args.clone(), output: None };
        let questions = [
            Store::Check(args.clone()),
            Store::Stats(args.clone()),
            Store::Repair(args),
            Store::Export(export),
        ];
        for question in questions {
            let (mut out, mut notes) = (Vec::new(), Vec::new());
            let exit = answer(&question, &mut out, &mut notes).unwrap();
            let text = String::from_utf8(notes).unwrap();
            assert_eq!((exit, out.len()), (Exit::Failed, 0), "{text}");
            assert!(text.contains("/nowhere/at/all") && text.contains("--state-dir"), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
            assert!(!Path::new("/nowhere").exists());
        }
    }
}
