//! Analyses under way: one for an event, however many follow it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::{AnalystError, FLIGHTS_MAX};
use crate::domain::{Event, EventId};

/// How far an analysis is.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// The reasoning so far; it only grows.
    Thinking(String),
    /// The event as it is judged now.
    Done(Box<Event>),
    /// There is no verdict; that of the rules holds.
    Failed(AnalystError),
}

/// Follows one analysis.
pub struct Watch(watch::Receiver<Stage>);

impl Watch {
    /// The next stage after those that were seen. Only the newest is kept, so who
    /// reads slowly sees fewer. `None` when the analysis was given up.
    pub async fn next(&mut self) -> Option<Stage> {
        self.0.changed().await.ok()?;
        Some(self.0.borrow_and_update().clone())
    }

    /// Waits for its end.
    pub async fn ended(mut self) {
        while let Some(Stage::Thinking(_)) = self.next().await {}
    }
}

/// All analyses under way, at most [`FLIGHTS_MAX`].
#[derive(Default)]
pub struct Flights(Mutex<HashMap<EventId, watch::Sender<Stage>>>);

/// What became of somebody who wants to follow.
pub enum Boarded {
    /// It is under way.
    Joined(Watch),
    /// It is to be begun.
    First(watch::Sender<Stage>, Watch),
    /// Too many are under way.
    Full,
}

impl Flights {
    /// Follows the analysis of `event`, or makes one.
    pub fn board(&self, event: EventId) -> Boarded {
        let mut flights = self.lock();
        // One that nobody follows any more is about to end.
        let known = flights.get(&event).filter(|stages| stages.receiver_count() > 0);
        if let Some(stages) = known {
            return Boarded::Joined(Watch(stages.subscribe_to_all()));
        }
        if flights.len() >= FLIGHTS_MAX {
            return Boarded::Full;
        }
        let (stages, first) = watch::channel(Stage::Thinking(String::new()));
        flights.insert(event, stages.clone());
        Boarded::First(stages, Watch(first))
    }

    /// The analysis is over.
    pub fn land(&self, event: EventId, stages: &watch::Sender<Stage>) {
        let mut flights = self.lock();
        if flights.get(&event).is_some_and(|known| known.same_channel(stages)) {
            flights.remove(&event);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EventId, watch::Sender<Stage>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A receiver that has seen nothing yet.
trait SubscribeToAll {
    fn subscribe_to_all(&self) -> watch::Receiver<Stage>;
}

impl SubscribeToAll for watch::Sender<Stage> {
    fn subscribe_to_all(&self) -> watch::Receiver<Stage> {
        let mut receiver = self.subscribe();
        receiver.mark_changed();
        receiver
    }
}
