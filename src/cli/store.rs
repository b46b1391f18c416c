//! `watchpost store`: what is kept, and whether it is sound.
//!
//! Reads only, and needs no lock: a running instance is not disturbed, and its
//! half written last record may then show as a torn end.

use std::io::{self, Write};

use super::{Exit, Store, with_causes};
use crate::config::size_text;
use crate::store::StoreError;
use crate::store::tools::{self, CheckReport, StoreStats};

/// Answers a question about the store.
///
/// # Errors
/// When `out` cannot be written.
pub fn answer(question: &Store, out: &mut dyn Write) -> io::Result<Exit> {
    let answered = match question {
        Store::Check(args) => tools::check(&args.state_dir).map(|report| write_check(&report, out)),
        Store::Stats(args) => tools::stats(&args.state_dir).map(|stats| write_stats(&stats, out)),
    };
    answered.unwrap_or_else(|error| refuse(&error, out))
}

fn refuse(error: &StoreError, out: &mut dyn Write) -> io::Result<Exit> {
    let hint = "name the directory with --state-dir, and run this as the daemon's user";
    writeln!(out, "{}; {hint}", with_causes(error))?;
    Ok(Exit::Failed)
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
    if report.unknown_records > 0 {
        let unknown = report.unknown_records;
        writeln!(out, "records of another version of the program: {unknown}")?;
    }
    if report.damaged > 0 {
        let (places, lost) = (report.damaged, size_text(report.lost_bytes));
        writeln!(
            out,
            "damaged places: {places}, {lost} lost; the daemon skips them and keeps the rest. \
             Check the disk if there are more next time."
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
    fn a_directory_that_is_not_there_is_one_sentence() {
        let args = StoreArgs { state_dir: "/nowhere/at/all".into() };
        for question in [Store::Check(args.clone()), Store::Stats(args)] {
            let mut out = Vec::new();
            let exit = answer(&question, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert_eq!(exit, Exit::Failed, "{text}");
            assert!(text.contains("/nowhere/at/all") && text.contains("--state-dir"), "{text}");
            assert_eq!(text.lines().count(), 1, "{text}");
        }
    }
}
