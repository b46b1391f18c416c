//! Pictures and clips to the collector, continued where they broke off.
//!
//! A medium is named by its key and its content, so it never changes. `HEAD` tells how
//! much of it is there, `PATCH` adds to it; both answer with `Upload-Offset`, and with
//! `Upload-Complete: ?1` once it is whole and its hash is right. What is there can be
//! used from the beginning on.

use std::sync::PoisonError;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, StatusCode};

use super::super::{Attempt, Content, Medium, Parcel, SendError, Sent};
use super::answer::{Answer, unavailable};
use super::{HEADS, Http, failed};

const OFFSET: &str = "upload-offset";
const COMPLETE: &str = "upload-complete";
const LENGTH: &str = "upload-length";
const SHA256: &str = "content-sha256";

/// How far a medium is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    sha256: String,
    offset: u64,
}

/// What the collector has of a medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Part(u64),
    Whole,
}

impl Http {
    pub(super) async fn send_medium(&self, parcel: &Parcel) -> Attempt {
        let Some((key, medium)) = parcel.items.first().and_then(|item| match &item.content {
            Content::Medium(medium) => Some((item.key.as_str(), medium)),
            Content::Record(_) => None,
        }) else {
            return failed(0, SendError::Rejected { reason: "it is no file".to_owned() });
        };
        let journal = parcel.journal.to_string();
        let path = ["media", &*parcel.device, &journal, key, &medium.sha256];
        let (offset, asked_bytes) = match self.remembered(medium) {
            Some(offset) => (offset, 0),
            None => match self.ask(&path, medium).await {
                Ok(There::Whole) => return done(HEADS, "it is there already"),
                Ok(There::Part(offset)) => (offset, HEADS),
                Err(error) => return failed(HEADS, error),
            },
        };
        let attempt = self.add(&path, medium, offset, parcel.turn_bytes).await;
        Attempt { bytes: attempt.bytes + asked_bytes, ..attempt }
    }

    async fn ask(&self, path: &[&str], medium: &Medium) -> Result<There, SendError> {
        let request = self.request(Method::HEAD, path, 0);
        let answer = Answer::read(request.send().await).await?;
        if answer.status == StatusCode::NOT_FOUND {
            return Ok(There::Part(0));
        }
        there(&answer.success(&self.clock)?, medium.bytes())
    }

    /// Adds about `turn_bytes` behind `offset`.
    async fn add(&self, path: &[&str], medium: &Medium, offset: u64, turn_bytes: u64) -> Attempt {
        let total = medium.bytes();
        let end = total.min(offset.saturating_add(turn_bytes));
        let chunk = match medium.part(offset, end).await {
            Ok(chunk) => chunk,
            Err(error) => return failed(0, unavailable(format!("the file: {error}"))),
        };
        let bytes = chunk.len() as u64 + HEADS;
        let request = self
            .request(Method::PATCH, path, chunk.len())
            .header(CONTENT_TYPE, medium.kind.content_type())
            .header(OFFSET, offset)
            .header(LENGTH, total)
            .header(SHA256, &medium.sha256)
            .body(chunk);
        let answer = match Answer::read(request.send().await).await {
            Ok(answer) => answer,
            Err(error) => {
                // Some of it may have arrived: next time it is asked.
                self.remember(None);
                return failed(bytes, error);
            }
        };
        let result = self.judge(&answer, medium, end);
        self.remember(match result {
            Ok(Sent::Part) => Some(Progress { sha256: medium.sha256.clone(), offset: end }),
            _ => None,
        });
        Attempt { bytes, result }
    }

    fn judge(&self, answer: &Answer, medium: &Medium, end: u64) -> Result<Sent, SendError> {
        if answer.status == StatusCode::CONFLICT {
            return Err(unavailable("the collector has another part of the medium; it is asked"));
        }
        if !answer.status.is_success() {
            return Err(answer.refusal(&self.clock));
        }
        let total = medium.bytes();
        match there(answer, total)? {
            There::Whole if end == total => Ok(whole("it is whole")),
            There::Part(offset) if offset == end && end < total => Ok(Sent::Part),
            _ => Err(unavailable("the collector does not have what was sent; it is asked")),
        }
    }

    fn remembered(&self, medium: &Medium) -> Option<u64> {
        let progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        progress.as_ref().filter(|it| it.sha256 == medium.sha256).map(|it| it.offset)
    }

    fn remember(&self, progress: Option<Progress>) {
        *self.progress.lock().unwrap_or_else(PoisonError::into_inner) = progress;
    }
}

/// What an answer says of a medium of `total` bytes. An offset beyond its end is a
/// lie, and so is one at its end of what is not whole.
fn there(answer: &Answer, total: u64) -> Result<There, SendError> {
    if answer.header(COMPLETE).map(str::trim) == Some("?1") {
        return Ok(There::Whole);
    }
    let offset = answer.header(OFFSET).and_then(|text| text.trim().parse().ok());
    match offset {
        Some(offset) if offset < total => Ok(There::Part(offset)),
        Some(offset) => {
            Err(unavailable(format!("the collector claims {offset} of {total} bytes of a medium")))
        }
        None => Err(unavailable("the collector does not say how much of a medium it has")),
    }
}

fn done(bytes: u64, receipt: &str) -> Attempt {
    Attempt { bytes, result: Ok(whole(receipt)) }
}

fn whole(receipt: &str) -> Sent {
    Sent::Whole { rejected: Vec::new(), receipt: receipt.to_owned() }
}
