//! What a value may be. Each rule turns a TOML value into a typed one, or says
//! what is wrong and what to write instead.

use std::fmt::Display;
use std::fs::File;
use std::io::Read as _;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use toml::de::DeValue;

use super::nearest::nearest;
use super::units::{parse_size, parse_span, size_text, span_text};
use crate::domain::Secret;

/// Longest text that any key takes, in bytes; addresses are the longest.
const TEXT_MAX: usize = 2048;

/// Most characters of a value that are quoted back.
const QUOTE_MAX: usize = 60;

/// Most of a secret's file that is read.
const SECRET_FILE_MAX_BYTES: u64 = 4096;

/// Why a value is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// Goes after the key's name: `is 500`.
    pub what: String,
    /// What to write instead.
    pub fix: String,
}

impl Bad {
    /// The value `what`, therefore `fix`.
    pub fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    fn value(value: &DeValue<'_>, fix: impl Into<String>) -> Self {
        Self::new(format!("is {}", quote(value)), fix)
    }
}

/// `true` or `false`.
pub fn boolean(value: &DeValue<'_>) -> Result<bool, Bad> {
    value.as_bool().ok_or_else(|| Bad::value(value, "write true or false"))
}

/// A whole number within `range`.
pub fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&DeValue<'_>) -> Result<T, Bad>
where
    T: TryFrom<i64> + PartialOrd + Display,
{
    move |value| {
        value
            .as_integer()
            .and_then(|n| i64::from_str_radix(n.as_str(), n.radix()).ok())
            .and_then(|n| T::try_from(n).ok())
            .filter(|n| range.contains(n))
            .ok_or_else(|| {
                let (low, high) = (range.start(), range.end());
                Bad::value(value, format!("write a whole number from {low} to {high}"))
            })
    }
}

/// A number within `range`.
pub fn number(range: RangeInclusive<f32>) -> impl Fn(&DeValue<'_>) -> Result<f32, Bad> {
    move |value| {
        let read = match value {
            DeValue::Integer(n) => n.as_str().parse::<f32>().ok(),
            DeValue::Float(n) => n.as_str().parse::<f32>().ok(),
            _ => None,
        };
        read.filter(|n| range.contains(n)).ok_or_else(|| {
            let (low, high) = (range.start(), range.end());
            Bad::value(value, format!("write a number from {low} to {high}"))
        })
    }
}

/// A text of one line, not empty.
pub fn text(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = value.as_str().ok_or_else(|| Bad::value(value, "write it in quotes"))?;
    if text.trim().is_empty() || text.len() > TEXT_MAX || text.contains(char::is_control) {
        let fix = format!("write 1 to {TEXT_MAX} characters on one line");
        return Err(Bad::value(value, fix));
    }
    Ok(text.to_owned())
}

/// A secret of at least `min` characters; never quoted back.
pub fn secret(min: usize) -> impl Fn(&DeValue<'_>) -> Result<Secret, Bad> {
    move |value| match value.as_str() {
        None => Err(Bad::new("is not a text", "write it in quotes")),
        Some(text) if text.contains(char::is_control) || text.len() > TEXT_MAX => {
            Err(Bad::new("has line breaks or is too long", "write it on one line"))
        }
        Some(text) if text.chars().count() < min => {
            let fix =
                format!("write at least {min} characters, such as from `openssl rand -hex 24`");
            Err(Bad::new("is too short to be safe", fix))
        }
        Some(text) => Ok(Secret::new(text)),
    }
}

/// The path of a file whose first line is a secret of at least `min` characters.
pub fn secret_file(min: usize) -> impl Fn(&DeValue<'_>) -> Result<Secret, Bad> {
    move |value| {
        let path = path(value)?;
        let mut content = String::new();
        File::open(&path)
            .and_then(|file| file.take(SECRET_FILE_MAX_BYTES).read_to_string(&mut content))
            .map_err(|error| {
                let what = format!("names {}, which cannot be read: {error}", path.display());
                Bad::new(what, "correct the path, or let the daemon's user read the file")
            })?;
        let line = content.lines().next().unwrap_or_default().trim().to_owned();
        secret(min)(&DeValue::String(line.into()))
            .map_err(|bad| Bad::new(format!("names a file whose first line {}", bad.what), bad.fix))
    }
}

/// A path.
pub fn path(value: &DeValue<'_>) -> Result<PathBuf, Bad> {
    text(value).map(PathBuf::from)
}

/// A span of time within `range`.
pub fn span(range: RangeInclusive<Duration>) -> impl Fn(&DeValue<'_>) -> Result<Duration, Bad> {
    move |value| {
        let read = value.as_str().and_then(parse_span).filter(|span| range.contains(span));
        read.ok_or_else(|| {
            let (low, high) = (span_text(*range.start()), span_text(*range.end()));
            let units = "with a unit of ms, s, m, h or d";
            Bad::value(value, format!("write a span from \"{low}\" to \"{high}\", {units}"))
        })
    }
}

/// A span in whole seconds, written as a plain number.
pub fn seconds(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<Duration, Bad> {
    let rule = whole(range);
    move |value| {
        let bad = |bad: Bad| Bad::new(bad.what, format!("{} (seconds)", bad.fix));
        rule(value).map(Duration::from_secs).map_err(bad)
    }
}

/// A number of bytes within `range`.
pub fn size(range: RangeInclusive<u64>) -> impl Fn(&DeValue<'_>) -> Result<u64, Bad> {
    move |value| {
        let read = value.as_str().and_then(parse_size).filter(|bytes| range.contains(bytes));
        read.ok_or_else(|| {
            let (low, high) = (size_text(*range.start()), size_text(*range.end()));
            let units = "with a unit such as MB or GiB";
            Bad::value(value, format!("write a size from \"{low}\" to \"{high}\", {units}"))
        })
    }
}

/// One of a few words.
pub fn choice<T: Copy>(words: &[(&'static str, T)]) -> impl Fn(&DeValue<'_>) -> Result<T, Bad> {
    move |value| {
        let word = value.as_str().unwrap_or_default();
        if let Some((_, meant)) = words.iter().find(|(known, _)| *known == word) {
            return Ok(*meant);
        }
        let known: Vec<_> = words.iter().map(|(known, _)| *known).collect();
        Err(Bad::value(
            value,
            match nearest(word, known.iter().copied()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("write one of \"{}\"", known.join("\", \"")),
            },
        ))
    }
}

/// An address to serve.
pub fn address(value: &DeValue<'_>) -> Result<SocketAddr, Bad> {
    value.as_str().and_then(|text| text.parse().ok()).ok_or_else(|| {
        Bad::value(value, "write an IP address and a port, such as \"127.0.0.1:8080\"")
    })
}

/// A list of up to `max` values, each by `rule`.
pub fn list<T>(
    max: usize,
    rule: impl Fn(&DeValue<'_>) -> Result<T, Bad>,
) -> impl Fn(&DeValue<'_>) -> Result<Vec<T>, Bad> {
    move |value| {
        let items = value.as_array().filter(|items| items.len() <= max).ok_or_else(|| {
            Bad::value(value, format!("write a list of up to {max}, such as [\"…\", \"…\"]"))
        })?;
        items.iter().map(|item| rule(item.get_ref())).collect()
    }
}

/// Two values, each by `rule`, written as a list.
pub fn pair<T>(
    rule: impl Fn(&DeValue<'_>) -> Result<T, Bad>,
) -> impl Fn(&DeValue<'_>) -> Result<(T, T), Bad> {
    move |value| match value.as_array().map(|items| &**items) {
        Some([first, second]) => Ok((rule(first.get_ref())?, rule(second.get_ref())?)),
        _ => Err(Bad::value(value, "write a list of two numbers, such as [1280, 720]")),
    }
}

/// A value as it may be shown: shortened, and without what nobody would read.
fn quote(value: &DeValue<'_>) -> String {
    let short = |text: &str| -> String {
        let cut: String = text.chars().take(QUOTE_MAX).collect();
        if cut.len() < text.len() { format!("{cut}…") } else { cut }
    };
    match value {
        DeValue::String(text) => format!("{:?}", short(text)),
        DeValue::Integer(n) => short(n.as_str()),
        DeValue::Float(n) => short(n.as_str()),
        DeValue::Boolean(is_true) => is_true.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(items) => format!("a list of {}", items.len()),
        DeValue::Table(_) => "a table".to_owned(),
    }
}
