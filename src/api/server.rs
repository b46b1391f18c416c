//! The accept loops, and the end of all connections in bounded time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::StatusCode;
use log::{error, info, warn};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};

use super::dispatch::Service;
use super::error::{ApiError, RETRY_AFTER_S};
use super::limits::{Refusal, Slots};
use super::{ApiContext, connection};
use crate::health::{Component, ProgressMark};
use crate::rt::{Stop, panic_message};

/// Streams get this long to end when the box stops; then they are cut.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// An idle accept loop turns this often, and is stuck after so long without.
const TURN: Duration = Duration::from_secs(5);
const TURN_LIMIT: Duration = Duration::from_secs(30);

/// Refusals being told at the same time; beyond it clients are cut off without a
/// word, because telling takes a task and a socket each.
const REFUSALS_MAX: usize = 32;

/// A refused client gets this long to read why.
const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// After a failed accept (no descriptors left) the loop waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Serves all `listeners` until `stop`, and returns when the last connection
/// has ended, at most 3 s later.
pub async fn serve(listeners: Vec<TcpListener>, ctx: Arc<ApiContext>, stop: Stop) {
    let shared = Arc::new(Shared {
        slots: Arc::new(Slots::new(&ctx.metrics)),
        refusals: Arc::new(Semaphore::new(REFUSALS_MAX)),
        service: Arc::new(Service::new(Arc::clone(&ctx))),
        ctx,
    });
    let loops = listeners.into_iter().map(|listener| accept(listener, Arc::clone(&shared), &stop));
    join_all(loops).await;
}

struct Shared {
    ctx: Arc<ApiContext>,
    service: Arc<Service>,
    slots: Arc<Slots>,
    refusals: Arc<Semaphore>,
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: &Stop) {
    let mut state = LoopState::new(&listener, &shared.ctx);
    // At most as many as there are slots, plus refusals being told.
    let mut connections = JoinSet::new();
    loop {
        state.turn.touch();
        let accepted = tokio::select! {
            biased;
            () = stop.stopped() => break,
            Some(ended) = connections.join_next() => {
                report_panic(ended);
                continue;
            }
            accepted = listener.accept() => accepted,
            () = tokio::time::sleep(TURN) => continue,
        };
        match accepted {
            Ok((stream, peer)) => {
                state.works();
                admit(stream, peer.ip(), &shared, &mut connections, stop);
            }
            Err(error) => {
                state.fails(&error);
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drain(connections).await;
    shared.ctx.progress.remove(&state.name);
}

/// What one accept loop says of itself.
struct LoopState {
    name: String,
    address: String,
    turn: ProgressMark,
    health: Component,
    is_failing: bool,
}

impl LoopState {
    fn new(listener: &TcpListener, ctx: &ApiContext) -> Self {
        let address = listener.local_addr().map_or_else(|e| e.to_string(), |a| a.to_string());
        let name = format!("api.{address}");
        let turn = ctx.progress.stage(name.clone(), TURN_LIMIT);
        let health = ctx.health.component(name.clone());
        health.healthy(format!("Serving {address}."));
        Self { name, address, turn, health, is_failing: false }
    }

    fn works(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            self.health.healthy(format!("Serving {}.", self.address));
        }
    }

    fn fails(&mut self, error: &std::io::Error) {
        if !std::mem::replace(&mut self.is_failing, true) {
            let (address, error) = (self.address.as_str(), error.to_string());
            warn!(address, error; "Cannot accept clients; trying again.");
            self.health.degraded(
                format!("Clients at {address} are not accepted: {error}."),
                "Close clients that are no longer needed, or raise the limit of open files.",
            );
        }
    }
}

/// A connection that panicked is a fault of ours; the others go on.
fn report_panic(ended: Result<(), JoinError>) {
    if let Some(panic) = ended.err().and_then(|error| error.try_into_panic().ok()) {
        let reason = panic_message(panic.as_ref());
        error!(reason; "A client connection ended in a panic.");
    }
}

fn admit(
    stream: TcpStream,
    ip: IpAddr,
    shared: &Arc<Shared>,
    connections: &mut JoinSet<()>,
    stop: &Stop,
) {
    let settings = shared.ctx.settings.load();
    match shared.slots.take(ip, settings.connections_max, settings.connections_per_ip_max) {
        Ok(slot) => {
            let (service, stop) = (Arc::clone(&shared.service), stop.clone());
            connections.spawn(async move {
                connection::serve(stream, ip, service, stop).await;
                drop(slot);
            });
        }
        Err(refusal) => {
            let Ok(permit) = Arc::clone(&shared.refusals).try_acquire_owned() else { return };
            connections.spawn(async move {
                let _ = tokio::time::timeout(REFUSAL_TIMEOUT, refuse(stream, refusal)).await;
                drop(permit);
            });
        }
    }
}

/// Tells a client why it is not served, and waits until it has read that:
/// closing with unread input would reset the connection and lose the answer.
async fn refuse(mut stream: TcpStream, refusal: Refusal) -> std::io::Result<()> {
    let body = refusal_error(refusal);
    let (status, text) = (body.status, body.body());
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Retry-After: {RETRY_AFTER_S}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await?;
    let mut scratch = [0; 1024];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}

fn refusal_error(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Full => {
            ApiError::unavailable("too_many_connections", "the box serves no more clients")
                .hint("close other clients, or raise connections_max")
        }
        Refusal::TooManyFromAddress => ApiError::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_connections",
            "this address has too many connections",
        )
        .hint("share connections, or raise connections_per_ip_max"),
    }
}

async fn drain(mut connections: JoinSet<()>) {
    let ended = async {
        while let Some(ended) = connections.join_next().await {
            report_panic(ended);
        }
    };
    if tokio::time::timeout(DRAIN_MAX, ended).await.is_err() {
        info!(connections = connections.len(); "Clients did not let go in time; cutting them off.");
        connections.shutdown().await;
    }
}
