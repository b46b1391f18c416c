//! One WebSocket client from its handshake to its close.
//!
//! Ends with 1000 when idle, 1001 when the box stops, 1002 or 1007 on frames
//! that are none, 1008 on too many messages, 1009 on one that is too large; a
//! client that does not read is cut off (`io`). No input ends the task otherwise.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::time::{Instant, Interval, MissedTickBehavior, Sleep, interval, sleep};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};

use super::client_message::{self, ClientMessage, Resync};
use super::subscription::Subscription;
use super::{Endpoint, JOB_LOGS, Socket};
use crate::api::ApiContext;
use crate::api::limits::MessageRate;
use crate::api::wire::{REALTIME, realtime};
use crate::domain::JobId;
use crate::live::{Delivery, LiveMessage, Subscriber};
use crate::rt::Stop;

/// A closed client gets this long to answer; what it still sends is read and
/// thrown away, because unread input would reset the connection and lose the
/// close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// A timer cannot tick faster, and not at all at zero.
const TICK_MIN: Duration = Duration::from_millis(1);

/// One client.
pub(super) struct Session {
    socket: Socket,
    endpoint: &'static Endpoint,
    ctx: Arc<ApiContext>,
    stop: Stop,
    subscriber: Subscriber,
    subscription: Subscription,
    rate: MessageRate,
    heartbeat: Interval,
    idle_timeout: Duration,
    /// Set when nothing more will come: the job it follows is over.
    ended: Stop,
}

/// A job whose log a client follows: from what it has said so far.
pub(super) struct Followed {
    subscription: Subscription,
    subscriber: Subscriber,
    ended: Stop,
}

/// Follows the log of a job, if there is one.
pub(super) fn follow(job: JobId, ctx: &ApiContext) -> Option<Followed> {
    let subscription = Subscription::of_job(&JOB_LOGS, job);
    let (ended, subscriber) = ctx.jobs.follow(job, |lines| {
        let filter = subscription.filter();
        let subscriber = ctx.hub.subscribe(JOB_LOGS.channel, REALTIME, filter);
        let said = lines.iter().cloned().map(LiveMessage::JobLog);
        said.for_each(|line| subscriber.push(line));
        subscriber
    })?;
    Some(Followed { subscription, subscriber, ended })
}

/// What happened next.
enum Step {
    Received(Option<Result<Message, Error>>),
    Deliver(Vec<Delivery>),
    Heartbeat,
    Idle,
    Ended,
    Stopping,
}

/// Why the session ends.
enum End {
    /// The client or its connection is gone.
    Gone,
    /// We close, with a code and a reason.
    Close(CloseCode, &'static str),
}

impl Session {
    pub(super) fn new(
        socket: Socket,
        endpoint: &'static Endpoint,
        ctx: Arc<ApiContext>,
        stop: Stop,
    ) -> Self {
        let subscription = Subscription::new(endpoint);
        let subscriber = ctx.hub.subscribe(endpoint.channel, REALTIME, subscription.filter());
        // It goes on for as long as the client likes.
        let followed = Followed { subscription, subscriber, ended: Stop::new() };
        Self { endpoint, ..Self::following(socket, followed, ctx, stop) }
    }

    /// The session of a client that follows a job.
    pub(super) fn following(
        socket: Socket,
        followed: Followed,
        ctx: Arc<ApiContext>,
        stop: Stop,
    ) -> Self {
        let Followed { subscription, subscriber, ended } = followed;
        let settings = ctx.settings.load();
        let mut heartbeat = interval(settings.websocket_ping_interval.max(TICK_MIN));
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        heartbeat.reset();
        let (idle_timeout, rate) =
            (settings.websocket_idle_timeout, MessageRate::new(ctx.clock.monotonic()));
        drop(settings);
        Self {
            socket,
            endpoint: &JOB_LOGS,
            ctx,
            stop,
            subscriber,
            subscription,
            rate,
            heartbeat,
            idle_timeout,
            ended,
        }
    }

    /// Serves the client until it or the box ends it.
    pub(super) async fn run(mut self) {
        match self.serve().await {
            End::Gone => {}
            End::Close(code, reason) => close(self.socket, code, reason).await,
        }
    }

    async fn serve(&mut self) -> End {
        let stop = self.stop.clone();
        // Once for the whole session: waiting anew for each message costs a lock
        // that all clients share.
        let mut stopped = pin!(stop.stopped());
        let ended = self.ended.clone();
        let mut ended = pin!(ended.stopped());
        let mut idle = pin!(sleep(self.idle_timeout));
        if self.endpoint.greets_with_status {
            self.greet();
        }
        loop {
            let step = self.next_step(stopped.as_mut(), ended.as_mut(), idle.as_mut()).await;
            if matches!(step, Step::Received(_)) {
                idle.as_mut().reset(deadline(self.idle_timeout));
            }
            if let Err(end) = self.take(step).await {
                return end;
            }
        }
    }

    /// The figures of the box, at once and only to this client.
    fn greet(&mut self) {
        let status = LiveMessage::System(Arc::new((self.ctx.system_status)()));
        self.subscriber.push(status);
    }

    async fn next_step(
        &mut self,
        stopped: Pin<&mut impl Future<Output = ()>>,
        ended: Pin<&mut impl Future<Output = ()>>,
        idle: Pin<&mut Sleep>,
    ) -> Step {
        tokio::select! {
            biased;
            () = stopped => Step::Stopping,
            received = self.socket.next() => Step::Received(received),
            batch = self.subscriber.next_batch() => Step::Deliver(batch),
            _ = self.heartbeat.tick() => Step::Heartbeat,
            () = ended => Step::Ended,
            () = idle => Step::Idle,
        }
    }

    async fn take(&mut self, step: Step) -> Result<(), End> {
        match step {
            Step::Received(received) => self.received(received).await,
            Step::Deliver(batch) => {
                self.send(batch.into_iter().map(|delivery| delivery.text)).await
            }
            Step::Heartbeat => {
                let (last_seq, cursor) = (self.subscriber.last_seq(), self.subscriber.caught_up());
                self.say(realtime::ping(last_seq, cursor)).await
            }
            Step::Ended => Err(self.finish().await),
            Step::Idle => Err(End::Close(CloseCode::Normal, "Idle timeout")),
            Step::Stopping => Err(End::Close(CloseCode::Away, "the box is stopping")),
        }
    }

    /// Sends what still waits: the job is over and has said all.
    async fn finish(&mut self) -> End {
        while self.subscriber.caught_up().is_none() {
            let batch = self.subscriber.next_batch().await;
            let texts = batch.into_iter().map(|delivery| delivery.text);
            if let Err(end) = self.send(texts).await {
                return end;
            }
        }
        End::Close(CloseCode::Normal, "the job is over")
    }

    async fn received(&mut self, received: Option<Result<Message, Error>>) -> Result<(), End> {
        let message = match received {
            None => return Err(End::Gone),
            Some(Err(error)) => return Err(end_of(&error)),
            Some(Ok(message)) => message,
        };
        if !self.rate.allows(self.ctx.clock.monotonic()) {
            return Err(End::Close(CloseCode::Policy, "too many messages"));
        }
        match message {
            Message::Text(text) => match self.answer(text.as_str()) {
                Some(answer) => self.say(answer).await,
                None => Ok(()),
            },
            Message::Binary(_) => self.say(client_message::not_text()).await,
            // The library answers pings and closes itself; the answer leaves with
            // this flush.
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => self.send([]).await,
            Message::Close(_) => Ok(()),
        }
    }

    /// Acts upon a client's message.
    fn answer(&mut self, text: &str) -> Option<String> {
        match client_message::parse(text) {
            Ok(ClientMessage::Ping) => Some(realtime::PONG.to_owned()),
            Ok(ClientMessage::Pong) => None,
            Ok(ClientMessage::Subscribe(patterns)) => Some(self.subscribe(&patterns)),
            Ok(ClientMessage::Unsubscribe(patterns)) => Some(self.unsubscribe(&patterns)),
            Ok(ClientMessage::Resync(resync)) => self.resync(&resync),
            Err(answer) => Some(answer),
        }
    }

    fn subscribe(&mut self, patterns: &[String]) -> String {
        if !self.subscription.add(patterns) {
            return client_message::invalid_patterns("a client may hold 64 patterns");
        }
        self.subscriber.set_filter(self.subscription.filter());
        realtime::subscription("subscribed", patterns)
    }

    fn unsubscribe(&mut self, patterns: &[String]) -> String {
        let gone = match patterns {
            [] => self.subscription.restore(),
            patterns => self.subscription.remove(patterns),
        };
        self.subscriber.set_filter(self.subscription.filter());
        realtime::subscription("unsubscribed", &gone)
    }

    /// Starts a replay; its answer follows what it replays.
    fn resync(&mut self, asked: &Resync) -> Option<String> {
        let is_started = self.subscriber.resync(asked.since, |resynced| {
            realtime::resync_ack(&asked.channel, asked.last_sequence, resynced).into()
        });
        (!is_started).then(|| client_message::invalid_resync("an earlier resync is under way"))
    }

    async fn say(&mut self, text: String) -> Result<(), End> {
        self.send([Bytes::from(text)]).await
    }

    /// Sends texts in one write, or gives up when the box stops.
    async fn send(&mut self, texts: impl IntoIterator<Item = Bytes>) -> Result<(), End> {
        let stop = self.stop.clone();
        let socket = &mut self.socket;
        let sent = async {
            for text in texts {
                let text = Utf8Bytes::try_from(text).map_err(Error::from)?;
                socket.feed(Message::Text(text)).await?;
            }
            socket.flush().await
        };
        tokio::select! {
            biased;
            sent = sent => sent.map_err(|_| End::Gone),
            // It does not read; a close frame would wait as well.
            () = stop.stopped() => Err(End::Gone),
        }
    }
}

/// What an error of the protocol means for the client.
fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::Close(CloseCode::Size, "message too large"),
        Error::Utf8(_) => End::Close(CloseCode::Invalid, "text is not UTF-8"),
        Error::Protocol(_) => End::Close(CloseCode::Protocol, "not a WebSocket frame"),
        _ => End::Gone,
    }
}

/// Closes a WebSocket and lets the client read why.
pub(super) async fn close(mut socket: Socket, code: CloseCode, reason: &'static str) {
    let frame = CloseFrame { code, reason: Utf8Bytes::from_static(reason) };
    let said = async {
        socket.close(Some(frame)).await?;
        match code {
            // What follows a broken frame cannot be read as frames.
            CloseCode::Size | CloseCode::Protocol | CloseCode::Invalid => {
                let mut scratch = [0; 4096];
                while socket.get_mut().read(&mut scratch).await? > 0 {}
            }
            _ => while let Some(Ok(_)) = socket.next().await {},
        }
        Ok::<(), Error>(())
    };
    // A client that is gone, or does not answer, needs no further courtesy.
    let _ = tokio::time::timeout(CLOSE_TIMEOUT, said).await;
}

#[expect(clippy::disallowed_methods, reason = "tokio's timers are set by its own clock")]
fn deadline(span: Duration) -> Instant {
    Instant::now() + span
}
