//! Health: for probes, for service managers, for people.
//!
//! Probes need no key. Names and reasons of components may tell about the
//! network, so callers without a key see states only.

use std::collections::BTreeMap;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::cameras;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::realtime::SystemData;
use crate::api::wire::records::CameraData;
use crate::api::{ApiContext, Role};
use crate::assess::{Analyst, BreakerFigures, BreakerState};
use crate::domain::Timestamp;
use crate::health::{Report, State};

#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Alive {
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Ready {
    ready: bool,
    status: &'static str,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct ReadyInDetail {
    ready: bool,
    status: &'static str,
    services: BTreeMap<String, Service>,
    workers: Vec<Worker>,
    timestamp: Timestamp,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Health")]
pub(in crate::api) struct Overall {
    status: &'static str,
    services: BTreeMap<String, Service>,
    timestamp: Timestamp,
}

#[derive(Serialize, JsonSchema)]
struct Service {
    status: &'static str,
    message: String,
    details: ServiceDetails,
}

#[derive(Serialize, JsonSchema)]
struct ServiceDetails {
    next_step: Option<String>,
    since: Timestamp,
}

/// A stage that does not move.
#[derive(Serialize, JsonSchema)]
struct Worker {
    name: String,
    running: bool,
    message: String,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "HealthInFull")]
pub(in crate::api) struct Full {
    status: &'static str,
    ready: bool,
    version: &'static str,
    uptime_seconds: u64,
    infrastructure: BTreeMap<String, Service>,
    ai_services: BTreeMap<&'static str, AiService>,
    circuit_breakers: BTreeMap<&'static str, Broadcaster>,
    workers: Vec<Worker>,
    cameras: Vec<CameraData>,
    system: SystemData,
    timestamp: Timestamp,
}

/// The detector, or the analyst, which has no input of pictures.
#[derive(Serialize, JsonSchema)]
struct AiService {
    status: &'static str,
    model: Option<String>,
    input_width: Option<u32>,
    input_height: Option<u32>,
    threshold: Option<f32>,
    message: String,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Broadcasters {
    event_broadcaster: Broadcaster,
    system_broadcaster: Broadcaster,
    timestamp: Timestamp,
}

#[derive(Serialize, JsonSchema)]
struct Connections {
    connection_count: usize,
    #[serde(flatten)]
    broadcaster: Broadcaster,
}

#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct BroadcasterConnections {
    event_broadcaster: Connections,
    system_broadcaster: Connections,
    timestamp: Timestamp,
}

/// A broadcaster, or the analyst, by the contract's words for a circuit breaker. The hub lives in
/// this process, so there is no broker to lose; what can fail is what it needs:
/// `closed` when all of it is well, `half_open` while some of it works or heals in
/// part, `open` while nothing can be announced. It closes by itself.
#[derive(Serialize, JsonSchema)]
struct Broadcaster {
    #[schemars(extend("enum" = ["closed", "open", "half_open"]))]
    state: &'static str,
    /// Parts that it needs and that are not well.
    failure_count: usize,
    is_degraded: bool,
}

/// How the broadcaster is that needs components with these beginnings of names.
fn broadcaster(ctx: &ApiContext, needs: &[&str]) -> Broadcaster {
    let is_needed = |report: &Report| needs.iter().any(|name| report.component.starts_with(name));
    let is_failing = |report: &Report| is_needed(report) && report.state != State::Healthy;
    let failing: Vec<_> = ctx.health.reports().into_iter().filter(is_failing).collect();
    Broadcaster {
        state: match failing.iter().map(|report| report.state).max() {
            None | Some(State::Healthy) => "closed",
            Some(State::Degraded) => "half_open",
            Some(State::Unhealthy) => "open",
        },
        failure_count: failing.len(),
        is_degraded: !failing.is_empty(),
    }
}

/// Events are found by the detector and announced once they are stored.
fn event_broadcaster(ctx: &ApiContext) -> Broadcaster {
    broadcaster(ctx, &["store", "detector", "task."])
}

/// Figures and states come from tasks of the daemon itself.
fn system_broadcaster(ctx: &ApiContext) -> Broadcaster {
    broadcaster(ctx, &["task."])
}

/// `GET /health`, `GET /api/system/health/live`: the service answers.
pub(in crate::api) async fn alive(_: Request) -> Result<Response, ApiError> {
    Ok(response::json(&Alive { status: "alive" }))
}

/// `GET /ready`.
pub(in crate::api) async fn ready(request: Request) -> Result<Response, ApiError> {
    let ready = is_ready(&request.ctx);
    Ok(response::json_with(code(ready), &Ready { ready, status: word(ready) }))
}

/// `GET /api/system/health/ready`.
pub(in crate::api) async fn ready_in_detail(request: Request) -> Result<Response, ApiError> {
    let ready = is_ready(&request.ctx);
    let may_see = request.caller.role >= Role::Viewer;
    let body = ReadyInDetail {
        ready,
        status: word(ready),
        services: if may_see { services(&request.ctx) } else { BTreeMap::new() },
        workers: if may_see { stuck(&request.ctx) } else { Vec::new() },
        timestamp: request.ctx.clock.now(),
    };
    Ok(response::json_with(code(ready), &body))
}

/// `GET /api/system/health`.
pub(in crate::api) async fn overall(request: Request) -> Result<Response, ApiError> {
    let state = request.ctx.health.overall();
    let may_see = request.caller.role >= Role::Viewer;
    let body = Overall {
        status: state.as_str(),
        services: if may_see { services(&request.ctx) } else { BTreeMap::new() },
        timestamp: request.ctx.clock.now(),
    };
    Ok(response::json_with(code(state != State::Unhealthy), &body))
}

/// `GET /api/system/health/full`.
pub(in crate::api) async fn full(request: Request) -> Result<Response, ApiError> {
    let ctx = &request.ctx;
    let state = ctx.health.overall();
    let body = Full {
        status: state.as_str(),
        ready: is_ready(ctx),
        version: ctx.version,
        uptime_seconds: ctx.uptime().as_secs(),
        infrastructure: services(ctx),
        ai_services: ai_services(ctx),
        circuit_breakers: circuit_breakers(ctx),
        workers: stuck(ctx),
        cameras: ctx.cameras.list().into_iter().map(|it| cameras::data(ctx, (it, true))).collect(),
        system: SystemData::from(&(ctx.system_status)()),
        timestamp: ctx.clock.now(),
    };
    Ok(response::json_with(code(state != State::Unhealthy), &body))
}

/// `GET /api/system/health/websocket`.
pub(in crate::api) async fn websocket(request: Request) -> Result<Response, ApiError> {
    let ctx = &request.ctx;
    Ok(response::json(&Broadcasters {
        event_broadcaster: event_broadcaster(ctx),
        system_broadcaster: system_broadcaster(ctx),
        timestamp: ctx.clock.now(),
    }))
}

/// `GET /api/debug/websocket/connections`. As if it did not exist, unless the
/// settings allow it. The event broadcaster serves detections as well.
pub(in crate::api) async fn websocket_connections(request: Request) -> Result<Response, ApiError> {
    let ctx = &request.ctx;
    if !ctx.settings.load().debug {
        let hint = "set debug = true in the configuration";
        return Err(ApiError::not_found("there is no such path").hint(hint));
    }
    let connections = |channels: &[&str], broadcaster| Connections {
        connection_count: channels.iter().map(|channel| ctx.hub.subscribers(channel)).sum(),
        broadcaster,
    };
    Ok(response::json(&BroadcasterConnections {
        event_broadcaster: connections(&["events", "detections"], event_broadcaster(ctx)),
        system_broadcaster: connections(&["system"], system_broadcaster(ctx)),
        timestamp: ctx.clock.now(),
    }))
}

/// Able to serve: every stage moves, and nothing but cameras is down. A blind
/// camera is a reason to look, not to take the box out of service.
fn is_ready(ctx: &ApiContext) -> bool {
    let is_down = |report: &Report| {
        report.state == State::Unhealthy && !report.component.starts_with("camera.")
    };
    ctx.progress.stuck().is_empty() && !ctx.health.reports().iter().any(is_down)
}

fn word(ready: bool) -> &'static str {
    if ready { "ready" } else { "not_ready" }
}

fn code(is_well: bool) -> StatusCode {
    if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

fn services(ctx: &ApiContext) -> BTreeMap<String, Service> {
    let service = |report: Report| {
        let details = ServiceDetails { next_step: report.next_step, since: report.since };
        let status = report.state.as_str();
        (report.component, Service { status, message: report.message, details })
    };
    ctx.health.reports().into_iter().map(service).collect()
}

fn stuck(ctx: &ApiContext) -> Vec<Worker> {
    let worker = |(name, age): (String, std::time::Duration)| Worker {
        name,
        running: false,
        message: format!("has not moved for {} s", age.as_secs()),
    };
    ctx.progress.stuck().into_iter().map(worker).collect()
}

fn ai_services(ctx: &ApiContext) -> BTreeMap<&'static str, AiService> {
    let mut services = BTreeMap::from([("detector", detector(ctx))]);
    services.extend(ctx.analyst.as_ref().map(|analyst| ("analyst", second_opinion(ctx, analyst))));
    services
}

fn circuit_breakers(ctx: &ApiContext) -> BTreeMap<&'static str, Broadcaster> {
    let mut breakers =
        BTreeMap::from([("events", event_broadcaster(ctx)), ("system", system_broadcaster(ctx))]);
    breakers.extend(ctx.analyst.as_ref().map(|analyst| ("analyst", breaker_of(analyst))));
    breakers
}

fn breaker_of(analyst: &Analyst) -> Broadcaster {
    let BreakerFigures { state, failures } = analyst.breaker();
    Broadcaster {
        state: state.as_str(),
        failure_count: failures as usize,
        is_degraded: state != BreakerState::Closed,
    }
}

fn second_opinion(ctx: &ApiContext, analyst: &Analyst) -> AiService {
    let reports = ctx.health.reports().into_iter();
    let report = reports.into_iter().find(|report| report.component == "analyst");
    AiService {
        status: report.as_ref().map_or(State::Healthy, |report| report.state).as_str(),
        model: Some(analyst.model().to_owned()),
        input_width: None,
        input_height: None,
        threshold: None,
        message: report.map(|report| report.message).unwrap_or_default(),
    }
}

fn detector(ctx: &ApiContext) -> AiService {
    let info = ctx.detector.as_ref();
    AiService {
        status: if info.is_some() { "healthy" } else { "unhealthy" },
        model: info.map(|info| info.name.clone()),
        input_width: info.map(|info| info.input_px.0),
        input_height: info.map(|info| info.input_px.1),
        threshold: info.map(|info| info.threshold),
        message: info
            .map_or_else(|| "no detector runs".to_owned(), |info| info.chosen_because.clone()),
    }
}
