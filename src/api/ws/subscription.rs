//! What one WebSocket client wants: patterns over the names of messages.
//!
//! Without patterns a client gets what its endpoint carries. With patterns it
//! gets whatever message has a matching name, on any endpoint; `*` alone means
//! what the endpoint carries. Taking the last pattern away leaves nothing;
//! unsubscribing without naming patterns restores the beginning.

use super::Endpoint;
use crate::api::wire::realtime;
use crate::domain::JobId;
use crate::live::{Filter, LiveMessage};

/// Patterns one client may hold, and their length in bytes.
pub(super) const PATTERNS_MAX: usize = 64;
pub(super) const PATTERN_MAX_LEN: usize = 64;

/// The patterns of one client.
pub(super) struct Subscription {
    endpoint: &'static Endpoint,
    /// Absent: whatever the endpoint carries.
    patterns: Option<Vec<String>>,
    /// Nothing but the log of this job.
    job: Option<JobId>,
}

impl Subscription {
    pub(super) fn new(endpoint: &'static Endpoint) -> Self {
        let mut subscription = Self { endpoint, patterns: None, job: None };
        subscription.restore();
        subscription
    }

    /// Of a client that follows one job.
    pub(super) fn of_job(endpoint: &'static Endpoint, job: JobId) -> Self {
        Self { job: Some(job), ..Self::new(endpoint) }
    }

    /// Adds patterns; the first ones replace "everything". False when they are
    /// too many.
    pub(super) fn add(&mut self, patterns: &[String]) -> bool {
        let mut held = self.patterns.clone().unwrap_or_default();
        for pattern in patterns {
            if !held.contains(pattern) {
                held.push(pattern.clone());
            }
        }
        let fits = held.len() <= PATTERNS_MAX;
        if fits {
            self.patterns = Some(held);
        }
        fits
    }

    /// Takes patterns away; returns those that were held.
    pub(super) fn remove(&mut self, patterns: &[String]) -> Vec<String> {
        let Some(held) = &mut self.patterns else { return Vec::new() };
        let (gone, kept) = std::mem::take(held).into_iter().partition(|p| patterns.contains(p));
        *held = kept;
        gone
    }

    /// Takes all patterns away and begins anew; returns those that were held.
    pub(super) fn restore(&mut self) -> Vec<String> {
        let initial = self.endpoint.patterns;
        let initial =
            (!initial.is_empty()).then(|| initial.iter().map(|&p| p.to_owned()).collect());
        std::mem::replace(&mut self.patterns, initial).unwrap_or_default()
    }

    /// This subscription as the hub's filter.
    pub(super) fn filter(&self) -> Filter {
        let carries = self.endpoint.carries;
        match (self.job, self.patterns.clone()) {
            (Some(job), _) => Box::new(
                move |message| matches!(message, LiveMessage::JobLog(line) if line.job == job),
            ),
            (None, None) => Box::new(carries),
            (None, Some(patterns)) => Box::new(move |message| wants(&patterns, carries, message)),
        }
    }
}

fn wants(patterns: &[String], carries: fn(&LiveMessage) -> bool, message: &LiveMessage) -> bool {
    let names = realtime::names(message);
    patterns.iter().any(|pattern| match pattern.as_str() {
        "*" => carries(message),
        pattern => names.iter().any(|name| matches(pattern, name)),
    })
}

/// Whether `name` has the form of `pattern`, in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(name) = name.strip_prefix(head) else { return false };
    match rest.rsplit_once('*') {
        None => name.ends_with(rest),
        Some((middle, tail)) => {
            name.strip_suffix(tail).is_some_and(|name| holds_in_order(middle, name))
        }
    }
}

/// Whether the parts between the stars follow each other in `name`.
fn holds_in_order(parts: &str, mut name: &str) -> bool {
    parts.split('*').all(|part| match name.split_once(part) {
        Some((_, rest)) => {
            name = rest;
            true
        }
        None => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ws::{DETECTIONS, EVENTS};

    fn strings(patterns: &[&str]) -> Vec<String> {
        patterns.iter().map(|&p| p.to_owned()).collect()
    }

    #[test]
    fn stars_stand_for_any_text_anywhere() {
        for (pattern, name, expected) in [
            ("event.created", "event.created", true),
            ("event", "event.created", false),
            ("event.*", "event.created", true),
            ("event.*", "event", false),
            ("*.created", "event.created", true),
            ("e*t.*d", "event.created", true),
            ("e*x*d", "event.created", false),
            ("*a*a*", "camera.a", true),
            ("**", "anything", true),
            ("ab*ba", "aba", false),
            ("", "event", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn the_first_patterns_replace_everything_and_later_ones_add() {
        let mut subscription = Subscription::new(&EVENTS);
        assert_eq!(subscription.patterns, None);
        assert!(subscription.add(&strings(&["alert.*"])));
        assert!(subscription.add(&strings(&["camera.*", "alert.*"])));
        assert_eq!(subscription.patterns, Some(strings(&["alert.*", "camera.*"])));
    }

    #[test]
    fn taking_the_last_pattern_leaves_nothing_and_restoring_begins_anew() {
        let mut subscription = Subscription::new(&DETECTIONS);
        let gone = subscription.remove(&strings(&["detection.*", "never.held"]));
        assert_eq!(gone, ["detection.*"]);
        assert_eq!(subscription.patterns, Some(Vec::new()));
        subscription.restore();
        assert_eq!(subscription.patterns, Some(strings(&["detection.*"])));
    }

    #[test]
    fn more_patterns_than_allowed_change_nothing() {
        let mut subscription = Subscription::new(&EVENTS);
        let many: Vec<String> = (0..=PATTERNS_MAX).map(|n| format!("p{n}")).collect();
        assert!(!subscription.add(&many));
        assert_eq!(subscription.patterns, None);
    }
}
