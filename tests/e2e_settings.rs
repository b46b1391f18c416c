//! What somebody has set while the box ran holds when it starts again: cameras made
//! over the API, cameras of the file that were switched off, and settings.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod support;

use std::path::Path;

use serde_json::Value;
use support::appliance::{Appliance, eventually};
use support::live::WsClient;

const CONFIG: &str = "[detector]\nmodel = \"f32\"\n\
    [[camera]]\nid = \"yard\"\nname = \"Yard\"\nsource = \"script\"\n";

const GATE: &str = r#"{"name":"Gate","source":"script","detect":{"fps":1}}"#;

fn patch(appliance: &Appliance, path: &str, body: &str) -> Value {
    let mut answer = ureq::patch(appliance.url(path)).send(body).unwrap();
    answer.body_mut().read_json().unwrap()
}

fn wait_for(appliance: &Appliance, camera: &str, status: &str, enabled: bool) {
    eventually(&format!("{camera} is {status}"), || {
        let known = appliance.get("/api/cameras");
        let known = known["items"].as_array()?.iter().find(|it| it["id"] == camera)?.clone();
        (known["status"] == status && known["enabled"] == enabled).then_some(())
    });
}

fn holds(dir: &Path, text: &str) -> bool {
    let holds_one = |path: &Path| {
        let bytes = std::fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    };
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries
        .into_iter()
        .any(|path| if path.is_dir() { holds(&path, text) } else { holds_one(&path) })
}

#[test]
fn what_was_set_while_the_box_ran_survives_its_end() {
    let state = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::start(CONFIG, state.path());
    wait_for(&appliance, "yard", "online", true);
    let mut client = WsClient::connect(appliance.address(), "/ws/events");
    client.send("ping");
    client.next_where("the client is served", |it| it["type"] == "pong");

    let made = ureq::post(appliance.url("/api/cameras")).send(GATE).unwrap();
    assert_eq!(made.status(), 201);
    wait_for(&appliance, "gate", "online", true);
    client.next_where("the gate comes", |it| it["type"] == "camera.enabled");
    patch(&appliance, "/api/cameras/yard", r#"{"enabled":false}"#);
    client.next_where("the yard leaves", |it| it["type"] == "camera.disabled");
    patch(&appliance, "/api/cameras/gate", r#"{"detect":{"fps":2}}"#);
    let changed = client.next_where("the gate is set up otherwise", |it| {
        it["data"]["event_type"] == "camera.updated"
    });
    assert_eq!(changed["data"]["details"]["updated_fields"], serde_json::json!(["detect"]));
    patch(&appliance, "/api/cameras/gate", r#"{"username":"viewer","password":"hunter2"}"#);
    patch(&appliance, "/api/system/config", r#"{"batch":{"window_seconds":60}}"#);
    for round in 0..2 {
        match round {
            // What was answered is on the disk.
            0 => appliance.kill(),
            _ => {
                appliance.signal("TERM");
                assert!(appliance.wait().success());
            }
        }
        appliance = Appliance::start(CONFIG, state.path());
        wait_for(&appliance, "gate", "online", true);
        wait_for(&appliance, "yard", "unknown", false);
        assert_eq!(appliance.get("/api/system/config")["batch"]["window_seconds"], 60);
    }
    let journal = state.path().join("journal");
    assert!(!holds(&journal, "hunter2"), "a password is in no record");
    assert!(holds(&state.path().join("camera-passwords"), "hunter2"));

    patch(&appliance, "/api/cameras/yard", r#"{"enabled":true}"#);
    wait_for(&appliance, "yard", "online", true);
    let gone = ureq::delete(appliance.url("/api/cameras/gate")).call().unwrap();
    assert_eq!(gone.status(), 204);
    assert!(!holds(&state.path().join("camera-passwords"), "hunter2"));
}
