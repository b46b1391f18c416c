//! Queries for records of low rate.

use super::rare::{AlertQuery, RecordId, RecordKind, Revised, SceneChangeQuery};
use super::rare_index::{RarePosition, bounds, has_marks, mark};
use super::reading::{ReadError, Reading};
use super::{PAGE_MAX, Page, Range, Record, StoreError};
use crate::domain::{Alert, AlertRule, SceneChange};

impl Reading<'_> {
    /// The latest revision of one thing, if it was not removed.
    pub fn rare<T: Revised>(&mut self, id: RecordId) -> Result<Option<T>, ReadError> {
        let Some(entry) = self.index.rare(id)? else { return Ok(None) };
        let record = self.read_rare(entry.pointer(), id);
        Ok(record.filter(|record| !record.is_removal()).and_then(T::from_record))
    }

    /// The latest revision of one thing, also when it was removed.
    pub fn revision(&self, id: RecordId) -> Result<Option<u32>, ReadError> {
        Ok(match (id.kind, u64::try_from(id.id)) {
            (RecordKind::Event, Ok(event)) => self.index.event(event)?.map(|it| it.revision),
            _ => self.index.rare(id)?.map(|it| it.revision),
        })
    }

    pub fn alerts(&mut self, query: &AlertQuery) -> Result<Page<Alert>, ReadError> {
        let marks = [
            query.camera.as_ref().map(|camera| mark("camera", camera.as_str())),
            query.severity.map(|severity| mark("severity", severity.as_str())),
            query.status.map(|status| mark("status", status.as_str())),
            query.event.map(|event| mark("event", &event.to_string())),
            query.rule.map(|rule| mark("rule", &rule.to_string())),
        ];
        let marks: Vec<_> = marks.into_iter().flatten().collect();
        self.page(RecordKind::Alert, &query.range, &marks, |alert: &Alert| {
            query.camera.as_ref().is_none_or(|camera| *camera == alert.camera)
                && query.severity.is_none_or(|severity| severity == alert.severity)
                && query.status.is_none_or(|status| status == alert.status)
                && query.event.is_none_or(|event| event == alert.event)
                && query.rule.is_none_or(|rule| alert.rule == Some(rule))
        })
    }

    pub fn alert_rules(&mut self) -> Result<Vec<AlertRule>, ReadError> {
        let range = Range { limit: PAGE_MAX, ..Range::default() };
        Ok(self.page(RecordKind::AlertRule, &range, &[], |_| true)?.items)
    }

    pub fn scene_changes(
        &mut self,
        query: &SceneChangeQuery,
    ) -> Result<Page<SceneChange>, ReadError> {
        let marks = [
            query.camera.as_ref().map(|camera| mark("camera", camera.as_str())),
            query.acknowledged.map(|it| mark("acknowledged", &it.to_string())),
        ];
        let marks: Vec<_> = marks.into_iter().flatten().collect();
        self.page(RecordKind::SceneChange, &query.range, &marks, |change: &SceneChange| {
            query.camera.as_ref().is_none_or(|camera| *camera == change.camera)
                && query.acknowledged.is_none_or(|it| it == change.acknowledged_at.is_some())
        })
    }

    /// One page of a kind: what carries all `marks` and is wanted.
    fn page<T: Revised>(
        &mut self,
        kind: RecordKind,
        range: &Range,
        marks: &[u32],
        is_wanted: impl Fn(&T) -> bool,
    ) -> Result<Page<T>, ReadError> {
        let after = match range.cursor.as_deref() {
            None => None,
            Some(text) => {
                let position = RarePosition::from_cursor(kind, text);
                Some(position.ok_or(ReadError::Store(StoreError::BadCursor))?)
            }
        };
        let limit = range.limit.clamp(1, PAGE_MAX);
        let (mut items, mut last) = (Vec::new(), None);
        let (lower, upper) = bounds(kind, range, after);
        for item in self.index.newest_first(lower, upper) {
            let (key, there) = item?;
            let Some(position) = RarePosition::of_key(&key) else { continue };
            if !has_marks(&there, marks) {
                continue;
            }
            let id = RecordId { kind, id: position.id };
            let Some(found) = self.rare::<T>(id)?.filter(&is_wanted) else { continue };
            if items.len() == limit {
                let next_cursor = last.map(|last: RarePosition| last.to_cursor(kind));
                return Ok(Page { items, next_cursor });
            }
            items.push(found);
            last = Some(position);
        }
        Ok(Page { items, next_cursor: None })
    }

    fn read_rare(&mut self, pointer: super::keys::Pointer, id: RecordId) -> Option<Record> {
        match self.records.read(pointer) {
            Ok(record) if record.id() == Some(id) => Some(record),
            other => self.unread(id, other),
        }
    }
}
