//! What the collector answers, taken for what it is worth.

use std::time::Duration;

use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{Response, StatusCode};

use super::super::SendError;
use super::ANSWER_MAX;
use crate::domain::Timestamp;
use crate::rt::Clock;
use crate::rt::said_with_causes;

/// Most characters of an answer that are shown.
const SHOWN: usize = 120;

/// Head and body of an answer.
pub(super) struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// Reads an answer, at most [`ANSWER_MAX`] bytes of it.
    pub async fn read(response: reqwest::Result<Response>) -> Result<Self, SendError> {
        let mut response = response.map_err(|error| unavailable(causes(&error)))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut body = Vec::new();
        loop {
            let chunk = response.chunk().await;
            match chunk
                .map_err(|error| unavailable(format!("the answer broke off: {}", causes(&error))))?
            {
                Some(chunk) if body.len() + chunk.len() > ANSWER_MAX => {
                    return Err(unavailable(format!(
                        "the answer is longer than {ANSWER_MAX} bytes"
                    )));
                }
                Some(chunk) => body.extend_from_slice(&chunk),
                None => return Ok(Self { status, headers, body }),
            }
        }
    }

    /// The answer, if it is one of success; otherwise what it means.
    pub fn success(self, clock: &Clock) -> Result<Self, SendError> {
        if self.status.is_success() { Ok(self) } else { Err(self.refusal(clock)) }
    }

    /// What an answer that is no success means.
    pub fn refusal(&self, clock: &Clock) -> SendError {
        let said = format!("the collector answers {}{}", self.status, self.quoted());
        match self.status.as_u16() {
            400 | 409 | 413 | 415 | 422 => SendError::Rejected { reason: said },
            408 | 425 | 429 | 500..=599 => {
                SendError::Unavailable { reason: said, retry_after: self.retry_after(clock) }
            }
            300..=399 => SendError::Denied {
                reason: format!("{said}: redirects to {:?} are not followed", self.location()),
                next_step: "Correct upload.http.url; the collector answers at its own address."
                    .to_owned(),
            },
            401 | 403 => SendError::Denied {
                reason: said,
                next_step: "Correct the token or the certificate under [upload.http].".to_owned(),
            },
            _ => SendError::Denied {
                reason: said,
                next_step: "Correct upload.http.url: this is no collector.".to_owned(),
            },
        }
    }

    /// The value of a header, if it is plain text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn location(&self) -> String {
        let location = self.headers.get(LOCATION).and_then(|value| value.to_str().ok());
        location.unwrap_or_default().chars().take(SHOWN).collect()
    }

    /// In seconds or as a date (RFC 9110 section 10.2.3).
    fn retry_after(&self, clock: &Clock) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let date = jiff::fmt::rfc2822::parse(text).ok()?.timestamp();
        Some(Timestamp::from_unix_ms(date.as_millisecond()).since(clock.now()))
    }

    fn quoted(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let line: String = text.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        if line.is_empty() { line } else { format!(" ({line})") }
    }
}

/// The line or the collector fails for now.
pub(super) fn unavailable(reason: impl Into<String>) -> SendError {
    SendError::Unavailable { reason: reason.into(), retry_after: None }
}

/// An error with its causes, without the address: that is said elsewhere.
pub(super) fn causes(error: &reqwest::Error) -> String {
    let said = match (error.is_timeout(), error.is_connect()) {
        (true, _) => "no answer in time",
        (_, true) => "cannot connect",
        _ => "the request failed",
    };
    said_with_causes(said, error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| {
            (reqwest::header::HeaderName::from_static(name), value.parse().unwrap())
        });
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: headers.collect(),
            body: b"why\n".to_vec(),
        }
    }

    fn clock() -> Clock {
        Clock::manual("2026-11-23T10:00:00Z".parse().unwrap())
    }

    #[test]
    fn every_status_has_one_meaning() {
        let meaning = |status| match answer(status, &[]).refusal(&clock()) {
            SendError::Unavailable { .. } => 'u',
            SendError::Denied { .. } => 'd',
            SendError::Rejected { .. } => 'r',
        };
        let meanings: String =
            [400, 401, 403, 404, 408, 409, 413, 422, 429, 301, 307, 500, 502, 503]
                .map(meaning)
                .into_iter()
                .collect();
        assert_eq!(meanings, "rdddurrrudduuu");
    }

    #[test]
    fn a_wait_is_understood_in_seconds_and_as_a_date() {
        let after = |text: &str| match answer(503, &[("retry-after", text)]).refusal(&clock()) {
            SendError::Unavailable { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        };
        assert_eq!(after("120"), Some(Duration::from_secs(120)));
        assert_eq!(after("Mon, 23 Nov 2026 10:01:00 GMT"), Some(Duration::from_secs(60)));
        assert_eq!(after("Mon, 23 Nov 2020 10:01:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("soon"), None);
    }

    #[test]
    fn a_redirect_is_named_and_not_followed() {
        let to = [("location", "http://169.254.169.254/latest/meta-data")];
        let error = answer(307, &to).refusal(&clock());
        assert!(error.to_string().contains("169.254.169.254"), "{error}");
        assert!(matches!(error, SendError::Denied { .. }));
    }
}
