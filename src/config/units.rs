//! Spans and sizes as people write them: `500ms`, `5s`, `2m`; `512MB`, `2GiB`.

use std::time::Duration;

const SPANS: [(&str, u64); 5] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of 1000 and of 1024, as IEC 80000-13 tells them apart.
const SIZES: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1_000),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];

/// A span of time from its text.
pub fn parse_span(text: &str) -> Option<Duration> {
    scaled(text, &SPANS).map(Duration::from_millis)
}

/// A number of bytes from its text.
pub fn parse_size(text: &str) -> Option<u64> {
    scaled(text, &SIZES)
}

/// The text of a span, in the largest unit that keeps it whole.
pub fn span_text(span: Duration) -> String {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    unscaled(ms, &SPANS, "0s")
}

/// The text of a number of bytes, in the largest unit that keeps it whole.
pub fn size_text(bytes: u64) -> String {
    unscaled(bytes, &SIZES, "0B")
}

fn scaled(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim_start())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn unscaled(value: u64, units: &[(&str, u64)], zero: &str) -> String {
    let largest =
        units.iter().filter(|(_, factor)| value.is_multiple_of(*factor)).max_by_key(|u| u.1);
    match largest {
        Some((name, factor)) if value > 0 => format!("{}{name}", value / factor),
        _ => zero.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_sizes_come_back_as_they_were_written() {
        for text in ["500ms", "5s", "2m", "36h", "30d", "0s"] {
            assert_eq!(span_text(parse_span(text).unwrap()), text);
        }
        for text in ["512MB", "2GiB", "64MiB", "1500B", "0B"] {
            assert_eq!(size_text(parse_size(text).unwrap()), text);
        }
    }

    #[test]
    fn numbers_without_unit_and_numbers_beyond_u64_are_refused() {
        for text in ["", "5", "s", "-5s", "5 parsecs", "1.5s", "99999999999999999999s"] {
            assert_eq!(parse_span(text), None, "{text:?}");
        }
        for text in ["", "512", "MB", "512mb", "18446744073709551615GiB"] {
            assert_eq!(parse_size(text), None, "{text:?}");
        }
    }
}
