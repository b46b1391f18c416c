//! The HTTP client of the analyst: one request at a time, streamed.
//!
//! Redirects are not followed and proxies of the environment are not used: what the
//! box says of its events goes to the configured address and nowhere else. TLS with
//! the system's roots.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;

use super::reply::Reply;
use super::{AnalystError, AnalystSettings};

/// A server in the same network answers at once or is not there.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Talks to the analyst.
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: Option<String>,
}

impl Client {
    /// A client of the server at `settings.url`.
    ///
    /// # Errors
    /// When the system cannot do TLS.
    pub fn new(settings: &AnalystSettings) -> Result<Self, AnalystError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls()?)
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .user_agent(concat!("watchpost/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(unreachable)?;
        let url = format!("{}/chat/completions", settings.url.trim_end_matches('/'));
        let key = settings.api_key.as_ref().map(|key| key.expose().to_owned());
        Ok(Self { http, url, key })
    }

    /// The text of the answer to `body`; `on_text` sees it grow.
    ///
    /// # Errors
    /// When there is no connection, a refusal, or no answer in the expected form.
    pub async fn ask(
        &self,
        body: &Value,
        mut on_text: impl FnMut(&str),
    ) -> Result<String, AnalystError> {
        let mut request = self.http.post(&self.url).json(body);
        if let Some(key) = &self.key {
            request = request.bearer_auth(key);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        if !response.status().is_success() {
            return Err(AnalystError::Refused(response.status().as_u16()));
        }
        let mut reply = Reply::default();
        while let Some(bytes) = response.chunk().await.map_err(unreachable)? {
            let goes_on = reply.take(&bytes)?;
            on_text(reply.text());
            if !goes_on {
                break;
            }
        }
        reply.finish()
    }
}

/// The system's roots; a box without any can still reach a server without TLS.
fn tls() -> Result<ClientConfig, AnalystError> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| AnalystError::Unreachable(error.to_string()))?;
    Ok(builder.with_root_certificates(roots).with_no_client_auth())
}

/// The innermost cause says most, and the address is known.
fn unreachable(error: reqwest::Error) -> AnalystError {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    AnalystError::Unreachable(cause.to_string())
}
