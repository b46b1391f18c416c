//! Object storage that speaks S3: an object for each batch and for each picture.
//!
//! | object below `prefix/device/journal` | content |
//! | --- | --- |
//! | `alerts`, `events`, `bulk` `/{from}_{to}.json.zst` | a batch, as in `wire` |
//! | `media/{key}/{sha256}.jpg` | the picture of an event |
//!
//! The name says which stretch of the journal a batch is; a batch that is sent once more
//! takes its own place, and one that was cut differently repeats keys, by which readers
//! see each item once. Every object carries its SHA-256, which the storage checks.
//! Redirects are not followed, and nobody is asked for credentials.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::client::{HttpClient, HttpConnector};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, ObjectStore as _, PutOptions, PutPayload,
    RetryConfig,
};

use super::http::{HttpError, client};
use super::{Attempt, Content, Lane, Parcel, S3Settings, SendError, Sent, Transport, wire};

/// Longest time of a request without its body.
const REQUEST_MAX: Duration = Duration::from_secs(60);

/// Bytes a second of a line on which nothing would ever be delivered.
const SLOWEST: u64 = 1 << 10;

/// About the bytes of a request's and an answer's head, signature included.
const HEADS: u64 = 1_200;

/// One bucket.
pub struct S3 {
    store: AmazonS3,
    prefix: String,
    address: String,
}

/// Why there can be no transport.
#[derive(Debug, thiserror::Error)]
pub enum S3Error {
    /// Certificates, or the client.
    #[error(transparent)]
    Client(#[from] HttpError),
    /// The storage's own settings.
    #[error("the bucket cannot be used: {0}")]
    Bucket(String),
}

/// Has the storage's client use ours.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

impl S3 {
    /// The way to the bucket of these settings. Reads certificates.
    ///
    /// # Errors
    /// When a file or a setting makes no sense.
    pub fn new(settings: &S3Settings) -> Result<Self, S3Error> {
        let is_plain = settings.endpoint.starts_with("http://");
        let retry = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let store = AmazonS3Builder::new()
            .with_endpoint(&settings.endpoint)
            .with_allow_http(is_plain)
            .with_region(&settings.region)
            .with_bucket_name(&settings.bucket)
            .with_virtual_hosted_style_request(false)
            .with_access_key_id(&settings.access_key)
            .with_secret_access_key(settings.secret_key.expose())
            .with_checksum_algorithm(Checksum::SHA256)
            // The courier tries again, by rules of its own.
            .with_retry(retry)
            .with_http_connector(Connector(client(&settings.tls, !is_plain)?))
            .build()
            .map_err(|error| S3Error::Bucket(super::with_causes(&error)))?;
        let address = format!("{}/{}", settings.endpoint.trim_end_matches('/'), settings.bucket);
        Ok(Self { store, prefix: settings.prefix.clone(), address })
    }

    fn object(&self, parcel: &Parcel) -> Result<(Path, PutPayload, Attributes), SendError> {
        let journal = parcel.journal.to_string();
        let lane = parcel.lane.as_str();
        let mut attributes = Attributes::new();
        let first = parcel.items.first().map(|item| (&item.key, &item.content));
        let (name, payload) = if let Some((key, Content::Picture(picture))) = first {
            attributes.insert(Attribute::ContentType, "image/jpeg".into());
            let name = vec![key.clone(), format!("{}.jpg", picture.sha256)];
            (name, PutPayload::from(picture.jpeg.clone()))
        } else {
            attributes.insert(Attribute::ContentType, "application/json".into());
            attributes.insert(Attribute::ContentEncoding, "zstd".into());
            let batch = wire::Batch::of(parcel);
            let refused = |reason: String| SendError::Rejected { reason };
            let plain = serde_json::to_vec(&batch).map_err(|error| refused(error.to_string()))?;
            let body = zstd::bulk::compress(&plain, wire::ZSTD_LEVEL)
                .map_err(|error| refused(error.to_string()))?;
            let (from, to) = parcel.stretch();
            (vec![format!("{from}_{to}.json.zst")], PutPayload::from(body))
        };
        let above = self.prefix.split('/').filter(|part| !part.is_empty());
        let parts = above.chain([&*parcel.device, &journal, lane]).map(str::to_owned);
        Ok((parts.chain(name).collect(), payload, attributes))
    }

    async fn put(&self, parcel: &Parcel) -> Attempt {
        let (path, payload, attributes) = match self.object(parcel) {
            Ok(object) => object,
            Err(error) => return Attempt { bytes: 0, result: Err(error) },
        };
        let bytes = payload.content_length() as u64 + HEADS;
        let limit = REQUEST_MAX + Duration::from_secs(bytes / SLOWEST);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = self.store.put_opts(&path, payload, options);
        let result = match tokio::time::timeout(limit, put).await {
            Ok(Ok(_)) => {
                Ok(Sent::Whole { rejected: Vec::new(), receipt: format!("kept as {path}") })
            }
            Ok(Err(error)) => Err(meaning(&error)),
            Err(_) => Err(unavailable("no answer in time".to_owned())),
        };
        Attempt { bytes, result }
    }
}

fn meaning(error: &Error) -> SendError {
    let reason = super::with_causes(error);
    let next_step = match error {
        Error::Unauthenticated { .. } | Error::PermissionDenied { .. } => {
            "Correct access_key and secret_key under [upload.s3], or let them write to the bucket."
        }
        Error::NotFound { .. } => "Make the bucket, or correct its name under [upload.s3].",
        _ => return unavailable(reason),
    };
    SendError::Denied { reason, next_step: next_step.to_owned() }
}

fn unavailable(reason: String) -> SendError {
    SendError::Unavailable { reason, retry_after: None }
}

impl Transport for S3 {
    fn address(&self) -> String {
        self.address.clone()
    }

    fn takes(&self, _: Lane) -> bool {
        true
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Attempt> {
        self.put(parcel).boxed()
    }
}
