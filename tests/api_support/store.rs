//! A store in memory, which fails when a test says so.

use std::sync::Mutex;

use watchpost::domain::{Detection, DetectionId, Event, EventId};
use watchpost::store::{
    Amended, Change, DetectionQuery, Done, Durability, EventQuery, Page, Range, Reader, Record,
    StoreError, Writer,
};

/// Records in memory. Cursors are `after-` and an id.
#[derive(Default)]
pub struct MemoryStore {
    pub events: Mutex<Vec<Event>>,
    pub detections: Mutex<Vec<Detection>>,
    /// What was asked of the writer.
    pub submitted: Mutex<Vec<(usize, Durability)>>,
    /// Set to make a search of detections end after looking at this many.
    pub looks_at: Mutex<Option<usize>>,
    /// Set to make every call fail.
    pub failure: Mutex<Option<StoreError>>,
}

impl MemoryStore {
    fn check(&self) -> Result<(), StoreError> {
        self.failure.lock().unwrap().clone().map_or(Ok(()), Err)
    }
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
}

impl Writer for MemoryStore {
    fn submit(&self, records: Vec<Record>, durability: Durability, done: Done) {
        if let Err(error) = self.check() {
            return done(Err(error));
        }
        self.submitted.lock().unwrap().push((records.len(), durability));
        for record in records {
            match record {
                Record::Event(event) => {
                    let mut events = self.events.lock().unwrap();
                    events.retain(|known| known.id != event.id);
                    events.push(event);
                }
                Record::Detection(detection) => self.detections.lock().unwrap().push(detection),
            }
        }
        done(Ok(()));
    }

    fn amend_event(&self, id: EventId, change: Change, durability: Durability, done: Amended) {
        let latest = self.check().and_then(|()| self.event(id));
        let Ok(latest) = latest else { return done(latest) };
        let next = latest.as_ref().map_or(0, |event| event.revision + 1);
        let Some(event) = change(latest) else { return done(Ok(None)) };
        let event = Event { id, revision: event.revision.max(next), ..event };
        let kept = event.clone();
        let done =
            Box::new(move |result: Result<(), StoreError>| done(result.map(|()| Some(kept))));
        self.submit(vec![Record::Event(event)], durability, done);
    }

    fn next_detection_id(&self) -> DetectionId {
        DetectionId(self.detections.lock().unwrap().len() as u64 + 1)
    }

    fn next_event_id(&self) -> EventId {
        EventId(self.events.lock().unwrap().len() as u64 + 1)
    }
}
