//! Log lines: to the journal when the service manager listens there, as text for
//! people otherwise, as JSON lines on request.
//!
//! `WATCHPOST_LOG` sets the level (`error`, `warn`, `info`, `debug`, `trace`,
//! `off`), `WATCHPOST_LOG_FORMAT` the form (`text`, `json`, `journal`). Other
//! people's code is heard from `warn` on, whatever the level. A line is one
//! write, and nothing that comes from outside can break it in two.

use std::fmt::Write as _;
use std::io::{self, Write as _};

use log::kv::{self, Key, Value, VisitSource};
use log::{LevelFilter, Log, Metadata, Record, warn};
use serde_json::{Map, Number, Value as Json, json};
use systemd_journal_logger::{JournalLog, connected_to_journal};

use crate::config::Environment;
use crate::domain::Timestamp;
use crate::health::{LogLine, LogRing};
use crate::rt::Clock;

/// Variable for the level.
pub const LEVEL_VARIABLE: &str = "WATCHPOST_LOG";

/// Variable for the form.
pub const FORMAT_VARIABLE: &str = "WATCHPOST_LOG_FORMAT";

/// Name under which the journal files our lines.
const IDENTIFIER: &str = "watchpost";

/// Least level of code that is not ours: sled, GStreamer, tract and hyper tell
/// much that helps only their authors.
const FOREIGN_LEVEL: LevelFilter = LevelFilter::Warn;

/// The form of a line.
enum Form {
    Journal(JournalLog),
    Text,
    Json,
}

struct Logger {
    form: Form,
    level: LevelFilter,
    clock: Clock,
    ring: LogRing,
}

/// Starts logging, and keeps our own last lines in `ring`; to be called once. Wrong values of the variables are told in
/// the log and otherwise ignored: a box without a log helps nobody.
pub fn install(environment: &Environment, clock: Clock, ring: LogRing) {
    let (level, level_fault) = level(environment.get(LEVEL_VARIABLE).map(String::as_str));
    let (form, form_fault) = form(environment.get(FORMAT_VARIABLE).map(String::as_str));
    let logger = Logger { form, level, clock, ring };
    // A second call keeps the first logger, which is as good.
    if log::set_boxed_logger(Box::new(logger)).is_ok() {
        log::set_max_level(level);
    }
    for fault in [level_fault, form_fault].into_iter().flatten() {
        warn!("{fault}");
    }
}

fn level(text: Option<&str>) -> (LevelFilter, Option<String>) {
    let text = text.unwrap_or_default().trim();
    match text.parse() {
        Ok(level) => (level, None),
        Err(_) if text.is_empty() => (LevelFilter::Info, None),
        Err(_) => {
            let fault = format!(
                "{LEVEL_VARIABLE} is {text:?}; use error, warn, info, debug, trace or off. Taking info."
            );
            (LevelFilter::Info, Some(fault))
        }
    }
}

fn form(text: Option<&str>) -> (Form, Option<String>) {
    let text = text.unwrap_or_default().trim();
    match text {
        "json" => (Form::Json, None),
        "text" => (Form::Text, None),
        // The service manager sets JOURNAL_STREAM for what it starts; the library
        // compares it with our standard error, so that a pipe into a file or
        // another program still gets text (sd_journal_print(3)).
        "" if !connected_to_journal() => (Form::Text, None),
        "" | "journal" => match JournalLog::new() {
            Ok(journal) => (Form::Journal(journal.with_syslog_identifier(IDENTIFIER.into())), None),
            Err(error) => (Form::Text, Some(format!("The journal cannot be reached: {error}"))),
        },
        _ => {
            let fault = format!("{FORMAT_VARIABLE} is {text:?}; use text, json or journal.");
            (Form::Text, Some(fault))
        }
    }
}

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        let limit =
            if is_ours(metadata.target()) { self.level } else { self.level.min(FOREIGN_LEVEL) };
        metadata.level() <= limit
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        // What others write may hold what ours never does: addresses with passwords.
        if is_ours(record.target()) {
            self.ring.push(ring_line(self.clock.now(), record));
        }
        let line = match &self.form {
            Form::Journal(journal) => return journal.log(record),
            Form::Text => text_line(&self.clock.now().to_string(), record),
            Form::Json => json_line(&self.clock.now().to_string(), record),
        };
        // Nobody is left to tell when standard error is closed.
        let _ = io::stderr().lock().write_all(line.as_bytes());
    }

    fn flush(&self) {}
}

fn is_ours(target: &str) -> bool {
    target.split("::").next() == Some(IDENTIFIER)
}

fn ring_line(at: Timestamp, record: &Record<'_>) -> LogLine {
    let mut message = String::new();
    push_escaped(&mut message, &record.args().to_string());
    // The visitor never fails, so neither does the visit.
    let _ = record.key_values().visit(&mut TextFields(&mut message));
    let camera = record.key_values().get(Key::from("camera")).map(|camera| camera.to_string());
    LogLine { at, level: record.level(), message, camera }
}

/// `2026-01-15T10:30:00.000Z warn  capture: No frame. camera=yard waited_ms=5000`
fn text_line(now: &str, record: &Record<'_>) -> String {
    let level = record.level().as_str().to_lowercase();
    let mut line = format!("{now} {level:<5} {}: ", room(record.target()));
    push_escaped(&mut line, &record.args().to_string());
    // The visitor never fails, so neither does the visit.
    let _ = record.key_values().visit(&mut TextFields(&mut line));
    line.push('\n');
    line
}

fn json_line(now: &str, record: &Record<'_>) -> String {
    let mut fields = Map::new();
    // As above.
    let _ = record.key_values().visit(&mut JsonFields(&mut fields));
    let line = json!({
        "time": now,
        "level": record.level().as_str().to_lowercase(),
        "target": record.target(),
        "message": record.args().to_string(),
        "fields": fields,
    });
    format!("{line}\n")
}

/// The room a line comes from: `watchpost::capture::gst` is `capture`.
fn room(target: &str) -> &str {
    let mut parts = target.split("::");
    match (parts.next(), parts.next()) {
        (Some(IDENTIFIER), Some(room)) => room,
        _ => target,
    }
}

struct TextFields<'a>(&'a mut String);

impl<'kvs> VisitSource<'kvs> for TextFields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let text = value.to_string();
        let needs_quotes = text.is_empty() || text.contains([' ', '"']);
        // Writing to a String cannot fail.
        let _ = write!(self.0, " {key}=");
        match needs_quotes {
            true => self.0.push_str(&format!("{text:?}")),
            false => push_escaped(self.0, &text),
        }
        Ok(())
    }
}

struct JsonFields<'a>(&'a mut Map<String, Json>);

impl<'kvs> VisitSource<'kvs> for JsonFields<'_> {
    fn visit_pair(&mut self, key: Key<'kvs>, value: Value<'kvs>) -> Result<(), kv::Error> {
        let json = if let Some(is_true) = value.to_bool() {
            Json::Bool(is_true)
        } else if let Some(number) = value.to_u64() {
            Json::from(number)
        } else if let Some(number) = value.to_i64() {
            Json::from(number)
        } else if let Some(number) = value.to_f64().and_then(Number::from_f64) {
            Json::Number(number)
        } else {
            Json::String(value.to_string())
        };
        self.0.insert(key.to_string(), json);
        Ok(())
    }
}

/// Appends `text` with control characters escaped: what a client or camera sent
/// must not start a line of its own or steer a terminal.
fn push_escaped(line: &mut String, text: &str) {
    for c in text.chars() {
        match c.is_control() {
            true => line.extend(c.escape_default()),
            false => line.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use log::Level;

    const NOW: &str = "2026-01-15T10:30:00.000Z";

    fn with_record<T>(text: &str, read: impl Fn(&Record<'_>) -> T) -> T {
        let fields = [("camera", Value::from("front door")), ("waited_ms", Value::from(5_000_u64))];
        read(
            &Record::builder()
                .level(Level::Warn)
                .target("watchpost::capture::gst")
                .key_values(&fields)
                .args(format_args!("{text}"))
                .build(),
        )
    }

    #[test]
    fn a_text_line_has_time_level_room_sentence_and_fields() {
        let line = with_record("No frame.", |record| text_line(NOW, record));
        let expected = "2026-01-15T10:30:00.000Z warn  capture: No frame. \
                        camera=\"front door\" waited_ms=5000\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn a_json_line_keeps_numbers_as_numbers() {
        let line = with_record("No frame.", |record| json_line(NOW, record));
        let read: Json = serde_json::from_str(&line).unwrap();
        assert_eq!(read["fields"], json!({"camera": "front door", "waited_ms": 5000}));
        assert_eq!(read["message"], "No frame.");
    }

    #[test]
    fn a_kept_line_has_sentence_fields_and_camera() {
        let line = with_record("No frame.", |record| ring_line(Timestamp::default(), record));
        assert_eq!(line.message, "No frame. camera=\"front door\" waited_ms=5000");
        assert_eq!((line.level, line.camera.as_deref()), (Level::Warn, Some("front door")));
    }

    #[test]
    fn only_our_own_lines_are_kept() {
        let clock = Clock::manual(Timestamp::default());
        let ring = LogRing::default();
        let logger =
            Logger { form: Form::Text, level: LevelFilter::Info, clock, ring: ring.clone() };
        for target in ["watchpost::store", "rtsp", "watchpostal"] {
            logger.log(
                &Record::builder()
                    .level(Level::Error)
                    .target(target)
                    .args(format_args!("said by {target}"))
                    .build(),
            );
        }
        let kept = ring.newest(Level::Trace, 9);
        assert_eq!(kept.len(), 1);
        assert_eq!(kept[0].message, "said by watchpost::store");
    }

    #[test]
    fn what_a_client_sends_cannot_forge_a_line() {
        for form in [text_line, json_line] {
            let line = with_record("a\n2026 error fake\x1b[2J", |record| form(NOW, record));
            assert_eq!(line.matches('\n').count(), 1, "{line}");
            assert!(!line.contains('\x1b'), "{line}");
        }
    }

    #[test]
    fn other_peoples_code_is_heard_from_warn_on() {
        let clock = Clock::manual(Timestamp::default());
        let logger =
            Logger { form: Form::Text, level: LevelFilter::Trace, clock, ring: LogRing::default() };
        let hears = |target, level| {
            logger.enabled(&Metadata::builder().target(target).level(level).build())
        };
        assert!(hears("watchpost::store", Level::Trace));
        assert!(hears("watchpost", Level::Debug));
        assert!(hears("sled::pagecache", Level::Warn));
        assert!(!hears("sled::pagecache", Level::Info));
        assert!(!hears("watchpostal", Level::Info));
    }

    #[test]
    fn a_wrong_level_is_told_and_info_is_taken() {
        assert_eq!(level(None), (LevelFilter::Info, None));
        assert_eq!(level(Some("DEBUG")), (LevelFilter::Debug, None));
        let (taken, fault) = level(Some("loud"));
        assert_eq!(taken, LevelFilter::Info);
        assert!(fault.unwrap().contains("use error, warn"));
    }
}
