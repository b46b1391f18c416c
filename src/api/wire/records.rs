//! Events, detections and cameras as both contracts show them: the same fields
//! in lists, in single answers and in live messages.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::capture::{CameraEntry, Decoding};
use crate::domain::{BBox, Clip, Detection, Event, Timestamp};
use crate::media::ClipState;

/// A security event. The documented fields come first; the rest is ours.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
pub struct EventData<'a> {
    id: u64,
    /// Old name of `id`.
    event_id: u64,
    /// The detection batch it was assessed with.
    batch_id: &'a str,
    camera_id: &'a str,
    #[schemars(range(max = 100))]
    risk_score: u8,
    /// Follows from the score: from 30, 60 and 85 on.
    #[schemars(extend("enum" = ["low", "medium", "high", "critical"]))]
    risk_level: &'static str,
    /// What happened, in one sentence.
    summary: &'a str,
    /// What made the score, in words.
    reasoning: &'a str,
    started_at: Timestamp,
    updated_at: Timestamp,
    /// Null while it goes on.
    ended_at: Option<Timestamp>,
    /// 0 at first, one more with each update.
    revision: u32,
    /// Class of the object.
    object_type: &'a str,
    #[schemars(range(min = 0, max = 1))]
    confidence: f64,
    /// Where the object is in the snapshot, as fractions of the picture.
    bbox: BoxData,
    track_id: u64,
    zones: &'a [String],
    detection_count: u32,
    /// Whether a person has looked at it.
    reviewed: bool,
    /// What a person wrote on it.
    notes: Option<&'a str>,
    /// Until when a person does not want to see it.
    snooze_until: Option<Timestamp>,
    has_snapshot: bool,
    /// Its video; null where the camera has none.
    clip: Option<ClipData>,
    /// False when the clock had not been set when it began.
    clock_trusted: bool,
}

impl<'a> From<&'a Event> for EventData<'a> {
    fn from(event: &'a Event) -> Self {
        Self {
            id: event.id.0,
            event_id: event.id.0,
            batch_id: event.batch.as_str(),
            camera_id: event.camera.as_str(),
            risk_score: event.risk.value(),
            risk_level: event.risk.level().as_str(),
            summary: &event.summary,
            reasoning: &event.reasoning,
            started_at: event.started_at,
            updated_at: event.updated_at,
            ended_at: event.ended_at,
            revision: event.revision,
            object_type: event.label.as_str(),
            confidence: score(event.confidence),
            bbox: BoxData::from(&event.bbox),
            track_id: event.track.0,
            zones: &event.zones,
            detection_count: event.detection_count,
            reviewed: event.reviewed,
            notes: Some(event.notes.as_str()).filter(|notes| !notes.is_empty()),
            snooze_until: event.snooze_until,
            has_snapshot: event.has_snapshot,
            clip: event.clip.map(ClipData::from),
            clock_trusted: event.clock_trusted,
        }
    }
}

impl EventData<'_> {
    /// What became of the clip since it was recorded.
    pub fn set_clip_status(&mut self, status: ClipStatus) {
        if let Some(clip) = &mut self.clip {
            clip.status = status;
        }
    }
}

/// The video of an event.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Clip")]
struct ClipData {
    status: ClipStatus,
    /// Where in the video the event begins, in milliseconds: after the pre-roll.
    event_at_ms: u64,
    /// Null while it is being recorded.
    duration_ms: Option<u64>,
    /// Null while it is being recorded.
    size_bytes: Option<u64>,
}

/// Whether the video of an event can be fetched.
#[derive(Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClipStatus {
    /// What there is so far.
    Recording,
    /// At `/api/events/{id}/clip`.
    Ready,
    /// Not any more: it went to make room.
    Removed,
}

impl From<Clip> for ClipData {
    fn from(clip: Clip) -> Self {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        Self {
            status: if clip.size.is_some() { ClipStatus::Ready } else { ClipStatus::Recording },
            event_at_ms: ms(clip.event_at),
            duration_ms: clip.size.map(|size| ms(size.length)),
            size_bytes: clip.size.map(|size| size.bytes),
        }
    }
}

/// A bounding box, each value a fraction of the picture (0 to 1).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Box")]
pub struct BoxData {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl From<&BBox> for BoxData {
    fn from(bbox: &BBox) -> Self {
        Self {
            x: score(bbox.x),
            y: score(bbox.y),
            width: score(bbox.width),
            height: score(bbox.height),
        }
    }
}

/// A detection. The box is in whole pixels of the frame whose size follows.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Detection")]
pub struct DetectionData<'a> {
    id: u64,
    camera_id: &'a str,
    object_type: &'a str,
    #[schemars(range(min = 0, max = 1))]
    confidence: f64,
    detected_at: Timestamp,
    bbox_x: u32,
    bbox_y: u32,
    bbox_width: u32,
    bbox_height: u32,
    /// Below the media root; pictures are fetched by id.
    file_path: String,
    thumbnail_path: Option<String>,
    event_id: u64,
    batch_id: &'a str,
    track_id: u64,
    frame_width: u32,
    frame_height: u32,
    frame_sequence: u64,
}

impl<'a> DetectionData<'a> {
    /// A detection; `has_thumbnail` when its event's pictures are on disk.
    pub fn new(detection: &'a Detection, has_thumbnail: bool) -> Self {
        let (width_px, height_px) = (detection.frame_width_px, detection.frame_height_px);
        let bbox = BBox::to_pixels(&detection.bbox, width_px, height_px);
        let event = detection.event;
        Self {
            id: detection.id.0,
            camera_id: detection.camera.as_str(),
            object_type: detection.label.as_str(),
            confidence: score(detection.confidence),
            detected_at: detection.captured_at,
            bbox_x: bbox.x_px,
            bbox_y: bbox.y_px,
            bbox_width: bbox.width_px,
            bbox_height: bbox.height_px,
            // Names below the media root. Clients fetch pictures by id instead; no
            // path that they send is ever opened.
            file_path: format!("snapshots/{event}.jpg"),
            thumbnail_path: has_thumbnail.then(|| format!("snapshots/{event}.thumb.jpg")),
            event_id: event.0,
            batch_id: detection.batch.as_str(),
            track_id: detection.track.0,
            frame_width: width_px,
            frame_height: height_px,
            frame_sequence: detection.frame_sequence,
        }
    }
}

/// A camera: the fields of both contracts side by side.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Camera")]
pub struct CameraData {
    id: String,
    model: String,
    #[serde(rename = "connectionType")]
    connection_type: &'static str,
    connected: bool,
    name: String,
    /// The source, without credentials; the realtime contract's name for it.
    folder_path: String,
    #[schemars(extend("enum" = ["unknown", "online", "offline", "error"]))]
    status: &'static str,
    created_at: Timestamp,
    last_seen_at: Option<Timestamp>,
    reason: Option<String>,
    width: Option<u32>,
    height: Option<u32>,
    fps: f64,
    /// What decodes its stream, while there is a session with one.
    decoder: Option<DecoderData>,
    /// False when somebody has switched it off.
    enabled: bool,
    /// Whether its events get video: `no_video` where the camera sends none that is
    /// encoded as H.264 or H.265, or sends nothing now.
    #[schemars(extend("enum" = ["events", "off", "no_video"]))]
    clips: &'static str,
    /// Whether it is recorded all the time: `no_video` where the camera sends nothing
    /// now that can be kept as it is.
    #[schemars(extend("enum" = ["continuous", "off", "no_video"]))]
    recording: &'static str,
}

impl CameraData {
    /// A camera, whether there is a session with it, whether it is to run, whether
    /// its events get video, and whether all of its video is kept (`continuous`,
    /// `off` or `no_video`).
    pub fn new(
        camera: CameraEntry,
        is_connected: bool,
        enabled: bool,
        clips: ClipState,
        recording: &'static str,
    ) -> Self {
        Self {
            id: camera.id.as_str().to_owned(),
            model: camera.model,
            connection_type: camera.connection_type,
            connected: is_connected,
            name: camera.name,
            folder_path: camera.source,
            status: camera.state.as_str(),
            created_at: camera.created_at,
            last_seen_at: camera.last_seen_at,
            reason: camera.reason,
            width: camera.size_px.map(|(width, _)| width),
            height: camera.size_px.map(|(_, height)| height),
            fps: rounded(camera.fps, 10.0),
            decoder: camera.decoding.map(DecoderData::from),
            enabled,
            clips: match clips {
                ClipState::Events => "events",
                ClipState::Off => "off",
                ClipState::NoVideo => "no_video",
            },
            recording,
        }
    }
}

/// What decodes a camera's stream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Decoder")]
pub struct DecoderData {
    /// GStreamer's name of it.
    element: String,
    /// Whether it is the board's own, not the processor.
    hardware: bool,
    /// The board's decoder that failed at this camera.
    failed: Option<String>,
}

impl From<Decoding> for DecoderData {
    fn from(Decoding { element, is_hardware, failed }: Decoding) -> Self {
        Self { element, hardware: is_hardware, failed }
    }
}

/// A list, and where it goes on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "{T}List")]
pub struct List<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// The page.
    pub pagination: Pagination,
}

/// Where a page stands. `total` and `offset` are given for lists that are whole
/// in memory; longer ones are not counted and go on by cursor.
#[derive(Clone, Serialize, JsonSchema)]
pub struct Pagination {
    /// Items there are.
    pub total: Option<usize>,
    /// Most items on a page.
    pub limit: usize,
    /// Items before this page.
    pub offset: Option<usize>,
    /// The cursor this page was asked for with.
    pub cursor: Option<String>,
    /// The cursor of the next page.
    pub next_cursor: Option<String>,
    /// Whether there is a next page, exactly.
    pub has_more: bool,
}

/// A score in 0..=1 with three digits: a float's rounding noise (`0.8299999`)
/// says nothing.
pub(super) fn score(value: f32) -> f64 {
    rounded(value, 1000.0)
}

fn rounded(value: f32, steps: f64) -> f64 {
    (f64::from(value) * steps).round() / steps
}
