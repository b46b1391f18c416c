//! What a courier sends of a lane, and what it makes of the answer.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use log::warn;

use super::super::line::TURN_BYTES_MIN;
use super::super::{Attempt, Item, Lane, Parcel, SendError, Sent};
use super::{Courier, HEAD_BYTES, REPORT, STORE_WAIT};

impl Courier {
    pub(super) async fn send_from(self: &Arc<Self>, lane: Lane, room: u64) -> Duration {
        let (turn_bytes, is_open) = {
            let mut line = self.line();
            line.state = if line.patience.is_open() { "open" } else { "sending" };
            (line.turn_bytes, line.patience.is_open())
        };
        let room = room.saturating_sub(HEAD_BYTES);
        let most = if is_open { 1 } else { self.settings.batch_items };
        let bytes = turn_bytes.min(room);
        let items = match self.on_disk(move |courier| courier.outbox.next(lane, most, bytes)).await
        {
            Ok(items) => items,
            Err(reason) => {
                warn!(reason, upstream = self.name; "What is to be uploaded could not be read; it is tried again.");
                return STORE_WAIT;
            }
        };
        // What was counted is gone, or too large for what is left of the budget.
        let Some(first) = items.first() else { return Duration::ZERO };
        if !lane.has_files() && first.bytes > room {
            self.line().state = "held";
            return REPORT;
        }
        let Some(parcel) = self.parcel(lane, items, bytes) else { return STORE_WAIT };
        let attempt = match lane.has_files() && self.transport.has_room_beside_media() {
            true => self.send_long(&parcel).await,
            false => self.send(&parcel).await,
        };
        self.conclude(&parcel, attempt);
        Duration::ZERO
    }

    /// Sends a medium that is one long request; alerts that come meanwhile go beside it.
    async fn send_long(self: &Arc<Self>, parcel: &Parcel) -> Attempt {
        let mut sending = pin!(self.send(parcel));
        let mut end = self.feed.end();
        loop {
            tokio::select! {
                attempt = &mut sending => return attempt,
                more = end.changed() => if more.is_err() { return sending.await },
            }
            let mut alerts = pin!(self.send_alerts());
            tokio::select! {
                () = &mut alerts => {}
                attempt = &mut sending => {
                    alerts.await;
                    return attempt;
                }
            }
        }
    }

    /// Sends the alerts there are; after a failure they have their turn like any other.
    async fn send_alerts(self: &Arc<Self>) {
        let failures = self.line().patience.failures();
        while self.on_disk(|courier| courier.count()).await == Ok(Some(true))
            && self.outbox.backlog(Lane::Alerts).waiting > 0
            && self.line().patience.failures() == failures
        {
            let (spent, _) = self.outbox.spent();
            let Ok(room) = self.budget.room(Lane::Alerts, spent, self.clock.now()) else { return };
            let (most, bytes) = (self.settings.batch_items, room.min(self.settings.batch_bytes));
            let next = move |courier: &Self| courier.outbox.next(Lane::Alerts, most, bytes);
            let Ok(items) = self.on_disk(next).await else { return };
            let parcel = Some(items).filter(|items| !items.is_empty());
            let Some(parcel) = parcel.and_then(|it| self.parcel(Lane::Alerts, it, bytes)) else {
                return;
            };
            let attempt = self.send(&parcel).await;
            self.conclude(&parcel, attempt);
        }
    }

    pub(super) fn parcel(&self, lane: Lane, items: Vec<Item>, turn_bytes: u64) -> Option<Parcel> {
        let journal = self.outbox.journal()?;
        let turn_bytes = turn_bytes.max(TURN_BYTES_MIN);
        Some(Parcel { device: Arc::clone(&self.device), journal, lane, items, turn_bytes })
    }

    pub(super) async fn send(&self, parcel: &Parcel) -> Attempt {
        let began = self.clock.monotonic();
        let attempt = self.transport.send(parcel).await;
        let took = self.clock.monotonic().saturating_sub(began);
        self.figures.bytes.add(attempt.bytes);
        if attempt.result.is_ok() && attempt.bytes >= TURN_BYTES_MIN {
            self.line().learn(attempt.bytes, took);
        }
        attempt
    }

    fn conclude(&self, parcel: &Parcel, attempt: Attempt) {
        let (lane, count) = (parcel.lane, parcel.items.len());
        match attempt.result {
            Ok(Sent::Whole { rejected, .. }) => {
                let reason = |item: &Item| {
                    let found = rejected.iter().find(|(key, _)| *key == item.key);
                    found.map(|(_, reason)| (item.clone(), reason.clone()))
                };
                let buried: Vec<_> = parcel.items.iter().filter_map(reason).collect();
                if !buried.is_empty() && !self.outbox.bury(lane, &buried) {
                    self.outbox.spend(attempt.bytes);
                    return self.fail(&too_many_dead());
                }
                let sent = count - buried.len();
                self.outbox.confirm(lane, count, sent, attempt.bytes);
                self.figures.sent.add(sent as u64);
                self.succeed();
            }
            Ok(Sent::Part) => {
                self.outbox.spend(attempt.bytes);
                self.succeed();
            }
            Err(SendError::Rejected { reason }) => {
                self.outbox.spend(attempt.bytes);
                self.refuse(lane, count, reason);
            }
            Err(error) => {
                self.outbox.spend(attempt.bytes);
                self.fail(&error);
            }
        }
    }

    fn refuse(&self, lane: Lane, count: usize, reason: String) {
        if !self.outbox.refuse(lane, count, &reason) {
            return self.fail(&too_many_dead());
        }
        if self.line().strike(count) {
            self.fail(&SendError::Unavailable { reason, retry_after: None });
        }
    }
}

fn too_many_dead() -> SendError {
    SendError::Denied {
        reason: "the upstream refuses more items than dead letters are kept".to_owned(),
        next_step: "Look at GET /api/system/upload for the reasons; have them tried again, or \
                    mend the upstream."
            .to_owned(),
    }
}
