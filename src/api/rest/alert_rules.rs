//! Alert rules: made, changed, removed, and tried on stored events.

use std::sync::Arc;

use hyper::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::sync::oneshot;

use super::alert_rule_body::{RuleBody, new_rule};
use super::alerts::answered;
use crate::api::ApiContext;
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::alerts::{DryRun, RuleData, RuleList};
use crate::assess::{RULES_MAX, ReadyRule};
use crate::domain::{AlertRule, Event, EventId, RuleId, Timestamp};
use crate::store::{EventQuery, Range};

/// Events of a dry run, when the client does not say and at most.
const TEST_DEFAULT: usize = 10;
const TEST_MAX: usize = 100;

/// `GET /api/alerts/rules`, newest first; `enabled` and `severity` choose.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let enabled = request.query.flag("enabled")?;
    let severity = request.query.get("severity").map(str::to_ascii_lowercase);
    let reader = Arc::clone(&request.ctx.reader);
    let mut rules = request.ctx.blocking(move || reader.alert_rules()).await??;
    rules.retain(|rule| {
        enabled.is_none_or(|enabled| enabled == rule.is_enabled)
            && severity
                .as_deref()
                .is_none_or(|word| rule.severity.map(|s| s.as_str()) == Some(word))
    });
    let (page, pagination) = super::part(&request.query, &rules)?;
    let page: Vec<_> = page.iter().map(RuleData::from).collect();
    let list = RuleList { rules: &page, count: rules.len(), items: &page, pagination };
    Ok(response::json(&list))
}

/// `GET /api/alerts/rules/{id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    let rule = find(&request.ctx, id(&request)?).await?;
    Ok(response::json(&RuleData::from(&rule)))
}

/// `POST /api/alerts/rules`: 201 with the rule as it is kept.
pub(in crate::api) async fn create(mut request: Request) -> Result<Response, ApiError> {
    let has_sensor = request.ctx.alerts.has_motion_sensor();
    let body = RuleBody::read(&request.bytes().await?, has_sensor)?;
    if request.ctx.alerts.rule_count().is_some_and(|count| count >= RULES_MAX) {
        let detail = format!("there are {RULES_MAX} rules already");
        return Err(ApiError::new(StatusCode::CONFLICT, "too_many_rules", detail)
            .hint("remove one that is not needed"));
    }
    let mut rule = new_rule(request.ctx.clock.now());
    body.apply_new(&mut rule)?;
    let (tx, rx) = oneshot::channel();
    request.ctx.alerts.add_rule(rule, Box::new(move |kept| drop(tx.send(kept))));
    let kept = answered(rx).await?.ok_or_else(|| ApiError::not_found("the rule is gone"))?;
    Ok(response::json_with(StatusCode::CREATED, &RuleData::from(&kept)))
}

/// `PUT /api/alerts/rules/{id}`: fields that are not given stay as they are.
pub(in crate::api) async fn change(mut request: Request) -> Result<Response, ApiError> {
    let id = id(&request)?;
    let has_sensor = request.ctx.alerts.has_motion_sensor();
    let body = RuleBody::read(&request.bytes().await?, has_sensor)?;
    let now = request.ctx.clock.now();
    // What is wrong does not depend on the rule.
    body.apply(&mut new_rule(now))?;
    let change = move |rule: Option<AlertRule>| {
        let mut rule = rule?;
        body.apply(&mut rule).ok()?;
        rule.updated_at = now;
        Some(rule)
    };
    let (tx, rx) = oneshot::channel();
    let done = Box::new(move |kept| drop(tx.send(kept)));
    request.ctx.alerts.change_rule(id, Box::new(change), done);
    let rule = answered(rx).await?.ok_or_else(|| missing(id))?;
    Ok(response::json(&RuleData::from(&rule)))
}

/// `DELETE /api/alerts/rules/{id}`: 204. Its alerts stay.
pub(in crate::api) async fn remove(request: Request) -> Result<Response, ApiError> {
    let id = id(&request)?;
    let (tx, rx) = oneshot::channel();
    request.ctx.alerts.remove_rule(id, move |was_there| drop(tx.send(was_there)));
    if answered(rx).await? { Ok(response::no_content()) } else { Err(missing(id)) }
}

/// What is to be tried.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::api) struct TestBody {
    /// These events; the newest when there are none.
    event_ids: Option<Vec<u64>>,
    /// So many of the newest.
    limit: Option<usize>,
    /// The time that schedules are asked for.
    test_time: Option<Timestamp>,
}

/// `POST /api/alerts/rules/{id}/test`: what the rule says of stored events: those
/// named, or the newest. Schedules are asked for the time at which each event
/// began, or for `test_time`; the motion sensor, which is remembered for about an hour,
/// always for the event's own. Cooldowns play no part, and nothing is raised.
pub(in crate::api) async fn test(mut request: Request) -> Result<Response, ApiError> {
    let rule = find(&request.ctx, id(&request)?).await?;
    let bytes = request.bytes().await?;
    let body: TestBody = match bytes.is_empty() {
        true => TestBody::default(),
        false => serde_json::from_slice(&bytes)
            .map_err(|error| ApiError::invalid(format!("the body is not as expected: {error}")))?,
    };
    let limit = body.limit.unwrap_or(TEST_DEFAULT);
    let named = body.event_ids.as_ref().map_or(0, Vec::len);
    if !(1..=TEST_MAX).contains(&limit) || named > TEST_MAX {
        let detail = format!("limit must be 1 to {TEST_MAX}, and event_ids no more than that");
        return Err(ApiError::invalid(detail));
    }
    let events = events(&request.ctx, body.event_ids, limit).await?;
    let ready = ReadyRule::new(rule);
    let tested = events.iter().map(|event| {
        let at = body.test_time.unwrap_or(event.started_at);
        (event, at, ready.checks(event, at, request.ctx.alerts.motion()))
    });
    Ok(response::json(&DryRun::new(&ready.rule, tested.collect())))
}

/// Events that are not there are left out.
async fn events(
    ctx: &ApiContext,
    ids: Option<Vec<u64>>,
    limit: usize,
) -> Result<Vec<Event>, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    let found = ctx.blocking(move || match ids {
        Some(ids) => {
            ids.into_iter().filter_map(|id| reader.event(EventId(id)).transpose()).collect()
        }
        None => {
            let range = Range { limit, ..Range::default() };
            Ok(reader.events(&EventQuery { range, ..EventQuery::default() })?.items)
        }
    });
    Ok(found.await??)
}

async fn find(ctx: &ApiContext, id: RuleId) -> Result<AlertRule, ApiError> {
    let reader = Arc::clone(&ctx.reader);
    let found = ctx.blocking(move || reader.alert_rule(id)).await??;
    found.ok_or_else(|| missing(id))
}

fn id(request: &Request) -> Result<RuleId, ApiError> {
    let parsed = request.param("id").parse();
    parsed.map_err(|_| ApiError::invalid("the id in the path is not that of a rule, a UUID"))
}

fn missing(id: RuleId) -> ApiError {
    ApiError::not_found(format!("there is no alert rule {id}"))
}
