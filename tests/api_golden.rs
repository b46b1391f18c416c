//! Every message on the wire, byte for byte. A change here is a change of the
//! contract with clients: make it on purpose.
//!
//! `UPDATE_GOLDEN=1 cargo test --test api_golden` writes the files anew.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::sync::Arc;
use std::time::Duration;

use api_support::golden::assert_golden;
use api_support::{Appliance, MORNING, alert, camera, detection, event, system_status};
use watchpost::api::wire::{CAMERA_SDK, REALTIME, camera_sdk, realtime};
use watchpost::capture::CameraEntry;
use watchpost::domain::{
    Alert, AlertAction, BatchId, CameraId, CameraNotice, CameraState, CameraStatus, DetectionId,
    EventId, Timestamp,
};
use watchpost::health::{Report, State};
use watchpost::live::{
    AlertChange, AlertNews, CameraChanged, CameraSwitched, Cursor, DetectionBatchSeen,
    EventDropped, HealthChanged, LiveMessage, Resynced, Stamp,
};

fn stamp(is_replay: bool) -> Stamp {
    Stamp { seq: 42, cursor: Cursor::new(0x5f3c_9a01, 0x2f), is_replay }
}

fn assert_message(name: &str, message: &LiveMessage) {
    assert_golden(name, REALTIME.text(message, &stamp(false)).unwrap());
}

fn assert_frame(name: &str, notice: CameraNotice) {
    let message = LiveMessage::Notice { camera: front_door(), notice };
    assert_golden(name, CAMERA_SDK.text(&message, &stamp(false)).unwrap());
}

fn front_door() -> CameraId {
    "front_door".parse().unwrap()
}

fn camera_status(state: CameraState, previous: CameraState, reason: Option<&str>) -> LiveMessage {
    LiveMessage::Camera(Arc::new(CameraStatus {
        camera: front_door(),
        name: "Front door".into(),
        state,
        previous,
        reason: reason.map(str::to_owned),
        at: MORNING,
    }))
}

fn service(state: State, next_step: Option<&str>) -> LiveMessage {
    LiveMessage::Service(Arc::new(Report {
        component: "store".into(),
        state,
        message: "512 records waiting".into(),
        next_step: next_step.map(str::to_owned),
        since: MORNING,
    }))
}

#[test]
fn an_event_is_announced_as_promised() {
    assert_message("ws-event.json", &LiveMessage::Event(Arc::new(event(12, 0))));
    assert_message("ws-event-updated.json", &LiveMessage::Event(Arc::new(event(12, 3))));
    let dropped = EventDropped { event: EventId(12), reason: "dropped by retention", at: MORNING };
    assert_message("ws-event-deleted.json", &LiveMessage::EventDropped(Arc::new(dropped)));
}

#[test]
fn alerts_are_announced_as_promised() {
    use AlertChange::{Acknowledged, Created, Dismissed, Resolved, SeverityRaised};
    let assert = |name, change, alert| {
        assert_message(name, &LiveMessage::Alert(Arc::new(AlertNews { change, alert })));
    };
    let later = MORNING.after(Duration::from_secs(60));
    let acknowledged = alert().after(AlertAction::Acknowledge, later).unwrap();
    let dismissed = alert().after(AlertAction::Dismiss, later).unwrap();
    assert("ws-alert-created.json", Created, alert());
    assert("ws-alert-created-no-rule.json", Created, Alert { rule: None, ..alert() });
    assert("ws-alert-updated.json", SeverityRaised, alert());
    assert("ws-alert-acknowledged.json", Acknowledged, acknowledged);
    assert("ws-alert-dismissed.json", Dismissed, dismissed.clone());
    assert("ws-alert-resolved.json", Resolved, dismissed);
}

#[test]
fn detections_are_announced_as_promised() {
    assert_message("ws-detection.json", &LiveMessage::Detection(Arc::new(detection(91))));
    let batch = DetectionBatchSeen {
        batch: BatchId::new("batch_abc123"),
        camera: front_door(),
        detections: vec![DetectionId(91), DetectionId(92)],
        at: MORNING,
    };
    assert_message("ws-detection-batch.json", &LiveMessage::DetectionBatch(Arc::new(batch)));
}

#[test]
fn camera_status_is_announced_as_promised() {
    use CameraState::{Error, Offline, Online, Unknown};
    assert_message("ws-camera-online.json", &camera_status(Online, Unknown, None));
    assert_message("ws-camera-offline.json", &camera_status(Offline, Online, Some("no frame")));
    assert_message("ws-camera-error.json", &camera_status(Error, Online, Some("wrong password")));
    assert_message("ws-camera-updated.json", &camera_status(Online, Online, None));
    let LiveMessage::Camera(status) = camera_status(Online, Online, None) else { unreachable!() };
    let status = Arc::unwrap_or_clone(status);
    let changed = CameraChanged { status, fields: vec!["name", "zones"] };
    assert_message("ws-camera-config-updated.json", &LiveMessage::CameraChanged(Arc::new(changed)));
}

#[test]
fn system_and_service_status_are_announced_as_promised() {
    assert_message("ws-system-status.json", &LiveMessage::System(Arc::new(system_status())));
    let mut cold = system_status();
    cold.temperature_celsius = None;
    assert_message("ws-system-status-no-sensor.json", &LiveMessage::System(Arc::new(cold)));
    assert_message("ws-service-healthy.json", &service(State::Healthy, None));
    assert_message("ws-service-degraded.json", &service(State::Degraded, Some("replace the card")));
    assert_message("ws-service-unhealthy.json", &service(State::Unhealthy, Some("free space")));
}

#[test]
fn changes_of_the_whole_box_and_of_its_cameras_are_announced_as_promised() {
    let components =
        vec![("camera.yard".into(), State::Unhealthy), ("store".into(), State::Healthy)];
    let (health, previous) = (State::Degraded, State::Healthy);
    let changed = HealthChanged { health, previous, components, at: MORNING };
    assert_message("ws-health-changed.json", &LiveMessage::Health(Arc::new(changed)));
    assert_message("ws-gpu.json", &LiveMessage::Gpu(Arc::new(system_status())));
    for (name, is_enabled) in [("ws-camera-enabled.json", true), ("ws-camera-disabled.json", false)]
    {
        let reason = "the configuration changed".to_owned();
        let switched = CameraSwitched { camera: front_door(), is_enabled, reason, at: MORNING };
        assert_message(name, &LiveMessage::CameraSwitched(Arc::new(switched)));
    }
}

#[test]
fn control_messages_are_as_promised() {
    assert_golden("ws-pong.json", realtime::PONG);
    assert_golden("ws-ping.json", realtime::ping(42, Some(stamp(false).cursor)));
    assert_golden("ws-ping-behind.json", realtime::ping(42, None));
    let events = ["alert.*".to_owned(), "event.created".to_owned()];
    assert_golden("ws-subscribed.json", realtime::subscription("subscribed", &events));
    let details = serde_json::json!({ "raw_data_preview": "invalid{json" });
    let error = realtime::error("invalid_json", "Message must be valid JSON", details);
    assert_golden("ws-error.json", error);
}

#[test]
fn a_replay_and_its_end_are_as_promised() {
    let message = LiveMessage::Event(Arc::new(event(12, 0)));
    assert_golden("ws-event-replayed.json", REALTIME.text(&message, &stamp(true)).unwrap());
    let oldest = Some(stamp(false).cursor);
    let whole = Resynced { replayed: 3, last_seq: 45, is_too_old: false, oldest };
    assert_golden("ws-resync-ack.json", realtime::resync_ack("events", None, &whole));
    let too_old = Resynced { is_too_old: true, ..whole };
    let ack = realtime::resync_ack("events", Some(7), &too_old);
    assert_golden("ws-resync-ack-too-old.json", ack);
}

#[test]
fn camera_sdk_frames_are_as_promised() {
    assert_golden("sse-handshake-all.txt", camera_sdk::handshake(camera_sdk::ALL_CAMERAS));
    assert_golden("sse-handshake-one.txt", camera_sdk::handshake("D10F60149B0C"));
    assert_golden("sse-keepalive.txt", camera_sdk::KEEPALIVE);
    assert_frame("sse-connected.txt", CameraNotice::Connected { model: "RTSP stream".into() });
    let reason = "no frame for 5s".to_owned();
    assert_frame("sse-disconnected.txt", CameraNotice::Disconnected { code: 0x8204, reason });
    let reason = "stopped on purpose".to_owned();
    assert_frame("sse-disconnected-on-purpose.txt", CameraNotice::Disconnected { code: 0, reason });
    let message = "Generic error".to_owned();
    assert_frame("sse-error.txt", CameraNotice::Error { code: 0x8001, message });
}

#[tokio::test]
async fn rest_answers_are_as_promised() {
    let appliance = Appliance::start().await;
    appliance.cameras.insert(CameraEntry {
        id: "yard".parse().unwrap(),
        state: CameraState::Error,
        reason: Some("camera.local refuses the user name or password".into()),
        size_px: None,
        fps: 0.0,
        last_seen_at: None,
        ..camera()
    });
    appliance.store.events.lock().unwrap().extend([event(11, 0), event(12, 3)]);
    appliance.store.detections.lock().unwrap().push(detection(91));
    for (file, path) in [
        ("rest-cameras.json", "/api/cameras"),
        ("rest-camera.json", "/api/cameras/yard"),
        ("rest-events.json", "/api/events?limit=1"),
        ("rest-event.json", "/api/events/12"),
        ("rest-detections.json", "/api/detections"),
        ("rest-detection.json", "/api/detections/91"),
        ("rest-health.json", "/health"),
        ("rest-ready.json", "/ready"),
        ("rest-not-found.json", "/api/nothing"),
    ] {
        assert_golden(file, appliance.get_json(path).await.body);
    }
    appliance.finished().await;
}

#[tokio::test]
async fn answers_with_the_time_in_them_have_the_promised_form() {
    let appliance = Appliance::start().await;
    appliance.health.component("store").degraded("disk is slow", "replace the card");
    for (file, path) in [
        ("rest-system-health.json", "/api/system/health"),
        ("rest-system-health-ready.json", "/api/system/health/ready"),
        ("rest-system-health-full.json", "/api/system/health/full"),
        ("rest-system-health-websocket.json", "/api/system/health/websocket"),
        ("rest-server-status.json", "/api/server/status"),
    ] {
        let mut body = appliance.get(path).await.json();
        still(&mut body);
        assert_golden(file, serde_json::to_string_pretty(&body).unwrap() + "\n");
    }
    appliance.finished().await;
}

/// Replaces what differs from run to run.
fn still(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, field) in fields {
                match name.as_str() {
                    "timestamp" | "since" => {
                        assert!(field.as_str().unwrap().parse::<Timestamp>().is_ok(), "{field}");
                        *field = "(time)".into();
                    }
                    "uptime" | "uptime_seconds" => {
                        assert!(field.is_u64(), "{name} must be whole seconds");
                        *field = 0.into();
                    }
                    "platform" => *field = "(platform)".into(),
                    // The test's own snapshot thread reports when it has started, and the
                    // service with the port it was given.
                    "services" | "infrastructure" => {
                        let is_still = |name: &str| name == "store";
                        field.as_object_mut().unwrap().retain(|name, _| is_still(name));
                        still(field);
                    }
                    _ => still(field),
                }
            }
        }
        serde_json::Value::Array(items) => items.iter_mut().for_each(still),
        _ => {}
    }
}
