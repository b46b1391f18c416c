//! Answers and bodies of the camera SDK's operations: `{success, message, camera?,
//! data?}` in camelCase, except where the contract itself uses underscores.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The camera that an answer is about. Empty strings when nothing is known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct CameraSummary {
    /// Whether there is a session.
    pub connected: bool,
    /// What the camera calls itself.
    pub model: String,
    /// Its id.
    pub id: String,
}

/// What most operations answer.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Camera{T}Answer")]
pub struct Answer<T> {
    /// True.
    pub success: bool,
    /// What was done, in words.
    pub message: &'static str,
    /// Of which camera.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera: Option<CameraSummary>,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<T>,
}

/// For answers without data.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "No")]
pub struct NoData {}

/// The mode of a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Mode")]
pub struct ModeData {
    /// `remote`, `remote-transfer` or `contents`.
    pub mode: &'static str,
}

/// Whether the camera wants a tunnel.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Fingerprint")]
pub struct FingerprintData {
    /// Never: nothing here speaks the SDK's own tunnel.
    pub ssh_supported: bool,
}

/// One property.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Property")]
pub struct PropertyData {
    /// Its name.
    pub property: &'static str,
    /// Lower-case hex without padding.
    pub value: String,
    /// For people.
    pub formatted: String,
    /// Whether it can be set now.
    pub writable: bool,
    /// What it can be set to; minimum, maximum and step of a range.
    pub available_values: Vec<ChoiceData>,
}

/// A value and its label.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Choice")]
pub struct ChoiceData {
    /// Lower-case hex without padding.
    pub value: String,
    /// For people.
    pub formatted: String,
}

/// All properties.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AllProperties")]
pub struct AllPropertiesData {
    /// By name.
    pub properties: std::collections::BTreeMap<&'static str, BulkProperty>,
    /// How many.
    pub total_properties: usize,
}

/// One property among all; other names than alone, as the contract has it.
#[derive(Serialize, JsonSchema)]
pub struct BulkProperty {
    /// The value as a number.
    pub current_value: u64,
    /// The value as hex.
    pub current_hex_value: String,
    /// For people.
    pub current_formatted: String,
    /// Whether it can be set now.
    pub writable: bool,
    /// What it can be set to.
    pub available_values: Vec<BulkChoice>,
}

/// A value in its three forms.
#[derive(Serialize, JsonSchema)]
pub struct BulkChoice {
    /// As a number.
    pub value: u64,
    /// As hex.
    pub hex_value: String,
    /// For people.
    pub formatted: String,
}

/// A property that was set.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PropertySet")]
pub struct PropertySetData {
    /// Its name.
    pub property: &'static str,
    /// What was asked for, as it was written.
    pub requested_value: String,
    /// What it is now, as hex.
    pub value: String,
}

/// Who has the say.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "PriorityKey")]
pub struct PriorityKeyData {
    /// `pc-remote` or `camera-position`.
    pub setting: &'static str,
    /// The SDK's number for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub raw_value: Option<&'static str>,
}

/// What was moved, and how.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Action")]
pub struct ActionData {
    /// The action.
    pub action: &'static str,
    /// How it was done.
    pub method: &'static str,
}

/// How fast the zoom moves.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Zoom")]
pub struct ZoomData {
    /// -10 (wide) to 10 (tele); 0 stands.
    pub speed: i8,
}

/// How far the focus moved.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FocusStep")]
pub struct FocusStepData {
    /// -7 to 7, never 0.
    pub step: i8,
    /// `near` or `far`.
    pub direction: &'static str,
}

/// Frames on the live view.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Frames")]
pub struct FramesData {
    /// Whether there could be any.
    pub available: bool,
    /// How many.
    pub frame_count: usize,
    /// The frames, the most important first.
    pub frames: Vec<FrameData>,
}

/// One frame on the live view.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "FocusFrame")]
pub struct FrameData {
    /// `target-af`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `unknown`: the detector does not judge focus.
    pub state: &'static str,
    /// From 1, the most important.
    pub priority: usize,
    /// Its center as fractions of the picture.
    pub normalized: NormalizedPoint,
    /// The same in 0 to 639 and 0 to 479.
    pub position: GridPoint,
    /// Its size.
    pub size: FrameSize,
    /// The same center as fractions of [`RAW_DENOMINATOR`].
    pub raw: RawPoint,
    /// Class of the object, which no camera tells.
    pub label: String,
    /// 0 to 1, likewise.
    pub confidence: f64,
}

/// What [`RawPoint`] counts in.
pub const RAW_DENOMINATOR: i32 = 10_000;

/// A point as fractions of the picture.
#[derive(Clone, Copy, Serialize, Deserialize, JsonSchema)]
pub struct NormalizedPoint {
    /// From the left, 0 to 1.
    pub x: f64,
    /// From the top, 0 to 1.
    pub y: f64,
}

/// A point of the grid that the camera takes.
#[derive(Clone, Copy, Serialize, JsonSchema)]
pub struct GridPoint {
    /// 0 to 639.
    pub x: i32,
    /// 0 to 479.
    pub y: i32,
}

/// How large a frame is.
#[derive(Serialize, JsonSchema)]
pub struct FrameSize {
    /// Of 640.
    pub width: i32,
    /// Of 480.
    pub height: i32,
    /// Of 1.
    pub normalized_width: f64,
    /// Of 1.
    pub normalized_height: f64,
}

/// A point as two fractions.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RawPoint {
    /// From the left.
    pub x_numerator: i32,
    /// Of so much.
    pub x_denominator: i32,
    /// From the top.
    pub y_numerator: i32,
    /// Of so much.
    pub y_denominator: i32,
}

/// Where the autofocus area was put.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AfArea")]
pub struct AfAreaData {
    /// 0 to 639.
    pub x: i32,
    /// 0 to 479.
    pub y: i32,
    /// Where to look what became of it.
    pub verify: &'static str,
}

/// Whether pictures come.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LiveViewStatus")]
pub struct LiveViewData {
    /// Whether live view may be started.
    pub enabled: bool,
    /// Whether pictures are coming.
    pub streaming: bool,
}

/// Whether boxes are drawn.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OsdStatus")]
pub struct OsdData {
    /// Always: the box draws what its detector sees.
    pub supported: bool,
    /// Whether it does now.
    pub enabled: bool,
}

/// The files of a card.
#[derive(Serialize, JsonSchema)]
pub struct CardFiles {
    /// True.
    pub success: bool,
    /// 1 or 2.
    pub slot: u8,
    /// Files; in the mode `remote-transfer`, contents.
    pub file_count: usize,
    /// The files.
    pub files: Vec<CardFileData>,
}

/// One file of a card.
#[derive(Serialize, JsonSchema)]
pub struct CardFileData {
    /// RAW and JPEG of one exposure share it.
    pub content_id: u64,
    /// 0 in the mode `contents`.
    pub file_id: u64,
    /// Path on the card.
    pub file_path: String,
    /// Bytes.
    pub file_size: u64,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// Pixels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// When it was taken, by the camera's clock.
    #[serde(flatten)]
    pub creation: Option<CreationData>,
}

/// A date by the camera's clock.
#[derive(Serialize, JsonSchema)]
pub struct CreationData {
    creation_year: u16,
    creation_month: u16,
    creation_day: u16,
    creation_hour: u16,
    creation_minute: u16,
    creation_second: u16,
}

impl From<[u16; 6]> for CreationData {
    fn from([year, month, day, hour, minute, second]: [u16; 6]) -> Self {
        Self {
            creation_year: year,
            creation_month: month,
            creation_day: day,
            creation_hour: hour,
            creation_minute: minute,
            creation_second: second,
        }
    }
}

/// A transfer that has begun.
#[derive(Serialize, JsonSchema)]
pub struct TransferAccepted {
    /// True.
    pub success: bool,
    /// Where to look for its end.
    pub message: &'static str,
    /// Which smaller picture.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<&'static str>,
}

/// Where stills go.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(rename = "SaveInfo")]
pub struct SaveInfoData {
    /// Directory on the box.
    pub path: String,
    /// What names begin with; `Not set` when that is up to the box.
    pub prefix: String,
    /// Number of the next still; -1 when that is up to the box.
    pub start_no: i64,
}

/// Files of settings.
#[derive(Serialize, JsonSchema)]
pub struct SettingsFiles {
    /// True.
    pub success: bool,
    /// How many, in words.
    pub message: String,
    /// Their names.
    pub files: Vec<String>,
    /// How many.
    pub count: usize,
}

/// The last lines of the log.
#[derive(Serialize, JsonSchema)]
pub struct ServerLogs {
    /// True.
    pub success: bool,
    /// Newest first.
    pub logs: Vec<LogEntry>,
    /// Lines that are kept.
    pub total: usize,
    /// Lines in this answer.
    pub returned: usize,
}

/// One line of the log.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogEntry {
    /// When.
    pub timestamp: crate::domain::Timestamp,
    /// `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// The sentence and its fields.
    pub message: String,
    /// The camera it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub camera_id: Option<String>,
}

/// The daemon stops.
#[derive(Serialize, JsonSchema)]
pub struct ShuttingDown {
    /// True.
    pub success: bool,
    /// That it does.
    pub message: &'static str,
}
