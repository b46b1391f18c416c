//! The stop signal: told once, seen by threads and by async tasks.

use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::watch;

/// A signal that goes from running to stopped and never back. Clones are the
/// same signal; a [`child`](Self::child) also stops when its parent does.
#[derive(Clone, Debug)]
pub struct Stop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
    tx: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    is_set: bool,
    children: Vec<Weak<Inner>>,
}

impl Default for Stop {
    fn default() -> Self {
        Self::new()
    }
}

impl Stop {
    /// A signal that says "run".
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::default(),
            changed: Condvar::new(),
            tx: watch::channel(false).0,
        }))
    }

    /// A signal of its own that also stops when this one does.
    pub fn child(&self) -> Self {
        let child = Self::new();
        let mut state = self.lock();
        if state.is_set {
            drop(state);
            child.set();
        } else {
            state.children.retain(|known| known.strong_count() > 0);
            state.children.push(Arc::downgrade(&child.0));
        }
        child
    }

    /// Says "stop" to everyone who holds this signal or a child of it.
    pub fn set(&self) {
        let mut state = self.lock();
        state.is_set = true;
        let children = std::mem::take(&mut state.children);
        drop(state);
        self.0.changed.notify_all();
        self.0.tx.send_replace(true);
        for child in children.iter().filter_map(Weak::upgrade) {
            Self(child).set();
        }
    }

    /// Whether "stop" has been said.
    pub fn is_set(&self) -> bool {
        self.lock().is_set
    }

    /// Blocks the thread for `span` or until "stop"; true means "stop".
    pub fn wait(&self, span: Duration) -> bool {
        let state = self.lock();
        let (state, _) = self
            .0
            .changed
            .wait_timeout_while(state, span, |state| !state.is_set)
            .unwrap_or_else(PoisonError::into_inner);
        state.is_set
    }

    /// Completes when "stop" is said.
    pub async fn stopped(&self) {
        let mut rx = self.0.tx.subscribe();
        // The sender lives in `self`, so waiting can only end with the value.
        let _ = rx.wait_for(|is_set| *is_set).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_stops_with_its_parent_but_not_the_other_way_round() {
        let parent = Stop::new();
        let (first, second) = (parent.child(), parent.child());
        first.set();
        assert!(!parent.is_set() && !second.is_set());
        parent.set();
        assert!(second.wait(Duration::ZERO));
        assert!(parent.child().is_set(), "a child born after the stop is stopped");
    }

    #[tokio::test]
    async fn async_waiters_wake_up() {
        let stop = Stop::new();
        let waiter = tokio::spawn({
            let stop = stop.clone();
            async move { stop.stopped().await }
        });
        stop.set();
        waiter.await.unwrap();
    }
}
