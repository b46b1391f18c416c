//! The fleet: whether the box says where it is, and whose configuration it takes.

use std::time::Duration;

use toml::de::DeValue;

use super::rules::{self, Bad};
use super::section::Section;
use super::upload;
use crate::fleet::{Certificates, FleetSettings, PULL_INTERVAL, PublicKey, PullSettings, TRIAL};
use crate::upload::HttpSettings;

/// Keys that may be in force at a time: the one, and the one that follows it.
const KEYS_MAX: usize = 4;

/// Where below the address of a collector configuration is.
const BELOW_COLLECTOR: &str = "v1/config";

/// The section `fleet`. Where it names no address, the collector's is asked.
pub fn fleet(section: Section<'_>, collector: Option<&HttpSettings>) -> FleetSettings {
    let mut fleet = FleetSettings::default();
    section.set("announce", &mut fleet.is_announced, rules::boolean);
    section.set_some("name", &mut fleet.name, upload::device_id);
    fleet.pull = pull(&section, collector);
    section.finish();
    fleet
}

fn pull(section: &Section<'_>, collector: Option<&HttpSettings>) -> Option<PullSettings> {
    let keys = section.get("keys", rules::list(KEYS_MAX, public_key)).unwrap_or_default();
    let url = section.get("url", upload::web_address);
    let token = section.secret("token", "token_file", upload::TOKEN_MIN);
    let tls = upload::tls(section);
    let (mut interval, mut trial) = (PULL_INTERVAL, TRIAL);
    let (second, day) = (Duration::from_secs(1), Duration::from_secs(86_400));
    section.set("interval", &mut interval, rules::span(second..=day));
    section.set("trial", &mut trial, rules::span(second..=day));
    let is_wanted = section.has("url") || section.has("token") || section.has("token_file");
    if is_wanted && !section.has("keys") {
        let fix = "write keys = [\"…\"], from `watchpost config keygen`";
        section.mistake("keys", "is missing: unsigned configuration is never taken", fix);
    }
    if section.has("keys") && !section.has("url") && collector.is_none() {
        let fix = "write url = \"https://…\", or add [upload.http]";
        section.mistake("url", "is missing", fix);
    }
    if keys.is_empty() {
        return None;
    }
    let below =
        |http: &HttpSettings| format!("{}/{BELOW_COLLECTOR}", http.url.trim_end_matches('/'));
    let (url, token, tls) = match (url, collector) {
        (Some(url), _) => (url, token, tls),
        (None, Some(http)) => (below(http), http.token.clone(), http.tls.clone()),
        (None, None) => return None,
    };
    let certificates =
        Certificates { ca_file: tls.ca_file, cert_file: tls.cert_file, key_file: tls.key_file };
    Some(PullSettings { url, token, keys, certificates, interval, trial })
}

fn public_key(value: &DeValue<'_>) -> Result<PublicKey, Bad> {
    let wrong = |_| {
        Bad::new("is no public key", "write 64 hexadecimal digits, from `watchpost config keygen`")
    };
    rules::text(value)?.parse().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, Overrides, Settings};
    use super::*;

    const KEY: &str =
        "keys = [\"1111111111111111111111111111111111111111111111111111111111111111\"]";

    fn parse(text: &str) -> Result<FleetSettings, String> {
        let settings = Settings::parse("w", text, &Environment::new(), &Overrides::default());
        settings.map(|settings| settings.fleet).map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_alone_asks_the_collector() {
        let upload =
            "[upload.http]\nurl = \"https://c.example/in/\"\ntoken = \"0123456789abcdef\"\n";
        let pull = parse(&format!("{upload}[fleet]\n{KEY}\n")).unwrap().pull.unwrap();
        assert_eq!(pull.url, "https://c.example/in/v1/config");
        assert!(pull.token.is_some());
        let own = format!("{upload}[fleet]\nurl = \"http://f.example/{{device}}\"\n{KEY}\n");
        let pull = parse(&own).unwrap().pull.unwrap();
        assert_eq!((pull.url.as_str(), pull.token), ("http://f.example/{device}", None));
    }

    #[test]
    fn without_a_key_nothing_is_fetched() {
        assert_eq!(parse("[fleet]\nname = \"north\"\n").unwrap().pull, None);
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        for (text, fix) in [
            ("url = \"https://f.example\"", "keygen"),
            (KEY, "add [upload.http]"),
            ("keys = [\"11\"]\nurl = \"https://f.example\"", "64 hexadecimal"),
            ("name = \"a b\"", "letters, digits"),
            ("interval = \"0s\"", "from"),
        ] {
            let said = parse(&format!("[fleet]\n{text}\n")).unwrap_err();
            assert!(said.contains(fix), "{said} came of {text}");
        }
    }
}
