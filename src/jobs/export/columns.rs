//! The columns of exported records: one table for names and values.

use serde_json::{Value, json};

use crate::domain::{Detection, Event};
use crate::jobs::JobError;

/// One column of records of kind `T`.
pub struct Column<T> {
    /// Its name: the header in CSV, the key in JSON.
    pub name: &'static str,
    /// What stands in it.
    pub value: fn(&T) -> Value,
}

impl<T> Clone for Column<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Column<T> {}

macro_rules! columns {
    ($record:ident => $($name:literal: $value:expr),+ $(,)?) => {
        &[$(Column { name: $name, value: |$record| json!($value) }),+]
    };
}

/// Columns of events.
pub const EVENT: &[Column<Event>] = columns! { event =>
    "id": event.id.0,
    "camera_id": event.camera.as_str(),
    "started_at": event.started_at,
    "ended_at": event.ended_at,
    "updated_at": event.updated_at,
    "clock_trusted": event.clock_trusted,
    "object_type": event.label.as_str(),
    "confidence": digits(event.confidence),
    "risk_score": event.risk.value(),
    "risk_level": event.risk.level().as_str(),
    "summary": event.summary,
    "reasoning": event.reasoning,
    "zones": event.zones.join(" "),
    "detection_count": event.detection_count,
    "reviewed": event.reviewed,
    "notes": event.notes,
    "snooze_until": event.snooze_until,
    "has_snapshot": event.has_snapshot,
    "batch_id": event.batch.as_str(),
    "track_id": event.track.0,
};

/// Columns of detections. The box is given in fractions of the picture.
pub const DETECTION: &[Column<Detection>] = columns! { detection =>
    "id": detection.id.0,
    "camera_id": detection.camera.as_str(),
    "detected_at": detection.captured_at,
    "object_type": detection.label.as_str(),
    "confidence": digits(detection.confidence),
    "bbox_x": digits(detection.bbox.x),
    "bbox_y": digits(detection.bbox.y),
    "bbox_width": digits(detection.bbox.width),
    "bbox_height": digits(detection.bbox.height),
    "event_id": detection.event.0,
    "batch_id": detection.batch.as_str(),
    "track_id": detection.track.0,
    "frame_sequence": detection.frame_sequence,
};

/// The columns of these names, in this order; all when there are none.
pub fn chosen<T>(all: &[Column<T>], names: &[String]) -> Result<Vec<Column<T>>, JobError> {
    if names.is_empty() {
        return Ok(all.to_vec());
    }
    let find = |name: &String| {
        all.iter().find(|column| column.name == name).copied().ok_or_else(|| {
            let known: Vec<_> = all.iter().map(|column| column.name).collect();
            let shown: String = name.chars().take(40).collect();
            let known = known.join(", ");
            JobError::Invalid(format!("there is no column {shown:?}; there are {known}"))
        })
    };
    names.iter().take(all.len()).map(find).collect()
}

/// Four digits: what a float adds beyond is noise.
fn digits(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}
