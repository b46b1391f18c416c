//! The analyst: where it is. Without an address there is none.

use std::time::Duration;

use toml::de::DeValue;

use super::rules::{self, Bad};
use super::section::Section;
use crate::assess::AnalystSettings;

/// The section `analyst`.
pub fn analyst(section: Section<'_>) -> Option<AnalystSettings> {
    let url = section.get("url", address);
    let model = section.get("model", rules::text);
    let api_key = section.secret("api_key", "api_key_file", 1);
    let range = Duration::from_secs(1)..=Duration::from_secs(300);
    let timeout = section.get("timeout", rules::span(range));
    let min_risk = section.get("min_risk", rules::whole(0..=100));
    match (section.has("url"), section.has("model")) {
        (true, false) => section.mistake("model", "is missing", "write the model's name"),
        (false, true) => section.mistake("url", "is missing", "write where its server is"),
        _ => {}
    }
    section.finish();
    Some(AnalystSettings {
        url: url?,
        model: model?,
        api_key,
        timeout: timeout.unwrap_or(AnalystSettings::TIMEOUT_DEFAULT),
        min_risk: min_risk.unwrap_or(AnalystSettings::MIN_RISK_DEFAULT),
    })
}

/// An address without credentials, which belong into `api_key`.
fn address(value: &DeValue<'_>) -> Result<String, Bad> {
    let text = rules::text(value)?;
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    let is_right = host.is_some_and(|host| !host.is_empty() && !host.starts_with(':'));
    if text.contains('@') {
        let fix = "remove everything up to the '@' and write api_key = \"…\"";
        return Err(Bad::new("carries a user name or password", fix));
    }
    if !is_right || text.contains(['?', '#']) || text.contains(char::is_whitespace) {
        let fix = "write an address such as \"http://192.0.2.5:11434/v1\"";
        return Err(Bad::new("is no address of a server", fix));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_host_and_no_credentials() {
        let read = |text: &'static str| address(&DeValue::String(text.into()));
        for text in ["http://127.0.0.1:8000/v1", "https://llm.example/v1/", "http://[::1]:80"] {
            assert_eq!(read(text).unwrap(), text);
        }
        for text in
            ["ftp://a/", "http://", "http:///v1", "http://:80", "http://a/?k=1", "http://a b"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        let bad = read("http://me:hunter2@llm/v1").unwrap_err();
        assert!(!format!("{bad:?}").contains("hunter2"), "{bad:?}");
    }
}
