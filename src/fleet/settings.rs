//! What can be set about the fleet.

use std::path::PathBuf;
use std::time::Duration;

use super::PublicKey;
use crate::domain::Secret;

/// The fleet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetSettings {
    /// Whether the box announces itself in its network.
    pub is_announced: bool,
    /// What the fleet of this box is called.
    pub name: Option<String>,
    /// Where configuration is fetched; absent: nowhere.
    pub pull: Option<PullSettings>,
}

/// Fetching signed configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSettings {
    /// Where it is; `{device}` in it stands for the name of this box.
    pub url: String,
    /// Sent as `Authorization: Bearer`.
    pub token: Option<Secret>,
    /// Who may have signed it; at least one.
    pub keys: Vec<PublicKey>,
    /// Certificates of the way there.
    pub certificates: Certificates,
    /// How often it is looked for.
    pub interval: Duration,
    /// Longest time in which a new one must prove itself.
    pub trial: Duration,
}

/// PEM files: whom to trust, and who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "as in the settings of the upload")]
pub struct Certificates {
    pub ca_file: Option<PathBuf>,
    pub cert_file: Option<PathBuf>,
    pub key_file: Option<PathBuf>,
}

/// How often configuration is looked for unless the file says otherwise.
pub const PULL_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// A camera that is opened anew needs seconds, a line that is down comes back in
/// minutes.
pub const TRIAL: Duration = Duration::from_secs(5 * 60);

impl Default for FleetSettings {
    fn default() -> Self {
        Self { is_announced: true, name: None, pull: None }
    }
}
