//! Cameras made, changed and removed over the API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::{Answer, Appliance, OPERATOR_KEY, with_keys};
use serde_json::{Value, json};
use watchpost::domain::{CAMERA_BOOK, Secret};
use watchpost::store::{Durability, Reader as _, StoreError};

const PATH: &str = "/api/cameras";

const GATE: &str = r#"{"name":"The gate","source":"rtsp://cam/1","username":"viewer",
    "password":"hunter2","detect":{"fps":2}}"#;

async fn send(appliance: &Appliance, method: &str, path: &str, body: &str) -> Answer {
    appliance.request(method, path, &[], body).await
}

fn kept(appliance: &Appliance) -> Value {
    let setting = appliance.store.setting(CAMERA_BOOK).unwrap();
    setting.map_or(Value::Null, |setting| serde_json::from_str(&setting.value).unwrap())
}

#[tokio::test]
async fn a_camera_is_kept_applied_and_shown_and_its_password_is_not() {
    let appliance = Appliance::start().await;
    let made = send(&appliance, "POST", PATH, GATE).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let camera = made.json();
    for (field, value) in [
        ("id", json!("the_gate")),
        ("name", json!("The gate")),
        ("folder_path", json!("rtsp://cam/1")),
        ("status", json!("unknown")),
        ("enabled", json!(true)),
    ] {
        assert_eq!(camera[field], value, "{field}");
    }
    assert_eq!(*appliance.store.submitted.lock().unwrap(), [(1, Durability::Synced)]);
    assert_eq!(kept(&appliance)["the_gate"]["definition"]["detect"], json!({"fps": 2}));
    assert!(!format!("{}{}", made.text(), kept(&appliance)).contains("hunter2"));
    let passwords = appliance.camera_desk.passwords.lock().unwrap().clone();
    assert_eq!(passwords.values().collect::<Vec<_>>(), [&Secret::new("hunter2")]);
    assert_eq!(appliance.tuned.lock().unwrap().len(), 1);
    let list = appliance.get_json(PATH).await.json();
    let ids: Vec<_> = list["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, ["front_door", "the_gate"]);
    appliance.finished().await;
}

#[tokio::test]
async fn a_camera_is_changed_switched_off_and_removed() {
    let appliance = Appliance::start().await;
    send(&appliance, "POST", PATH, GATE).await;
    let path = "/api/cameras/the_gate";
    let changed = r#"{"name":"Gate","detect":null,"fps":10,"enabled":false,"password":null}"#;
    let answer = send(&appliance, "PATCH", path, changed).await;
    assert_eq!((answer.status, &answer.json()["name"]), (200, &json!("Gate")));
    assert_eq!(appliance.get(path).await.json()["enabled"], false);
    let expected = json!({"the_gate": {"is_off": true, "definition": {
        "name": "Gate", "source": "rtsp://cam/1", "username": "viewer", "fps": 10}}});
    assert_eq!(kept(&appliance), expected);
    assert!(appliance.camera_desk.passwords.lock().unwrap().is_empty());

    assert_eq!(send(&appliance, "DELETE", path, "").await.status, 204);
    assert_eq!(appliance.get(path).await.status, 404);
    assert_eq!(send(&appliance, "DELETE", path, "").await.status, 404);
    assert_eq!(send(&appliance, "PATCH", path, "{}").await.status, 404);
    appliance.finished().await;
}

#[tokio::test]
async fn of_a_camera_in_the_file_only_its_name_and_whether_it_runs_can_be_changed() {
    let appliance = Appliance::start().await;
    let path = "/api/cameras/front_door";
    let answer = send(&appliance, "PATCH", path, r#"{"name":"Porch","enabled":false}"#).await;
    let camera = answer.json();
    assert_eq!((&camera["name"], &camera["enabled"]), (&json!("Porch"), &json!(false)));
    let back = send(&appliance, "PATCH", path, r#"{"name":null,"enabled":true}"#).await.json();
    assert_eq!((&back["name"], &back["enabled"]), (&json!("Front door"), &json!(true)));
    assert_eq!(kept(&appliance), json!({}), "nothing is over the file any more");

    let wrong = send(&appliance, "PATCH", path, r#"{"source":"test","name":""}"#).await;
    assert_eq!(wrong.status, 422);
    let detail = wrong.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("source: ") && detail.contains("name: "), "{detail}");
    assert_eq!(send(&appliance, "DELETE", path, "").await.status, 409);
    appliance.finished().await;
}

#[tokio::test]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let appliance = Appliance::start().await;
    for (body, status, named) in [
        ("[]", 400, "not a JSON object"),
        (r#"{"source":"test"}"#, 422, "name: "),
        (r#"{"name":"a"}"#, 422, "source: is missing"),
        (r#"{"name":"a","source":"test","id":"a b"}"#, 422, "id: "),
        (r#"{"name":"a","source":"test","enabled":1}"#, 422, "enabled: "),
        (r#"{"name":"a","source":"test","password":1}"#, 422, "password: "),
        (r#"{"name":"a","source":"test","password_file":"/etc/shadow"}"#, 422, "password_file: "),
        (r#"{"name":"Front door","source":"test"}"#, 409, "front_door already"),
    ] {
        let answer = send(&appliance, "POST", PATH, body).await;
        assert_eq!(answer.status, status, "{body}: {}", answer.text());
        assert!(answer.text().contains(named), "{body}: {}", answer.text());
    }
    let long = format!(r#"{{"name":"a","source":"test","x":"{}"}}"#, "x".repeat(20_000));
    assert_eq!(send(&appliance, "POST", PATH, &long).await.status, 422);
    assert_eq!(kept(&appliance), Value::Null);
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Full);
    assert_eq!(send(&appliance, "POST", PATH, GATE).await.status, 503);
    assert!(appliance.tuned.lock().unwrap().is_empty());
    appliance.finished().await;
}

#[tokio::test]
async fn there_are_no_two_of_one_id_and_no_more_than_there_is_room_for() {
    let appliance = Appliance::start().await;
    let body = |id: &str| format!(r#"{{"id":"{id}","name":"a","folder_path":"test"}}"#);
    for (id, status) in [("one", 201), ("one", 409), ("two", 201), ("three", 409)] {
        assert_eq!(send(&appliance, "POST", PATH, &body(id)).await.status, status, "{id}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn only_an_admin_changes_cameras() {
    let appliance = Appliance::with(with_keys()).await;
    let key = [("X-API-Key", OPERATOR_KEY)];
    for (method, path) in [
        ("POST", PATH),
        ("PATCH", "/api/cameras/front_door"),
        ("DELETE", "/api/cameras/front_door"),
    ] {
        assert_eq!(appliance.request(method, path, &key, "{}").await.status, 403, "{method}");
    }
    appliance.finished().await;
}
