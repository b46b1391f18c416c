//! Routes: each has a method, a pattern, the role it needs and a handler. A
//! route without a role cannot be written.

use std::future::Future;

use futures_util::future::{BoxFuture, FutureExt as _};
use hyper::Method;

use super::Role;
use super::error::ApiError;
use super::request::Request;
use super::response::Response;

type Handler = Box<dyn Fn(Request) -> BoxFuture<'static, Result<Response, ApiError>> + Send + Sync>;

/// One thing a client may ask for.
pub(super) struct Route {
    method: Method,
    pattern: &'static str,
    pub(super) role: Role,
    pub(super) handler: Handler,
}

impl Route {
    /// `GET pattern`, for callers with at least `role`. `HEAD` comes with it.
    pub(super) fn get(pattern: &'static str, role: Role, handler: impl Handle) -> Self {
        Self::new(Method::GET, pattern, role, handler)
    }

    /// `PATCH pattern`, for callers with at least `role`.
    pub(super) fn patch(pattern: &'static str, role: Role, handler: impl Handle) -> Self {
        Self::new(Method::PATCH, pattern, role, handler)
    }

    /// `POST pattern`, for callers with at least `role`.
    pub(super) fn post(pattern: &'static str, role: Role, handler: impl Handle) -> Self {
        Self::new(Method::POST, pattern, role, handler)
    }

    /// `PUT pattern`, for callers with at least `role`.
    pub(super) fn put(pattern: &'static str, role: Role, handler: impl Handle) -> Self {
        Self::new(Method::PUT, pattern, role, handler)
    }

    /// `DELETE pattern`, for callers with at least `role`.
    pub(super) fn delete(pattern: &'static str, role: Role, handler: impl Handle) -> Self {
        Self::new(Method::DELETE, pattern, role, handler)
    }

    fn new(method: Method, pattern: &'static str, role: Role, handler: impl Handle) -> Self {
        let handler: Handler = Box::new(move |request| handler.handle(request));
        Self { method, pattern, role, handler }
    }

    /// Its method.
    pub(super) fn method(&self) -> &Method {
        &self.method
    }

    /// Its path, with names in braces.
    pub(super) fn pattern(&self) -> &'static str {
        self.pattern
    }
}

/// What can answer requests: every async function from one to an answer.
pub(super) trait Handle: Send + Sync + 'static {
    fn handle(&self, request: Request) -> BoxFuture<'static, Result<Response, ApiError>>;
}

impl<F, Fut> Handle for F
where
    F: Fn(Request) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Response, ApiError>> + Send + 'static,
{
    fn handle(&self, request: Request) -> BoxFuture<'static, Result<Response, ApiError>> {
        self(request).boxed()
    }
}

/// All routes, by pattern.
pub(super) struct Table {
    patterns: matchit::Router<usize>,
    routes: Vec<Vec<Route>>,
}

/// What a path and method lead to.
pub(super) enum Found<'a> {
    /// A route, and what stands for the names in its pattern.
    Route(&'a Route, Vec<(String, String)>),
    /// The path exists with these methods only.
    OtherMethods(String),
    /// There is no such path.
    Nothing,
}

impl Table {
    /// A table of these routes.
    pub(super) fn new(routes: impl IntoIterator<Item = Route>) -> Self {
        let mut table = Self { patterns: matchit::Router::new(), routes: Vec::new() };
        for route in routes {
            match table.routes.iter_mut().find(|known| known[0].pattern == route.pattern) {
                Some(known) => known.push(route),
                None => {
                    let inserted = table.patterns.insert(route.pattern, table.routes.len());
                    inserted.expect("patterns are constants and a test builds the table");
                    table.routes.push(vec![route]);
                }
            }
        }
        table
    }

    pub(super) fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let Ok(matched) = self.patterns.at(path) else { return Found::Nothing };
        let routes = &self.routes[*matched.value];
        let wanted = if method == Method::HEAD { &Method::GET } else { method };
        match routes.iter().find(|route| route.method == wanted) {
            Some(route) => {
                let params = matched.params.iter();
                Found::Route(
                    route,
                    params.map(|(name, value)| (name.into(), decoded(value))).collect(),
                )
            }
            None => Found::OtherMethods(allowed(routes)),
        }
    }
}

fn decoded(value: &str) -> String {
    percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned()
}

/// The `Allow` header of a path.
fn allowed(routes: &[Route]) -> String {
    let mut methods = vec!["OPTIONS"];
    for route in routes {
        methods.push(route.method.as_str());
        if route.method == Method::GET {
            methods.push("HEAD");
        }
    }
    methods.sort_unstable();
    methods.join(", ")
}
