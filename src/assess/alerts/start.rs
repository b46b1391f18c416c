//! What is known at the start: the rules, the alerts they have raised, and the
//! events that a crash may have left without theirs.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::dedup::TEMPLATE_DEFAULT;
use super::desk::Desk;
use super::engine::{Engine, REMEMBERED};
use crate::domain::{Alert, AlertRule, Event, RuleId, Setting, Timestamp};
use crate::rt::{Stop, Tasks};
use crate::store::{
    AlertQuery, Durability, EventQuery, PAGE_MAX, Range, Reader, Record, StoreError,
};

/// How long to wait before the store is asked again.
const RETRY: Duration = Duration::from_millis(500);

/// Events are judged again whose last update is no older than this before the
/// newest: a crash loses what came within milliseconds of it.
const MISSED: Duration = Duration::from_secs(300);
/// And no more of them than this.
const MISSED_MAX: usize = 200;

/// Remembers that the box has had its first rule, so that nobody who removes it
/// gets it back.
const DEFAULT_MADE: &str = "alerts.default_rule_made";

/// Least risk of the first rule: where high begins.
const DEFAULT_RISK: u8 = 60;
const DEFAULT_COOLDOWN: Duration = Duration::from_secs(300);

/// Reads what is needed now, or on a thread as soon as the store can tell.
pub fn begin(desk: &Arc<Desk>, tasks: &Tasks, stop: &Stop) -> io::Result<()> {
    let Err(reason) = try_to_begin(desk) else { return Ok(()) };
    desk.report_wait(&reason);
    let desk = Arc::clone(desk);
    // The thread has nothing more to do when it has succeeded.
    let done = stop.child();
    tasks.until(done.clone()).spawn_thread("alerts", move || {
        while !done.wait(RETRY) {
            if try_to_begin(&desk).is_ok() {
                done.set();
            }
        }
    })
}

fn try_to_begin(desk: &Arc<Desk>) -> Result<(), StoreError> {
    let reader = desk.reader.as_ref();
    if !reader.is_current() {
        return Err(StoreError::Unavailable("it is being opened".into()));
    }
    let mut rules = reader.alert_rules()?;
    if rules.is_empty() && reader.setting(DEFAULT_MADE)?.is_none() {
        rules.push(first_rule(desk));
    }
    let mut engine = Engine::default();
    rules.into_iter().for_each(|rule| engine.set_rule(rule));
    latest_alerts(reader)?.iter().rev().for_each(|alert| engine.note(alert));
    let missed = latest_events(reader)?;
    desk.take_over(engine, &missed);
    Ok(())
}

fn first_rule(desk: &Desk) -> AlertRule {
    let now = desk.clock.now();
    let rule = default_rule(now);
    let made =
        Setting { key: DEFAULT_MADE.into(), revision: 0, value: "true".into(), updated_at: now };
    let records = vec![Record::AlertRule(rule.clone()), Record::Setting(made)];
    let done = |result: Result<(), StoreError>| match result {
        Ok(()) => info!("The first alert rule was made: events of high risk."),
        Err(error) => warn!(error:%; "The first alert rule could not be kept."),
    };
    desk.writer.submit(records, Durability::Synced, Box::new(done));
    rule
}

/// The rule of a box that has never had one.
fn default_rule(now: Timestamp) -> AlertRule {
    AlertRule {
        id: RuleId::fresh(),
        revision: 0,
        name: "High risk".into(),
        description: Some("Events of high or critical risk.".into()),
        is_enabled: true,
        severity: None,
        risk_threshold: Some(DEFAULT_RISK),
        object_types: Vec::new(),
        cameras: Vec::new(),
        zones: Vec::new(),
        min_confidence: None,
        schedule: None,
        motion_within: None,
        dedup_key_template: TEMPLATE_DEFAULT.into(),
        cooldown: DEFAULT_COOLDOWN,
        channels: Vec::new(),
        created_at: now,
        updated_at: now,
    }
}

/// The alerts that still matter, newest first.
fn latest_alerts(reader: &dyn Reader) -> Result<Vec<Alert>, StoreError> {
    let (mut alerts, mut cursor) = (Vec::new(), None);
    while alerts.len() < REMEMBERED {
        let range = Range { limit: PAGE_MAX, cursor, ..Range::default() };
        let page = reader.alerts(&AlertQuery { range, ..AlertQuery::default() })?;
        alerts.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    alerts.truncate(REMEMBERED);
    Ok(alerts)
}

/// The events of the last minutes before the end of the earlier run, oldest first.
fn latest_events(reader: &dyn Reader) -> Result<Vec<Event>, StoreError> {
    let range = Range { limit: MISSED_MAX, ..Range::default() };
    let mut events = reader.events(&EventQuery { range, ..EventQuery::default() })?.items;
    let newest = events.iter().map(|event| event.updated_at).max().unwrap_or_default();
    events.retain(|event| newest.since(event.updated_at) <= MISSED);
    events.sort_by_key(|event| event.updated_at);
    Ok(events)
}
