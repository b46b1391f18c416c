//! The ways upstream: how they are, and another try for what was refused.

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::domain::Timestamp;
use crate::upload::{DeadLetter, LaneStatus, UpstreamStatus};

/// All ways upstream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemUpload")]
pub(in crate::api) struct Upload {
    upstreams: Vec<Upstream>,
    timestamp: Timestamp,
}

/// One way upstream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Upstream")]
struct Upstream {
    name: &'static str,
    /// Where it goes.
    address: String,
    /// `starting`, `idle`, `waiting` (for others to go with), `sending`, `held` (by
    /// budget or quiet hours), `retrying`, or `open`: the circuit, one small request
    /// at a time.
    state: &'static str,
    /// What failed last, or what holds it back.
    reason: Option<String>,
    /// The most urgent first.
    lanes: Vec<Lane>,
    waiting_items: u64,
    /// Before compression, about.
    waiting_bytes: u64,
    /// Age of the oldest item that waits.
    oldest_unsent_seconds: Option<u64>,
    /// Bytes of this day (UTC).
    bytes_today: u64,
    last_success: Option<Timestamp>,
    /// When it is tried again, if it failed.
    next_try: Option<Timestamp>,
    /// Failures in a row.
    failures: u32,
    /// Items that the upstream refuses for what they are.
    dead_letters: Vec<Dead>,
}

/// What waits in a lane.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadLane")]
struct Lane {
    lane: &'static str,
    waiting_items: u64,
    waiting_bytes: u64,
    oldest: Option<Timestamp>,
    /// Confirmed, ever.
    sent_items: u64,
    /// Lost for lack of room, ever.
    shed_items: u64,
}

/// An item that the upstream refuses.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct Dead {
    key: String,
    lane: &'static str,
    /// What the upstream said.
    reason: String,
    since: Timestamp,
    tries: u32,
}

/// Which dead letter; all of them when it is not told.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "UploadRetry")]
pub(in crate::api) struct Retry {
    key: Option<String>,
}

/// What is tried again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UploadRetried")]
pub(in crate::api) struct Retried {
    /// So many dead letters are tried again.
    wanted: usize,
}

impl From<LaneStatus> for Lane {
    fn from(lane: LaneStatus) -> Self {
        Self {
            lane: lane.lane.as_str(),
            waiting_items: lane.waiting,
            waiting_bytes: lane.waiting_bytes,
            oldest: lane.oldest,
            sent_items: lane.sent,
            shed_items: lane.shed,
        }
    }
}

impl From<DeadLetter> for Dead {
    fn from(dead: DeadLetter) -> Self {
        let DeadLetter { key, lane, reason, since, tries, .. } = dead;
        Self { key, lane: lane.as_str(), reason, since, tries }
    }
}

impl Upstream {
    fn new(status: UpstreamStatus, now: Timestamp) -> Self {
        Self {
            waiting_items: status.waiting(),
            waiting_bytes: status.waiting_bytes(),
            oldest_unsent_seconds: status.oldest_age(now).map(|age| age.as_secs()),
            name: status.name,
            address: status.address,
            state: status.state,
            reason: status.reason,
            lanes: status.lanes.into_iter().map(Lane::from).collect(),
            bytes_today: status.bytes_today,
            last_success: status.last_success,
            next_try: status.next_try,
            failures: status.failures,
            dead_letters: status.dead_letters.into_iter().map(Dead::from).collect(),
        }
    }
}

/// `GET /api/system/upload`.
pub(in crate::api) async fn status(request: Request) -> Result<Response, ApiError> {
    let now = request.ctx.clock.now();
    let upstreams = request.ctx.uploads.status().into_iter();
    let upstreams = upstreams.map(|status| Upstream::new(status, now)).collect();
    Ok(response::json(&Upload { upstreams, timestamp: now }))
}

/// `POST /api/system/upload/{upstream}/retry`.
pub(in crate::api) async fn retry(mut request: Request) -> Result<Response, ApiError> {
    let body = request.bytes().await?;
    let retry: Retry = match body.is_empty() {
        true => Retry::default(),
        false => serde_json::from_slice(&body)
            .map_err(|error| ApiError::invalid(format!("the body is not as expected: {error}")))?,
    };
    let name = request.param("upstream");
    let wanted = request.ctx.uploads.retry(name, retry.key.as_deref());
    let wanted = wanted.ok_or_else(|| {
        ApiError::not_found("there is no such upstream")
            .hint("GET /api/system/upload lists those that are configured")
    })?;
    Ok(response::json_with(StatusCode::ACCEPTED, &Retried { wanted }))
}
