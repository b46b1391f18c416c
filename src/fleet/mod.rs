//! One box among many: it says where it is, and takes configuration that its fleet has
//! signed.

mod beacon;
mod document;
pub mod http;
mod pull;
mod settings;
mod shelf;
mod status;
mod trial;
mod vitals;

use futures_util::future::BoxFuture;

pub use beacon::{Beacon, BeaconContext, MDNS_PORT, SERVICE};
pub use document::{
    Addressee, DOCUMENT_MAX_BYTES, Document, DocumentError, KeyError, PublicKey, SigningKey,
};
pub use pull::{Pull, PullContext};
pub use settings::{Certificates, FleetSettings, PULL_INTERVAL, PullSettings, TRIAL};
pub use shelf::{Note, Shelf, Standing, TRIES_MAX, Verdict};
pub use status::{Fleet, PullStatus};
pub use vitals::{CameraVital, Vitals};

/// Why nothing could be fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Where signed configuration comes from.
///
/// A source bounds its own time and memory and follows nothing to another address. What
/// it brings is believed only for its signature.
pub trait Source: Send + Sync {
    /// Where it is, for people; without secrets.
    fn address(&self) -> String;

    /// What is offered, to a box that has version `have` (0: none); at most
    /// [`DOCUMENT_MAX_BYTES`].
    fn fetch(&self, have: u64) -> BoxFuture<'_, Result<Option<Vec<u8>>, FetchError>>;
}

/// How a configuration can be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// While the box runs.
    Live,
    /// With a start.
    Restart,
}

/// The box that is configured.
pub trait Subject: Send + Sync {
    /// Reads the file with `layer` over it, and tells what it takes to apply that.
    ///
    /// # Errors
    /// What is wrong, in words.
    fn check(&self, layer: Option<&str>) -> Result<Change, String>;

    /// Lays `layer` over the file from now on.
    fn apply(&self, layer: Option<String>) -> BoxFuture<'_, ()>;

    /// How the cameras are.
    fn cameras(&self) -> Vec<CameraVital>;

    /// Sends a proof through every way upstream, and tells which took it.
    fn upstreams(&self) -> BoxFuture<'_, Vec<(String, bool)>>;

    /// Ends the program, where something starts it again; false where nothing does.
    fn restart(&self) -> bool;
}
