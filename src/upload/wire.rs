//! What goes over the line: schema version 1.
//!
//! Types of their own, converted from the domain: a change of the domain does not
//! change what receivers get. The same types are written as JSON (times as RFC 3339
//! text) and as postcard (times as milliseconds since 1970; fields in the order given
//! here). A later version adds fields at the end or a new variant, and raises
//! [`SCHEMA`]; what is here stays.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{Content, Parcel};
use crate::domain::{Alert, BBox, Detection, Event, SceneChange, Timestamp};

/// Version of the schema.
pub const SCHEMA: u32 = 1;

/// How hard zstd tries: level 3 leaves about a quarter of JSON at some 100 MB/s.
pub const ZSTD_LEVEL: i32 = 3;

/// One request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadBatch")]
pub struct Batch {
    /// Version of this schema.
    pub schema: u32,
    /// Idempotency key: device, journal, lane and stretch of the journal. The answer
    /// repeats it.
    pub batch: String,
    /// Which box.
    pub device: String,
    /// Which journal of it: ids begin anew in another one.
    pub journal: String,
    /// `alerts`, `events` or `bulk`.
    pub lane: String,
    /// In the order in which they were recorded.
    pub items: Vec<Item>,
}

/// One item. Device, journal and key name it: whoever has seen them has seen it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadItem")]
pub struct Item {
    /// Kind, id and revision, such as `event-12-r3`.
    pub key: String,
    /// SHA-256 in hex of the postcard form of `data`: equal for equal content.
    pub sha256: String,
    /// The record.
    pub data: Data,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "UploadData")]
pub enum Data {
    /// An alert, in one of its revisions; the highest counts.
    Alert(AlertV1),
    /// An event, in one of its revisions; the highest counts.
    Event(EventV1),
    /// A scene change, in one of its revisions; the highest counts.
    SceneChange(SceneChangeV1),
    /// A detection.
    Detection(DetectionV1),
    /// `watchpost upload test`: means nothing, and need not be kept.
    Proof(ProofV1),
}

/// An alert.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadAlert")]
pub struct AlertV1 {
    /// A UUID.
    pub id: String,
    /// 0 when created, one more with each change.
    pub revision: u32,
    /// The event that caused it.
    pub event_id: u64,
    /// The camera of the event.
    pub camera_id: String,
    /// The rule, a UUID; it may have been removed since.
    pub rule_id: Option<String>,
    /// `low`, `medium`, `high` or `critical`.
    pub severity: String,
    /// `pending`, `delivered`, `acknowledged` or `dismissed`.
    pub status: String,
    /// Alerts with the same key are not repeated within the rule's cooldown.
    pub dedup_key: String,
    /// When.
    pub created_at: Timestamp,
    /// Its latest change.
    pub updated_at: Timestamp,
    /// When somebody acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// When somebody dismissed it.
    pub dismissed_at: Option<Timestamp>,
    /// False when the clock of the box had not been set.
    pub clock_trusted: bool,
}

/// An event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadEvent")]
pub struct EventV1 {
    /// Counter, unique in its journal.
    pub id: u64,
    /// 0 when created, one more with each update.
    pub revision: u32,
    /// Which camera.
    pub camera_id: String,
    /// The detection batch it was assessed with.
    pub batch_id: String,
    /// The object.
    pub track_id: u64,
    /// Class of the object.
    pub object_type: String,
    /// Best score so far, 0 to 1.
    pub confidence: f32,
    /// Where the object is in the picture.
    pub bbox: BoxV1,
    /// Zones the object has been in.
    pub zones: Vec<String>,
    /// Risk, 0 to 100.
    pub risk_score: u8,
    /// The level that follows from it, in the words of alerts.
    pub risk_level: String,
    /// What happened, in one sentence.
    pub summary: String,
    /// Why the score is what it is.
    pub reasoning: String,
    /// Detections so far.
    pub detection_count: u32,
    /// First picture of the object.
    pub started_at: Timestamp,
    /// Latest picture of the object.
    pub updated_at: Timestamp,
    /// When the object was gone; null while it is there.
    pub ended_at: Option<Timestamp>,
    /// Whether there is a picture; it comes as the medium `snapshot-{id}`.
    pub has_snapshot: bool,
    /// False when the clock of the box had not been set.
    pub clock_trusted: bool,
    /// Whether a person has looked at it.
    pub reviewed: bool,
    /// What a person wrote on it.
    pub notes: String,
}

/// A scene change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadSceneChange")]
pub struct SceneChangeV1 {
    /// Counter, unique in its journal.
    pub id: u64,
    /// 0 when created, one more with each change.
    pub revision: u32,
    /// Which camera.
    pub camera_id: String,
    /// `view_blocked`, `angle_changed`, `view_tampered` or `unknown`.
    pub change_type: String,
    /// How much the view still is as it was, 0 to 1.
    pub similarity_score: f32,
    /// When.
    pub detected_at: Timestamp,
    /// When somebody acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// False when the clock of the box had not been set.
    pub clock_trusted: bool,
}

/// A detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadDetection")]
pub struct DetectionV1 {
    /// Counter, unique in its journal.
    pub id: u64,
    /// Which camera.
    pub camera_id: String,
    /// The object it belongs to.
    pub track_id: u64,
    /// The event of its track.
    pub event_id: u64,
    /// Class of the object.
    pub object_type: String,
    /// Score, 0 to 1.
    pub confidence: f32,
    /// Where it is.
    pub bbox: BoxV1,
    /// Size of the frame, pixels.
    pub frame_width_px: u32,
    /// Size of the frame, pixels.
    pub frame_height_px: u32,
    /// Number of the frame within its session.
    pub frame_sequence: u64,
    /// When the picture was taken.
    pub captured_at: Timestamp,
}

/// What `watchpost upload test` sends.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadProof")]
pub struct ProofV1 {
    /// Another one each time.
    pub nonce: String,
    /// When it was sent.
    pub sent_at: Timestamp,
}

/// Shares of the picture, 0 to 1, from the left and the top.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadBox")]
pub struct BoxV1 {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width.
    pub width: f32,
    /// Height.
    pub height: f32,
}

/// The answer to a batch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadReceipt")]
pub struct Receipt {
    /// The batch that was received, as its sender named it.
    pub batch: String,
    /// Items that are safe upstream, those that were there already included.
    pub accepted: usize,
    /// The others: they will not be sent again by themselves.
    #[serde(default)]
    pub rejected: Vec<RejectedItem>,
}

/// An item that the upstream does not want.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "UploadRejected")]
pub struct RejectedItem {
    /// Which.
    pub key: String,
    /// Why.
    pub reason: String,
}

impl Batch {
    /// The request of a parcel of records.
    pub fn of(parcel: &Parcel) -> Self {
        let records = parcel.items.iter().filter_map(|item| match &item.content {
            Content::Record(data) => {
                let data = Data::clone(data);
                Some(Item { key: item.key.clone(), sha256: data.sha256(), data })
            }
            Content::Medium(_) => None,
        });
        Self {
            schema: SCHEMA,
            batch: parcel.id(),
            device: parcel.device.to_string(),
            journal: parcel.journal.to_string(),
            lane: parcel.lane.as_str().to_owned(),
            items: records.collect(),
        }
    }
}

impl Data {
    /// The key of an item with this content.
    pub fn key(&self) -> String {
        match self {
            Self::Alert(alert) => format!("alert-{}-r{}", alert.id, alert.revision),
            Self::Event(event) => format!("event-{}-r{}", event.id, event.revision),
            Self::SceneChange(change) => format!("scene_change-{}-r{}", change.id, change.revision),
            Self::Detection(detection) => format!("detection-{}", detection.id),
            Self::Proof(proof) => format!("proof-{}", proof.nonce),
        }
    }

    /// Equal for equal content.
    pub fn sha256(&self) -> String {
        // Plain data of our own: writing it to memory cannot fail.
        sha256_hex(&postcard::to_allocvec(self).unwrap_or_default())
    }
}

/// SHA-256 in hex.
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Two digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

impl From<&Alert> for AlertV1 {
    fn from(alert: &Alert) -> Self {
        Self {
            id: alert.id.to_string(),
            revision: alert.revision,
            event_id: alert.event.0,
            camera_id: alert.camera.to_string(),
            rule_id: alert.rule.map(|rule| rule.to_string()),
            severity: alert.severity.as_str().to_owned(),
            status: alert.status.as_str().to_owned(),
            dedup_key: alert.dedup_key.clone(),
            created_at: alert.created_at,
            updated_at: alert.updated_at,
            acknowledged_at: alert.acknowledged_at,
            dismissed_at: alert.dismissed_at,
            clock_trusted: alert.clock_trusted,
        }
    }
}

impl From<&Event> for EventV1 {
    fn from(event: &Event) -> Self {
        Self {
            id: event.id.0,
            revision: event.revision,
            camera_id: event.camera.to_string(),
            batch_id: event.batch.to_string(),
            track_id: event.track.0,
            object_type: event.label.to_string(),
            confidence: event.confidence,
            bbox: event.bbox.into(),
            zones: event.zones.clone(),
            risk_score: event.risk.value(),
            risk_level: event.risk.level().as_str().to_owned(),
            summary: event.summary.clone(),
            reasoning: event.reasoning.clone(),
            detection_count: event.detection_count,
            started_at: event.started_at,
            updated_at: event.updated_at,
            ended_at: event.ended_at,
            has_snapshot: event.has_snapshot,
            clock_trusted: event.clock_trusted,
            reviewed: event.reviewed,
            notes: event.notes.clone(),
        }
    }
}

impl From<&SceneChange> for SceneChangeV1 {
    fn from(change: &SceneChange) -> Self {
        Self {
            id: change.id.0,
            revision: change.revision,
            camera_id: change.camera.to_string(),
            change_type: change.change.as_str().to_owned(),
            similarity_score: change.similarity,
            detected_at: change.detected_at,
            acknowledged_at: change.acknowledged_at,
            clock_trusted: change.clock_trusted,
        }
    }
}

impl From<&Detection> for DetectionV1 {
    fn from(detection: &Detection) -> Self {
        Self {
            id: detection.id.0,
            camera_id: detection.camera.to_string(),
            track_id: detection.track.0,
            event_id: detection.event.0,
            object_type: detection.label.to_string(),
            confidence: detection.confidence,
            bbox: detection.bbox.into(),
            frame_width_px: detection.frame_width_px,
            frame_height_px: detection.frame_height_px,
            frame_sequence: detection.frame_sequence,
            captured_at: detection.captured_at,
        }
    }
}

impl From<BBox> for BoxV1 {
    fn from(bbox: BBox) -> Self {
        Self { x: bbox.x, y: bbox.y, width: bbox.width, height: bbox.height }
    }
}
