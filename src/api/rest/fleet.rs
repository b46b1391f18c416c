//! The fleet: who this box is in it, and how it is with the fleet's configuration.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::Timestamp;
use crate::fleet::{Note, PullStatus};

/// This box in its fleet.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemFleet")]
pub(in crate::api) struct FleetBody {
    device: String,
    /// What its fleet is called.
    fleet: Option<String>,
    /// Whether the box announces itself in its network, where it is served there.
    announced: bool,
    /// Absent where no configuration is fetched.
    config: Option<Config>,
    timestamp: Timestamp,
}

/// The fleet's configuration.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FleetConfig")]
struct Config {
    /// Where it is fetched.
    address: String,
    /// Version that lies over the box's own file.
    version: Option<u64>,
    /// Whether that one has yet to prove itself.
    trial: bool,
    /// How it went with the last one.
    last: Option<Last>,
    /// When it was looked for last, with an answer.
    fetched_at: Option<Timestamp>,
    /// What is wrong with the last answer, or why there was none.
    trouble: Option<String>,
}

/// How it went with a configuration.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FleetConfigVerdict")]
struct Last {
    version: u64,
    /// `waiting` (for a restart), `trial`, `kept`, `refused`, `reverted`, or
    /// `interrupted`: the box ended while it was tried.
    verdict: &'static str,
    /// Why; empty where nothing went wrong.
    message: String,
    at: Timestamp,
}

impl From<Note> for Last {
    fn from(note: Note) -> Self {
        let Note { version, verdict, message, at, .. } = note;
        Self { version, verdict: verdict.as_str(), message, at }
    }
}

impl From<PullStatus> for Config {
    fn from(status: PullStatus) -> Self {
        let PullStatus { address, version, is_trial, last, fetched_at, trouble } = status;
        Self { address, version, trial: is_trial, last: last.map(Last::from), fetched_at, trouble }
    }
}

/// `GET /api/system/fleet`.
pub(in crate::api) async fn status(request: Request) -> Result<Response, ApiError> {
    let fleet = &request.ctx.fleet;
    let body = FleetBody {
        device: fleet.device.to_string(),
        fleet: fleet.name.clone(),
        announced: fleet.is_announced,
        config: fleet.pull().map(Config::from),
        timestamp: request.ctx.clock.now(),
    };
    Ok(response::json(&body))
}
