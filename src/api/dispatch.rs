//! The one way every request takes: host, route, role, origin, handler, and
//! back through the headers that every answer carries.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt as _;
use hyper::body::Incoming;
use hyper::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ALLOW,
    HeaderValue, ORIGIN, UPGRADE, VARY, WWW_AUTHENTICATE,
};
use hyper::http::request::Parts;
use hyper::{Method, StatusCode};
use log::error;

use super::auth::{self, Caller};
use super::connection::Connection;
use super::error::ApiError;
use super::query::Query;
use super::request::Request;
use super::response::{self, Response};
use super::route::{Found, Route, Table};
use super::throttle::{self, Throttle};
use super::{ApiContext, ApiSettings, Role, assets, guard, routes, sdk, ws};
use crate::rt::panic_message;

/// The routes and what they work on.
pub(super) struct Service {
    ctx: Arc<ApiContext>,
    table: Table,
    throttle: Throttle,
}

impl Service {
    pub(super) fn new(ctx: Arc<ApiContext>) -> Self {
        let throttle = Throttle::new(&ctx.metrics);
        Self { ctx, table: Table::new(routes::all()), throttle }
    }

    /// The answer to a request. Never fails: a failure is an answer too.
    pub(super) async fn answer(
        &self,
        request: hyper::Request<Incoming>,
        connection: Connection,
    ) -> Response {
        let settings = self.ctx.settings.load_full();
        let (head, body) = request.into_parts();
        let readers = Readers::judge(&settings, &head);
        let outcome = self.handle(&settings, head, body, connection).await;
        let mut response = outcome.unwrap_or_else(|error| response::failure(&error));
        response::harden(&mut response);
        readers.mark(&mut response);
        response
    }

    async fn handle(
        &self,
        settings: &ApiSettings,
        head: Parts,
        body: Incoming,
        connection: Connection,
    ) -> Result<Response, ApiError> {
        guard::check_host(settings, &head)?;
        guard::check_site(settings, &head)?;
        let (route, params) = match self.table.find(&head.method, head.uri.path()) {
            Found::Route(route, params) => (route, params),
            _ if head.method == Method::OPTIONS => return Ok(response::no_content()),
            Found::OtherMethods(allowed) => return Err(wrong_method(&allowed)),
            Found::Nothing if sdk::is_without_id(head.uri.path()) => return Err(sdk::no_such_id()),
            Found::Nothing => return assets::answer(&head),
        };
        let query = Query::parse(head.uri.query());
        let caller = auth::caller(settings, &head.headers, &query, connection.is_local);
        let is_websocket = is_websocket(&head);
        let permission = check_role(route, &caller);
        if is_unsafe(&head.method) || is_websocket {
            guard::check_origin(settings, &head, &caller)?;
        }
        let is_trusted = permission.is_ok() && auth::has_token(settings, &query);
        let refusal = match is_websocket {
            true if !self.may_upgrade(settings, &head, &connection) => Some(ws::TOO_MANY),
            true if !is_trusted => Some(ws::NOT_ALLOWED),
            _ => None,
        };
        let ctx = Arc::clone(&self.ctx);
        let request = Request { ctx, head, query, caller, connection, params, body: Some(body) };
        if let Some(reason) = refusal {
            return ws::refuse(request, reason);
        }
        permission?;
        run(route, request).await
    }

    /// Whether the client has not opened too many WebSockets lately.
    fn may_upgrade(&self, settings: &ApiSettings, head: &Parts, connection: &Connection) -> bool {
        let per_minute = settings.websocket_upgrades_per_minute;
        let client = throttle::client(connection.ip, &head.headers);
        let max = per_minute.saturating_add(settings.websocket_upgrades_burst);
        per_minute == 0 || self.throttle.allows(client, max, self.ctx.clock.monotonic())
    }
}

/// A WebSocket is refused after its handshake, with a close code that a browser
/// can see: a refused handshake looks like a broken connection there.
fn is_websocket(head: &Parts) -> bool {
    head.uri.path().starts_with("/ws/") && head.headers.contains_key(UPGRADE)
}

fn is_unsafe(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn check_role(route: &Route, caller: &Caller) -> Result<(), ApiError> {
    if caller.role >= route.role {
        return Ok(());
    }
    if caller.role == Role::Public {
        let error =
            ApiError::new(StatusCode::UNAUTHORIZED, "key_required", "a valid API key is required")
                .hint("send it as X-API-Key, as Authorization: Bearer, or as the query api_key");
        return Err(error.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
    }
    let detail = "this key does not allow that";
    Err(ApiError::new(StatusCode::FORBIDDEN, "role_too_low", detail)
        .hint("use a key with a higher role"))
}

pub(super) fn wrong_method(allowed: &str) -> ApiError {
    let detail = format!("this path allows {allowed}");
    let error = ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", detail);
    match HeaderValue::from_str(allowed) {
        Ok(allowed) => error.header(ALLOW, allowed),
        Err(_) => error,
    }
}

async fn run(route: &Route, request: Request) -> Result<Response, ApiError> {
    let path = request.head.uri.path().to_owned();
    match AssertUnwindSafe((route.handler)(request)).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(panic) => {
            let reason = panic_message(panic.as_ref());
            error!(path = path.as_str(), reason; "A request ended in a panic.");
            let detail = "the request could not be completed";
            Err(ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", detail)
                .hint("see the log of the box"))
        }
    }
}

/// Which pages may read the answer (CORS). The camera SDK contract says all.
/// Without keys any page on the internet could then read the cameras through a
/// browser on this machine; so in that case foreign pages are left out, unless
/// the configuration lets them in.
struct Readers {
    are_all: bool,
    is_page: bool,
}

impl Readers {
    fn judge(settings: &ApiSettings, head: &Parts) -> Self {
        let are_all = !settings.keys.is_empty()
            || guard::are_reads_open(settings)
            || guard::is_origin_allowed(settings, head);
        Self { are_all, is_page: head.headers.contains_key(ORIGIN) }
    }

    fn mark(&self, response: &mut Response) {
        if self.is_page {
            response::set(response, VARY, "Origin");
        }
        if self.are_all {
            response::set(response, ACCESS_CONTROL_ALLOW_ORIGIN, "*");
            let methods = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
            response::set(response, ACCESS_CONTROL_ALLOW_METHODS, methods);
            response::set(response, ACCESS_CONTROL_ALLOW_HEADERS, "*");
        }
    }
}
