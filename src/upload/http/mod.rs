//! A collector over HTTP(S): the protocol is in `openapi`, a collector of a few
//! dozen lines in `tests/upload_support`.
//!
//! Records go as batches, pictures as media that continue where they broke off. An
//! answer counts only when it is the receipt of what was sent; it is read up to
//! [`ANSWER_MAX`] bytes. Redirects are not followed, proxies of the environment not
//! used, and `https` never becomes anything else. Time is bounded: [`CONNECT_MAX`], and
//! for a whole request the time that settings give it and that of its body at [`SLOWEST`].

mod answer;
mod batches;
mod media;
mod openapi;

use std::sync::Mutex;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use reqwest::{Client, Method, RequestBuilder, Url};

use super::{
    Attempt, HttpSettings, Lane, Parcel, SendError, TlsSettings, Transport, WireForm, tls,
};
use crate::domain::Secret;
use crate::rt::Clock;
use media::Progress;
pub use openapi::openapi;

/// Longest time until a connection stands, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(15);

/// Bytes a second of a line on which nothing would ever be delivered.
const SLOWEST: u64 = 1 << 10;

/// Most bytes of an answer that are read.
const ANSWER_MAX: usize = 64 << 10;

/// About the bytes of a request's and an answer's head.
const HEADS: u64 = 700;

/// One collector.
pub struct Http {
    client: Client,
    base: Url,
    token: Option<Secret>,
    form: WireForm,
    timeout: Duration,
    clock: Clock,
    /// How far the medium is that was sent last.
    progress: Mutex<Option<Progress>>,
}

/// Why there can be no transport.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The address.
    #[error("{0} is not an address of a collector")]
    Url(String),
    /// The HTTP client.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(String),
}

impl Http {
    /// The way to the collector of these settings. Reads certificates.
    ///
    /// # Errors
    /// When a file or the address makes no sense.
    pub fn new(settings: &HttpSettings, clock: Clock) -> Result<Self, HttpError> {
        let base = Url::parse(&settings.url).map_err(|_| HttpError::Url(settings.url.clone()))?;
        let client = client(&settings.tls, base.scheme() == "https")?;
        let (token, form) = (settings.token.clone(), settings.form);
        let (timeout, progress) = (settings.timeout, Mutex::default());
        Ok(Self { client, base, token, form, timeout, clock, progress })
    }

    /// A request for the resource at `parts` below the collector's address.
    fn request(&self, method: Method, parts: &[&str], body_bytes: usize) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().push("v1").extend(parts);
        }
        let limit = self.timeout + Duration::from_secs(body_bytes as u64 / SLOWEST);
        let request = self.client.request(method, url).timeout(limit);
        match &self.token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        }
    }
}

impl Transport for Http {
    fn address(&self) -> String {
        self.base.to_string()
    }

    fn takes(&self, _: Lane) -> bool {
        true
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Attempt> {
        async move {
            match parcel.lane {
                Lane::Media | Lane::Clips => self.send_medium(parcel).await,
                Lane::Alerts | Lane::Events | Lane::Bulk => self.send_batch(parcel).await,
            }
        }
        .boxed()
    }
}

/// A client that follows nothing, asks no proxy, and speaks TLS only when told so.
///
/// # Errors
/// When a certificate makes no sense.
pub(super) fn client(tls: &TlsSettings, is_tls_only: bool) -> Result<Client, HttpError> {
    Client::builder()
        .tls_backend_preconfigured(tls::client_config(tls)?)
        .https_only(is_tls_only)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .http1_only()
        .pool_max_idle_per_host(1)
        .connect_timeout(CONNECT_MAX)
        .user_agent(concat!("watchpost/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| HttpError::Client(answer::causes(&error)))
}

/// A request that came to nothing.
fn failed(bytes: u64, error: SendError) -> Attempt {
    Attempt { bytes, result: Err(error) }
}
