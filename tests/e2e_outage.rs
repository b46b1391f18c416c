//! A camera goes away and comes back; the neighbour notices nothing.

mod support;

use serde_json::Value;
use support::appliance::{Appliance, eventually};
use support::live::{SseClient, WsClient};
use support::rtsp::RtspServer;

fn config(rtsp: &RtspServer) -> String {
    format!(
        r#"
        [[camera]]
        id = "gate"
        driver = "gst"
        source = "{}"

        [[camera]]
        id = "yard"
        driver = "sim"
        source = "script"
        fps = 10
        "#,
        rtsp.url()
    )
}

fn camera(appliance: &Appliance, id: &str) -> Value {
    appliance.get(&format!("/api/cameras/{id}"))
}

fn wait_for_status(appliance: &Appliance, id: &str, status: &str) {
    eventually(&format!("{id} is {status}"), || {
        let body = camera(appliance, id);
        let entry = if body.get("camera").is_some() { &body["camera"] } else { &body };
        (entry["status"] == status).then_some(())
    });
}

fn health_of(appliance: &Appliance, component: &str) -> Value {
    appliance.get("/api/system/health")["services"][component].clone()
}

fn frames_and_sessions(appliance: &Appliance, id: &str) -> (f64, f64) {
    let text = appliance.get_text("/metrics", "*/*");
    let value = |name: &str| {
        let series = format!("{name}{{camera=\"{id}\"}} ");
        text.lines()
            .find_map(|line| line.strip_prefix(&series))
            .unwrap_or_else(|| panic!("{series} is missing in:\n{text}"))
            .parse::<f64>()
            .expect("a number")
    };
    (value("watchpost_capture_frames_total"), value("watchpost_capture_sessions_total"))
}

#[test]
fn a_killed_camera_is_named_and_comes_back_while_the_other_goes_on() {
    outage(|rtsp| rtsp.kill(), |rtsp| rtsp.restart());
}

#[test]
fn a_silently_stalled_camera_is_named_and_comes_back_while_the_other_goes_on() {
    outage(|rtsp| rtsp.freeze(), |rtsp| rtsp.thaw());
}

fn outage(begin: impl Fn(&mut RtspServer), end: impl Fn(&mut RtspServer)) {
    let mut rtsp = RtspServer::start("vtest_full_768x576_10fps.mp4");
    let state = tempfile::tempdir().expect("a directory");
    let appliance = Appliance::start(&config(&rtsp), state.path());
    wait_for_status(&appliance, "gate", "online");
    wait_for_status(&appliance, "yard", "online");
    let mut notices = SseClient::connect(appliance.address(), "/api/cameras/gate/events");
    assert_eq!(notices.next().1, serde_json::json!({"cameraId": "gate"}));
    let mut events = WsClient::connect(appliance.address(), "/ws/events");
    events.send(r#"{"type":"subscribe","data":{"events":["camera.*"]}}"#);
    let (_, yard_sessions) = frames_and_sessions(&appliance, "yard");

    begin(&mut rtsp);
    let (name, lost) = notices.next();
    assert_eq!((name.as_str(), &lost["cameraId"]), ("disconnected", &"gate".into()), "{lost}");
    let status = events.next_where("offline", |m| m["type"] == "camera_status");
    assert_eq!(status["data"]["camera_id"], "gate");
    assert_ne!(status["data"]["status"], "online");
    let report = health_of(&appliance, "camera.gate");
    assert_ne!(report["status"], "healthy", "{report}");
    assert!(report["message"].as_str().is_some_and(|text| !text.is_empty()), "{report}");

    let (yard_frames, _) = frames_and_sessions(&appliance, "yard");
    end(&mut rtsp);
    let back = std::iter::repeat_with(|| notices.next()).find(|(name, _)| name == "connected");
    assert_eq!(back.expect("it comes back").1["cameraId"], "gate");
    wait_for_status(&appliance, "gate", "online");
    eventually("the box is healthy again", || {
        (health_of(&appliance, "camera.gate")["status"] == "healthy").then_some(())
    });
    eventually("the neighbour delivered all along", || {
        (frames_and_sessions(&appliance, "yard").0 > yard_frames).then_some(())
    });
    assert_eq!(frames_and_sessions(&appliance, "yard").1, yard_sessions, "one session all along");
}
