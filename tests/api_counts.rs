//! Counts for charts: events by level, camera and time, detections by class.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::{Appliance, detection, event};
use serde_json::{Value, json};
use watchpost::domain::{Detection, Event, Label, RiskScore};
use watchpost::store::StoreError;

async fn appliance() -> Appliance {
    let appliance = Appliance::start().await;
    let at = |id: u64, risk: i32, time: &str| {
        let started_at = time.parse().unwrap();
        Event { started_at, risk: RiskScore::new(risk), ..event(id, 0) }
    };
    let mut events = vec![
        at(1, 20, "2026-01-15T10:30:00Z"),
        at(2, 70, "2026-01-15T10:59:59Z"),
        at(3, 90, "2026-01-18T23:00:00Z"),
        at(4, 90, "2026-01-19T00:00:00Z"),
    ];
    events[3].camera = "gone".parse().unwrap();
    events[0].reviewed = true;
    *appliance.store.events.lock().unwrap() = events;
    let dog = Detection { label: Label::new("dog"), confidence: 0.5, ..detection(3) };
    let person = |id| Detection { confidence: 0.8, ..detection(id) };
    *appliance.store.detections.lock().unwrap() = vec![person(1), person(2), dog];
    appliance
}

async fn json_of(appliance: &Appliance, path: &str) -> Value {
    let answer = appliance.get_json(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

#[tokio::test]
async fn events_are_counted_by_level_and_camera() {
    let appliance = appliance().await;
    let stats = json_of(&appliance, "/api/events/stats").await;
    assert_eq!(
        stats["events_by_risk_level"],
        json!({"critical": 2, "high": 1, "medium": 0, "low": 1})
    );
    assert_eq!((&stats["total_events"], &stats["reviewed_events"]), (&json!(4), &json!(1)));
    let camera = &stats["events_by_camera"][0];
    assert_eq!((&camera["camera_name"], &camera["event_count"]), (&json!("Front door"), &json!(3)));
    assert_eq!(stats["events_by_camera"][1]["camera_name"], "gone");
    assert_eq!((&stats["complete"], &stats["counted_after"]), (&json!(true), &Value::Null));
    let day = "/api/events/stats?start_date=2026-01-15&end_date=2026-01-15&risk_level=high";
    assert_eq!(json_of(&appliance, day).await["total_events"], 1);
    appliance.finished().await;
}

#[tokio::test]
async fn a_count_that_had_to_stop_says_since_when_it_counts() {
    let appliance = appliance().await;
    *appliance.store.looks_at.lock().unwrap() = Some(3);
    let stats = json_of(&appliance, "/api/events/stats").await;
    assert_eq!((&stats["total_events"], &stats["complete"]), (&json!(3), &json!(false)));
    assert_eq!(stats["counted_after"], "2026-01-15T10:30:00.000Z");
    appliance.finished().await;
}

#[tokio::test]
async fn a_timeline_has_the_count_and_the_highest_score_of_each_bucket() {
    let appliance = appliance().await;
    let of = |size: &str| {
        format!(
            "/api/events/timeline-summary?bucket_size={size}&start_date=2026-01-10&end_date=2026-01-20"
        )
    };
    let bucket = |at: &str, count: u64, most: u64| json!({"timestamp": at, "event_count": count, "max_risk_score": most});
    let hours = json_of(&appliance, &of("hour")).await;
    assert_eq!(hours["buckets"][2], bucket("2026-01-15T10:00:00.000Z", 2, 70));
    assert_eq!(hours["buckets"].as_array().unwrap().len(), 3);
    // 2026-01-19 is a Monday.
    let weeks = json_of(&appliance, &of("week")).await;
    let expected = json!([
        bucket("2026-01-19T00:00:00.000Z", 1, 90),
        bucket("2026-01-12T00:00:00.000Z", 3, 90),
    ]);
    assert_eq!(weeks["buckets"], expected);
    assert_eq!(appliance.get_json(&of("minute")).await.status, 400);
    appliance.finished().await;
}

#[tokio::test]
async fn detections_are_counted_by_class() {
    let appliance = appliance().await;
    let stats = json_of(&appliance, "/api/detections/stats").await;
    assert_eq!(stats["detections_by_class"], json!({"dog": 1, "person": 2}));
    assert_eq!((&stats["average_confidence"], &stats["complete"]), (&json!(0.7), &json!(true)));
    let labels = json_of(&appliance, "/api/detections/labels").await;
    let expected = json!([{"label": "person", "count": 2}, {"label": "dog", "count": 1}]);
    assert_eq!(labels["labels"], expected);
    let none = json_of(&appliance, "/api/detections/stats?object_type=cat").await;
    assert_eq!((&none["total_detections"], &none["average_confidence"]), (&json!(0), &Value::Null));
    appliance.finished().await;
}

#[tokio::test]
async fn ninety_days_of_events_are_asked_for_at_once_and_no_more() {
    let appliance = appliance().await;
    for path in ["/api/events", "/api/events/stats", "/api/events/timeline-summary"] {
        let fits = format!("{path}?start_date=2026-01-01&end_date=2026-03-31");
        assert_eq!(appliance.get_json(&fits).await.status, 200, "{path}");
        let long = format!("{path}?start_date=2026-01-01&end_date=2026-04-01");
        let answer = appliance.get_json(&long).await;
        assert_eq!(answer.status, 400, "{path}");
        assert!(answer.text().contains("90 days"), "{}", answer.text());
    }
    appliance.finished().await;
}

#[tokio::test]
async fn kinds_of_jobs_are_listed_and_jobs_counted() {
    let appliance = appliance().await;
    let types = json_of(&appliance, "/api/jobs/types").await;
    let names: Vec<_> = types["job_types"].as_array().unwrap().iter().map(|t| &t["name"]).collect();
    assert_eq!(names, ["export", "backup", "store_check"]);
    let body = r#"{"job_type":"store_check"}"#;
    assert_eq!(appliance.request("POST", "/api/jobs", &[], body).await.status, 202);
    let stats = json_of(&appliance, "/api/jobs/stats").await;
    assert_eq!((&stats["total_jobs"], &stats["by_type"]["store_check"]), (&json!(1), &json!(1)));
    assert_eq!(stats["by_status"].as_object().unwrap().len(), 5);
    appliance.gate.open();
    appliance.finished().await;
}

#[tokio::test]
async fn the_box_tells_its_totals_its_disk_and_its_pipeline() {
    let appliance = appliance().await;
    let stats = json_of(&appliance, "/api/system/stats").await;
    assert_eq!((&stats["total_events"], &stats["total_detections"]), (&json!(4), &json!(3)));
    let storage = json_of(&appliance, "/api/system/storage").await;
    assert_eq!(storage["journal"], json!({"size_bytes": 1000, "limit_bytes": 512 << 20}));
    assert_eq!(storage["disk"]["free_bytes"], 1 << 30);
    assert_eq!(storage["max_age_seconds"], 3600);
    let pipeline = json_of(&appliance, "/api/system/pipeline").await;
    assert_eq!(pipeline["queues"]["detection_queue"], 2);
    assert_eq!(pipeline["latencies"]["detect"]["p95_ms"], 26.3);
    assert_eq!(pipeline["open_batches"][0]["detection_count"], 7);
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Full);
    assert_eq!(appliance.get("/api/system/stats").await.status, 503);
    assert_eq!(appliance.get("/api/system/storage").await.status, 200);
    appliance.finished().await;
}
