//! The service: REST, event streams, WebSockets and the dashboard.

mod settings;

pub use settings::{ApiKey, ApiSettings, Role};
