//! `watchpost upload`: whether what is configured works, and what a collector must
//! answer.

use std::io::{self, Write};

use uuid::Uuid;

use super::{ConfigFile, Exit, Upload, dead_letters, with_causes};
use crate::app::device;
use crate::app::uploads::WayMaker;
use crate::config::{Environment, Overrides, Settings};
use crate::domain::Timestamp;
use crate::health::Health;
use crate::rt::Clock;
use crate::store::Mark;
use crate::upload::mqtt::Around;
use crate::upload::wire::{Data, ProofV1};
use crate::upload::{Content, Item, Lane, Parcel, Sent, http};

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
    let health = Health::new(clock.clone());
    let device = device::known(&settings).unwrap_or_else(|| "unnamed".to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Not the name under which the box itself is connected: a broker would end that.
    let ours = format!("{device}-test");
    let mut upload = settings.upload.clone();
    if let Some(mqtt) = &mut upload.mqtt {
        mqtt.discovery_prefix = None;
    }
    let maker = WayMaker { device: ours.into(), clock: clock.clone(), around: Around::default() };
    let ways = maker.ways(&upload, &health);
    for report in health.reports() {
        writeln!(out, "{}: {}", report.component, report.message)?;
    }
    if ways.is_empty() {
        writeln!(
            out,
            "No upstream is configured; add [upload.http], [upload.mqtt] or [upload.s3] to {}.",
            file.path().display()
        )?;
        return Ok(Exit::Failed);
    }
    let mut exit = if health.reports().is_empty() { Exit::Done } else { Exit::Failed };
    for (name, way) in ways {
        let parcel = proof(&device, clock.now());
        let began = clock.monotonic();
        let attempt = runtime.block_on(way.send(&parcel));
        let took_ms = clock.monotonic().saturating_sub(began).as_millis();
        let address = way.address();
        match attempt.result {
            Ok(Sent::Whole { receipt, rejected }) if rejected.is_empty() => {
                let (key, bytes) = (parcel.items[0].key.as_str(), attempt.bytes);
                writeln!(
                    out,
                    "{name}: {address} took {key} ({bytes} bytes) in {took_ms} ms: {receipt}"
                )?;
            }
            Ok(Sent::Whole { rejected, .. }) => {
                exit = Exit::Failed;
                let reason = rejected.first().map_or("", |(_, reason)| reason);
                writeln!(out, "{name}: {address} does not want the proof: {reason}")?;
            }
            Ok(Sent::Part) => writeln!(out, "{name}: {address} took part of the proof")?,
            Err(error) => {
                exit = Exit::Failed;
                writeln!(out, "{name}: {address}: {error}")?;
            }
        }
    }
    Ok(exit)
}

/// An item that means nothing.
fn proof(device: &str, sent_at: Timestamp) -> Parcel {
    let data = Data::Proof(ProofV1 { nonce: Uuid::new_v4().to_string(), sent_at });
    let item = Item {
        key: data.key(),
        touched_at: sent_at,
        at: Mark::START,
        behind: Mark::START,
        content: Content::Record(Box::new(data)),
        bytes: 0,
    };
    Parcel {
        device: device.into(),
        journal: Uuid::nil(),
        lane: Lane::Alerts,
        items: vec![item],
        turn_bytes: 1 << 20,
    }
}
