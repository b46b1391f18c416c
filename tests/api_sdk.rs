//! The camera SDK's operations, on a camera that is a stream.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::sync::Arc;

use api_support::cameras::{Sdk, stream};
use api_support::golden::assert_golden;
use api_support::{Appliance, camera, frame, read_until, with_keys};
use log::Level;
use serde_json::{Value, json};
use watchpost::api::ApiSettings;
use watchpost::capture::CameraEntry;
use watchpost::domain::{BBox, CameraState, FrameTap as _, Label, TrackId};
use watchpost::health::LogLine;
use watchpost::media::OverlayBox;

fn front_door(appliance: &Appliance) -> Sdk<'_> {
    Sdk { appliance, camera: "front_door" }
}

#[tokio::test]
async fn a_stream_is_connected_from_the_start_and_each_connect_is_announced() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    let sdk = front_door(&appliance);
    let mut events = appliance.stream("/api/cameras/front_door/events").await;
    read_until(&mut events, "{\"cameraId\":\"front_door\"}\n\n").await;
    assert_golden("sdk-connection.json", sdk.get("connection").await.text());
    for body in ["", "{}", " ", "null", r#"{"mode":"remote","unknown":[1],"reconnecting":"off"}"#] {
        let answer = sdk.post("connection", body).await;
        assert_eq!((answer.status, &answer.json()["data"]["mode"]), (200, &json!("remote")));
        let told = read_until(&mut events, "\n\n").await;
        assert!(told.contains("\"model\":\"RTSP stream\""), "{body}: {told}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_session_that_was_ended_is_told_refused_and_begun_again_at_once() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    let sdk = front_door(&appliance);
    let mut events = appliance.stream("/api/events").await;
    read_until(&mut events, "{\"cameraId\":\"*\"}\n\n").await;
    assert_golden("sdk-disconnected.json", sdk.delete("connection").await.text());
    let told = read_until(&mut events, "\n\n").await;
    assert!(told.starts_with("event: disconnected\ndata: {\"error\":\"0x00000000\""), "{told}");
    assert_eq!(sdk.delete("connection").await.status, 200, "ending it twice is no fault");
    assert_golden("sdk-not-connected.json", sdk.get("connection").await.text());
    assert_eq!(appliance.get("/api/cameras").await.json()["cameras"][0]["connected"], false);
    assert_eq!(appliance.get("/api/server/status").await.json()["cameras"]["connected"], 0);
    let refused = sdk.get("properties/all").await;
    assert_golden("sdk-refused-not-connected.json", refused.text());
    assert_eq!(sdk.post("connection", "").await.json()["message"], "Camera connected");
    assert_eq!(appliance.get("/api/cameras").await.json()["cameras"][0]["connected"], true);
    appliance.finished().await;
}

#[tokio::test]
async fn without_a_session_one_family_answers_400_and_the_other_404() {
    let appliance = Appliance::start().await;
    for (method, path, status) in [
        ("GET", "properties/all", 400),
        ("GET", "properties/iso", 400),
        ("PUT", "properties/iso", 400),
        ("GET", "priority-key", 400),
        ("POST", "actions/shutter", 400),
        ("POST", "actions/half-press", 400),
        ("POST", "actions/movie-rec", 400),
        ("POST", "live-view/start", 400),
        ("GET", "live-view/status", 400),
        ("GET", "live-view/osd-status", 400),
        ("GET", "settings/save-info", 400),
        ("GET", "live-view/frame", 404),
        ("GET", "live-view/osd-frame", 404),
        ("GET", "af-area-position", 404),
        ("PUT", "af-area-position", 404),
        ("GET", "tracking-frame", 404),
        ("GET", "fingerprint", 404),
        ("GET", "sd-card/slot/1/files", 404),
        ("POST", "sd-card/slot/1/files/1/1/download", 404),
        ("GET", "connection", 200),
        ("DELETE", "connection", 200),
        ("GET", "settings/files", 200),
    ] {
        let body = match (method, path) {
            ("PUT", "properties/iso") => r#"{"value":"100"}"#,
            ("PUT", _) => r#"{"x":1,"y":2}"#,
            _ => "",
        };
        let path = format!("/api/cameras/nobody/{path}");
        let answer = appliance.request(method, &path, &[], body).await;
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
        assert_eq!(answer.json()["success"], status == 200, "{path}");
        assert!(answer.json()["message"].is_string(), "{path}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_wrong_connect_is_refused_for_its_first_mistake() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    for (camera, body, word) in [
        ("nobody", r#"{"mode":"ptp"}"#, "Invalid mode"),
        ("front_door", r#"{"mode":"ptp"}"#, "Invalid mode"),
        ("front_door", r#"{"mode":7}"#, "Invalid mode"),
        ("nobody", "{}", "Camera not found"),
        ("front_door", r#"{"password":"secret"}"#, "access authentication"),
        ("front_door", r#"{"reconnecting":"maybe"}"#, "Invalid reconnecting"),
        ("front_door", "{", "Invalid JSON"),
        ("front_door", "[]", "Invalid JSON"),
    ] {
        let sdk = Sdk { appliance: &appliance, camera };
        let answer = sdk.post("connection", body).await;
        assert_eq!(answer.status, 400, "{body}");
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.starts_with(word), "{body}: {message}");
        assert!(!message.contains("secret"));
    }
    let sdk = front_door(&appliance);
    sdk.delete("connection").await;
    let answer = sdk.post("connection", r#"{"mode":"contents"}"#).await;
    assert_eq!((answer.status, &answer.json()["camera"]["connected"]), (400, &json!(false)));
    appliance.cameras.insert(CameraEntry { state: CameraState::Offline, ..camera() });
    let answer = sdk.post("connection", "").await;
    assert_eq!(answer.json()["data"]["error_code"], "0x00008201");
    appliance.finished().await;
}

#[tokio::test]
async fn ids_that_are_placeholders_or_missing_are_400_with_a_hint() {
    let appliance = Appliance::start().await;
    for id in ["{cameraId}", "%7BcameraId%7D", "", "a%2F..%2Fb", "%20"] {
        let answer = appliance.get(&format!("/api/cameras/{id}/connection")).await;
        assert_eq!(answer.status, 400, "{id}");
        assert!(answer.json()["error"]["hint"].as_str().unwrap().contains("/api/cameras"), "{id}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn other_methods_are_405_and_unknown_things_400_or_404() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    for (method, path, status, allow) in [
        ("PATCH", "connection", 405, Some("DELETE, GET, HEAD, OPTIONS, POST")),
        ("POST", "properties/iso", 405, Some("GET, HEAD, OPTIONS, PUT")),
        ("GET", "actions/shutter", 405, Some("OPTIONS, POST")),
        ("GET", "live-view/start", 405, Some("OPTIONS, POST")),
        ("DELETE", "settings/save-info", 405, Some("GET, HEAD, OPTIONS, PUT")),
        ("POST", "actions/dance", 400, None),
        ("GET", "properties/shoe-size", 400, None),
        ("GET", "live-view/dance", 404, None),
        ("GET", "sd-card/slot/3/files", 404, None),
        ("POST", "sd-card/slot/1/files/1/abc/download", 404, None),
        ("POST", "sd-card/slot/1/files/-1/1/thumbnail", 404, None),
        ("GET", "sd-card/slot/1/files", 400, None),
    ] {
        let path = format!("/api/cameras/front_door/{path}");
        let answer = appliance.request(method, &path, &[], "").await;
        assert_eq!((answer.status, answer.header("allow")), (status, allow), "{method} {path}");
        assert_eq!(answer.json()["success"], false, "{path}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_stream_says_what_it_can_be_asked_and_what_not() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    let sdk = front_door(&appliance);
    assert_golden("sdk-properties-stream.json", sdk.get("properties/all").await.text());
    assert_golden("sdk-fingerprint.json", sdk.get("fingerprint").await.text());
    assert_golden("sdk-priority-key.json", sdk.get("priority-key").await.text());
    let held = r#"{"setting":"pc-remote"}"#;
    assert_golden("sdk-priority-key-set.json", sdk.put("priority-key", held).await.text());
    for (path, body) in [
        ("actions/half-press", ""),
        ("actions/movie-rec", ""),
        ("actions/zoom", r#"{"speed":-4}"#),
        ("actions/focus-near-far", r#"{"step":3}"#),
        ("actions/button", r#"{"button":"menu"}"#),
        ("actions/touch", r#"{"x":1,"y":2}"#),
        ("actions/touch-cancel", ""),
        ("settings/download", ""),
        ("settings/upload", r#"{"filename":"../../etc/passwd"}"#),
        ("lut/import", r#"{"filePath":"/etc/passwd"}"#),
    ] {
        let answer = sdk.post(path, body).await;
        assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"unsupported".into()));
    }
    let answer = sdk.get("af-area-position").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"unsupported".into()));
    appliance.finished().await;
}

#[tokio::test]
async fn the_shutter_of_a_stream_keeps_a_whole_picture_and_says_where() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    let sdk = front_door(&appliance);
    let mut events = appliance.stream("/api/events").await;
    read_until(&mut events, "{\"cameraId\":\"*\"}\n\n").await;
    assert_golden("sdk-shutter.json", sdk.post("actions/shutter", "").await.text());
    let told = read_until(&mut events, "\"type\":\"image\",\"cameraId\":\"front_door\"}\n\n").await;
    assert!(told.starts_with(
        "event: warning\ndata: {\"code\":\"0x20011\",\"message\":\"Captured_Event\",\
         \"cameraId\":\"front_door\"}\n\nevent: downloadComplete\ndata: {\"filename\":\""
    ));
    let path = appliance.stills().join("front_door/DSC00001.JPG");
    assert!(told.contains(path.to_str().unwrap()), "{told}");
    assert!(std::fs::read(&path).unwrap().starts_with(&[0xFF, 0xD8, 0xFF]));
    assert_eq!(sdk.post("actions/af-shutter", "").await.status, 200);
    assert_eq!(sdk.post("actions/shutter", r#"{"action":"up"}"#).await.status, 200);
    assert_eq!(sdk.post("actions/shutter", r#"{"action":"sideways"}"#).await.status, 400);
    let names = std::fs::read_dir(path.parent().unwrap()).unwrap().count();
    assert_eq!(names, 2, "letting go of the shutter takes no picture");
    appliance.finished().await;
}

#[tokio::test]
async fn a_still_that_cannot_be_kept_is_a_named_failure_that_no_client_repeats() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    std::fs::write(appliance.stills(), "a file where the directory should be").unwrap();
    let answer = front_door(&appliance).post("actions/shutter", "").await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (400, &"disk_failed".into()));
    appliance.finished().await;
}

#[tokio::test]
async fn live_view_gives_pictures_while_it_runs_and_404_before_and_after() {
    let appliance = Appliance::start().await;
    let (_controls, view) = stream(&appliance);
    let sdk = front_door(&appliance);
    assert_golden("sdk-live-view-status.json", sdk.get("live-view/status").await.text());
    assert_golden("sdk-live-view-not-running.json", sdk.get("live-view/frame").await.text());
    assert_eq!(sdk.get("live-view/frame").await.status, 404);
    let state = async || {
        let data = sdk.get("live-view/status").await.json()["data"].clone();
        (data["enabled"] == true, data["streaming"] == true)
    };
    for verb in ["start", "start"] {
        assert_eq!(sdk.post(&format!("live-view/{verb}"), "").await.status, 200);
    }
    assert_eq!(state().await, (true, true));
    let first = sdk.get("live-view/frame").await;
    assert_eq!((first.status, first.header("content-type")), (200, Some("image/jpeg")));
    assert!(first.body.starts_with(&[0xFF, 0xD8, 0xFF]));
    let labels = [("camera", "front_door")];
    let encoded = appliance.metrics.counter("watchpost_live_pictures_encoded_total", "", &labels);
    for _ in 0..5 {
        assert_eq!(sdk.get("live-view/frame").await.body, first.body);
    }
    assert_eq!(encoded.value(), 1, "one frame is encoded once however many poll it");
    view.offer(&Arc::new(frame()));
    sdk.get("live-view/frame").await;
    assert_eq!(encoded.value(), 2);
    sdk.post("live-view/stop", "").await;
    assert_eq!(state().await, (true, false));
    sdk.post("live-view/disable", "").await;
    assert_eq!(state().await, (false, false));
    sdk.post("live-view/enable", "").await;
    assert_eq!((state().await, sdk.get("live-view/frame").await.status), ((true, false), 404));
    appliance.finished().await;
}

#[tokio::test]
async fn the_display_and_the_tracking_frames_show_what_the_detector_sees() {
    let appliance = Appliance::start().await;
    let (_controls, view) = stream(&appliance);
    let sdk = front_door(&appliance);
    let seen = |label: &str, confidence, bbox| OverlayBox {
        track: TrackId(1),
        label: Label::new(label),
        confidence,
        bbox,
    };
    view.set_overlay(vec![
        seen("dog", 0.5, BBox::from_corners(0.0, 0.0, 0.25, 0.25)),
        seen("person", 0.9, BBox::from_corners(0.25, 0.5, 0.75, 1.0)),
    ]);
    assert_eq!(sdk.get("tracking-frame").await.status, 400, "live view is off");
    sdk.post("live-view/start", "").await;
    assert_golden("sdk-tracking-frame.json", sdk.get("tracking-frame").await.text());
    assert_eq!(sdk.get("live-view/osd-frame").await.status, 404, "the display is off");
    assert_eq!(sdk.post("live-view/osd-enable", "").await.status, 200);
    assert_golden("sdk-osd-status.json", sdk.get("live-view/osd-status").await.text());
    let (with, without) = (sdk.get("live-view/osd-frame").await, sdk.get("live-view/frame").await);
    assert_eq!((with.status, without.status), (200, 200));
    assert_ne!(with.body, without.body);
    sdk.post("live-view/osd-disable", "").await;
    assert_eq!(sdk.get("live-view/osd-frame").await.status, 404);
    appliance.finished().await;
}

#[tokio::test]
async fn stills_go_where_a_client_says_below_one_directory_and_nowhere_else() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    let sdk = front_door(&appliance);
    assert_golden("sdk-save-info.json", sdk.text(&sdk.get("settings/save-info").await));
    let body = r#"{"path":"2026/wedding","prefix":"W_","startNo":7}"#;
    let set = sdk.put("settings/save-info", body).await;
    assert_golden("sdk-save-info-set.json", sdk.text(&set));
    sdk.post("actions/shutter", "").await;
    assert!(appliance.stills().join("2026/wedding/W_00007.JPG").is_file());
    for body in [
        "{}",
        r#"{"path":""}"#,
        r#"{"path":"../elsewhere"}"#,
        r#"{"path":"/etc"}"#,
        r#"{"path":"a/.ssh"}"#,
        r#"{"path":"a","prefix":"../x"}"#,
        r#"{"path":"a","startNo":-2}"#,
        r#"{"path":"a","startNo":1e9}"#,
        r#"{"path":5}"#,
    ] {
        assert_eq!(sdk.put("settings/save-info", body).await.status, 400, "{body}");
    }
    assert!(sdk.get("settings/save-info").await.text().contains("2026/wedding"));
    assert_golden("sdk-settings-files.json", sdk.get("settings/files").await.text());
    appliance.finished().await;
}

#[tokio::test]
async fn the_log_is_told_newest_first_and_by_level() {
    let appliance = Appliance::start().await;
    for (level, message, camera) in [
        (Level::Error, "The disk is full.", None),
        (Level::Debug, "Another try.", None),
        (Level::Warn, "No frame.", Some("front_door".to_owned())),
    ] {
        let (at, message) = (api_support::MORNING, message.to_owned());
        appliance.logs.push(LogLine { at, level, message, camera });
    }
    assert_golden("sdk-server-logs.json", appliance.get("/api/server/logs").await.text());
    let count = async |query: &str| {
        let answer = appliance.get(&format!("/api/server/logs?{query}")).await.json();
        (answer["returned"].as_u64().unwrap(), answer["total"].as_u64().unwrap())
    };
    assert_eq!(count("level=debug").await, (3, 3));
    assert_eq!(count("level=error").await, (1, 3));
    assert_eq!(count("lines=1").await, (1, 3));
    assert_eq!(count("lines=-4&level=loud").await, (1, 3), "wrong values count as not given");
    assert_eq!(count("lines=many").await, (2, 3));
    appliance.finished().await;
}

#[tokio::test]
async fn the_daemon_is_stopped_over_the_network_only_where_that_is_allowed() {
    let appliance = Appliance::start().await;
    let refused = appliance.request("POST", "/api/server/shutdown", &[], "").await;
    assert_eq!((refused.status, &refused.json()["success"]), (403, &json!(false)));
    let settings = ApiSettings { allow_shutdown: true, ..ApiSettings::default() };
    appliance.settings.store(Arc::new(settings));
    let foreign = [("Origin", "https://evil.example")];
    let answer = appliance.request("POST", "/api/server/shutdown", &foreign, "").await;
    assert_eq!(answer.status, 403);
    let accepted = appliance.request("POST", "/api/server/shutdown", &[], "").await;
    assert_golden("sdk-server-shutdown.json", accepted.text());
    tokio::time::timeout(api_support::PATIENCE, appliance.asked_to_stop.notified()).await.unwrap();
    appliance.finished().await;
}

#[tokio::test]
async fn with_keys_a_viewer_may_look_and_an_operator_may_act() {
    let appliance = Appliance::with(with_keys()).await;
    let _controls = stream(&appliance);
    let send = async |method: &str, path: &str, key: &str| {
        let path = format!("/api/cameras/front_door/{path}");
        appliance.request(method, &path, &[("X-API-Key", key)], "").await.status
    };
    let (viewer, operator) = (api_support::VIEWER_KEY, api_support::OPERATOR_KEY);
    assert_eq!(send("GET", "properties/all", "").await, 401);
    assert_eq!(send("GET", "properties/all", viewer).await, 200);
    assert_eq!(send("POST", "actions/shutter", viewer).await, 403);
    assert_eq!(send("POST", "actions/shutter", operator).await, 200);
    let stop = [("X-API-Key", operator)];
    assert_eq!(appliance.request("POST", "/api/server/shutdown", &stop, "").await.status, 403);
    appliance.finished().await;
}

#[tokio::test]
async fn pages_of_listed_origins_may_act_and_the_star_opens_reading_only() {
    let origins = vec!["https://studio.example".to_owned(), "*".to_owned()];
    let appliance = Appliance::with(ApiSettings { origins, ..ApiSettings::default() }).await;
    let _controls = stream(&appliance);
    let path = "/api/cameras/front_door/actions/shutter";
    for (origin, status) in [("https://studio.example", 200), ("https://evil.example", 403)] {
        let headers = [("Origin", origin), ("Sec-Fetch-Site", "cross-site")];
        assert_eq!(appliance.request("POST", path, &headers, "").await.status, status, "{origin}");
        let read = appliance.request("GET", "/api/cameras", &headers, "").await;
        assert_eq!((read.status, read.header("access-control-allow-origin")), (200, Some("*")));
        assert!(read.header("access-control-allow-methods").unwrap().contains("DELETE"));
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_camera_that_leaves_the_configuration_cannot_be_controlled_any_more() {
    let appliance = Appliance::start().await;
    let (controls, _view) = stream(&appliance);
    assert_eq!(front_door(&appliance).get("priority-key").await.status, 200);
    controls.apply(&[]);
    assert_eq!(front_door(&appliance).get("priority-key").await.status, 400);
    let answer: Value = front_door(&appliance).get("connection").await.json();
    assert_eq!(answer["camera"]["connected"], false);
    appliance.finished().await;
}

#[tokio::test]
async fn stills_are_listed_the_latest_first_and_each_has_an_address() {
    let appliance = Appliance::start().await;
    let _controls = stream(&appliance);
    let sdk = front_door(&appliance);
    let none = appliance.get("/api/cameras/front_door/stills").await.json();
    assert_eq!((&none["items"], &none["pagination"]["total"]), (&json!([]), &json!(0)));
    for _ in 0..2 {
        assert_eq!(sdk.post("actions/shutter", "").await.status, 200);
    }
    let elsewhere = r#"{"path":"wedding","prefix":"W_","startNo":7}"#;
    assert_eq!(sdk.put("settings/save-info", elsewhere).await.status, 200);
    assert_eq!(sdk.post("actions/shutter", "").await.status, 200);
    let page = appliance.get("/api/cameras/front_door/stills?limit=2").await.json();
    let names: Vec<_> = page["items"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["W_00007.JPG", "DSC00002.JPG"], "{page}");
    assert_eq!(page["pagination"]["has_more"], true);
    let still = &page["items"][0];
    let url = still["url"].as_str().unwrap();
    let answer = appliance.get(url).await;
    let kept = std::fs::read(appliance.stills().join("wedding/W_00007.JPG")).unwrap();
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/jpeg")));
    assert!(answer.body == kept && still["size_bytes"] == kept.len());
    let part = appliance.request("GET", url, &[("Range", "bytes=0-2")], "").await;
    assert_eq!((part.status, &part.body[..]), (206, &[0xFF, 0xD8, 0xFF][..]));
    appliance.finished().await;
}

#[tokio::test]
async fn what_is_no_still_of_the_camera_is_not_found() {
    let appliance = Appliance::start().await;
    let root = appliance.stills();
    std::fs::create_dir_all(root.join("yard")).unwrap();
    std::fs::write(root.join("yard/DSC00001.JPG"), "of a camera that was removed").unwrap();
    std::fs::write(root.join("yard/.still.JPG.part"), "half").unwrap();
    std::os::unix::fs::symlink("/etc/passwd", root.join("yard/DSC00002.JPG")).unwrap();
    let left = appliance.get("/api/cameras/yard/stills").await.json();
    assert_eq!(left["pagination"]["total"], 1, "{left}");
    let id = left["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/cameras/yard/stills/{id}");
    assert_eq!(appliance.get(&path).await.status, 200);
    for path in [
        format!("front_door/stills/{id}"),
        "yard/stills/DSC00001.JPG".to_owned(),
        "yard/stills/..%2f..%2fetc%2fpasswd".to_owned(),
        "gone/stills".to_owned(),
    ] {
        assert_eq!(appliance.get(&format!("/api/cameras/{path}")).await.status, 404, "{path}");
    }
    assert_eq!(appliance.request("DELETE", &path, &[], "").await.status, 204);
    assert!(!root.join("yard/DSC00001.JPG").exists());
    assert_eq!(appliance.request("DELETE", &path, &[], "").await.status, 404);
}
