//! Alerts: found, acknowledged, dismissed.

use std::sync::Arc;

use hyper::StatusCode;
use tokio::sync::oneshot;

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response};
use crate::api::wire::alerts::AlertRecord;
use crate::api::wire::records::List;
use crate::assess::Acted;
use crate::domain::{Alert, AlertAction, AlertId, AlertStatus, EventId, RiskLevel, RuleId};
use crate::store::{AlertQuery, StoreError};

/// `GET /api/alerts`, newest first.
pub(in crate::api) async fn list(request: Request) -> Result<Response, ApiError> {
    let query = AlertQuery {
        camera: request.query.parsed("camera_id")?,
        severity: request.query.get("severity").map(severity).transpose()?,
        status: request.query.get("status").map(status).transpose()?,
        event: request.query.parsed("event_id")?.map(EventId),
        rule: request.query.parsed::<RuleId>("rule_id")?,
        range: super::range(&request.query)?,
    };
    let reader = Arc::clone(&request.ctx.reader);
    let range = query.range.clone();
    let page = request.ctx.blocking(move || reader.alerts(&query)).await??;
    let items = page.items.iter().map(AlertRecord::from).collect();
    Ok(response::json(&List { items, pagination: super::pagination(range, &page) }))
}

/// `GET /api/alerts/{id}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    let id = id(&request)?;
    let reader = Arc::clone(&request.ctx.reader);
    let found = request.ctx.blocking(move || reader.alert(id)).await??;
    let alert = found.ok_or_else(|| missing(id))?;
    Ok(response::json(&AlertRecord::from(&alert)))
}

/// `POST /api/alerts/{id}/acknowledge`.
pub(in crate::api) async fn acknowledge(request: Request) -> Result<Response, ApiError> {
    act(request, AlertAction::Acknowledge).await
}

/// `POST /api/alerts/{id}/dismiss`.
pub(in crate::api) async fn dismiss(request: Request) -> Result<Response, ApiError> {
    act(request, AlertAction::Dismiss).await
}

/// The answer comes when the change is safe on disk; it is announced before, on
/// the thread that stored it, whether or not the client is still there.
async fn act(request: Request, action: AlertAction) -> Result<Response, ApiError> {
    let id = id(&request)?;
    let (tx, rx) = oneshot::channel();
    request.ctx.alerts.act(id, action, move |acted| drop(tx.send(acted)));
    match answered(rx).await? {
        Acted::Done(alert) => Ok(response::json(&AlertRecord::from(&alert))),
        Acted::Late(alert) => Err(late(&alert)),
        Acted::Missing => Err(missing(id)),
    }
}

/// What the store's thread has said.
pub(super) async fn answered<T>(
    rx: oneshot::Receiver<Result<T, StoreError>>,
) -> Result<T, ApiError> {
    let stopped = |_| ApiError::unavailable("store_unavailable", "the store has stopped");
    Ok(rx.await.map_err(stopped)??)
}

fn id(request: &Request) -> Result<AlertId, ApiError> {
    let parsed = request.param("id").parse();
    parsed.map_err(|_| ApiError::invalid("the id in the path is not that of an alert, a UUID"))
}

fn missing(id: AlertId) -> ApiError {
    ApiError::not_found(format!("there is no alert {id}"))
}

fn late(alert: &Alert) -> ApiError {
    let detail = format!("the alert is {} already", alert.status.as_str());
    ApiError::new(StatusCode::CONFLICT, "too_late", detail)
        .hint("GET /api/alerts/{id} tells how it stands")
}

fn severity(word: &str) -> Result<RiskLevel, ApiError> {
    RiskLevel::from_wire(&word.to_ascii_lowercase())
        .ok_or_else(|| ApiError::invalid("severity must be low, medium, high or critical"))
}

fn status(word: &str) -> Result<AlertStatus, ApiError> {
    AlertStatus::from_wire(&word.to_ascii_lowercase()).ok_or_else(|| {
        ApiError::invalid("status must be pending, delivered, acknowledged or dismissed")
    })
}
