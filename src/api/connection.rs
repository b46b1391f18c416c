//! One client connection: HTTP/1.1 requests, then perhaps a WebSocket.
//!
//! Bounds: a head of 16 KiB, complete within 10 s (also the longest pause
//! between two requests), writes that cannot stall for ever (`io`), and an end
//! in bounded time when the box stops.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::dispatch::Service;
use super::io::ClientSocket;
use super::response::Response;
use crate::rt::Stop;

/// Request line and headers, together. hyper answers 431 beyond it.
const HEAD_MAX_BYTES: usize = 16 << 10;

/// A head must be complete within this time: slower is slow-loris.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What a handler may know and do about its connection.
#[derive(Clone)]
pub(super) struct Connection {
    /// Where the client connected from.
    pub(super) ip: IpAddr,
    /// The client is on this machine.
    pub(super) is_local: bool,
    /// Set when the box stops: streams end.
    pub(super) stop: Stop,
    /// What goes on after the answer to an upgrade has been sent.
    upgraded: Arc<Mutex<Option<BoxFuture<'static, ()>>>>,
}

impl Connection {
    fn new(client: IpAddr, stop: Stop) -> Self {
        let is_local = client.to_canonical().is_loopback();
        Self { ip: client, is_local, stop, upgraded: Arc::default() }
    }

    /// Runs `session` once HTTP is done here, still within this connection's
    /// task and limits.
    pub(super) fn after_http(&self, session: impl Future<Output = ()> + Send + 'static) {
        *self.upgraded.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::pin(session));
    }

    fn take_session(&self) -> Option<BoxFuture<'static, ()>> {
        self.upgraded.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Serves `stream` of a client at `ip` until the client, a limit or `stop` ends
/// it.
pub(super) async fn serve(stream: TcpStream, ip: IpAddr, service: Arc<Service>, stop: Stop) {
    let connection = Connection::new(ip, stop.clone());
    let handler = service_fn(|request: hyper::Request<Incoming>| {
        let (service, connection) = (Arc::clone(&service), connection.clone());
        async move { Ok::<Response, Infallible>(service.answer(request, connection).await) }
    });
    let http = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_MAX_BYTES)
        .serve_connection(TokioIo::new(ClientSocket::new(stream)), handler)
        .with_upgrades();
    let mut http = std::pin::pin!(http);
    // A client's broken connection is its own affair; limits are counted where
    // they strike.
    let ended = tokio::select! {
        biased;
        () = stop.stopped() => {
            http.as_mut().graceful_shutdown();
            http.await
        }
        ended = http.as_mut() => ended,
    };
    if let (Ok(()), Some(session)) = (ended, connection.take_session()) {
        session.await;
    }
}
