//! Everything that exists once: the service and its keys, the detector, the
//! store.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::LeftOpen;
use super::mistake::Place;
use super::rules::{self, Bad};
use super::section::{Reader, Section};
use crate::api::{ApiKey, ApiSettings, Role};
use crate::domain::Secret;
use crate::infer::{InferSettings, ModelChoice};
use crate::store::{FLUSH_RECORDS_MAX, StoreSettings};

/// Most addresses, keys and host names.
const ADDRESSES_MAX: usize = 8;
const KEYS_MAX: usize = 64;
const HOST_NAMES_MAX: usize = 16;
const ORIGINS_MAX: usize = 16;

/// Shortest API key and token. 16 characters of 64 are 96 bits.
const KEY_MIN: usize = 16;

/// Edges of the network's input, and what they must be a multiple of: the
/// coarsest feature map has a stride of 32 pixels.
const INPUT_PX: RangeInclusive<u32> = 64..=1280;
const INPUT_STEP_PX: u32 = 32;

const ROLES: [(&str, Role); 3] =
    [("viewer", Role::Viewer), ("operator", Role::Operator), ("admin", Role::Admin)];

/// Variable that holds one more key, with the role `admin`.
const KEY_VARIABLE: &str = "WATCHPOST_API_KEY";

const HOUR: Duration = Duration::from_secs(3600);
const CENTURY: Duration = Duration::from_secs(36_500 * 86_400);

const MIB: u64 = 1 << 20;
const TIB: u64 = 1 << 40;

/// The service. `flags` replace the addresses of the file.
pub fn api(root: &Section<'_>, flags: &[SocketAddr]) -> ApiSettings {
    let mut api = ApiSettings::default();
    root.set("listen", &mut api.listen, rules::list(ADDRESSES_MAX, rules::address));
    root.set(
        "websocket_idle_timeout_seconds",
        &mut api.websocket_idle_timeout,
        rules::seconds(1..=86_400),
    );
    root.set(
        "websocket_ping_interval_seconds",
        &mut api.websocket_ping_interval,
        rules::seconds(1..=86_400),
    );
    if api.websocket_ping_interval >= api.websocket_idle_timeout {
        root.mistake(
            "websocket_ping_interval_seconds",
            "is not below websocket_idle_timeout_seconds",
            "make it at most a third of that",
        );
    }
    root.set("debug", &mut api.debug, rules::boolean);
    root.set("allow_shutdown", &mut api.allow_shutdown, rules::boolean);
    if !flags.is_empty() {
        api.listen = flags.to_vec();
    }
    limits(root.section("limits"), &mut api);
    keys(root, &mut api);
    check_listen(root, &api, !flags.is_empty());
    api
}

fn limits(section: Section<'_>, api: &mut ApiSettings) {
    section.set("connections", &mut api.connections_max, rules::whole(8..=4096));
    section.set("connections_per_address", &mut api.connections_per_ip_max, rules::whole(1..=4096));
    section.set(
        "websocket_upgrades_per_minute",
        &mut api.websocket_upgrades_per_minute,
        rules::whole(0..=100_000),
    );
    section.set(
        "websocket_upgrades_burst",
        &mut api.websocket_upgrades_burst,
        rules::whole(0..=100_000),
    );
    section.set("live_viewers", &mut api.live_viewers_max, rules::whole(1..=64));
    let mut body = api.body_max_bytes as u64;
    section.set("body", &mut body, rules::size(1 << 10..=MIB));
    // At most 1 MiB by the rule above.
    api.body_max_bytes = body as usize;
    let range = Duration::from_secs(1)..=Duration::from_secs(300);
    section.set("sse_keepalive", &mut api.sse_keepalive, rules::span(range));
    let range = Duration::from_secs(1)..=Duration::from_secs(86_400);
    section.set("replay_age", &mut api.replay_max_age, rules::span(range));
    let mut replay = api.replay_max_bytes as u64;
    section.set("replay_size", &mut replay, rules::size(64 << 10..=64 * MIB));
    // At most 64 MiB by the rule above.
    api.replay_max_bytes = replay as usize;
    if api.connections_per_ip_max > api.connections_max {
        section.mistake(
            "connections_per_address",
            "is more than connections",
            format!("write at most {}", api.connections_max),
        );
    }
    section.finish();
}

fn keys(root: &Section<'_>, api: &mut ApiSettings) {
    let auth = root.section("auth");
    let is_enabled = auth.get("enabled", rules::boolean);
    api.websocket_token = auth.secret("websocket_token", "websocket_token_file", KEY_MIN);
    auth.set("host_names", &mut api.host_names, rules::list(HOST_NAMES_MAX, host_name));
    auth.set("origins", &mut api.origins, rules::list(ORIGINS_MAX, origin));
    api.keys = root.sections("key", KEYS_MAX).into_iter().filter_map(key).collect();
    check_names(root, &api.keys);
    api.keys.extend(key_of_environment(root.reader()));
    match is_enabled {
        Some(false) => api.keys.clear(),
        Some(true) if api.keys.is_empty() => {
            let fix = format!("add a [[key]], or set {KEY_VARIABLE}");
            auth.mistake("enabled", "is true, but there is no key", fix);
        }
        _ => {}
    }
    auth.finish();
}

fn key(section: Section<'_>) -> Option<ApiKey> {
    let name = section.get("name", rules::text);
    let role = section.get("role", rules::choice(&ROLES));
    let secret = section.secret("key", "key_file", KEY_MIN);
    for (key, example) in [("name", "\"hallway tablet\""), ("role", "\"viewer\"")] {
        if !section.has(key) {
            section.mistake(key, "is missing", format!("write {key} = {example}"));
        }
    }
    if !section.has("key") && !section.has("key_file") {
        section.mistake("key", "is missing", "write key_file = \"…\" or key = \"…\"");
    }
    section.finish();
    Some(ApiKey { name: name?, role: role?, key: secret? })
}

fn check_names(root: &Section<'_>, keys: &[ApiKey]) {
    let mut names = BTreeSet::new();
    let doubled = keys.iter().find(|key| !names.insert(&key.name));
    if let Some(key) = doubled {
        let what = format!("has two entries with the name {:?}", key.name);
        root.mistake("key", &what, "give each key a name of its own");
    }
}

fn key_of_environment(reader: &Reader<'_>) -> Option<ApiKey> {
    let text = reader.variable(KEY_VARIABLE).filter(|text| !text.is_empty())?;
    let key = match rules::secret(KEY_MIN)(&DeValue::String(text.into())) {
        Ok(key) => key,
        Err(bad) => {
            let what = format!("the key {}", bad.what);
            reader.mistake(Place::Variable(KEY_VARIABLE.to_owned()), what, bad.fix);
            Secret::new(text)
        }
    };
    Some(ApiKey { name: "environment".to_owned(), role: Role::Admin, key })
}

fn check_listen(root: &Section<'_>, api: &ApiSettings, is_flag: bool) {
    let mistake = |what: String, fix: &str| match is_flag {
        true => root.reader().mistake(Place::Flag("--listen"), what, fix),
        false => root.mistake("listen", &what, fix),
    };
    let mut seen = BTreeSet::new();
    for address in &api.listen {
        if !seen.insert(address) && address.port() != 0 {
            mistake(format!("names {address} twice"), "keep it once");
        }
        if !address.ip().is_loopback() && api.keys.is_empty() {
            let what = format!("{address} is reachable from outside, and no key is configured");
            let fix = "add a [[key]], set WATCHPOST_API_KEY, or listen on 127.0.0.1 only";
            mistake(what, fix);
        }
    }
    if api.listen.is_empty() {
        mistake("is empty".to_owned(), "name an address, such as \"127.0.0.1:8080\"");
    }
}

fn host_name(value: &DeValue<'_>) -> Result<String, Bad> {
    let name = rules::text(value)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
    if name.len() > 253 || !name.chars().all(allowed) {
        return Err(Bad::new("is not a host name", "write the name alone, such as \"box.local\""));
    }
    Ok(name.to_ascii_lowercase())
}

/// As browsers write it: scheme, host and, unless it is the scheme's own, port.
fn origin(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = rules::text(value)?.to_ascii_lowercase();
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-.:[]".contains(c);
    let is_origin = host.is_some_and(|host| !host.is_empty() && host.chars().all(allowed));
    if text == "*" || is_origin {
        return Ok(text);
    }
    Err(Bad::new("is not an origin", "write \"https://\" and the host alone, or \"*\""))
}

/// The detector.
pub fn infer(section: Section<'_>) -> InferSettings {
    let mut infer = InferSettings::default();
    section.set("model", &mut infer.model, model);
    section.set_some("labels", &mut infer.labels, rules::path);
    section.set("input", &mut infer.input_px, rules::pair(input_edge));
    section.set("threshold", &mut infer.threshold, rules::number(0.05..=0.99));
    section.set("weak_threshold", &mut infer.weak_threshold, rules::number(0.01..=0.99));
    if infer.weak_threshold > infer.threshold {
        let fix = format!("write at most {}", infer.threshold);
        section.mistake("weak_threshold", "is above threshold", fix);
    }
    section.set("workers", &mut infer.workers, rules::whole(1..=16));
    let is_built_in = !matches!(infer.model, ModelChoice::File(_));
    if infer.labels.is_some() && is_built_in {
        let fix = "remove it, or name the network's file as model";
        section.mistake("labels", "is given for a built-in network", fix);
    }
    section.finish();
    infer
}

fn model(value: &DeValue<'_>) -> Result<ModelChoice, Bad> {
    let text = rules::text(value)?;
    match text.as_str() {
        "auto" => Ok(ModelChoice::Auto),
        "f32" => Ok(ModelChoice::F32),
        "int8" => Ok(ModelChoice::Int8),
        _ if text.ends_with(".onnx") => Ok(ModelChoice::File(text.into())),
        _ => {
            let shown: String = text.chars().take(60).collect();
            let fix = "write \"auto\", \"f32\", \"int8\" or the path of an .onnx file";
            Err(Bad::new(format!("is {shown:?}"), fix))
        }
    }
}

fn input_edge(value: &DeValue<'_>) -> Result<u32, Bad> {
    let px = rules::whole(INPUT_PX)(value)?;
    if px.is_multiple_of(INPUT_STEP_PX) {
        return Ok(px);
    }
    let near = px.next_multiple_of(INPUT_STEP_PX);
    let fix = format!("write a multiple of {INPUT_STEP_PX}, such as {near}");
    Err(Bad::new(format!("has an edge of {px}"), fix))
}

/// The store.
pub fn store(section: Section<'_>) -> (StoreSettings, LeftOpen) {
    let mut store = StoreSettings::default();
    let (shortest, longest) = (Duration::from_millis(50), Duration::from_secs(10));
    let flush_interval = section.get("flush_interval", rules::span(shortest..=longest));
    section.set("flush_records", &mut store.flush_records, rules::whole(1..=FLUSH_RECORDS_MAX));
    section.set("journal_max", &mut store.journal_max_bytes, rules::size(16 * MIB..=TIB));
    section.set("clips_max", &mut store.clips_max_bytes, rules::size(16 * MIB..=64 * TIB));
    section.set_some("clips_max_age", &mut store.clips_max_age, rules::span(HOUR..=CENTURY));
    section.set("stills_max", &mut store.stills_max_bytes, rules::size(16 * MIB..=64 * TIB));
    section.set_some("stills_max_age", &mut store.stills_max_age, rules::span(HOUR..=CENTURY));
    section.set(
        "recordings_max",
        &mut store.recordings_max_bytes,
        rules::size(64 * MIB..=64 * TIB),
    );
    section.set_some(
        "recordings_max_age",
        &mut store.recordings_max_age,
        rules::span(HOUR..=CENTURY),
    );
    section.set("media_max", &mut store.media_max_bytes, rules::size(16 * MIB..=64 * TIB));
    section.set_some("max_age", &mut store.max_age, rules::span(HOUR..=CENTURY));
    let min_free = section.get("min_free", rules::size(MIB..=TIB));
    let left_open =
        LeftOpen { flush_interval: flush_interval.is_none(), min_free: min_free.is_none() };
    store.flush_interval = flush_interval.unwrap_or(store.flush_interval);
    store.min_free_bytes = min_free.unwrap_or(store.min_free_bytes);
    section.finish();
    (store, left_open)
}
