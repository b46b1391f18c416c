//! Settings of the service.

use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::Secret;

/// What a caller may do; each role includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// No key needed: health probes and the dashboard's own files.
    Public,
    /// Look.
    Viewer,
    /// Mark, acknowledge, trigger.
    Operator,
    /// Change the configuration, stop the box.
    Admin,
}

/// One API key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Who holds it, for the log.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// The key itself, at least 16 characters.
    pub key: Secret,
}

/// Settings of the service.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiSettings {
    /// Addresses to serve. Anything beyond loopback needs a key.
    pub listen: Vec<SocketAddr>,
    /// Keys; without any, whoever reaches the address may do everything.
    pub keys: Vec<ApiKey>,
    /// Token that WebSocket clients must present as `?token=`, if set.
    pub websocket_token: Option<Secret>,
    /// Host names, beside addresses and `localhost`, under which browsers may
    /// reach the box; others are refused, which stops DNS rebinding.
    pub host_names: Vec<String>,
    /// Open connections in total.
    pub connections_max: usize,
    /// Open connections from one address.
    pub connections_per_ip_max: usize,
    /// MJPEG viewers per camera.
    pub live_viewers_max: usize,
    /// Largest request body, bytes.
    pub body_max_bytes: usize,
    /// A WebSocket without a message from its client for this long is closed.
    pub websocket_idle_timeout: Duration,
    /// How often a WebSocket client is told that the connection lives.
    pub websocket_ping_interval: Duration,
    /// How often an event stream carries a comment line.
    pub sse_keepalive: Duration,
}

/// Shortest key: 16 characters of hex are 64 bits.
const KEY_MIN_LEN: usize = 16;

impl ApiSettings {
    /// What is wrong with these settings, a sentence with the fix for each.
    pub fn check(&self) -> Vec<String> {
        let mut problems = Vec::new();
        self.check_listen(&mut problems);
        self.check_keys(&mut problems);
        self.check_limits(&mut problems);
        problems
    }

    fn check_listen(&self, problems: &mut Vec<String>) {
        if self.listen.is_empty() {
            problems.push("listen names no address; use [\"127.0.0.1:8080\"]".to_owned());
        }
        let is_open = self.keys.is_empty();
        for address in self.listen.iter().filter(|address| !address.ip().is_loopback()) {
            if is_open {
                problems.push(format!(
                    "listen {address} is reachable from the network but there is no API key; \
                     add a key or listen on 127.0.0.1"
                ));
            }
        }
        let is_name = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
            !name.is_empty() && name.chars().all(allowed)
        };
        for name in self.host_names.iter().filter(|name| !is_name(name)) {
            problems.push(format!(
                "host_names {name:?} is not a host name; give the name alone, such as \
                 \"watchpost.local\""
            ));
        }
    }

    fn check_keys(&self, problems: &mut Vec<String>) {
        for (at, key) in self.keys.iter().enumerate() {
            let name = &key.name;
            let text = key.key.expose();
            if text.len() < KEY_MIN_LEN {
                problems.push(format!(
                    "the API key {name:?} is shorter than {KEY_MIN_LEN} characters; make a longer one"
                ));
            }
            // A key must pass as a URL query and as a WebSocket subprotocol.
            if !text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')) {
                problems.push(format!(
                    "the API key {name:?} may hold only letters, digits, '.', '-' and '_'; \
                     make another one"
                ));
            }
            if key.role == Role::Public {
                problems.push(format!(
                    "the API key {name:?} has the role public, which needs no key; \
                     use viewer, operator or admin"
                ));
            }
            if self.keys[..at].iter().any(|other| other.key == key.key) {
                problems.push(format!("the API key {name:?} is given twice; remove one"));
            }
        }
        if self.websocket_token.as_ref().is_some_and(|token| token.expose().is_empty()) {
            problems.push("websocket_token is empty; set one or leave it out".to_owned());
        }
    }

    fn check_limits(&self, problems: &mut Vec<String>) {
        let seconds = |span: Duration| span.as_secs_f64();
        for (name, value, range) in [
            ("connections_max", self.connections_max as f64, 1.0..=10_000.0),
            ("connections_per_ip_max", self.connections_per_ip_max as f64, 1.0..=10_000.0),
            ("live_viewers_max", self.live_viewers_max as f64, 1.0..=1_000.0),
            ("body_max_bytes", self.body_max_bytes as f64, 1_024.0..=16_777_216.0),
            ("websocket_idle_timeout", seconds(self.websocket_idle_timeout), 30.0..=3_600.0),
            ("websocket_ping_interval", seconds(self.websocket_ping_interval), 5.0..=120.0),
            ("sse_keepalive", seconds(self.sse_keepalive), 1.0..=300.0),
        ] {
            if !range.contains(&value) {
                let (least, most) = (range.start(), range.end());
                problems.push(format!("{name} is {value}; use {least} to {most}"));
            }
        }
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            keys: Vec::new(),
            websocket_token: None,
            host_names: Vec::new(),
            connections_max: 256,
            connections_per_ip_max: 64,
            live_viewers_max: 8,
            body_max_bytes: 64 << 10,
            websocket_idle_timeout: Duration::from_secs(300),
            websocket_ping_interval: Duration::from_secs(30),
            sse_keepalive: Duration::from_secs(30),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> ApiKey {
        ApiKey { name: "wall".into(), role: Role::Viewer, key: Secret::new(text) }
    }

    #[test]
    fn the_defaults_are_in_order() {
        assert_eq!(ApiSettings::default().check(), Vec::<String>::new());
    }

    #[test]
    fn an_open_box_on_the_network_is_refused_until_it_has_a_key() {
        let mut settings = ApiSettings {
            listen: vec![SocketAddr::from(([0, 0, 0, 0], 8080))],
            ..ApiSettings::default()
        };
        let problems = settings.check();
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("0.0.0.0:8080") && problems[0].contains("add a key"));
        settings.keys.push(key("0123456789abcdef"));
        assert_eq!(settings.check(), Vec::<String>::new());
    }

    #[test]
    fn all_mistakes_are_reported_at_once_and_no_key_is_quoted() {
        let settings = ApiSettings {
            listen: Vec::new(),
            keys: vec![key("short"), key("short"), key("with a space in it")],
            host_names: vec!["http://x".into()],
            connections_max: 0,
            websocket_idle_timeout: Duration::from_secs(5),
            ..ApiSettings::default()
        };
        let problems = settings.check();
        assert_eq!(problems.len(), 8, "{problems:#?}");
        assert!(!problems.iter().any(|problem| problem.contains("with a space")));
    }
}
