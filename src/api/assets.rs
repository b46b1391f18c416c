//! The dashboard's files, embedded in the binary by `build.rs`.
//!
//! `src/web/index.html` is `/`; any other file is found under its path in
//! `src/web`, and under `/assets` and that path. Browsers ask again each time
//! and get 304, so an update of the box shows at once.

use hyper::Method;
use hyper::header::IF_NONE_MATCH;
use hyper::http::request::Parts;

use super::error::ApiError;
use super::response::{self, Response};

struct Asset {
    path: &'static str,
    content_type: &'static str,
    etag: &'static str,
    bytes: &'static [u8],
}

/// Sorted by path.
static ASSETS: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The front page of a binary that was built without the dashboard.
static BARE_INDEX: Asset = Asset {
    path: "/index.html",
    content_type: "text/html; charset=utf-8",
    etag: "\"bare\"",
    bytes:
        b"<!doctype html><html lang=\"en\"><title>Watchpost</title>\
        <p>This Watchpost was built without its dashboard. \
        <a href=\"/api/system/health\">Health</a>, <a href=\"/api/cameras\">cameras</a>.</p></html>",
};

/// The answer for a path that is no route.
pub(super) fn answer(head: &Parts) -> Result<Response, ApiError> {
    let path = head.uri.path();
    let asset = find(path).ok_or_else(|| nothing_here(path))?;
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return Err(super::dispatch::wrong_method("GET, HEAD, OPTIONS"));
    }
    Ok(response::tagged(
        head.headers.get(IF_NONE_MATCH),
        asset.content_type,
        "no-cache",
        asset.etag,
        asset.bytes,
    ))
}

fn find(path: &str) -> Option<&'static Asset> {
    let path = path.strip_prefix("/assets").unwrap_or(path);
    let path = if path == "/" { "/index.html" } else { path };
    let found = ASSETS.binary_search_by(|asset| asset.path.cmp(path)).ok().map(|at| &ASSETS[at]);
    found.or_else(|| (path == BARE_INDEX.path).then_some(&BARE_INDEX))
}

fn nothing_here(path: &str) -> ApiError {
    // What is quoted back is bounded, whatever was sent.
    let path: String = path.chars().take(100).collect();
    ApiError::not_found(format!("there is nothing at {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_file_is_found() {
        assert!(ASSETS.windows(2).all(|pair| pair[0].path < pair[1].path));
    }
}
