//! The query of a URL: `name=value` pairs, percent-encoded.
//!
//! Bounded by the size of a request head. Of a repeated name the first counts;
//! unknown names are ignored, because clients add some against caches.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::percent_decode_str;

use super::error::ApiError;
use crate::domain::Timestamp;

/// One day, for dates without a time.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The decoded pairs. Has no `Debug`: it may hold keys.
#[derive(Clone, Default)]
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn parse(text: Option<&str>) -> Self {
        let pairs = text.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
        Self(pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(decoded).collect())
    }

    /// The value of `name`; an empty one counts as absent.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The value of `name` as something with a text form.
    pub(super) fn parsed<T>(&self, name: &str) -> Result<Option<T>, ApiError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let parse = |value: &str| value.parse::<T>();
        self.get(name)
            .map(parse)
            .transpose()
            .map_err(|error| ApiError::invalid(format!("{name} is not valid: {error}")))
    }

    /// `1`, `true`, `0`, `false`.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ApiError> {
        match self.get(name) {
            None => Ok(None),
            Some("1" | "true") => Ok(Some(true)),
            Some("0" | "false") => Ok(Some(false)),
            Some(_) => Err(ApiError::invalid(format!("{name} must be true or false"))),
        }
    }

    /// An RFC 3339 time, or a date, which means its first instant in UTC.
    pub(super) fn time_from(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        Ok(self.time(name)?.map(|(time, _)| time))
    }

    /// The first instant after an RFC 3339 time, or after a whole day in UTC.
    pub(super) fn time_until(&self, name: &str) -> Result<Option<Timestamp>, ApiError> {
        Ok(self.time(name)?.map(|(time, length)| time.after(length)))
    }

    fn time(&self, name: &str) -> Result<Option<(Timestamp, Duration)>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        // A `+` of a zone offset that the client forgot to encode reads as a space.
        let text = text.replace(' ', "+");
        let instant = text.parse().map(|time| (time, Duration::from_millis(1)));
        let day = || format!("{text}T00:00:00Z").parse().map(|time| (time, DAY));
        instant.or_else(|_| day()).map(Some).map_err(|error: crate::domain::InvalidTimestamp| {
            ApiError::invalid(format!("{name} is {error} or a date such as 2026-01-15"))
        })
    }
}

fn decoded((name, value): (&str, &str)) -> (String, String) {
    let text = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    (text(name), text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_empty_values_count_as_absent() {
        let query = Query::parse(Some("a=x%20y&b=1+2&c=&a=second&=&&d"));
        assert_eq!(query.get("a"), Some("x y"));
        assert_eq!(query.get("b"), Some("1 2"));
        assert_eq!((query.get("c"), query.get("d"), query.get("e")), (None, None, None));
    }

    #[test]
    fn a_date_means_its_whole_day() {
        let query = Query::parse(Some("start_date=2026-01-15&end_date=2026-01-15"));
        let at = |text: &str| text.parse().ok();
        assert_eq!(query.time_from("start_date").ok().flatten(), at("2026-01-15T00:00:00Z"));
        assert_eq!(query.time_until("end_date").ok().flatten(), at("2026-01-16T00:00:00Z"));
    }

    #[test]
    fn a_zone_offset_survives_a_client_that_does_not_encode_it() {
        let query = Query::parse(Some("t=2026-01-15T10:30:00+02:00"));
        assert_eq!(query.time_from("t").ok().flatten(), "2026-01-15T08:30:00Z".parse().ok());
    }

    #[test]
    fn garbage_is_an_error_that_names_the_parameter() {
        let query = Query::parse(Some("limit=many&reviewed=maybe&start_date=%ff%00"));
        assert!(query.parsed::<usize>("limit").unwrap_err().detail.starts_with("limit "));
        assert!(query.flag("reviewed").unwrap_err().detail.starts_with("reviewed "));
        assert!(query.time_from("start_date").unwrap_err().detail.starts_with("start_date "));
    }
}
