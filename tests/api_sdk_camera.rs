//! The camera SDK's operations, on a still camera on a cable (scripted here).

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::cameras::{STILL_CAMERA, Sdk, StillCamera};
use api_support::golden::assert_golden;
use api_support::{Appliance, read_until};
use serde_json::json;
use watchpost::capture::ControlError;

async fn connected(appliance: &Appliance, mode: &str) -> StillCamera {
    let camera = StillCamera::attach(appliance);
    let body = format!(r#"{{"mode":"{mode}"}}"#);
    let answer = sdk(appliance).post("connection", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    camera
}

fn sdk(appliance: &Appliance) -> Sdk<'_> {
    Sdk { appliance, camera: STILL_CAMERA }
}

#[tokio::test]
async fn a_capture_is_told_as_the_event_page_promises() {
    let appliance = Appliance::start().await;
    let _camera = connected(&appliance, "remote").await;
    let mut events = appliance.stream("/api/events").await;
    read_until(&mut events, "{\"cameraId\":\"*\"}\n\n").await;
    assert_eq!(sdk(&appliance).post("actions/shutter", "{}").await.status, 200);
    let told = read_until(&mut events, "\"unlocked\",\"cameraId\":\"D10F60149B0C\"}\n\n").await;
    let told = told.replace(appliance.stills().to_str().unwrap(), "/stills");
    assert_golden("sse-capture-sequence.txt", told);
    appliance.finished().await;
}

#[tokio::test]
async fn a_pull_is_told_as_the_event_page_promises() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "remote-transfer").await;
    let mut events = appliance.stream("/api/events").await;
    read_until(&mut events, "{\"cameraId\":\"*\"}\n\n").await;
    let path = "sd-card/slot/1/files/131301/2/download";
    let answer = sdk(&appliance).post(path, "{}").await;
    assert_eq!(answer.status, 202);
    assert_golden("sdk-download.json", answer.text());
    let told = read_until(&mut events, "}\n\n").await;
    let root = appliance.stills().canonicalize().unwrap();
    assert_golden("sse-pull.txt", told.replace(root.to_str().unwrap(), "/stills"));
    assert_eq!(camera.asked().last().unwrap(), "pull 131301/2 Original");
    appliance.finished().await;
}

#[tokio::test]
async fn a_card_is_listed_and_its_contents_counted_by_the_mode() {
    for (mode, file_count) in [("remote-transfer", 2), ("contents", 3)] {
        let appliance = Appliance::start().await;
        let _camera = connected(&appliance, mode).await;
        let answer = sdk(&appliance).get("sd-card/slot/2/files").await;
        assert_eq!(answer.json()["file_count"], file_count, "{mode}");
        assert_golden(&format!("sdk-card-{mode}.json"), answer.text());
        appliance.finished().await;
    }
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "remote").await;
    assert_eq!(sdk(&appliance).get("sd-card/slot/1/files").await.status, 400);
    assert!(!camera.asked().contains(&"files 1".to_owned()), "the camera was left alone");
    appliance.finished().await;
}

#[tokio::test]
async fn only_a_running_transfer_answers_409_and_says_that_it_may_be_tried_again() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "contents").await;
    camera.refuse(ControlError::TransferBusy);
    let path = "sd-card/slot/1/files/131302/1/thumbnail";
    let busy = sdk(&appliance).post(path, "").await;
    assert_eq!(busy.status, 409);
    assert_golden("sdk-transfer-busy.json", busy.text());
    let again = sdk(&appliance).post(path, "").await;
    assert_eq!((again.status, &again.json()["type"]), (202, &json!("thumbnail")));
    camera.refuse(ControlError::Unknown("there is no such file".into()));
    assert_eq!(sdk(&appliance).post(path, "").await.status, 400);
    appliance.finished().await;
}

#[tokio::test]
async fn a_pull_goes_below_the_directory_for_stills_or_nowhere() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "contents").await;
    let path = "sd-card/slot/1/files/1/0/screennail";
    for save_path in ["/etc", "../..", "a/../../b", "/"] {
        let body = json!({"save_path": save_path}).to_string();
        let answer = sdk(&appliance).post(path, &body).await;
        assert_eq!(answer.status, 400, "{save_path}: {}", answer.text());
    }
    assert!(!camera.asked().iter().any(|asked| asked.starts_with("pull")));
    let inside = appliance.stills().join("inside");
    let body = json!({"save_path": inside}).to_string();
    assert_eq!(sdk(&appliance).post(path, &body).await.status, 202);
    assert!(inside.is_dir());
    appliance.finished().await;
}

#[tokio::test]
async fn properties_are_read_and_set_in_every_form_a_client_writes() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "remote").await;
    let sdk = sdk(&appliance);
    assert_golden("sdk-property.json", sdk.get("properties/iso").await.text());
    assert_golden("sdk-properties.json", sdk.get("properties/all").await.text());
    let answer = sdk.put("properties/iso", r#"{"value":"0x190"}"#).await;
    assert_golden("sdk-property-set.json", answer.text());
    for body in [r#"{"value":"400"}"#, r#"{"value":400}"#, r#"{"value":" 400 ","other":1}"#] {
        let answer = sdk.put("properties/iso", body).await;
        assert_eq!((answer.status, &answer.json()["data"]["value"]), (200, &json!("0x190")));
    }
    let set = camera.asked().iter().filter(|asked| *asked == "set iso 400").count();
    assert_eq!(set, 4);
    let refused = sdk.put("properties/iso", r#"{"value":"640"}"#).await;
    assert_eq!(refused.status, 400);
    assert_golden("sdk-property-not-available.json", refused.text());
    let refused = sdk.put("properties/aperture", r#"{"value":"f/8"}"#).await;
    assert_eq!((refused.status, &refused.json()["data"]["retryable"]), (400, &json!("true")));
    for body in ["", "{}", "{", r#"{"value":""}"#, r#"{"value":[1]}"#, r#"{"value":1.5}"#] {
        assert_eq!(sdk.put("properties/iso", body).await.status, 400, "{body}");
    }
    let long = "x".repeat(3000);
    for name in ["shoe-size", "..", "%00", "iso%2F..", long.as_str()] {
        let answer = sdk.get(&format!("properties/{name}")).await;
        assert_eq!(answer.status, 400, "{name}: {}", answer.text());
    }
    appliance.finished().await;
}

#[tokio::test]
async fn actions_reach_the_camera_as_they_were_meant() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "remote").await;
    let sdk = sdk(&appliance);
    for (path, body, asked, golden) in [
        ("actions/half-press", "", "HalfPress", "sdk-half-press.json"),
        ("actions/af-shutter", "", "AfShutter", "sdk-af-shutter.json"),
        ("actions/movie-rec", "", "MovieRecord", "sdk-movie-rec.json"),
        ("actions/zoom", r#"{"direction":"out","speed":"fast"}"#, "Zoom(-8)", "sdk-zoom.json"),
        ("actions/focus-near-far", r#"{"step":-3}"#, "FocusNearFar(-3)", "sdk-focus.json"),
    ] {
        let answer = sdk.post(path, body).await;
        assert_eq!((answer.status, camera.asked().last().unwrap().as_str()), (200, asked));
        assert_golden(golden, answer.text());
    }
    for body in ["{}", r#"{"step":0}"#, r#"{"step":8}"#, r#"{"step":"far"}"#, r#"{"step":1.5}"#] {
        assert_eq!(sdk.post("actions/focus-near-far", body).await.status, 400, "{body}");
    }
    let area = sdk.put("af-area-position", r#"{"x":0,"y":479}"#).await;
    assert_golden("sdk-af-area.json", area.text());
    assert_eq!(camera.asked().last().unwrap(), "AfArea { x: 0.0, y: 1.0 }");
    let wins = r#"{"x":700,"y":1,"normalized":{"x":0.5,"y":0.25}}"#;
    assert_eq!(sdk.put("af-area-position", wins).await.json()["data"]["x"], 320);
    for body in ["{}", r#"{"x":1}"#, r#"{"x":640,"y":1}"#, r#"{"normalized":{"x":2,"y":0}}"#] {
        assert_eq!(sdk.put("af-area-position", body).await.status, 400, "{body}");
    }
    for body in ["{}", r#"{"button":"menu","action":"lick"}"#, r#"{"button":"menu"}"#] {
        assert_eq!(sdk.post("actions/button", body).await.status, 400, "{body}");
    }
    let priority = r#"{"setting":"camera-position"}"#;
    assert_eq!(sdk.put("priority-key", priority).await.status, 200);
    assert_eq!(sdk.put("priority-key", r#"{"setting":"me"}"#).await.status, 400);
    appliance.finished().await;
}

#[tokio::test]
async fn whatever_a_camera_refuses_is_400_and_the_shutter_fires_once() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "remote").await;
    let sdk = sdk(&appliance);
    for (error, golden) in [
        (ControlError::ManualFocus, "sdk-manual-focus.json"),
        (
            ControlError::Refused { code: 0x8215, message: "the camera refuses".into() },
            "sdk-camera-refused.json",
        ),
        (ControlError::Gone, "sdk-camera-gone.json"),
    ] {
        camera.refuse(error);
        let answer = sdk.post("actions/shutter", "").await;
        assert_eq!(answer.status, 400);
        assert_golden(golden, answer.text());
    }
    let fired = camera.asked().iter().filter(|asked| asked.starts_with("Shutter")).count();
    assert_eq!(fired, 3, "nothing was repeated by the box");
    appliance.finished().await;
}

#[tokio::test]
async fn a_second_connect_changes_nothing_and_a_mode_holds_until_the_session_ends() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "contents").await;
    let sdk = sdk(&appliance);
    let again = sdk.post("connection", r#"{"mode":"remote","reconnecting":"off"}"#).await;
    assert_eq!((again.status, &again.json()["data"]["mode"]), (200, &json!("contents")));
    assert_eq!(camera.asked(), ["connect Contents kept true", "connect Remote kept false"]);
    sdk.delete("connection").await;
    assert_eq!(sdk.get("connection").await.json().get("data"), None);
    camera.refuse(ControlError::Refused { code: 0x8208, message: "busy elsewhere".into() });
    let refused = sdk.post("connection", "{}").await;
    assert_golden("sdk-connect-refused.json", refused.text());
    appliance.finished().await;
}

#[tokio::test]
async fn names_chosen_for_stills_hold_in_the_next_session() {
    let appliance = Appliance::start().await;
    let camera = connected(&appliance, "remote").await;
    let sdk = sdk(&appliance);
    let body = r#"{"path":"shoot","prefix":"A","startNo":12}"#;
    assert_eq!(sdk.put("settings/save-info", body).await.status, 200);
    sdk.delete("connection").await;
    sdk.post("connection", "{}").await;
    assert_eq!(camera.asked().last().unwrap(), "name \"A\" Some(12)");
    assert_eq!(sdk.get("settings/save-info").await.json()["data"]["startNo"], 12);
    appliance.finished().await;
}
