//! `watchpost upload dead-letters`: what an upstream refuses, asked from the running box,
//! which alone may look into its journal.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::{AskedBox, DeadLetters, Exit};
use crate::api::Role;
use crate::config::{Environment, Overrides, Settings};
use crate::domain::Secret;
use crate::rt::with_causes;
use crate::upload::{TlsSettings, tls};

/// Longest wait for the box.
const ANSWER_MAX: Duration = Duration::from_secs(20);

/// Lists or tries again.
///
/// # Errors
/// When `out` cannot be written.
pub fn answer(
    question: &DeadLetters,
    environment: &Environment,
    out: &mut dyn Write,
) -> io::Result<Exit> {
    let of = match question {
        DeadLetters::List(of) | DeadLetters::Retry { of, .. } => of,
    };
    let result = Asked::open(of, environment).and_then(|asked| {
        let upstreams = asked.upstreams()?;
        match question {
            DeadLetters::List(_) => Ok(list(&upstreams)),
            DeadLetters::Retry { upstream, key, .. } => {
                asked.retry(&upstreams, upstream.as_deref(), key.as_deref())
            }
        }
    });
    match result {
        Ok(said) => {
            writeln!(out, "{said}")?;
            Ok(Exit::Done)
        }
        Err(reason) => {
            writeln!(out, "{reason}")?;
            Ok(Exit::Failed)
        }
    }
}

/// The running box.
struct Asked {
    base: String,
    key: Option<Secret>,
    client: reqwest::Client,
    runtime: tokio::runtime::Runtime,
}

impl Asked {
    fn open(of: &AskedBox, environment: &Environment) -> Result<Self, String> {
        let settings = Settings::load(&of.file.path(), environment, &Overrides::default())
            .map_err(|error| with_causes(&error))?;
        let address = of.address.or_else(|| settings.api.listen.first().copied().map(reachable));
        let address = address.ok_or("the configuration names no address; write --address")?;
        // Whoever may read the configuration may do what its keys allow.
        let keys = settings.api.keys.iter().filter(|key| key.role >= Role::Operator);
        let key = keys.min_by_key(|key| key.role).map(|key| key.key.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| with_causes(&error))?;
        // The box serves plain HTTP, but the client is not built without.
        let tls = tls::client_config(&TlsSettings::default());
        let tls = tls.map_err(|error| with_causes(&error))?;
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .timeout(ANSWER_MAX)
            .build()
            .map_err(|error| with_causes(&error))?;
        Ok(Self { base: format!("http://{address}/api/system/upload"), key, client, runtime })
    }

    fn ask(&self, method: Method, below: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}{below}", self.base);
        let mut request = self.client.request(method, &url);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = async {
            let answer = request.send().await?;
            let status = answer.status();
            Ok::<_, reqwest::Error>((status, answer.json::<Value>().await.unwrap_or_default()))
        };
        let failed = |error| format!("{url}: {}; is the box running?", with_causes(&error));
        match self.runtime.block_on(answer).map_err(failed)? {
            (status, said) if status.is_success() => Ok(said),
            (status, said) => {
                let message = said["message"].as_str().unwrap_or_default();
                Err(format!("{url} answers {status} {message}"))
            }
        }
    }

    fn upstreams(&self) -> Result<Vec<Value>, String> {
        let mut said = self.ask(Method::GET, "", None)?;
        match said["upstreams"].take() {
            Value::Array(upstreams) => Ok(upstreams),
            _ => Err(format!("{} is no Watchpost box", self.base)),
        }
    }

    fn retry(
        &self,
        upstreams: &[Value],
        only: Option<&str>,
        key: Option<&str>,
    ) -> Result<String, String> {
        let names = upstreams.iter().filter_map(|it| it["name"].as_str());
        let names: Vec<_> = names.filter(|name| only.is_none_or(|only| only == *name)).collect();
        if let (Some(only), true) = (only, names.is_empty()) {
            return Err(format!("there is no upstream {only}"));
        }
        let mut wanted = 0;
        for name in names {
            let body = key.map(|key| json!({ "key": key }));
            let said = self.ask(Method::POST, &format!("/{name}/retry"), body.as_ref())?;
            wanted += said["wanted"].as_u64().unwrap_or_default();
        }
        match (wanted, key) {
            (0, Some(key)) => Err(format!("there is no dead letter {key}")),
            _ => Ok(format!("{wanted} items are tried again.")),
        }
    }
}

/// The address under which a box that listens there is reached from itself.
fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

fn list(upstreams: &[Value]) -> String {
    let lines = upstreams.iter().flat_map(|upstream| {
        let letters = upstream["dead_letters"].as_array().map(Vec::as_slice).unwrap_or_default();
        letters.iter().map(|it| {
            let text = |name: &str| it[name].as_str().unwrap_or_default();
            let name = upstream["name"].as_str().unwrap_or_default();
            let (key, since, tries) = (text("key"), text("since"), &it["tries"]);
            format!("{name} {key}: {} (since {since}, tried {tries} times)", text("reason"))
        })
    });
    let lines: Vec<_> = lines.collect();
    if lines.is_empty() { "There are no dead letters.".to_owned() } else { lines.join("\n") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_refused_item_has_its_line() {
        let upstreams = [json!({ "name": "http", "dead_letters": [{
            "key": "event-7-r0", "lane": "events", "reason": "422 no such thing",
            "since": "2026-11-23T10:00:00.000Z", "tries": 2,
        }] })];
        assert_eq!(
            list(&upstreams),
            "http event-7-r0: 422 no such thing (since 2026-11-23T10:00:00.000Z, tried 2 times)"
        );
        assert_eq!(list(&[]), "There are no dead letters.");
    }

    #[test]
    fn a_box_that_listens_everywhere_is_asked_at_home() {
        for (listens, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:8080", "[::1]:8080"),
            ("192.0.2.7:80", "192.0.2.7:80"),
        ] {
            assert_eq!(reachable(listens.parse().unwrap()), asked.parse().unwrap());
        }
    }
}
