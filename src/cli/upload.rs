//! `watchpost upload`: whether what is configured works, and what a collector must
//! answer.

use std::io::{self, Write};

use super::{ConfigFile, Exit, Upload, dead_letters};
use crate::app::{device, proof};
use crate::config::{Environment, Overrides, Settings};
use crate::rt::{Clock, with_causes};
use crate::upload::http;

/// Answers a question about the upload, or tries it.
///
/// # Errors
/// When `out` cannot be written.
pub fn answer(
    question: &Upload,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    match question {
        Upload::Test(file) => test(file, environment, out),
        Upload::Openapi => {
            writeln!(out, "{:#}", http::openapi())?;
            Ok(Exit::Done)
        }
        Upload::DeadLetters(question) => dead_letters::answer(question, environment, out),
    }
}

/// Sends a proof through every way and shows the receipt.
fn test(file: &ConfigFile, environment: &Environment, out: &mut dyn Write) -> io::Result<Exit> {
    let settings = match Settings::load(&file.path(), environment, &Overrides::default()) {
        Ok(settings) => settings,
        Err(error) => {
            writeln!(out, "{}", with_causes(&error))?;
            return Ok(Exit::Failed);
        }
    };
    let clock = Clock::system();
    let device = device::known(&settings).unwrap_or_else(|| "unnamed".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let receipts = runtime.block_on(proof::send(&settings.upload, &device, &clock));
    if receipts.is_empty() {
        writeln!(
            out,
            "No upstream is configured; add [upload.http], [upload.mqtt] or [upload.s3] to {}.",
            file.path().display()
        )?;
        return Ok(Exit::Failed);
    }
    let mut exit = Exit::Done;
    for (name, receipt) in receipts {
        match receipt {
            Ok(said) => writeln!(out, "{name}: {said}")?,
            Err(said) => {
                exit = Exit::Failed;
                writeln!(out, "{name}: {said}")?;
            }
        }
    }
    Ok(exit)
}
