//! Object storage that speaks S3: an object for each batch and for each picture.
//!
//! | object below `prefix/device/journal` | content |
//! | --- | --- |
//! | `alerts`, `events`, `bulk` `/{from}_{to}.json.zst` | a batch, as in `wire` |
//! | `media/{key}/{sha256}.jpg` | the picture of an event |
//! | `clips/{key}/{sha256}.mp4` | the video of an event |
//!
//! The name says which stretch of the journal a batch is; a batch that is sent once more
//! takes its own place, and one that was cut differently repeats keys, by which readers
//! see each item once. Every object, and every part of a large one, carries its SHA-256,
//! which the storage checks. Redirects are not followed, and nobody is asked for
//! credentials.

mod lists;
mod parts;

use std::sync::Mutex;
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
use lists::Lists;
use parts::{PART, Progress};

/// Bytes a second of a line on which nothing would ever be delivered.
const SLOWEST: u64 = 1 << 10;

/// About the bytes of a request's and an answer's head, signature included.
const HEADS: u64 = 1_200;

/// One bucket.
pub struct S3 {
    store: AmazonS3,
    lists: Lists,
    prefix: String,
    address: String,
    timeout: Duration,
    /// How far the large medium is that was sent last.
    progress: Mutex<Option<Progress>>,
}

/// An object to be.
struct Object {
    path: Path,
    attributes: Attributes,
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
        let client = client(&settings.tls, !is_plain)?;
        let lists = Lists::new(settings, HttpClient::new(client.clone()))
            .ok_or_else(|| S3Error::Bucket(format!("{} is no address", settings.endpoint)))?;
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
            .with_http_connector(Connector(client))
            .build()
            .map_err(|error| S3Error::Bucket(crate::rt::with_causes(&error)))?;
        let address = format!("{}/{}", settings.endpoint.trim_end_matches('/'), settings.bucket);
        let (prefix, timeout) = (settings.prefix.clone(), settings.timeout);
        Ok(Self { store, lists, prefix, address, timeout, progress: Mutex::default() })
    }

    /// What all names of a box begin with.
    fn of_box(&self, device: &str) -> Path {
        let above = self.prefix.split('/').filter(|part| !part.is_empty());
        above.chain([device]).collect()
    }

    fn object(&self, parcel: &Parcel) -> Object {
        let mut attributes = Attributes::new();
        let journal = parcel.journal.to_string();
        let first = parcel.items.first().map(|item| (&item.key, &item.content));
        let name = if let Some((key, Content::Medium(medium))) = first {
            attributes.insert(Attribute::ContentType, medium.kind.content_type().into());
            vec![key.clone(), format!("{}.{}", medium.sha256, medium.kind.extension())]
        } else {
            attributes.insert(Attribute::ContentType, "application/json".into());
            attributes.insert(Attribute::ContentEncoding, "zstd".into());
            let (from, to) = parcel.stretch();
            vec![format!("{from}_{to}.json.zst")]
        };
        let mut path = self.of_box(&parcel.device);
        for part in [journal, parcel.lane.as_str().to_owned()].into_iter().chain(name) {
            path = path.join(part);
        }
        Object { path, attributes }
    }

    async fn put(&self, parcel: &Parcel) -> Attempt {
        let object = self.object(parcel);
        let payload = match parcel.items.first().map(|item| &item.content) {
            Some(Content::Medium(medium)) if medium.bytes() > PART => {
                return self.put_part(parcel, object, medium).await;
            }
            Some(Content::Medium(medium)) => {
                let whole = medium.part(0, medium.bytes()).await;
                whole.map(PutPayload::from).map_err(|error| unreadable(&error))
            }
            _ => batch(parcel),
        };
        match payload {
            Ok(payload) => self.put_whole(object, payload).await,
            Err(error) => Attempt { bytes: 0, result: Err(error) },
        }
    }

    async fn put_whole(&self, object: Object, payload: PutPayload) -> Attempt {
        let Object { path, attributes } = object;
        let bytes = payload.content_length() as u64;
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = self.store.put_opts(&path, payload, options);
        let result = match self.within(bytes, put).await {
            Ok(done) => done.map(|_| kept(&path)).map_err(|error| meaning(&error)),
            Err(error) => Err(error),
        };
        Attempt { bytes: bytes + HEADS, result }
    }

    /// What comes of a request with a body of so many bytes.
    async fn within<T>(
        &self,
        bytes: u64,
        request: impl Future<Output = object_store::Result<T>>,
    ) -> Result<object_store::Result<T>, SendError> {
        let limit = self.timeout + Duration::from_secs(bytes / SLOWEST);
        let done = tokio::time::timeout(limit, request).await;
        done.map_err(|_| unavailable("no answer in time".to_owned()))
    }
}

/// The body of a batch.
fn batch(parcel: &Parcel) -> Result<PutPayload, SendError> {
    let refused = |reason: String| SendError::Rejected { reason };
    let batch = wire::Batch::of(parcel);
    let plain = serde_json::to_vec(&batch).map_err(|error| refused(error.to_string()))?;
    let body = zstd::bulk::compress(&plain, wire::ZSTD_LEVEL);
    body.map(PutPayload::from).map_err(|error| refused(error.to_string()))
}

fn unreadable(error: &std::io::Error) -> SendError {
    unavailable(format!("the file cannot be read: {error}"))
}

fn kept(path: &Path) -> Sent {
    Sent::Whole { rejected: Vec::new(), receipt: format!("kept as {path}") }
}

fn meaning(error: &Error) -> SendError {
    let reason = crate::rt::with_causes(error);
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

    fn has_room_beside_media(&self) -> bool {
        true
    }

    fn send<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Attempt> {
        self.put(parcel).boxed()
    }
}
