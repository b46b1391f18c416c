//! Settings of the service.

use std::net::SocketAddr;
use std::time::Duration;

use crate::domain::Secret;
use crate::live::HistoryBounds;

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
    /// Pages of these origins (`https://studio.example`) may read and act as the
    /// box's own do. `*` lets every page read, and none act without a key.
    pub origins: Vec<String>,
    /// Whether `POST /api/server/shutdown` stops the daemon.
    pub allow_shutdown: bool,
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
    /// WebSockets that one address may open in a minute; 0 for any number.
    pub websocket_upgrades_per_minute: u32,
    /// What may come on top of the above, in a wave.
    pub websocket_upgrades_burst: u32,
    /// How often a WebSocket client is told that the connection lives.
    pub websocket_ping_interval: Duration,
    /// How long live messages are kept for WebSocket clients that come back.
    /// Holds from the next start on.
    pub replay_max_age: Duration,
    /// Memory that the kept messages may take, bytes. Holds from the next start on.
    pub replay_max_bytes: usize,
    /// Whether `/api/debug` answers.
    pub debug: bool,
    /// How often an event stream carries a comment line.
    pub sse_keepalive: Duration,
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 8080))],
            keys: Vec::new(),
            websocket_token: None,
            host_names: Vec::new(),
            origins: Vec::new(),
            allow_shutdown: false,
            connections_max: 256,
            connections_per_ip_max: 64,
            live_viewers_max: 8,
            body_max_bytes: 64 << 10,
            websocket_idle_timeout: Duration::from_secs(300),
            websocket_upgrades_per_minute: 60,
            websocket_upgrades_burst: 10,
            websocket_ping_interval: Duration::from_secs(30),
            replay_max_age: HistoryBounds::default().max_age,
            replay_max_bytes: HistoryBounds::default().max_bytes,
            debug: false,
            sse_keepalive: Duration::from_secs(30),
        }
    }
}
