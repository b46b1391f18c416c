//! The accept loops, and the end of all connections in bounded time.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::StatusCode;
use log::{info, warn};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::dispatch::Service;
use super::error::{ApiError, RETRY_AFTER_S};
use super::limits::{Refusal, Slots};
use super::{ApiContext, connection};
use crate::live::LiveMessage;
use crate::rt::Stop;

/// Streams get this long to end when the box stops; then they are cut.
const DRAIN_MAX: Duration = Duration::from_secs(3);

/// How often the figures of the box are announced (realtime contract 1.2).
const SYSTEM_STATUS_INTERVAL: Duration = Duration::from_secs(5);

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
    tokio::join!(join_all(loops), announce_system_status(&shared.ctx, &stop));
}

struct Shared {
    ctx: Arc<ApiContext>,
    service: Arc<Service>,
    slots: Arc<Slots>,
    refusals: Arc<Semaphore>,
}

async fn announce_system_status(ctx: &ApiContext, stop: &Stop) {
    while tokio::time::timeout(SYSTEM_STATUS_INTERVAL, stop.stopped()).await.is_err() {
        ctx.hub.publish(LiveMessage::System(Arc::new((ctx.system_status)())));
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, stop: &Stop) {
    // At most as many as there are slots, plus refusals being told.
    let mut connections = JoinSet::new();
    let mut is_failing = false;
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.stopped() => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                is_failing = false;
                admit(stream, peer.ip(), &shared, &mut connections, stop);
            }
            Err(error) => {
                if !is_failing {
                    let error = error.to_string();
                    warn!(error; "Cannot accept clients; trying again.");
                }
                is_failing = true;
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    drain(connections).await;
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
                connection::serve(stream, service, stop).await;
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
    let ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_MAX, ended).await.is_err() {
        info!(connections = connections.len(); "Clients did not let go in time; cutting them off.");
        connections.shutdown().await;
    }
}
