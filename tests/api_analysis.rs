//! The stream that tells why an event was judged as it was.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use api_support::{Answer, Appliance, VIEWER_KEY, detection, event, with_keys};
use serde_json::{Value, json};
use watchpost::domain::{BatchId, Event, RiskScore};
use watchpost::store::StoreError;

const STREAM: &str = "/api/events/analyze/batch_abc123/stream";

fn blocks(answer: &Answer) -> Vec<Value> {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/event-stream")));
    let text = answer.text().strip_suffix("\n\n").unwrap();
    let data = text.split("\n\n").map(|block| block.strip_prefix("data: ").unwrap());
    data.map(|data| serde_json::from_str(data).unwrap()).collect()
}

#[tokio::test]
async fn the_reasoning_comes_in_parts_and_then_the_assessment() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(12, 3));
    let blocks = blocks(&appliance.get(STREAM).await);
    let (last, parts) = blocks.split_last().unwrap();
    assert_eq!(
        *last,
        json!({
            "event_type": "complete",
            "event_id": 12,
            "risk_score": 75,
            "risk_level": "high",
            "summary": "Person at Front door, in porch",
            "reasoning": "person +40, zone porch +35"
        })
    );
    let mut text = String::new();
    for part in parts {
        text += part["content"].as_str().unwrap();
        let expected =
            json!({"event_type": "progress", "content": part["content"], "accumulated_text": text});
        assert_eq!(*part, expected);
    }
    assert_eq!(text, "person +40, zone porch +35");
    appliance.finished().await;
}

#[tokio::test]
async fn asking_twice_changes_nothing() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(12, 3));
    let first = appliance.get(STREAM).await.body;
    assert_eq!(appliance.get(STREAM).await.body, first);
    assert!(appliance.store.submitted.lock().unwrap().is_empty(), "nothing is written");
    appliance.finished().await;
}

#[tokio::test]
async fn the_gravest_event_answers_for_a_batch_and_detections_choose_another() {
    let appliance = Appliance::start().await;
    let minor = Event { risk: RiskScore::new(20), ..event(13, 0) };
    let foreign =
        Event { risk: RiskScore::new(99), batch: BatchId::new("batch_other"), ..event(14, 0) };
    appliance.store.events.lock().unwrap().extend([event(12, 0), minor, foreign]);
    let mut of_minor = detection(91);
    of_minor.event.0 = 13;
    appliance.store.detections.lock().unwrap().push(of_minor);

    let gravest = blocks(&appliance.get(&format!("{STREAM}?camera_id=front_door")).await);
    assert_eq!(gravest.last().unwrap()["event_id"], 12);
    let chosen = blocks(&appliance.get(&format!("{STREAM}?detection_ids=91,92")).await);
    assert_eq!(chosen.last().unwrap()["event_id"], 13);
    appliance.finished().await;
}

#[tokio::test]
async fn what_is_wrong_is_told_within_the_stream_under_both_names() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(12, 0));
    let elsewhere = format!("{STREAM}?camera_id=yard");
    let unseen = format!("{STREAM}?detection_ids=700");
    for (path, code) in [
        ("/api/events/analyze/batch_nowhere/stream", "BATCH_NOT_FOUND"),
        (elsewhere.as_str(), "BATCH_NOT_FOUND"),
        (unseen.as_str(), "NO_DETECTIONS"),
    ] {
        let blocks = blocks(&appliance.get(path).await);
        assert_eq!(blocks.len(), 1, "{path}");
        assert_eq!(
            (&blocks[0]["event_type"], &blocks[0]["error_code"]),
            (&json!("error"), &json!(code))
        );
        assert_eq!(blocks[0]["message"], blocks[0]["error_message"]);
        assert_eq!(blocks[0]["recoverable"], false);
    }
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Overloaded);
    let blocks = blocks(&appliance.get(STREAM).await);
    assert_eq!(blocks[0]["error_code"], "INTERNAL_ERROR");
    appliance.finished().await;
}

#[tokio::test]
async fn wrong_detection_ids_are_refused() {
    let appliance = Appliance::start().await;
    let many = ["1"; 101].join(",");
    for ids in ["x", "1,,2", "-1", &many] {
        let answer = appliance.get(&format!("{STREAM}?detection_ids={ids}")).await;
        assert_eq!(answer.status, 400, "{ids}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn the_key_may_stand_in_the_query() {
    let appliance = Appliance::with(with_keys()).await;
    appliance.store.events.lock().unwrap().push(event(12, 0));
    assert_eq!(appliance.get(STREAM).await.status, 401);
    let blocks = blocks(&appliance.get(&format!("{STREAM}?api_key={VIEWER_KEY}")).await);
    assert_eq!(blocks.last().unwrap()["event_type"], "complete");
    appliance.finished().await;
}
