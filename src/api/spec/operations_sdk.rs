//! The camera SDK's routes, described, in the order of `routes`.

use schemars::JsonSchema;

use super::operation::Operation;
use super::parameters::SERVER_LOGS;
use crate::api::wire::camera_sdk_rest::{
    ActionData, AfAreaData, AllPropertiesData, Answer, CardFiles, FingerprintData, FocusStepData,
    FramesData, LiveViewData, ModeData, NoData, NormalizedPoint, OsdData, PriorityKeyData,
    PropertyData, PropertySetData, SaveInfoData, ServerLogs, SettingsFiles, ShuttingDown,
    TransferAccepted, ZoomData,
};

type Done = Answer<NoData>;

const JPEG: &str = "image/jpeg";

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    [sessions(), properties(), actions(), focus(), live_view(), cards(), server()]
        .into_iter()
        .flatten()
        .collect()
}

#[derive(JsonSchema)]
#[schemars(rename = "ConnectBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Connect {
    /// `remote` unless told, `remote-transfer` or `contents`.
    mode: Option<String>,
    /// Whether a lost session is begun again: `on` unless told, or `off`.
    reconnecting: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename = "PropertyBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Property {
    /// Hex, decimal, or a label such as `1/250`.
    value: String,
}

#[derive(JsonSchema)]
#[schemars(rename = "PriorityKeyBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct PriorityKey {
    /// `pc-remote` or `camera-position`.
    setting: String,
}

#[derive(JsonSchema)]
#[schemars(rename = "ShutterBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Shutter {
    /// `down` or `up`; without it the shutter goes down and up.
    action: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename = "ZoomBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Zoom {
    /// `in` or `out`; then `speed` is `normal` or `fast`.
    direction: Option<String>,
    /// -10 to 10 without a direction; 0 stops.
    speed: Option<serde_json::Value>,
}

#[derive(JsonSchema)]
#[schemars(rename = "FocusBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Focus {
    /// -7 (near) to 7 (far), not 0.
    step: i8,
}

#[derive(JsonSchema)]
#[schemars(rename = "PointBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Point {
    /// 0 to 639.
    x: Option<f64>,
    /// 0 to 479.
    y: Option<f64>,
    /// The same as fractions; wins.
    normalized: Option<NormalizedPoint>,
}

#[derive(JsonSchema)]
#[schemars(rename = "PullBody")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct Pull {
    /// Directory on the box, below the one for stills.
    save_path: Option<String>,
}

#[derive(JsonSchema)]
#[schemars(rename = "SaveInfoBody")]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "for its schema; bodies are read member by member")]
struct SaveInfo {
    /// Directory on the box, below the one for stills.
    path: String,
    /// What names begin with.
    prefix: Option<String>,
    /// Number of the next still; -1 goes on after the highest.
    start_no: Option<i64>,
}

fn sessions() -> Vec<Operation> {
    const CONNECTION: &str = "/api/cameras/{camera_id}/connection";
    vec![
        Operation::get(CONNECTION, "Whether there is a session with a camera, and its mode.")
            .json::<Answer<ModeData>>(),
        Operation::post(CONNECTION, "Begins a session; one that is there stays as it is.")
            .optional_body::<Connect>()
            .json::<Answer<ModeData>>(),
        Operation::delete(CONNECTION, "Ends the session with a camera.").json::<Done>(),
        Operation::get("/api/cameras/{camera_id}/fingerprint", "Whether a camera wants a tunnel.")
            .json::<Answer<FingerprintData>>(),
    ]
}

fn properties() -> Vec<Operation> {
    const ONE: &str = "/api/cameras/{camera_id}/properties/{name}";
    const PRIORITY: &str = "/api/cameras/{camera_id}/priority-key";
    vec![
        Operation::get("/api/cameras/{camera_id}/properties/all", "All properties of a camera.")
            .json::<Answer<AllPropertiesData>>(),
        Operation::get(ONE, "One property and what it can be set to.")
            .json::<Answer<PropertyData>>(),
        Operation::put(ONE, "Sets a property.")
            .body::<Property>()
            .json::<Answer<PropertySetData>>(),
        Operation::get(PRIORITY, "Who has the say: the camera's dials or the box.")
            .json::<Answer<PriorityKeyData>>(),
        Operation::put(PRIORITY, "Gives the say to the camera's dials or to the box.")
            .body::<PriorityKey>()
            .json::<Answer<PriorityKeyData>>(),
    ]
}

fn actions() -> Vec<Operation> {
    vec![
        Operation::post(
            "/api/cameras/{camera_id}/actions/shutter",
            "Takes a photograph; of a stream, keeps the newest frame.",
        )
        .optional_body::<Shutter>()
        .json::<Answer<ActionData>>(),
        Operation::post("/api/cameras/{camera_id}/actions/half-press", "Focuses.")
            .json::<Answer<ActionData>>(),
        Operation::post("/api/cameras/{camera_id}/actions/af-shutter", "Focuses, then as shutter.")
            .json::<Answer<ActionData>>(),
        Operation::post("/api/cameras/{camera_id}/actions/zoom", "Moves or stops the power zoom.")
            .body::<Zoom>()
            .json::<Answer<ZoomData>>(),
        Operation::post("/api/cameras/{camera_id}/actions/focus-near-far", "Moves the focus.")
            .body::<Focus>()
            .json::<Answer<FocusStepData>>(),
        Operation::post("/api/cameras/{camera_id}/actions/movie-rec", "Begins or ends a movie.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/actions/button", "Not supported: always 400.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/actions/touch", "Not supported: always 400.")
            .json::<Done>(),
        Operation::post(
            "/api/cameras/{camera_id}/actions/touch-cancel",
            "Not supported: always 400.",
        )
        .json::<Done>(),
        Operation::post(
            "/api/cameras/{camera_id}/actions/{action}",
            "For names of actions that there are not: always 400.",
        )
        .json::<Done>(),
    ]
}

fn focus() -> Vec<Operation> {
    const AREA: &str = "/api/cameras/{camera_id}/af-area-position";
    vec![
        Operation::get(AREA, "Not supported: always 400.").json::<Answer<FramesData>>(),
        Operation::put(AREA, "Puts the autofocus area somewhere.")
            .body::<Point>()
            .json::<Answer<AfAreaData>>(),
        Operation::get(
            "/api/cameras/{camera_id}/tracking-frame",
            "What the detector of the box sees now, as tracking frames.",
        )
        .json::<Answer<FramesData>>(),
    ]
}

fn live_view() -> Vec<Operation> {
    vec![
        Operation::post("/api/cameras/{camera_id}/live-view/enable", "Live view may be started.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/live-view/disable", "Ends live view.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/live-view/start", "Pictures come.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/live-view/stop", "Pictures come no longer.")
            .json::<Done>(),
        Operation::get("/api/cameras/{camera_id}/live-view/status", "Whether pictures come.")
            .json::<Answer<LiveViewData>>(),
        Operation::get(
            "/api/cameras/{camera_id}/live-view/frame",
            "The newest picture; 404 while there is none.",
        )
        .other(JPEG, "The picture."),
        Operation::post(
            "/api/cameras/{camera_id}/live-view/osd-enable",
            "The detector's boxes are drawn into on-screen-display pictures.",
        )
        .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/live-view/osd-disable", "They are not.")
            .json::<Done>(),
        Operation::get("/api/cameras/{camera_id}/live-view/osd-status", "Whether they are.")
            .json::<Answer<OsdData>>(),
        Operation::get(
            "/api/cameras/{camera_id}/live-view/osd-frame",
            "The newest picture with boxes; 404 while there is none.",
        )
        .other(JPEG, "The picture."),
    ]
}

fn cards() -> Vec<Operation> {
    const BEGUN: &str = "It has begun.";
    const SAVE_INFO: &str = "/api/cameras/{camera_id}/settings/save-info";
    let pull = |pattern, summary| {
        Operation::post(pattern, summary)
            .optional_body::<Pull>()
            .json_with::<TransferAccepted>(202, BEGUN)
            .errors(&[409])
    };
    vec![
        Operation::get(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files",
            "The files on a card.",
        )
        .json::<CardFiles>(),
        pull(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files/{content_id}/{file_id}/download",
            "Fetches a file from a card; 409 while another is being fetched.",
        ),
        pull(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files/{content_id}/{file_id}/thumbnail",
            "Fetches the small picture in it; 409 while another is being fetched.",
        ),
        pull(
            "/api/cameras/{camera_id}/sd-card/slot/{slot}/files/{content_id}/{file_id}/screennail",
            "Fetches the picture for screens; 409 while another is being fetched.",
        ),
        Operation::get(SAVE_INFO, "Where stills go and how they are named.")
            .json::<Answer<SaveInfoData>>(),
        Operation::put(SAVE_INFO, "Sets where stills go and how they are named.")
            .body::<SaveInfo>()
            .json::<Answer<SaveInfoData>>(),
        Operation::get("/api/cameras/{camera_id}/settings/files", "Files of settings on the box.")
            .json::<SettingsFiles>(),
        Operation::post("/api/cameras/{camera_id}/settings/download", "Not supported: always 400.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/settings/upload", "Not supported: always 400.")
            .json::<Done>(),
        Operation::post("/api/cameras/{camera_id}/lut/import", "Not supported: always 400.")
            .json::<Done>(),
    ]
}

fn server() -> Vec<Operation> {
    vec![
        Operation::get("/api/server/logs", "The last lines of the log, newest first.")
            .query(&[SERVER_LOGS])
            .json::<ServerLogs>(),
        Operation::post(
            "/api/server/shutdown",
            "Stops the daemon; 403 unless the configuration allows it.",
        )
        .json::<ShuttingDown>(),
    ]
}
