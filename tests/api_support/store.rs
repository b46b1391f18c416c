//! A store in memory, which fails when a test says so.

use std::sync::Mutex;

use watchpost::domain::{
    Alert, AlertId, AlertRule, Detection, DetectionId, Event, EventId, RuleId, SceneChange,
    SceneChangeId, Setting, Timestamp,
};
use watchpost::store::{
    AlertQuery, Amended, Change, DetectionQuery, Done, Durability, EventBrief, EventQuery,
    PAGE_MAX, Page, Range, Reader, Record, RecordId, RecordKind, Revised, SceneChangeQuery,
    StoreError, Writer,
};

/// Records in memory. Cursors are `after-` and an id.
#[derive(Default)]
pub struct MemoryStore {
    pub events: Mutex<Vec<Event>>,
    pub detections: Mutex<Vec<Detection>>,
    /// Alerts, rules, scene changes and settings, removals included.
    pub others: Mutex<Vec<Record>>,
    /// What was asked of the writer, alerts and their rules apart.
    pub submitted: Mutex<Vec<(usize, Durability)>>,
    turn: Mutex<()>,
    /// Set to make a search of detections end after looking at this many.
    pub looks_at: Mutex<Option<usize>>,
    /// Set to make every call fail.
    pub failure: Mutex<Option<StoreError>>,
}

impl MemoryStore {
    fn check(&self) -> Result<(), StoreError> {
        self.failure.lock().unwrap().clone().map_or(Ok(()), Err)
    }

    fn latest(&self, id: RecordId) -> Option<Record> {
        if id.kind == RecordKind::Event {
            let events = self.events.lock().unwrap();
            return events
                .iter()
                .find(|event| RecordId::from(event.id) == id)
                .cloned()
                .map(Record::Event);
        }
        self.others.lock().unwrap().iter().find(|record| record.id() == Some(id)).cloned()
    }

    fn one<T: Revised>(&self, id: RecordId) -> Result<Option<T>, StoreError> {
        self.check()?;
        Ok(self.latest(id).and_then(T::from_record))
    }

    /// All of a kind, newest first.
    pub fn all<T: Revised>(&self) -> Vec<T> {
        let others = self.others.lock().unwrap();
        others.iter().rev().cloned().filter_map(T::from_record).collect()
    }
}

/// A page of what is newest first already.
fn page_of<T>(
    items: Vec<T>,
    range: &Range,
    at: impl Fn(&T) -> Timestamp,
) -> Result<Page<T>, StoreError> {
    let is_in = |item: &T| {
        range.from.is_none_or(|from| at(item) >= from)
            && range.until.is_none_or(|until| at(item) < until)
    };
    let items: Vec<_> = items.into_iter().filter(is_in).collect();
    let after = match &range.cursor {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("after-")
            .and_then(|text| text.parse().ok())
            .ok_or(StoreError::BadCursor)?,
    };
    let end = after + range.limit;
    let next_cursor = (items.len() > end).then(|| format!("after-{end}"));
    Ok(Page { items: items.into_iter().skip(after).take(range.limit).collect(), next_cursor })
}

fn page<T>(
    mut items: Vec<T>,
    range: &Range,
    id: impl Fn(&T) -> u64,
) -> Result<Page<T>, StoreError> {
    items.sort_by_key(|item| std::cmp::Reverse(id(item)));
    if let Some(cursor) = &range.cursor {
        let after = cursor.strip_prefix("after-").and_then(|id| id.parse::<u64>().ok());
        let after = after.ok_or(StoreError::BadCursor)?;
        items.retain(|item| id(item) < after);
    }
    let has_more = items.len() > range.limit;
    items.truncate(range.limit);
    let next_cursor = items.last().filter(|_| has_more).map(|last| format!("after-{}", id(last)));
    Ok(Page { items, next_cursor })
}

impl Reader for MemoryStore {
    fn is_current(&self) -> bool {
        self.check().is_ok()
    }

    fn detections(&self, query: &DetectionQuery) -> Result<Page<Detection>, StoreError> {
        self.check()?;
        let mut items = self.detections.lock().unwrap().clone();
        if let Some(looks_at) = *self.looks_at.lock().unwrap() {
            let range = Range { limit: looks_at, ..query.range.clone() };
            let looked_at = page(items, &range, |item| item.id.0)?;
            let is_wanted = |d: &Detection| query.camera.as_ref().is_none_or(|c| *c == d.camera);
            let items = looked_at.items.into_iter().filter(is_wanted).collect();
            return Ok(Page { items, ..looked_at });
        }
        items.retain(|d| {
            query.camera.as_ref().is_none_or(|camera| *camera == d.camera)
                && query.label.as_ref().is_none_or(|label| label == d.label.as_str())
                && query.event.is_none_or(|event| event == d.event)
                && query.min_confidence.is_none_or(|least| d.confidence >= least)
                && query.range.from.is_none_or(|from| d.captured_at >= from)
                && query.range.until.is_none_or(|until| d.captured_at < until)
        });
        page(items, &query.range, |item| item.id.0)
    }

    fn detection(&self, id: DetectionId) -> Result<Option<Detection>, StoreError> {
        self.check()?;
        Ok(self.detections.lock().unwrap().iter().find(|item| item.id == id).cloned())
    }

    fn events(&self, query: &EventQuery) -> Result<Page<Event>, StoreError> {
        self.check()?;
        let mut items = self.events.lock().unwrap().clone();
        items.retain(|e| {
            query.camera.as_ref().is_none_or(|camera| *camera == e.camera)
                && query.label.as_ref().is_none_or(|label| label == e.label.as_str())
                && query.level.is_none_or(|level| level == e.risk.level())
                && query.reviewed.is_none_or(|reviewed| reviewed == e.reviewed)
                && query.range.from.is_none_or(|from| e.started_at >= from)
                && query.range.until.is_none_or(|until| e.started_at < until)
        });
        page(items, &query.range, |item| item.id.0)
    }

    fn event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        self.check()?;
        Ok(self.events.lock().unwrap().iter().find(|item| item.id == id).cloned())
    }

    fn survey_events(
        &self,
        query: &EventQuery,
        visit: &mut dyn FnMut(EventBrief),
    ) -> Result<Option<Timestamp>, StoreError> {
        let most = self.looks_at.lock().unwrap().unwrap_or(PAGE_MAX);
        let range = Range { limit: most + 1, cursor: None, ..query.range.clone() };
        let found = self.events(&EventQuery { range, ..query.clone() })?.items;
        for event in found.iter().take(most) {
            visit(EventBrief {
                camera: event.camera.clone(),
                label: event.label.clone(),
                risk: event.risk,
                started_at: event.started_at,
                reviewed: event.reviewed,
            });
        }
        Ok(found.get(most).map(|event| event.started_at))
    }

    fn count_detections(&self) -> Result<u64, StoreError> {
        self.check()?;
        Ok(self.detections.lock().unwrap().len() as u64)
    }

    fn alerts(&self, query: &AlertQuery) -> Result<Page<Alert>, StoreError> {
        self.check()?;
        let mut items = self.all::<Alert>();
        items.retain(|a| {
            query.camera.as_ref().is_none_or(|camera| *camera == a.camera)
                && query.severity.is_none_or(|severity| severity == a.severity)
                && query.status.is_none_or(|status| status == a.status)
                && query.event.is_none_or(|event| event == a.event)
                && query.rule.is_none_or(|rule| Some(rule) == a.rule)
        });
        page_of(items, &query.range, |alert| alert.created_at)
    }

    fn alert(&self, id: AlertId) -> Result<Option<Alert>, StoreError> {
        self.one(id.into())
    }

    fn alert_rules(&self) -> Result<Vec<AlertRule>, StoreError> {
        self.check()?;
        Ok(self.all())
    }

    fn alert_rule(&self, id: RuleId) -> Result<Option<AlertRule>, StoreError> {
        self.one(id.into())
    }

    fn scene_changes(&self, query: &SceneChangeQuery) -> Result<Page<SceneChange>, StoreError> {
        self.check()?;
        let mut items = self.all::<SceneChange>();
        items.retain(|c| {
            query.camera.as_ref().is_none_or(|camera| *camera == c.camera)
                && query.acknowledged.is_none_or(|it| it == c.acknowledged_at.is_some())
        });
        page_of(items, &query.range, |change| change.detected_at)
    }

    fn scene_change(&self, id: SceneChangeId) -> Result<Option<SceneChange>, StoreError> {
        self.one(id.into())
    }

    fn setting(&self, key: &str) -> Result<Option<Setting>, StoreError> {
        self.one(RecordId::setting(key))
    }
}

impl Writer for MemoryStore {
    fn submit(&self, records: Vec<Record>, durability: Durability, done: Done) {
        if let Err(error) = self.check() {
            return done(Err(error));
        }
        // The first rule is written by the box itself, whenever it comes to that.
        let is_asked = |it: &Record| match it {
            Record::Setting(setting) => !setting.key.starts_with("alerts."),
            it => !matches!(it, Record::Alert(_) | Record::AlertRule(_)),
        };
        if records.iter().any(is_asked) {
            self.submitted.lock().unwrap().push((records.len(), durability));
        }
        for record in records {
            match record {
                Record::Event(event) => {
                    let mut events = self.events.lock().unwrap();
                    events.retain(|known| known.id != event.id);
                    events.push(event);
                }
                Record::Detection(detection) => self.detections.lock().unwrap().push(detection),
                other => {
                    let mut others = self.others.lock().unwrap();
                    match others.iter_mut().find(|known| known.id() == other.id()) {
                        Some(known) => *known = other,
                        None => others.push(other),
                    }
                }
            }
        }
        done(Ok(()));
    }

    fn amend(
        &self,
        id: RecordId,
        change: Change<Record>,
        durability: Durability,
        done: Amended<Record>,
    ) {
        if let Err(error) = self.check() {
            return done(Err(error));
        }
        // One change at a time, as on the writer's thread.
        let turn = self.turn.lock().unwrap();
        let latest = self.latest(id);
        let next = latest.as_ref().map_or(0, |record| record.revision() + 1);
        let known = latest.filter(|record| !matches!(record, Record::Removed(_)));
        let Some(mut record) = change(known) else { return done(Ok(None)) };
        assert_eq!(record.id(), Some(id), "a change gives the same thing");
        match &mut record {
            Record::Detection(_) => unreachable!("detections are not amended"),
            Record::Event(event) => event.revision = event.revision.max(next),
            Record::Alert(alert) => alert.revision = next,
            Record::AlertRule(rule) => rule.revision = next,
            Record::SceneChange(change) => change.revision = next,
            Record::Setting(setting) => setting.revision = next,
            Record::Removed(removal) => removal.revision = next,
        }
        self.submit(vec![record.clone()], durability, Box::new(|_| ()));
        // Whoever is told may ask for the next change.
        drop(turn);
        done(Ok(Some(record)));
    }

    fn next_detection_id(&self) -> DetectionId {
        DetectionId(self.detections.lock().unwrap().len() as u64 + 1)
    }

    fn next_event_id(&self) -> EventId {
        EventId(self.events.lock().unwrap().len() as u64 + 1)
    }
}
