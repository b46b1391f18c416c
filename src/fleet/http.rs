//! Fetching over HTTP(S).
//!
//! `GET` of one address, with the name of the box in `Watchpost-Device` and the version
//! it has in `Watchpost-Config-Version`. 200 brings a document; 204, 304 and 404 mean
//! that there is none. Redirects are not followed, proxies of the environment not used,
//! `https` never becomes anything else. At most [`DOCUMENT_MAX_BYTES`] are read, within
//! [`REQUEST_MAX`].

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::{Client, StatusCode, Url};

use super::{DOCUMENT_MAX_BYTES, FetchError, PullSettings, Source};
use crate::domain::Secret;
use crate::rt::with_causes;

/// Longest time until a connection stands, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// Longest time of a request: the longest document at 2 KiB a second.
const REQUEST_MAX: Duration = Duration::from_secs(150);

/// One address.
pub struct HttpSource {
    client: Client,
    url: Url,
    token: Option<Secret>,
    device: Arc<str>,
}

impl HttpSource {
    /// The address of `settings`, reached with `tls`.
    ///
    /// # Errors
    /// When address or certificates make no sense.
    pub fn new(
        settings: &PullSettings,
        device: Arc<str>,
        tls: rustls::ClientConfig,
    ) -> Result<Self, FetchError> {
        let address = settings.url.replace("{device}", &device);
        let url: Url =
            address.parse().map_err(|_| FetchError(format!("{address} is no address")))?;
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .https_only(url.scheme() == "https")
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .referer(false)
            .http1_only()
            .pool_max_idle_per_host(0)
            .connect_timeout(CONNECT_MAX)
            .timeout(REQUEST_MAX)
            .user_agent(concat!("watchpost/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| failed(&error))?;
        Ok(Self { client, url, token: settings.token.clone(), device })
    }

    async fn get(&self, have: u64) -> Result<Option<Vec<u8>>, FetchError> {
        let mut request = self
            .client
            .get(self.url.clone())
            .header("Watchpost-Device", &*self.device)
            .header("Watchpost-Config-Version", have);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose());
        }
        let mut answer = request.send().await.map_err(|error| failed(&error))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::NOT_FOUND => {
                return Ok(None);
            }
            status if status.is_redirection() => {
                return Err(FetchError(format!("it answers {status}; redirects are not followed")));
            }
            status => return Err(FetchError(format!("it answers {status}"))),
        }
        let mut body = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| failed(&error))? {
            if body.len() + chunk.len() > DOCUMENT_MAX_BYTES {
                let said = format!("its answer is longer than {DOCUMENT_MAX_BYTES} bytes");
                return Err(FetchError(said));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some(body))
    }
}

impl Source for HttpSource {
    fn address(&self) -> String {
        self.url.to_string()
    }

    fn fetch(&self, have: u64) -> BoxFuture<'_, Result<Option<Vec<u8>>, FetchError>> {
        self.get(have).boxed()
    }
}

fn failed(error: &reqwest::Error) -> FetchError {
    FetchError(with_causes(error))
}
