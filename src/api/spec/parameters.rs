//! Parameters of queries, described: groups that routes put together.

use super::operation::{Kind, QueryParameter};
use crate::api::rest::LIMIT_MAX;

const fn parameter(name: &'static str, kind: Kind, about: &'static str) -> QueryParameter {
    QueryParameter { name, kind, about }
}

const CAMERA: QueryParameter = parameter("camera_id", Kind::Text, "Of this camera only.");
const LABEL: QueryParameter = parameter("object_type", Kind::Text, "Of this class only.");
const FROM: QueryParameter =
    parameter("start_date", Kind::Time, "From this time, or the beginning of this date in UTC.");
const UNTIL: QueryParameter =
    parameter("end_date", Kind::Time, "Until this time, or the end of this date in UTC.");
const EVENT: QueryParameter =
    parameter("event_id", Kind::Number(0, u64::MAX), "Of this event only.");
const LIMIT: QueryParameter =
    parameter("limit", Kind::Number(1, LIMIT_MAX as u64), "Items on a page; 50 unless told.");
const CURSOR: QueryParameter = parameter("cursor", Kind::Text, "`next_cursor` of the page before.");
const OFFSET: QueryParameter =
    parameter("offset", Kind::Number(0, u64::MAX), "Items before the page.");

const LEVELS: &[&str] = &["low", "medium", "high", "critical"];
const SEVERITY: QueryParameter =
    parameter("severity", Kind::OneOf(LEVELS), "Of this severity only.");

/// Which fields of the items are sent.
pub(super) const FIELDS: &[QueryParameter] =
    &[parameter("fields", Kind::Text, "These fields of the items only, with commas between.")];

/// What lists of events can be asked by beside.
pub(super) const SNOOZED: &[QueryParameter] =
    &[parameter("snoozed", Kind::Flag, "Put off by a person until later than now, or not.")];

/// A stretch of time.
pub(super) const SPAN: &[QueryParameter] = &[FROM, UNTIL];

/// How much of a clip.
pub(super) const CLIP_LENGTH: &[QueryParameter] = &[parameter(
    "length_ms",
    Kind::Number(0, u64::MAX),
    "Its first milliseconds only: the same bytes while it grows.",
)];

/// A stretch of a recording.
pub(super) const RECORDED: &[QueryParameter] = &[
    parameter("start", Kind::Time, "From this time, or the beginning of this date in UTC."),
    parameter("end", Kind::Time, "Until this time, or the end of this date in UTC."),
];

/// A page of what goes on by cursor.
pub(super) const PAGE: &[QueryParameter] = &[LIMIT, CURSOR];

/// A page of what is whole in memory.
pub(super) const PART: &[QueryParameter] = &[LIMIT, OFFSET];

/// What events can be asked by.
pub(super) const WHICH_EVENTS: &[QueryParameter] = &[
    CAMERA,
    LABEL,
    parameter("risk_level", Kind::OneOf(LEVELS), "Of this level only."),
    parameter("reviewed", Kind::Flag, "Looked at by a person, or not."),
    FROM,
    UNTIL,
];

/// What detections can be asked by.
pub(super) const WHICH_DETECTIONS: &[QueryParameter] = &[
    CAMERA,
    LABEL,
    EVENT,
    parameter("min_confidence", Kind::Fraction, "With at least this score."),
    FROM,
    UNTIL,
];

pub(super) const TIMELINE: &[QueryParameter] =
    &[parameter("bucket_size", Kind::OneOf(&["hour", "day", "week"]), "An hour unless told.")];

/// Whether the frames of an event stream have ids.
pub(super) const IDS: &[QueryParameter] =
    &[parameter("ids", Kind::Flag, "Frames of the stream have ids, and it can be resumed.")];

/// What lines of the daemon's log can be asked by.
pub(super) const SERVER_LOGS: &[QueryParameter] = &[
    parameter("lines", Kind::Number(1, 1000), "Most lines; 100 unless told."),
    parameter(
        "level",
        Kind::OneOf(&["debug", "info", "warn", "error"]),
        "Lines that matter at least so much; `info` unless told.",
    ),
];

pub(super) const BOXES: &[QueryParameter] =
    &[parameter("boxes", Kind::Flag, "Whether boxes are drawn around objects.")];

pub(super) const CAMERA_STATES: &[QueryParameter] = &[parameter(
    "status",
    Kind::OneOf(&["unknown", "online", "offline", "error"]),
    "In this state only.",
)];

pub(super) const ANALYSIS: &[QueryParameter] = &[
    CAMERA,
    parameter("detection_ids", Kind::Text, "Up to 100 numbers with commas between them."),
];

pub(super) const SCENE_CHANGES: &[QueryParameter] =
    &[parameter("acknowledged", Kind::Flag, "Acknowledged, or not.")];

pub(super) const ALERTS: &[QueryParameter] = &[
    CAMERA,
    SEVERITY,
    parameter(
        "status",
        Kind::OneOf(&["pending", "delivered", "acknowledged", "dismissed"]),
        "In this status only.",
    ),
    EVENT,
    parameter("rule_id", Kind::Text, "Raised by this rule only."),
];

pub(super) const RULES: &[QueryParameter] =
    &[parameter("enabled", Kind::Flag, "In use, or not."), SEVERITY];

pub(super) const LOGS: &[QueryParameter] = &[
    parameter(
        "level",
        Kind::OneOf(&["DEBUG", "INFO", "WARNING", "ERROR"]),
        "Of at least this level.",
    ),
    parameter("since", Kind::Time, "From this time on."),
];

pub(super) const JOB_STATE: &[QueryParameter] = &[parameter(
    "status",
    Kind::OneOf(&["pending", "running", "completed", "failed", "cancelled"]),
    "In this state only.",
)];

pub(super) const JOB_TYPE: &[QueryParameter] = &[parameter(
    "job_type",
    Kind::OneOf(&["export", "backup", "store_check"]),
    "Of this type only.",
)];

/// Browsers cannot set headers on a WebSocket, so it takes them in its query.
pub(super) const CREDENTIALS: &[QueryParameter] = &[
    parameter("api_key", Kind::Text, "The key, where no header can be set."),
    parameter("token", Kind::Text, "The WebSocket token, if one is configured."),
];
