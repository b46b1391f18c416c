//! Settings at run time through the API.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::{Appliance, OPERATOR_KEY, with_keys};
use serde_json::json;
use watchpost::store::{Durability, StoreError};

const PATH: &str = "/api/system/config";

#[tokio::test]
async fn a_change_is_kept_applied_and_shown_and_null_takes_it_back() {
    let appliance = Appliance::start().await;
    let before = appliance.get(PATH).await.json();
    assert_eq!(before["detection"]["confidence_threshold"], json!(null));
    let body = r#"{"detection":{"confidence_threshold":0.7},"batch":{"window_seconds":60}}"#;
    let answer = appliance.request("PATCH", PATH, &[], body).await;
    assert_eq!((answer.status, &answer.json()["batch"]["window_seconds"]), (200, &json!(60)));
    assert_eq!(*appliance.store.submitted.lock().unwrap(), [(1, Durability::Synced)]);
    let taken_back = r#"{"batch":{"window_seconds":null},"retention":{"days":30}}"#;
    assert_eq!(appliance.request("PATCH", PATH, &[], taken_back).await.status, 200);
    let after = appliance.get(PATH).await.json();
    assert_eq!(after["detection"]["confidence_threshold"], 0.7);
    assert_eq!(
        (&after["batch"]["window_seconds"], &after["retention"]["days"]),
        (&json!(null), &json!(30))
    );
    let effective = &after["effective"];
    let camera = json!({
        "camera_id": "front_door", "confidence_threshold": 0.7, "motion_threshold": 0.0015,
        "fps": 5.0, "batch_window_seconds": 90.0, "batch_idle_timeout_seconds": 30.0,
    });
    assert_eq!(effective["cameras"], json!([camera]));
    assert_eq!(
        (&effective["retention_days"], &before["effective"]["retention_days"]),
        (&json!(30.0), &json!(0.04))
    );
    let applied: Vec<_> = appliance.tuned.lock().unwrap().iter().map(|s| s.revision).collect();
    assert_eq!(applied, [0, 1]);
    appliance.finished().await;
}

#[tokio::test]
async fn what_is_wrong_is_named_and_changes_nothing() {
    let appliance = Appliance::start().await;
    for (body, named) in [
        (r#"{"detection":{"confidence_threshold":1.5}}"#, "detection.confidence_threshold"),
        (r#"{"detection":{"confidence":0.5}}"#, "confidence"),
        (r#"{"retention":{"days":0}}"#, "retention.days"),
        (r#"{"batch":{"window_seconds":"long"}}"#, "window_seconds"),
    ] {
        let answer = appliance.request("PATCH", PATH, &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(named == "window_seconds" || answer.text().contains(named), "{}", answer.text());
    }
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Full);
    let body = r#"{"retention":{"days":3}}"#;
    assert_eq!(appliance.request("PATCH", PATH, &[], body).await.status, 503);
    assert!(appliance.tuned.lock().unwrap().is_empty());
    appliance.finished().await;
}

#[tokio::test]
async fn only_an_admin_changes_settings() {
    let appliance = Appliance::with(with_keys()).await;
    let key = [("X-API-Key", OPERATOR_KEY)];
    assert_eq!(appliance.request("GET", PATH, &key, "").await.status, 200);
    assert_eq!(appliance.request("PATCH", PATH, &key, "{}").await.status, 403);
    appliance.finished().await;
}
