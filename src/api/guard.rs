//! Two checks against web pages that misuse a browser on this network.
//!
//! DNS rebinding: a page's own host name is made to point at the box. So the
//! `Host` must be an IP address, `localhost` or a configured name. Foreign
//! origins: a page elsewhere sends requests or opens WebSockets. So where no key
//! proves the caller, an `Origin` must be the box itself, a configured name or a
//! page on this machine.

use std::net::IpAddr;

use hyper::header::{HOST, HeaderValue, ORIGIN};
use hyper::http::request::Parts;
use hyper::http::uri::Authority;
use hyper::{StatusCode, Version};

use super::ApiSettings;
use super::auth::Caller;
use super::error::ApiError;

/// Refuses a request for a host that this box is not.
pub(super) fn check_host(settings: &ApiSettings, head: &Parts) -> Result<(), ApiError> {
    let Some(host) = host(head) else {
        // Browsers always name a host; HTTP/1.0 tools need not.
        return match head.version {
            Version::HTTP_10 => Ok(()),
            _ => Err(ApiError::invalid("the Host header is missing or malformed")),
        };
    };
    if is_own_name(settings, host.host()) {
        return Ok(());
    }
    Err(ApiError::new(StatusCode::FORBIDDEN, "host_not_allowed", "this box has another name")
        .hint("use its address, or add the name to host_names in the configuration"))
}

/// Refuses a browser's request that a foreign page made.
pub(super) fn check_origin(
    settings: &ApiSettings,
    head: &Parts,
    caller: &Caller,
) -> Result<(), ApiError> {
    if caller.has_key || is_origin_allowed(settings, head) {
        return Ok(());
    }
    Err(foreign_page())
}

/// Refuses what a foreign page fetches or embeds on a box without keys: it may
/// not read the answer anyway (CORS), and must not use up streams and viewers.
/// Following a link to the box is not refused.
pub(super) fn check_site(settings: &ApiSettings, head: &Parts) -> Result<(), ApiError> {
    let is = |name: &str, word: &str| head.headers.get(name).is_some_and(|value| value == word);
    let is_foreign = is("sec-fetch-site", "cross-site") && !is("sec-fetch-mode", "navigate");
    let is_open = are_reads_open(settings) || is_origin_named(settings, head);
    if settings.keys.is_empty() && is_foreign && !is_open {
        return Err(foreign_page());
    }
    Ok(())
}

/// Whether the page that made the request, if any, may act and read here.
pub(super) fn is_origin_allowed(settings: &ApiSettings, head: &Parts) -> bool {
    let Some(origin) = head.headers.get(ORIGIN) else { return true };
    if is_listed(settings, origin) {
        return true;
    }
    let Some(origin) = origin.to_str().ok().and_then(authority_of_origin) else { return false };
    let is_same = host(head).is_some_and(|host| host == origin);
    is_same || is_configured(settings, origin.host()) || is_loopback(origin.host())
}

/// Whether pages of any origin may read.
pub(super) fn are_reads_open(settings: &ApiSettings) -> bool {
    settings.origins.iter().any(|origin| origin == "*")
}

/// Whether the configuration names this very origin.
fn is_listed(settings: &ApiSettings, origin: &HeaderValue) -> bool {
    let is_this =
        |known: &String| known != "*" && origin.as_bytes().eq_ignore_ascii_case(known.as_bytes());
    settings.origins.iter().any(is_this)
}

/// Whether the page names itself, and as one that may act here.
fn is_origin_named(settings: &ApiSettings, head: &Parts) -> bool {
    head.headers.contains_key(ORIGIN) && is_origin_allowed(settings, head)
}

fn foreign_page() -> ApiError {
    let detail = "pages of other origins may not do this";
    ApiError::new(StatusCode::FORBIDDEN, "origin_not_allowed", detail)
        .hint("open the page from the box, use a key, or add its host to host_names")
}

fn authority_of_origin(origin: &str) -> Option<Authority> {
    let rest = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"))?;
    rest.parse().ok()
}

/// The host the client means: of an absolute target, otherwise of the header.
fn host(head: &Parts) -> Option<Authority> {
    if let Some(authority) = head.uri.authority() {
        return Some(authority.clone());
    }
    let mut values = head.headers.get_all(HOST).iter();
    let host = values.next()?.to_str().ok()?.parse().ok()?;
    values.next().is_none().then_some(host)
}

fn is_own_name(settings: &ApiSettings, host: &str) -> bool {
    address(host).is_some() || is_loopback(host) || is_configured(settings, host)
}

fn is_configured(settings: &ApiSettings, host: &str) -> bool {
    settings.host_names.iter().any(|name| name.eq_ignore_ascii_case(host))
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address(host).is_some_and(|ip| ip.is_loopback())
}

fn address(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(host: Option<&str>, origin: Option<&str>) -> Parts {
        let mut request = hyper::Request::builder().uri("/");
        if let Some(host) = host {
            request = request.header(HOST, host);
        }
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn settings() -> ApiSettings {
        ApiSettings { host_names: vec!["watchpost.local".into()], ..ApiSettings::default() }
    }

    #[test]
    fn addresses_localhost_and_configured_names_are_hosts_of_the_box() {
        for host in ["127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "localhost", "Watchpost.local:80"]
        {
            assert_eq!(check_host(&settings(), &head(Some(host), None)), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_names_and_missing_or_broken_hosts_are_refused() {
        for host in [Some("evil.example:8080"), Some("localhost.evil.example"), Some("a b"), None] {
            assert!(check_host(&settings(), &head(host, None)).is_err(), "{host:?}");
        }
    }

    #[test]
    fn foreign_pages_are_refused_and_own_ones_are_not() {
        let allowed =
            |origin| is_origin_allowed(&settings(), &head(Some("192.0.2.7:8080"), Some(origin)));
        for origin in ["http://192.0.2.7:8080", "http://watchpost.local", "http://localhost:3000"] {
            assert!(allowed(origin), "{origin}");
        }
        for origin in ["http://evil.example", "http://192.0.2.66:8080", "null", "file://", ""] {
            assert!(!allowed(origin), "{origin}");
        }
    }

    #[test]
    fn a_listed_origin_is_allowed_and_the_star_lets_nobody_act() {
        let origins = vec!["*".into(), "https://studio.example:8443".into()];
        let settings = ApiSettings { origins, ..ApiSettings::default() };
        let allowed =
            |origin| is_origin_allowed(&settings, &head(Some("192.0.2.7:8080"), Some(origin)));
        assert!(allowed("https://Studio.example:8443"));
        for origin in ["http://studio.example:8443", "https://studio.example", "*", "null"] {
            assert!(!allowed(origin), "{origin}");
        }
        assert!(are_reads_open(&settings));
    }

    #[test]
    fn who_holds_a_key_may_call_from_anywhere() {
        let caller = Caller { role: crate::api::Role::Viewer, has_key: true };
        let head = head(Some("192.0.2.7"), Some("https://dashboard.example"));
        assert_eq!(check_origin(&settings(), &head, &caller), Ok(()));
    }
}
