//! A file as an answer: whole, or the part that was asked for (RFC 9110, section
//! 14). Sent a chunk at a time, so memory does not grow with it.

use std::convert::Infallible;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::StatusCode;
use hyper::body::Frame;
use hyper::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, HeaderValue,
    IF_NONE_MATCH, IF_RANGE, RANGE,
};

use super::error::ApiError;
use super::request::Request;
use super::response::{self, Body, Response};

/// Bytes read at a time.
const CHUNK: u64 = 64 << 10;

/// Something with bytes that have their places. Reads the disk.
pub(super) trait Source: Send + Sync {
    /// Bytes from `at` on: at least one, at most `count`; `None` when they cannot be
    /// read.
    fn read(&self, at: u64, count: u64) -> Option<Bytes>;
}

impl Source for File {
    fn read(&self, at: u64, count: u64) -> Option<Bytes> {
        // At most CHUNK.
        let mut chunk = vec![0; count as usize];
        let read = self.read_at(&mut chunk, at).ok().filter(|read| *read > 0)?;
        chunk.truncate(read);
        Some(chunk.into())
    }
}

/// A file that does not change any more, or what is read like one.
pub(super) struct WholeFile {
    pub(super) file: Box<dyn Source>,
    pub(super) bytes: u64,
    pub(super) content_type: &'static str,
    /// The same for the same bytes, in quotes.
    pub(super) etag: String,
}

/// The file, or the part of it that the request wants.
pub(super) fn answer(request: Request, whole: WholeFile) -> Result<Response, ApiError> {
    if request.header(&IF_NONE_MATCH).is_some_and(|known| known.contains(&whole.etag)) {
        let mut response = response::no_content();
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        return Ok(response);
    }
    let is_same = request.header(&IF_RANGE).is_none_or(|known| known == whole.etag);
    let wanted =
        request.header(&RANGE).filter(|_| is_same).and_then(|range| part(range, whole.bytes));
    let (from, until) = match wanted {
        Some(Ok(part)) => part,
        Some(Err(Unsatisfiable)) => return Err(unsatisfiable(whole.bytes)),
        None => (0, whole.bytes),
    };
    let total = whole.bytes;
    let mut response = Response::new(body(request, whole.file, from, until));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, HeaderValue::from(until - from));
    if let Ok(etag) = HeaderValue::from_str(&whole.etag) {
        headers.insert(ETAG, etag);
    }
    if wanted.is_some() {
        // Never empty, see `part`.
        let range = format!("bytes {from}-{}/{total}", until.saturating_sub(1));
        if let Ok(range) = HeaderValue::from_str(&range) {
            headers.insert(CONTENT_RANGE, range);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    response::set(&mut response, ACCEPT_RANGES, "bytes");
    response::set(&mut response, CONTENT_TYPE, whole.content_type);
    response::set(&mut response, CACHE_CONTROL, "private, no-cache");
    Ok(response)
}

/// A chunk at a time. A file that is cut short by a failing disk ends the
/// connection, which the client sees by the length.
pub(super) fn body(request: Request, file: Box<dyn Source>, from: u64, until: u64) -> Body {
    let file: Arc<dyn Source> = file.into();
    let chunks = stream::unfold((request, file, from), move |(request, file, at)| async move {
        let wanted = (until.saturating_sub(at)).min(CHUNK);
        if wanted == 0 {
            return None;
        }
        let source = Arc::clone(&file);
        let read = request.ctx.blocking(move || source.read(at, wanted)).await;
        let chunk = read.ok().flatten()?;
        let at = at + chunk.len() as u64;
        Some((Ok::<_, Infallible>(Frame::data(chunk)), (request, file, at)))
    });
    StreamBody::new(chunks).boxed_unsync()
}

/// No byte of the file was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unsatisfiable;

/// The part that a `Range` header means: its first byte, and the one behind it.
/// `None` for what is not understood, or for several parts, which may be ignored.
fn part(range: &str, total: u64) -> Option<Result<(u64, u64), Unsatisfiable>> {
    let (first, last) = range.trim().strip_prefix("bytes=")?.split_once('-')?;
    let number = |text: &str| -> Option<u64> {
        let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // More than fits is more than the file has.
        is_number.then(|| text.parse().unwrap_or(u64::MAX))
    };
    let (from, until) = match (first.trim(), last.trim()) {
        ("", count) => (total.saturating_sub(number(count)?), total),
        (first, "") => (number(first)?, total),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            if last < first {
                return None;
            }
            (first, last.saturating_add(1).min(total))
        }
    };
    Some(if from < until { Ok((from, until)) } else { Err(Unsatisfiable) })
}

fn unsatisfiable(total: u64) -> ApiError {
    let detail = format!("the file has {total} bytes; none of them was asked for");
    let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail);
    match HeaderValue::from_str(&format!("bytes */{total}")) {
        Ok(range) => error.header(CONTENT_RANGE, range),
        Err(_) => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_what_the_header_says_and_never_more_than_the_file_has() {
        for (header, expected) in [
            ("bytes=0-", (0, 100)),
            ("bytes=10-19", (10, 20)),
            ("bytes=90-500", (90, 100)),
            ("bytes=-10", (90, 100)),
            ("bytes=-500", (0, 100)),
            ("bytes=0-0", (0, 1)),
            ("bytes=0-99999999999999999999999", (0, 100)),
        ] {
            assert_eq!(part(header, 100), Some(Ok(expected)), "{header}");
        }
        for header in ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=99999999999999999999-"] {
            assert_eq!(part(header, 100), Some(Err(Unsatisfiable)), "{header}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Err(Unsatisfiable)));
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for header in ["bytes=0-1,5-6", "bytes=5-1", "bytes=a-b", "bytes=-", "items=0-1", "", "5-6"]
        {
            assert_eq!(part(header, 100), None, "{header}");
        }
    }
}
