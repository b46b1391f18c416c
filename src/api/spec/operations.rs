//! Every route, described, in the order of `routes`.

use serde_json::Value;

use super::figures;
use super::operation::{Answer, Operation};
use super::operations_sdk;
use super::parameters::{
    ALERTS, ANALYSIS, BOXES, CAMERA_STATES, CLIP_LENGTH, CREDENTIALS, FIELDS, IDS, JOB_STATE,
    JOB_TYPE, LOGS, PAGE, PART, RECORDED, RULES, SCENE_CHANGES, SNOOZED, SPAN, WHICH_DETECTIONS,
    WHICH_EVENTS,
};
use super::registry::Registry;
use crate::api::rest::{
    alert_rules, camera_edits, cameras, events, exports, health, jobs as rest_jobs, recordings,
    server,
};
use crate::api::wire::alerts::{AlertRecord, DryRun, NewRule, RuleData, RuleList};
use crate::api::wire::analysis;
use crate::api::wire::jobs::{JobData, LogData};
use crate::api::wire::records::{CameraData, DetectionData, EventData, List};
use crate::api::wire::scene::SceneChangeRecord;
use crate::api::wire::stills::StillData;

const JPEG: &str = "image/jpeg";
const SSE: &str = "text/event-stream";
const CAMERA_EVENTS: &str = "`connected`, `disconnected`, `error`, `propertyChanged`, `warning`, \
                             `afStatus`, `downloadComplete`, `transferProgress`, \
                             `contentsTransfer`, `reconnecting`, `reconnected` and `focusResult`, \
                             live. With `ids=1` each has an id, and `Last-Event-ID` resumes.";

/// All of them.
pub(super) fn all() -> Vec<Operation> {
    [
        cameras(),
        operations_sdk::all(),
        records(),
        figures::all(),
        alerts(),
        jobs(),
        probes(),
        papers(),
        websockets(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn cameras() -> Vec<Operation> {
    const CAMERA: &str = "/api/cameras/{camera_id}";
    vec![
        Operation::get("/api/cameras", "All cameras.")
            .query(&[CAMERA_STATES, FIELDS])
            .json::<cameras::CameraList<'_>>(),
        Operation::post("/api/cameras", "A new camera, with the keys of the configuration.")
            .body::<camera_edits::CameraBody>()
            .json_with::<CameraData>(201, "The camera; its first picture may take a moment.")
            .errors(&[409, 422]),
        Operation::get(CAMERA, "One camera.").json::<CameraData>(),
        Operation::patch(
            CAMERA,
            "Changes a camera, or switches it on or off; of a camera in the configuration file \
             only `name` and `enabled` can be changed. What is not given stays, null takes a key \
             back.",
        )
        .body::<camera_edits::CameraBody>()
        .json::<CameraData>()
        .errors(&[422]),
        Operation::delete(
            CAMERA,
            "Removes a camera that is not in the configuration file; its records stay.",
        )
        .nothing("It is gone.")
        .errors(&[409]),
        Operation::get(
            "/api/cameras/{camera_id}/events",
            "What happens to the connection of a camera, as a stream; or, to whoever accepts \
             JSON, its events.",
        )
        .query(&[WHICH_EVENTS, SNOOZED, PAGE, FIELDS, IDS])
        .other(SSE, CAMERA_EVENTS)
        .json::<List<EventData<'_>>>(),
        Operation::get("/api/cameras/{camera_id}/snapshot", "The latest picture.")
            .query(&[BOXES])
            .other(JPEG, "The picture."),
        Operation::get("/api/cameras/{camera_id}/stream.mjpeg", "Pictures as they come.")
            .query(&[BOXES])
            .other("multipart/x-mixed-replace", "JPEG pictures without end."),
        Operation::get(
            "/api/cameras/{camera_id}/stills",
            "Photographs, and pictures that a shutter kept, newest first.",
        )
        .query(&[PART, FIELDS])
        .json::<List<StillData<'_>>>(),
        Operation::get(
            "/api/cameras/{camera_id}/stills/{still_id}",
            "The file of a still: whole, or the part that `Range` asks for.",
        )
        .other("*/*", "The file, with the `content_type` of the list.")
        .answer(Answer {
            status: 206,
            content_type: "*/*",
            schema: None,
            about: "The part that was asked for.",
        })
        .errors(&[416]),
        Operation::delete("/api/cameras/{camera_id}/stills/{still_id}", "Removes a still.")
            .nothing("It is gone."),
        Operation::get(
            "/api/cameras/{camera_id}/scene-changes",
            "When the view of a camera was not what it had been, newest first.",
        )
        .query(&[SCENE_CHANGES, SNOOZED, SPAN, PAGE])
        .json::<List<SceneChangeRecord<'_>>>(),
        Operation::post(
            "/api/cameras/{camera_id}/scene-changes/{id}/acknowledge",
            "Somebody has seen a scene change.",
        )
        .json::<SceneChangeRecord<'_>>(),
    ]
}

fn records() -> Vec<Operation> {
    vec![
        Operation::get(
            "/api/events",
            "What happens to the connections of all cameras, as a stream; or, to whoever accepts \
             JSON, security events, newest first.",
        )
        .query(&[WHICH_EVENTS, SNOOZED, PAGE, FIELDS, IDS])
        .other(SSE, CAMERA_EVENTS)
        .json::<List<EventData<'_>>>(),
        Operation::get(
            "/api/events/analyze/{batch_id}/stream",
            "Why an event was judged as it was, as a stream of `progress` and then `complete` or \
             `error`.",
        )
        .query(&[ANALYSIS])
        .stream::<AnalysisPart>("Unnamed events whose data is one of these."),
        Operation::get("/api/events/{id}", "One event.").json::<EventData<'_>>(),
        Operation::patch(
            "/api/events/{id}",
            "Marks an event as looked at, writes on it, puts it off; what is not given stays.",
        )
        .body::<events::Change>()
        .json::<EventData<'_>>(),
        Operation::get("/api/events/{id}/detections", "The detections of an event.")
            .query(&[SPAN, PAGE, FIELDS])
            .json::<List<DetectionData<'_>>>(),
        Operation::get("/api/events/{id}/snapshot", "The picture of an event.")
            .other(JPEG, "The picture."),
        Operation::get("/api/events/{id}/thumbnail", "The same, small.")
            .other(JPEG, "The picture."),
        Operation::get(
            "/api/events/{id}/clip",
            "The video of an event: whole, or the part that `Range` asks for. While it is being \
             recorded, what there is so far; `Clip-Length-Ms` says how much.",
        )
        .query(&[CLIP_LENGTH])
        .other("video/mp4", "Fragmented MP4, as the camera encoded it.")
        .answer(Answer {
            status: 206,
            content_type: "video/mp4",
            schema: None,
            about: "The part that was asked for.",
        })
        .errors(&[416]),
        Operation::get(
            "/api/cameras/{camera_id}/recording",
            "What a camera saw, at most an hour of it: whole, or the part that `Range` asks for. It \
             begins on the keyframe at or before `start`, which `Recording-Start` tells; gaps are \
             closed; it ends where the format of the video changes.",
        )
        .query(&[RECORDED])
        .other("video/mp4", "Fragmented MP4, as the camera encoded it.")
        .answer(Answer {
            status: 206,
            content_type: "video/mp4",
            schema: None,
            about: "The part that was asked for.",
        })
        .errors(&[416]),
        Operation::get(
            "/api/cameras/{camera_id}/recording/spans",
            "When a camera was recorded; the last 24 hours unless told.",
        )
        .query(&[RECORDED])
        .json::<recordings::Spans>(),
        Operation::get("/api/detections", "Detections, newest first.")
            .query(&[WHICH_DETECTIONS, PAGE, FIELDS])
            .json::<List<DetectionData<'_>>>(),
        Operation::get("/api/detections/{id}", "One detection.").json::<DetectionData<'_>>(),
        Operation::get("/api/detections/{id}/image", "The picture of a detection's event.")
            .other(JPEG, "The picture."),
        Operation::get("/api/detections/{id}/thumbnail", "The same, small.")
            .other(JPEG, "The picture."),
    ]
}

fn alerts() -> Vec<Operation> {
    const RULE: &str = "/api/alerts/rules/{id}";
    vec![
        Operation::get("/api/alerts", "Alerts, newest first.")
            .query(&[ALERTS, SPAN, PAGE])
            .json::<List<AlertRecord<'_>>>(),
        Operation::get("/api/alerts/{id}", "One alert.").json::<AlertRecord<'_>>(),
        Operation::post("/api/alerts/{id}/acknowledge", "A person has seen an alert; 409 if late.")
            .json::<AlertRecord<'_>>()
            .errors(&[409]),
        Operation::post("/api/alerts/{id}/dismiss", "A person puts an alert away; 409 if late.")
            .json::<AlertRecord<'_>>()
            .errors(&[409]),
        Operation::get("/api/alerts/rules", "Alert rules, newest first.")
            .query(&[RULES, PART])
            .json::<RuleList<'_>>(),
        Operation::post("/api/alerts/rules", "A new alert rule.")
            .body::<NewRule>()
            .json_with::<RuleData<'_>>(201, "The rule as it is kept.")
            .errors(&[409, 422]),
        Operation::get(RULE, "One alert rule.").json::<RuleData<'_>>(),
        Operation::put(RULE, "Changes an alert rule; what is not given stays.")
            .body::<NewRule>()
            .json::<RuleData<'_>>()
            .errors(&[422]),
        Operation::delete(RULE, "Removes an alert rule.").nothing("It is gone."),
        Operation::post(
            "/api/alerts/rules/{id}/test",
            "What a rule would have done with stored events, and why.",
        )
        .optional_body::<alert_rules::TestBody>()
        .json::<DryRun<'_>>(),
    ]
}

fn jobs() -> Vec<Operation> {
    const ACCEPTED: &str = "It waits for its turn.";
    vec![
        Operation::get("/api/jobs", "Jobs of the last hour, newest first.")
            .query(&[JOB_TYPE, JOB_STATE, PART])
            .json::<List<JobData>>(),
        Operation::post("/api/jobs", "Starts a check of the store, or a backup.")
            .body::<rest_jobs::NewJob>()
            .json_with::<rest_jobs::Accepted>(202, ACCEPTED),
        Operation::get("/api/jobs/{id}", "One job.").json::<JobData>(),
        Operation::post("/api/jobs/{id}/cancel", "Stops a job; 409 when it is over.")
            .json::<JobData>()
            .errors(&[409]),
        Operation::get("/api/jobs/{id}/logs", "What a job has said, oldest first.")
            .query(&[LOGS, PART])
            .json::<List<LogData<'_>>>(),
        Operation::get("/api/exports", "Exports of the last hour, newest first.")
            .query(&[JOB_STATE, PART])
            .json::<List<JobData>>(),
        Operation::post("/api/exports", "Starts an export.")
            .body::<exports::NewExport>()
            .json_with::<rest_jobs::Accepted>(202, ACCEPTED),
        Operation::post("/api/events/export", "The same, under the contract's older name.")
            .body::<exports::NewExport>()
            .json_with::<rest_jobs::Accepted>(202, ACCEPTED),
        Operation::get("/api/exports/{id}", "One export.").json::<JobData>(),
        Operation::delete("/api/exports/{id}", "Stops an export, or removes its file.")
            .nothing("It is gone."),
        Operation::get("/api/exports/{id}/download", "The file; 400 until it is completed.")
            .other("text/csv", "Comma-separated values, if so asked.")
            .other("application/zip", "The values and pictures, if so asked.")
            .json::<Value>(),
    ]
}

/// One part of the analysis stream.
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "for its schema; each part is written by itself")]
enum AnalysisPart {
    Progress(analysis::Progress<'static>),
    Complete(analysis::Complete<'static>),
    Failed(analysis::Failed<'static>),
}

fn probes() -> Vec<Operation> {
    const TEXT: &str = "text/plain";
    vec![
        Operation::get("/health", "The service answers.").json::<health::Alive>(),
        Operation::get("/ready", "Every stage moves, and nothing but cameras is down.")
            .json::<health::Ready>()
            .json_with::<health::Ready>(503, "It is not ready."),
        Operation::get("/api/system/health", "The box and its components.")
            .json::<health::Overall>()
            .json_with::<health::Overall>(503, "It is unhealthy."),
        Operation::get("/api/system/health/live", "The service answers.").json::<health::Alive>(),
        Operation::get("/api/system/health/ready", "As /ready, with what is in the way.")
            .json::<health::ReadyInDetail>()
            .json_with::<health::ReadyInDetail>(503, "It is not ready."),
        Operation::get("/api/system/health/full", "Everything the box knows of itself.")
            .json::<health::Full>()
            .json_with::<health::Full>(503, "It is unhealthy."),
        Operation::get("/api/system/health/websocket", "The broadcasters' circuit breakers.")
            .json::<health::Broadcasters>(),
        Operation::get(
            "/api/debug/websocket/connections",
            "How many WebSocket clients there are; 404 unless `debug` is on.",
        )
        .json::<health::BroadcasterConnections>(),
        Operation::get("/api/server/status", "Version, uptime, number of cameras.")
            .json::<server::Status>(),
        Operation::get("/metrics", "Figures for Prometheus.").other(TEXT, "Figures."),
        Operation::get("/api/metrics", "The same.").other(TEXT, "Figures."),
    ]
}

fn papers() -> Vec<Operation> {
    vec![
        Operation::get(
            "/api/system/websocket/events",
            "All event types, with schemas and examples.",
        )
        .json::<Registry>(),
        Operation::get("/api/openapi.json", "This document.").json::<Value>(),
        Operation::get("/api/asyncapi.json", "The messages of the WebSockets.").json::<Value>(),
    ]
}

fn websockets() -> Vec<Operation> {
    [
        ("/ws/events", "Events, alerts and cameras, live."),
        ("/ws/system", "The box and its components, live."),
        ("/ws/detections", "Every object in every frame, live."),
        ("/ws/jobs/{job_id}/logs", "The log of a job: what there is, then live until its end."),
    ]
    .map(|(path, summary)| Operation::get(path, summary).query(&[CREDENTIALS]).websocket())
    .into()
}
