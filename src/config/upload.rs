//! The upload: what goes, how much of it, and where to.

use std::ops::RangeInclusive;
use std::time::Duration;

use toml::de::DeValue;

use super::rules::{self, Bad};
use super::section::Section;
use crate::domain::TimeOfDay;
use crate::upload::{
    DetectionChoice, HttpSettings, MqttSettings, MqttVersion, QuietHours, S3Settings, TIMEOUT,
    TlsSettings, UploadSettings, WireForm,
};

const KIB: u64 = 1 << 10;
const TIB: u64 = 1 << 40;

/// Shortest token: as for the keys of the service.
pub const TOKEN_MIN: usize = 16;

/// Less is a line on which nothing answers, more a lane that stands still.
const TIMEOUTS: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(600);

const DETECTIONS: [(&str, DetectionChoice); 3] = [
    ("none", DetectionChoice::None),
    ("sampled", DetectionChoice::Sampled),
    ("all", DetectionChoice::All),
];

const FORMS: [(&str, WireForm); 2] = [("json", WireForm::Json), ("postcard", WireForm::Postcard)];

const VERSIONS: [(&str, MqttVersion); 2] = [("5", MqttVersion::V5), ("3.1.1", MqttVersion::V311)];

/// The section `upload`; quiet hours are those of `timezone`.
pub fn upload(section: Section<'_>, timezone: &str) -> UploadSettings {
    let mut upload = UploadSettings::default();
    section.set("batch_items", &mut upload.batch_items, rules::whole(1..=1000));
    section.set("batch_size", &mut upload.batch_bytes, rules::size(8 * KIB..=4096 * KIB));
    let range = Duration::from_millis(100)..=Duration::from_secs(86_400);
    section.set("batch_age", &mut upload.batch_age, rules::span(range));
    section.set("detections", &mut upload.detections, rules::choice(&DETECTIONS));
    section.set("snapshots", &mut upload.has_snapshots, rules::boolean);
    section.set("clips", &mut upload.has_clips, rules::boolean);
    // Less than this would not let a single large event through.
    let budget = || rules::size(64 * KIB..=TIB);
    section.set_some("hourly_max", &mut upload.hourly_bytes_max, budget());
    section.set_some("daily_max", &mut upload.daily_bytes_max, budget());
    upload.quiet = section.get("quiet_hours", hours).map(|(start, end)| QuietHours {
        start,
        end,
        timezone: timezone.to_owned(),
    });
    let range = || rules::span(Duration::from_millis(10)..=Duration::from_secs(86_400));
    section.set("retry_first", &mut upload.retry_first, range());
    section.set("retry_longest", &mut upload.retry_longest, range());
    upload.http = http(section.section("http"));
    upload.mqtt = mqtt(section.section("mqtt"));
    upload.s3 = s3(section.section("s3"));
    section.finish();
    upload
}

fn http(section: Section<'_>) -> Option<HttpSettings> {
    let url = section.get("url", web_address);
    let token = section.secret("token", "token_file", TOKEN_MIN);
    let mut form = WireForm::Json;
    section.set("encoding", &mut form, rules::choice(&FORMS));
    let mut timeout = TIMEOUT;
    section.set("timeout", &mut timeout, rules::span(TIMEOUTS));
    let tls = tls(&section);
    let is_plain = url.as_ref().is_some_and(|url| url.starts_with("http://"));
    if is_plain && (tls.ca_file.is_some() || tls.cert_file.is_some()) {
        section.mistake("url", "is http, where certificates mean nothing", "write https://…");
    }
    let is_meant = ["token", "token_file", "ca_file", "cert_file", "key_file"];
    if url.is_none() && !section.has("url") && is_meant.into_iter().any(|key| section.has(key)) {
        section.mistake("url", "is missing", "write url = \"https://…\"");
    }
    section.finish();
    Some(HttpSettings { url: url?, token, form, timeout, tls })
}

fn mqtt(section: Section<'_>) -> Option<MqttSettings> {
    let broker = section.get("url", broker);
    let mut version = MqttVersion::V5;
    section.set("version", &mut version, rules::choice(&VERSIONS));
    let username = section.get("username", rules::text);
    let password = section.secret("password", "password_file", 1);
    let mut topic_prefix = "watchpost".to_owned();
    section.set("topic_prefix", &mut topic_prefix, topic);
    let mut has_discovery = true;
    section.set("discovery", &mut has_discovery, rules::boolean);
    let mut discovery_prefix = "homeassistant".to_owned();
    section.set("discovery_prefix", &mut discovery_prefix, topic);
    let tls = tls(&section);
    if username.is_some() != password.is_some() {
        section.mistake("username", "and password go together", "write both, or neither");
    }
    let is_meant = ["username", "password", "password_file", "ca_file", "cert_file", "key_file"];
    if broker.is_none() && !section.has("url") && is_meant.into_iter().any(|key| section.has(key)) {
        section.mistake("url", "is missing", "write url = \"mqtts://…\"");
    }
    section.finish();
    let (host, port, is_tls) = broker?;
    let discovery_prefix = has_discovery.then_some(discovery_prefix);
    Some(MqttSettings {
        host,
        port,
        is_tls,
        version,
        username,
        password,
        topic_prefix,
        discovery_prefix,
        tls,
    })
}

fn s3(section: Section<'_>) -> Option<S3Settings> {
    let endpoint = section.get("endpoint", web_address);
    let bucket = section.get("bucket", bucket);
    let mut region = "us-east-1".to_owned();
    section.set("region", &mut region, rules::text);
    let access_key = section.get("access_key", rules::text);
    let secret_key = section.secret("secret_key", "secret_key_file", 1);
    let mut prefix = "watchpost".to_owned();
    section.set("prefix", &mut prefix, topic);
    let mut timeout = TIMEOUT;
    section.set("timeout", &mut timeout, rules::span(TIMEOUTS));
    let tls = tls(&section);
    let needed = ["endpoint", "bucket", "access_key"];
    let has_secret = section.has("secret_key") || section.has("secret_key_file");
    if has_secret || needed.into_iter().any(|key| section.has(key)) {
        for key in needed.into_iter().filter(|key| !section.has(key)) {
            section.mistake(key, "is missing", format!("write {key} = \"…\""));
        }
        if !has_secret {
            section.mistake("secret_key", "is missing", "write secret_key_file = \"…\"");
        }
    }
    section.finish();
    let (endpoint, bucket) = (endpoint?, bucket?);
    let (access_key, secret_key) = (access_key?, secret_key?);
    Some(S3Settings { endpoint, bucket, region, access_key, secret_key, prefix, timeout, tls })
}

/// A name that a bucket may have.
fn bucket(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = rules::text(value)?;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    if (3..=63).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(text);
    }
    let shown: String = text.chars().take(60).collect();
    let fix = "write 3 to 63 lower-case letters, digits, '-' or '.'";
    Err(Bad::new(format!("is {shown:?}"), fix))
}

/// Host, port and whether it is encrypted.
fn broker(value: &DeValue<'_>) -> Result<(String, u16, bool), Bad> {
    let text = rules::text(value)?;
    let fix = "write an address such as \"mqtts://broker.example:8883\"";
    let (rest, is_tls) = match (text.strip_prefix("mqtts://"), text.strip_prefix("mqtt://")) {
        (Some(rest), _) => (rest, true),
        (None, Some(rest)) => (rest, false),
        (None, None) => {
            let shown: String = text.chars().take(60).collect();
            return Err(Bad::new(format!("is {shown:?}"), fix));
        }
    };
    if rest.contains('@') {
        return Err(Bad::new(
            "carries a user name or password",
            "move them to username and password",
        ));
    }
    let rest = rest.trim_end_matches('/');
    let default = if is_tls { 8883 } else { 1883 };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()),
        _ => (rest, Some(default)),
    };
    let host = host.trim_matches(['[', ']']);
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ':' | '_');
    match port {
        Some(port) if !host.is_empty() && host.chars().all(allowed) => {
            Ok((host.to_owned(), port, is_tls))
        }
        _ => {
            let shown: String = text.chars().take(60).collect();
            Err(Bad::new(format!("is {shown:?}"), fix))
        }
    }
}

/// What topics begin with.
fn topic(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = rules::text(value)?;
    let is_topic = !text.starts_with(['/', '$']) && !text.ends_with('/') && text.len() <= 200;
    if is_topic && !text.contains(['+', '#']) {
        return Ok(text);
    }
    let shown: String = text.chars().take(60).collect();
    let fix = "write a topic without + and #, such as \"site-4/watchpost\"";
    Err(Bad::new(format!("is {shown:?}"), fix))
}

/// The keys of certificates, which every way upstream has.
pub fn tls(section: &Section<'_>) -> TlsSettings {
    let tls = TlsSettings {
        ca_file: section.get("ca_file", rules::path),
        cert_file: section.get("cert_file", rules::path),
        key_file: section.get("key_file", rules::path),
    };
    for (key, other) in [("cert_file", "key_file"), ("key_file", "cert_file")] {
        if section.has(key) && !section.has(other) {
            section.mistake(key, &format!("stands without {other}"), format!("add {other}"));
        }
    }
    tls
}

/// An address to send to or to ask, without user name and password.
pub fn web_address(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = rules::text(value)?;
    let shown: String = text.chars().take(60).collect();
    let fix = "write an address such as \"https://collector.example/watchpost\"";
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let Some(rest) = rest.filter(|rest| !rest.is_empty() && !rest.starts_with('/')) else {
        return Err(Bad::new(format!("is {shown:?}"), fix));
    };
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err(Bad::new("carries a user name or password", "move it to token or token_file"));
    }
    if text.contains(['?', '#']) {
        return Err(Bad::new(format!("is {shown:?}"), "leave out what begins with ? or #"));
    }
    Ok(text)
}

/// Two times of day; the second belongs to them no more.
fn hours(value: &DeValue<'_>) -> Result<(TimeOfDay, TimeOfDay), Bad> {
    let text = rules::text(value)?;
    let ends = text
        .split_once('-')
        .and_then(|(start, end)| Some((start.trim().parse().ok()?, end.trim().parse().ok()?)));
    let shown: String = text.chars().take(60).collect();
    let wrong = || Bad::new(format!("is {shown:?}"), "write two times, such as \"22:00-06:00\"");
    ends.filter(|(start, end)| start != end).ok_or_else(wrong)
}

/// A name of the box for those upstream.
pub fn device_id(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = rules::text(value)?;
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let is_name = text.len() <= 64
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(allowed);
    if is_name {
        return Ok(text);
    }
    let shown: String = text.chars().take(60).collect();
    let fix = "write 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit";
    Err(Bad::new(format!("is {shown:?}"), fix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> DeValue<'_> {
        DeValue::String(text.into())
    }

    #[test]
    fn an_address_is_https_or_http_without_a_password() {
        for right in ["https://a.example", "http://10.0.0.1:8080/in", "https://[::1]/x"] {
            assert_eq!(web_address(&text(right)).unwrap(), right);
        }
        for wrong in ["ftp://a", "a.example", "https://", "https:///x", "https://a/?q=1"] {
            assert!(web_address(&text(wrong)).is_err(), "{wrong}");
        }
        let bad = web_address(&text("https://user:hunter2@a.example")).unwrap_err();
        assert!(!format!("{bad:?}").contains("hunter2"), "{bad:?}");
    }

    #[test]
    fn a_broker_has_a_host_and_a_port_and_no_password() {
        let read = |address: &str| broker(&text(address)).ok();
        assert_eq!(read("mqtts://b.example"), Some(("b.example".to_owned(), 8883, true)));
        assert_eq!(read("mqtt://10.0.0.7:1884/"), Some(("10.0.0.7".to_owned(), 1884, false)));
        assert_eq!(read("mqtt://[::1]"), Some(("::1".to_owned(), 1883, false)));
        assert_eq!(read("mqtts://[fd00::7]:99"), Some(("fd00::7".to_owned(), 99, true)));
        for wrong in ["b.example", "mqtt://", "mqtt://a:b", "mqtt://a/b", "mqtt://u:p@a", "ws://a"]
        {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        for wrong in ["a/#", "+/a", "/a", "a/", "$SYS"] {
            assert!(topic(&text(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_device_is_a_word() {
        assert_eq!(device_id(&text("box-17.north")).unwrap(), "box-17.north");
        for wrong in ["", "-a", "a b", "a/b", "ä", &"x".repeat(65)] {
            assert!(device_id(&text(wrong)).is_err(), "{wrong}");
        }
    }
}
