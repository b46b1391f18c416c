//! Who calls, and what they may do.
//!
//! A key comes as `X-API-Key`, as `Authorization: Bearer`, as the query
//! `api_key` (for `<img>` and EventSource, which cannot set headers), or as the
//! WebSocket subprotocol `api-key.KEY`. Keys are compared through their SHA-256
//! in constant time, all of them, and are never logged.

use hyper::header::{AUTHORIZATION, HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL};
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use super::query::Query;
use super::{ApiSettings, Role};

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const SUBPROTOCOL_PREFIX: &str = "api-key.";

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caller {
    /// What they may do.
    pub(super) role: Role,
    /// They hold a key of the box. Without one, rights come from reaching an
    /// open address, which any page in a browser on this machine does too.
    pub(super) has_key: bool,
}

/// Who calls, judged by what they present and whether they are on this machine.
///
/// Without keys the box is open, but to this machine only. The configuration
/// refuses other addresses without a key; this holds also when a reload took the
/// last key away from an address that is still being served.
pub(super) fn caller(
    settings: &ApiSettings,
    headers: &HeaderMap,
    query: &Query,
    is_local: bool,
) -> Caller {
    if settings.keys.is_empty() {
        let role = if is_local { Role::Admin } else { Role::Public };
        return Caller { role, has_key: false };
    }
    let presented = presented_key(headers, query).unwrap_or_default();
    let mut caller = Caller { role: Role::Public, has_key: false };
    for known in &settings.keys {
        // No early end: the time does not tell which key was close.
        if bool::from(equal(presented, known.key.expose())) {
            caller = Caller { role: known.role, has_key: true };
        }
    }
    caller
}

/// Whether the WebSocket token is right, or none is wanted.
pub(super) fn has_token(settings: &ApiSettings, query: &Query) -> bool {
    settings.websocket_token.as_ref().is_none_or(|token| {
        bool::from(equal(query.get("token").unwrap_or_default(), token.expose()))
    })
}

/// The subprotocol a browser must get back, or it gives the connection up: the
/// first offered `api-key.KEY`.
pub(super) fn key_subprotocol(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|offered| offered.split(','))
        .map(str::trim)
        .find(|offer| {
            offer.len() > SUBPROTOCOL_PREFIX.len() && offer.starts_with(SUBPROTOCOL_PREFIX)
        })
}

fn presented_key<'a>(headers: &'a HeaderMap, query: &'a Query) -> Option<&'a str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = |value: &'a str| {
        let (scheme, key) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
    };
    text(X_API_KEY)
        .or_else(|| text(AUTHORIZATION).and_then(bearer))
        .or_else(|| query.get("api_key"))
        .or_else(|| key_subprotocol(headers)?.strip_prefix(SUBPROTOCOL_PREFIX))
}

/// Hashing first makes both sides equally long.
fn equal(left: &str, right: &str) -> Choice {
    Sha256::digest(left).as_slice().ct_eq(Sha256::digest(right).as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ApiKey;
    use crate::domain::Secret;

    const KEY: &str = "0123456789abcdef";

    fn settings() -> ApiSettings {
        let key = |name: &str, role, key| ApiKey { name: name.into(), role, key: Secret::new(key) };
        ApiSettings {
            keys: vec![
                key("wall", Role::Viewer, KEY),
                key("fleet", Role::Admin, "fedcba9876543210"),
            ],
            ..ApiSettings::default()
        }
    }

    fn role(name: &'static str, value: &str) -> Role {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        caller(&settings(), &headers, &Query::default(), true).role
    }

    #[test]
    fn a_key_is_accepted_in_each_of_its_four_places() {
        assert_eq!(role("x-api-key", KEY), Role::Viewer);
        assert_eq!(role("authorization", &format!("bearer {KEY}")), Role::Viewer);
        assert_eq!(role("sec-websocket-protocol", &format!("chat, api-key.{KEY}")), Role::Viewer);
        let query = Query::parse(Some("api_key=fedcba9876543210"));
        assert_eq!(caller(&settings(), &HeaderMap::new(), &query, false).role, Role::Admin);
    }

    #[test]
    fn a_wrong_key_or_none_is_the_public() {
        assert_eq!(role("x-api-key", "0123456789abcdeg"), Role::Public);
        assert_eq!(role("authorization", &format!("basic {KEY}")), Role::Public);
        assert_eq!(role("x-other", KEY), Role::Public);
    }

    #[test]
    fn without_keys_the_box_is_open_to_its_own_machine_only() {
        let open = ApiSettings::default();
        let role = |is_local| caller(&open, &HeaderMap::new(), &Query::default(), is_local).role;
        assert_eq!((role(true), role(false)), (Role::Admin, Role::Public));
    }

    #[test]
    fn an_empty_key_subprotocol_is_not_echoed() {
        let mut headers = HeaderMap::new();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, "api-key., api-key.x, api-key.y".parse().unwrap());
        assert_eq!(key_subprotocol(&headers), Some("api-key.x"));
    }
}
