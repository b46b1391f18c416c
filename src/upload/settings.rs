//! Settings of the upload.

use std::path::PathBuf;
use std::time::Duration;

use crate::domain::{Secret, TimeOfDay};

/// Longest time of a request, when nothing else is written.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Settings of the upload. Without an upstream nothing is uploaded.
#[derive(Clone, Debug, PartialEq)]
pub struct UploadSettings {
    /// Most items of one request.
    pub batch_items: usize,
    /// Most bytes of one request, before compression.
    pub batch_bytes: u64,
    /// Items wait at most this long for others to go with them; alerts do not wait.
    pub batch_age: Duration,
    /// Which detections are uploaded.
    pub detections: DetectionChoice,
    /// Whether pictures of events are uploaded.
    pub has_snapshots: bool,
    /// Whether videos of events are uploaded.
    pub has_clips: bool,
    /// Most bytes an hour (of UTC), to each upstream.
    pub hourly_bytes_max: Option<u64>,
    /// Most bytes a day (of UTC), to each upstream.
    pub daily_bytes_max: Option<u64>,
    /// Only alerts go in these hours.
    pub quiet: Option<QuietHours>,
    /// Wait after the first failure, at most.
    pub retry_first: Duration,
    /// Wait after many failures, at most.
    pub retry_longest: Duration,
    /// A collector over HTTP.
    pub http: Option<HttpSettings>,
    /// A broker over MQTT.
    pub mqtt: Option<MqttSettings>,
    /// A bucket of object storage.
    pub s3: Option<S3Settings>,
}

impl Default for UploadSettings {
    fn default() -> Self {
        Self {
            batch_items: 500,
            batch_bytes: 256 << 10,
            batch_age: Duration::from_secs(5),
            detections: DetectionChoice::Sampled,
            has_snapshots: true,
            has_clips: false,
            hourly_bytes_max: None,
            daily_bytes_max: None,
            quiet: None,
            retry_first: Duration::from_secs(1),
            retry_longest: Duration::from_secs(300),
            http: None,
            mqtt: None,
            s3: None,
        }
    }
}

/// Which detections are uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetectionChoice {
    /// None: events say what happened.
    None,
    /// Every tenth, by its id: the same ones however often they are sent.
    Sampled,
    /// Every one.
    All,
}

impl DetectionChoice {
    /// Whether a detection of this id is uploaded.
    pub fn takes(self, id: u64) -> bool {
        match self {
            Self::None => false,
            Self::Sampled => id.is_multiple_of(10),
            Self::All => true,
        }
    }
}

/// Hours of the day at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuietHours {
    /// First minute.
    pub start: TimeOfDay,
    /// First minute after them; before `start`: on the next day.
    pub end: TimeOfDay,
    /// Name of the place in the time zone database.
    pub timezone: String,
}

/// A collector over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpSettings {
    /// Where it is, `https://…` or `http://…`, without user name and password.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// How records are written.
    pub form: WireForm,
    /// Longest time of a request, beside that of its body on a slow line.
    pub timeout: Duration,
    /// Certificates.
    pub tls: TlsSettings,
}

/// How a broker is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MqttVersion {
    /// MQTT 5: names of items travel beside them.
    V5,
    /// MQTT 3.1.1, for brokers that know nothing newer, such as the NATS server: names of
    /// items travel in them.
    V311,
}

/// A broker over MQTT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MqttSettings {
    /// Name or address of the broker.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether the connection is encrypted.
    pub is_tls: bool,
    /// What it speaks.
    pub version: MqttVersion,
    /// Who we say we are.
    pub username: Option<String>,
    /// And prove it with.
    pub password: Option<Secret>,
    /// What all topics begin with.
    pub topic_prefix: String,
    /// Where Home Assistant looks; absent: nothing is announced.
    pub discovery_prefix: Option<String>,
    /// Certificates.
    pub tls: TlsSettings,
}

/// A bucket of object storage that speaks S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Settings {
    /// Where the storage is, `https://…` or `http://…`.
    pub endpoint: String,
    /// The bucket.
    pub bucket: String,
    /// Its region; storage that has none takes any.
    pub region: String,
    /// Who we are.
    pub access_key: String,
    /// What requests are signed with.
    pub secret_key: Secret,
    /// What all names begin with; may be empty.
    pub prefix: String,
    /// Longest time of a request, beside that of its body on a slow line.
    pub timeout: Duration,
    /// Certificates.
    pub tls: TlsSettings,
}

/// How records are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireForm {
    /// JSON.
    Json,
    /// Postcard: about a third of the bytes.
    Postcard,
}

/// Whom to trust, and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file with the only authorities that are trusted; absent: the system's.
    pub ca_file: Option<PathBuf>,
    /// PEM file with the certificate of this box and those above it.
    pub cert_file: Option<PathBuf>,
    /// PEM file with its private key.
    pub key_file: Option<PathBuf>,
}
