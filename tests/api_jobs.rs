//! Jobs and exports, through real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::{Appliance, Client, OPERATOR_KEY, VIEWER_KEY, event, with_keys};
use serde_json::{Value, json};

/// RFC 6455 section 7.4.1.
const CLOSED_NORMALLY: u16 = 1000;
const CHECK: &str = r#"{"job_type":"store_check"}"#;

async fn start(appliance: &Appliance, path: &str, body: &str) -> String {
    let answer = appliance.request("POST", path, &[], body).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json()["job_id"].as_str().unwrap().to_owned()
}

/// Messages until one of this type has come, that one included.
async fn until(client: &mut Client, wanted: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    loop {
        let message = client.json().await;
        let is_last = message["type"] == wanted;
        seen.push(message);
        if is_last {
            return seen;
        }
    }
}

fn types(messages: &[Value]) -> Vec<&str> {
    messages.iter().map(|message| message["type"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn an_export_is_started_told_and_fetched() {
    let appliance = Appliance::start().await;
    *appliance.store.events.lock().unwrap() = (1..=30).map(|id| event(id, 0)).collect();
    let mut client = appliance.websocket("/ws/events").await;
    let body = r#"{"format":"csv","columns":["id","summary"]}"#;
    let id = start(&appliance, "/api/exports", body).await;
    let told = until(&mut client, "job_completed").await;
    let told_types = types(&told);
    assert_eq!(told_types.first(), Some(&"job.started"));
    assert!(
        told_types.iter().filter(|name| **name == "job_progress").count() >= 5,
        "{told_types:?}"
    );
    assert!(told.iter().all(|message| message["data"]["job_id"] == id));
    let result = &told.last().unwrap()["data"]["result"];
    assert_eq!(result["records"], 30);
    let file = appliance.get(result["download_url"].as_str().unwrap()).await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("Content-Type"), Some("text/csv; charset=utf-8"));
    assert!(file.header("Content-Disposition").unwrap().contains("watchpost-events.csv"));
    let lines: Vec<_> = file.text().lines().collect();
    assert_eq!((lines[0], lines.len()), ("id,summary", 31));
    assert!(lines[1].starts_with("30,"), "newest first: {}", lines[1]);

    let gone = appliance.request("DELETE", &format!("/api/exports/{id}"), &[], "").await;
    assert_eq!(gone.status, 204);
    let again = appliance.get(&format!("/api/exports/{id}/download")).await;
    assert_eq!((again.status, again.json()["error"]["code"].clone()), (404, json!("no_file")));
    appliance.finished().await;
}

#[tokio::test]
async fn a_zip_holds_the_table_of_its_events() {
    let appliance = Appliance::start().await;
    *appliance.store.events.lock().unwrap() = vec![event(1, 0)];
    let mut client = appliance.websocket("/ws/system").await;
    let id = start(&appliance, "/api/exports", r#"{"format":"zip"}"#).await;
    until(&mut client, "job_completed").await;
    let progress = appliance.get(&format!("/api/exports/{id}")).await.json()["progress"].clone();
    assert_eq!(progress, json!({"processed": 1, "total": 1, "percent": 100}));
    let file = appliance.get(&format!("/api/exports/{id}/download")).await;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file.body)).unwrap();
    let table = std::io::read_to_string(zip.by_name("events.csv").unwrap()).unwrap();
    assert_eq!(table.lines().count(), 2, "{table}");
    appliance.finished().await;
}

#[tokio::test]
async fn a_backup_holds_what_an_import_takes() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/system").await;
    let id = start(&appliance, "/api/jobs", r#"{"job_type":"backup"}"#).await;
    until(&mut client, "job_completed").await;
    let file = appliance.get(&format!("/api/exports/{id}/download")).await;
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(file.body)).unwrap();
    let records = std::io::read_to_string(zip.by_name("records.jsonl").unwrap()).unwrap();
    assert_eq!(records, "{}\n");
    appliance.finished().await;
}

#[tokio::test]
async fn a_log_is_followed_from_its_beginning_to_its_end() {
    let appliance = Appliance::start().await;
    let id = start(&appliance, "/api/jobs", CHECK).await;
    let path = format!("/ws/jobs/{id}/logs");
    let mut live = appliance.websocket(&path).await;
    assert_eq!(live.json().await["data"]["message"], "The store_check begins.");
    // Other jobs are none of its business, whatever it subscribes to.
    live.send(r#"{"type":"subscribe","data":{"events":["*","job.*"]}}"#).await;
    assert_eq!(live.json().await["action"], "subscribed");
    appliance.gate.open();
    let messages = |lines: &[Value]| -> Vec<String> {
        lines.iter().map(|line| line["data"]["message"].as_str().unwrap().to_owned()).collect()
    };
    let mut lines = Vec::new();
    for _ in 0..2 {
        lines.push(live.json().await);
    }
    assert_eq!(types(&lines), ["log", "log"]);
    assert_eq!(messages(&lines), ["50 % done", "All well."]);
    assert_eq!(lines[0]["data"]["context"], json!({"processed": 1, "total": 2}));
    assert_eq!(live.closed().await.0, CLOSED_NORMALLY);
    // Whoever comes late gets all of it, and the same end.
    let mut late = appliance.websocket(&path).await;
    let all = [late.json().await, late.json().await, late.json().await];
    assert_eq!(messages(&all), ["The store_check begins.", "50 % done", "All well."]);
    assert_eq!(late.closed().await.0, CLOSED_NORMALLY);
    let logs = appliance.get(&format!("/api/jobs/{id}/logs?limit=2")).await.json();
    assert_eq!(logs["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        (&logs["pagination"]["total"], &logs["pagination"]["has_more"]),
        (&json!(3), &json!(true))
    );
    appliance.finished().await;
}

#[tokio::test]
async fn a_job_is_stopped_once_and_both_words_for_it_are_sent() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    let id = start(&appliance, "/api/jobs", CHECK).await;
    until(&mut client, "job.started").await;
    let cancel = format!("/api/jobs/{id}/cancel");
    assert_eq!(appliance.request("POST", &cancel, &[], "").await.status, 200);
    let told = until(&mut client, "job.cancelled").await;
    assert_eq!(types(&told), ["job_failed", "job.cancelled"]);
    assert_eq!(told[0]["data"]["error"], "cancelled by user");
    let job = appliance.get(&format!("/api/jobs/{id}")).await.json();
    assert_eq!(job["status"], "cancelled");
    assert_eq!(appliance.request("POST", &cancel, &[], "").await.status, 409);
    appliance.finished().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    let appliance = Appliance::start().await;
    let nobody = "550e8400-e29b-41d4-a716-446655440000";
    for (path, body, part) in [
        ("/api/exports", r#"{"format":"pdf"}"#, "csv, json or zip"),
        ("/api/events/export", r#"{"format":"excel"}"#, "csv, json or zip"),
        ("/api/exports", r#"{"format":"csv","columns":["nope"]}"#, "no column"),
        ("/api/exports", r#"{"format":"zip","content":"detections"}"#, "csv or json"),
        ("/api/exports", r#"{"format":"csv","min_confidence":0.5}"#, "detections only"),
        ("/api/exports", r#"{"format":"csv","surprise":1}"#, "surprise"),
        ("/api/jobs", r#"{"job_type":"export"}"#, "store_check or backup"),
    ] {
        let answer = appliance.request("POST", path, &[], body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(answer.json()["detail"].as_str().unwrap().contains(part), "{answer:?}");
    }
    for path in ["/api/jobs/7", "/api/jobs?status=odd", "/api/exports/../x/download"] {
        assert!([400, 404].contains(&appliance.get(path).await.status), "{path}");
    }
    assert_eq!(appliance.get(&format!("/api/jobs/{nobody}")).await.status, 404);
    assert_eq!(appliance.get(&format!("/api/exports/{nobody}/download")).await.status, 404);
    let mut unknown = appliance.websocket(&format!("/ws/jobs/{nobody}/logs")).await;
    assert_eq!(unknown.json().await["error"], "validation_error");
    assert_eq!(unknown.closed().await.0, CLOSED_NORMALLY);
    appliance.finished().await;
}

#[tokio::test]
async fn only_an_operator_starts_and_stops_jobs() {
    let appliance = Appliance::with(with_keys()).await;
    let post = |key| {
        let appliance = &appliance;
        async move { appliance.request("POST", "/api/jobs", &[("X-API-Key", key)], CHECK).await }
    };
    assert_eq!(post(VIEWER_KEY).await.status, 403);
    assert_eq!(post(OPERATOR_KEY).await.status, 202);
    appliance.finished().await;
}
