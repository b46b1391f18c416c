//! Counting events without reading them: what the index alone knows of each.

use super::keys::Position;
use super::reading::{ReadError, Reading, prefix_of};
use super::{EventQuery, SURVEY_KEYS_MAX};
use crate::domain::{CameraId, Label, RiskScore, Timestamp};

/// An event, as far as it is counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBrief {
    /// Which camera.
    pub camera: CameraId,
    /// Class of the object.
    pub label: Label,
    /// Risk; the level follows from it.
    pub risk: RiskScore,
    /// First picture of the object.
    pub started_at: Timestamp,
    /// Whether a person has looked at it.
    pub reviewed: bool,
}

impl Reading<'_> {
    /// Shows `visit` the wanted events, newest first; when there are more than may be
    /// looked at, the start of the first that was not.
    pub fn survey(
        &self,
        query: &EventQuery,
        visit: &mut dyn FnMut(EventBrief),
    ) -> Result<Option<Timestamp>, ReadError> {
        let prefix = prefix_of(query);
        let (lower, upper) =
            (prefix.lower(query.range.from), prefix.upper(query.range.until, None));
        for (number, item) in self.index.newest_first(lower, upper).enumerate() {
            let (key, _) = item?;
            let Some(position) = Position::of_key(&key) else { continue };
            if number == SURVEY_KEYS_MAX {
                return Ok(Some(position.at));
            }
            let Some(entry) = self.wanted_entry(query, position)? else { continue };
            visit(EventBrief {
                risk: entry.risk,
                camera: entry.camera,
                label: entry.label,
                started_at: position.at,
                reviewed: entry.reviewed,
            });
        }
        Ok(None)
    }

    /// Detections in the journal.
    pub fn detection_count(&self) -> u64 {
        let outlines = self.index.outlines().all();
        let counts = outlines.iter().filter_map(|(_, outline)| Some(outline.whole()?.detections));
        counts.map(u64::from).sum()
    }
}
