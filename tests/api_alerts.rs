//! Alerts from the event to the people: raised, announced, acknowledged, dismissed,
//! and the rules behind them.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;
#[path = "api_alerts/motion.rs"]
mod motion;

use std::sync::Arc;
use std::time::Duration;

use api_support::{
    Answer, Appliance, Client, MORNING, OPERATOR_KEY, VIEWER_KEY, detection, event, with_keys,
};
use serde_json::{Value, json};
use watchpost::api::ApiSettings;
use watchpost::api::wire::REALTIME;
use watchpost::domain::{BatchId, Event, Label, RiskScore};
use watchpost::live::{LiveMessage, Subscriber};
use watchpost::pipeline::{FrameOutcome, Output as _, Recorder};
use watchpost::rt::Clock;
use watchpost::store::StoreError;

/// A frame in which this event happens.
fn happens(recorder: &Recorder, event: Event) {
    recorder.frame_done(FrameOutcome {
        frame: None,
        camera: event.camera.clone(),
        tracks: Vec::new(),
        detections: vec![detection(91)],
        batch: Some(BatchId::new("batch_abc123")),
        events: vec![event],
        snapshots: Vec::new(),
        view: None,
    });
}

fn risky(id: u64, revision: u32, risk: i32) -> Event {
    Event { risk: RiskScore::new(risk), ..event(id, revision) }
}

async fn rules(appliance: &Appliance) -> Vec<Value> {
    let answer = appliance.get("/api/alerts/rules").await;
    answer.json()["rules"].as_array().unwrap().clone()
}

/// A rule in place of the first one.
async fn only_rule(appliance: &Appliance, rule: Value) -> String {
    for rule in rules(appliance).await {
        let path = format!("/api/alerts/rules/{}", rule["id"].as_str().unwrap());
        assert_eq!(appliance.request("DELETE", &path, &[], "").await.status, 204);
    }
    let answer = post(appliance, "/api/alerts/rules", &rule).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()["id"].as_str().unwrap().to_owned()
}

async fn alerts(appliance: &Appliance) -> Vec<Value> {
    let answer = appliance.get("/api/alerts").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().clone()
}

/// The next message of one of these types.
async fn next_of(client: &mut Client, types: &[&str]) -> Value {
    loop {
        let message = client.json().await;
        if types.iter().any(|wanted| message["type"] == *wanted) {
            return message;
        }
    }
}

#[tokio::test]
async fn detection_event_and_alert_arrive_in_this_order_with_matching_ids() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let mut events = appliance.websocket("/ws/events").await;
    let mut detections = appliance.websocket("/ws/detections").await;
    events.is_served().await;
    detections.is_served().await;
    let is_record = |message: &LiveMessage| {
        matches!(message, LiveMessage::Detection(_) | LiveMessage::Event(_) | LiveMessage::Alert(_))
    };
    let all = appliance.hub.subscribe("test", REALTIME, Box::new(is_record));
    happens(&recorder, risky(12, 0, 75));
    let seen = next_of(&mut detections, &["detection"]).await;
    let happened = next_of(&mut events, &["event", "alert_created"]).await;
    let alert = next_of(&mut events, &["event", "alert_created"]).await;
    assert_eq!((&happened["type"], &alert["type"]), (&json!("event"), &json!("alert_created")));
    assert_eq!(seen["data"]["event_id"], happened["data"]["id"]);
    assert_eq!(alert["data"]["event_id"], happened["data"]["id"]);
    assert_eq!(alert["data"]["rule_id"], rules(&appliance).await[0]["id"]);
    assert_eq!(
        (&alert["data"]["severity"], &alert["data"]["status"]),
        (&json!("high"), &json!("pending"))
    );
    assert_eq!(alert["data"].as_object().unwrap().len(), 8);
    assert!(alert["seq"].as_u64() > happened["seq"].as_u64());
    assert_eq!(until_alert(all).await, ["detection", "event", "alert_created"]);
    // It was kept before it was told.
    assert_eq!(alerts(&appliance).await[0]["id"], alert["data"]["id"]);
}

/// What the hub carries, until the first alert.
async fn until_alert(mut all: Subscriber) -> Vec<String> {
    let mut order = Vec::new();
    loop {
        for delivery in all.next_batch().await {
            let message: Value = serde_json::from_slice(&delivery.text).unwrap();
            order.push(message["type"].as_str().unwrap().to_owned());
        }
        if order.last().is_some_and(|kind| kind == "alert_created") {
            return order;
        }
    }
}

#[tokio::test]
async fn an_alert_is_raised_when_an_update_crosses_the_threshold_and_only_once() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    happens(&recorder, risky(12, 0, 40));
    happens(&recorder, risky(12, 1, 75));
    let created = next_of(&mut events, &["alert_created"]).await;
    assert_eq!(created["data"]["severity"], "high");
    happens(&recorder, risky(12, 2, 90));
    let updated = next_of(&mut events, &["alert_created", "alert.updated"]).await;
    assert_eq!(updated["type"], "alert.updated");
    assert_eq!(updated["data"]["id"], created["data"]["id"]);
    assert_eq!(updated["data"]["severity"], "critical");
    assert_eq!(alerts(&appliance).await.len(), 1);
}

#[tokio::test]
async fn of_many_who_acknowledge_or_dismiss_at_once_one_succeeds() {
    let appliance = Arc::new(Appliance::start().await);
    let recorder = appliance.recorder();
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    happens(&recorder, risky(12, 0, 75));
    let id = next_of(&mut events, &["alert_created"]).await["data"]["id"].clone();
    for (action, told, status) in [
        ("acknowledge", "alert_acknowledged", "acknowledged"),
        ("dismiss", "alert_dismissed", "dismissed"),
    ] {
        let path = format!("/api/alerts/{}/{action}", id.as_str().unwrap());
        let tries: Vec<_> = (0..6)
            .map(|_| {
                let (appliance, path) = (Arc::clone(&appliance), path.clone());
                tokio::spawn(async move { appliance.request("POST", &path, &[], "").await })
            })
            .collect();
        let mut statuses = Vec::new();
        for one in tries {
            let answer = one.await.unwrap();
            statuses.push(answer.status);
            let body = answer.json();
            match answer.status {
                200 => assert_eq!(body["status"], status),
                _ => assert_eq!(body["error"]["code"], "too_late"),
            }
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409]);
        let message = next_of(&mut events, &[told]).await;
        assert_eq!((&message["data"]["id"], &message["data"]["status"]), (&id, &json!(status)));
    }
    let resolved = next_of(&mut events, &["alert_dismissed", "alert.resolved"]).await;
    assert_eq!(resolved["type"], "alert.resolved");
    // Too late now, and there is no other.
    let path = format!("/api/alerts/{}/acknowledge", id.as_str().unwrap());
    assert_eq!(appliance.request("POST", &path, &[], "").await.status, 409);
    let other = "/api/alerts/550e8400-e29b-41d4-a716-446655440000";
    for action in ["/acknowledge", "/dismiss"] {
        let path = format!("{other}{action}");
        assert_eq!(appliance.request("POST", &path, &[], "").await.status, 404);
    }
    assert_eq!(appliance.get(other).await.status, 404);
    assert_eq!(appliance.get("/api/alerts/12").await.status, 400);
}

#[tokio::test]
async fn patterns_choose_alerts_by_their_dotted_names() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let mut created = appliance.websocket("/ws/events").await;
    created.send(r#"{"type":"subscribe","data":{"events":["alert.created"]}}"#).await;
    assert_eq!(created.json().await["action"], "subscribed");
    let mut all = appliance.websocket("/ws/events").await;
    all.send(r#"{"type":"subscribe","data":{"events":["alert.*"]}}"#).await;
    assert_eq!(all.json().await["action"], "subscribed");
    happens(&recorder, risky(12, 0, 75));
    let first = all.json().await;
    assert_eq!(first["type"], "alert_created");
    assert_eq!(created.json().await["type"], "alert_created");
    let path = format!("/api/alerts/{}/dismiss", first["data"]["id"].as_str().unwrap());
    assert_eq!(appliance.request("POST", &path, &[], "").await.status, 200);
    assert_eq!(all.json().await["type"], "alert_dismissed");
    assert_eq!(all.json().await["type"], "alert.resolved");
    created.send("ping").await;
    assert_eq!(created.json().await["type"], "pong");
}

#[tokio::test]
async fn a_cooldown_holds_over_a_restart_and_ends() {
    let clock = Clock::manual(MORNING);
    let appliance = Appliance::on(Arc::default(), clock.clone(), ApiSettings::default()).await;
    let cooling = json!({ "name": "cooling", "cooldown_seconds": 60 });
    let cooling = json!(only_rule(&appliance, cooling).await);
    let eager = json!({ "name": "eager", "cooldown_seconds": 0 });
    let eager = post(&appliance, "/api/alerts/rules", &eager).await.json()["id"].clone();
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    happens(&appliance.recorder(), at(&clock, risky(1, 0, 10)));
    assert_eq!(next_alerts(&mut events, 2).await, sorted([(1, &cooling), (1, &eager)]));

    clock.advance(Duration::from_secs(59));
    let settings = ApiSettings::default;
    let again = Appliance::on(Arc::clone(&appliance.store), clock.clone(), settings()).await;
    let recorder = again.recorder();
    let mut events = again.websocket("/ws/events").await;
    events.is_served().await;
    // Both rules judge an event at once: where the one has fired, the other has not.
    happens(&recorder, at(&clock, risky(2, 0, 10)));
    assert_eq!(next_alerts(&mut events, 1).await, sorted([(2, &eager)]));
    clock.advance(Duration::from_secs(1));
    happens(&recorder, at(&clock, risky(3, 0, 10)));
    assert_eq!(next_alerts(&mut events, 2).await, sorted([(3, &cooling), (3, &eager)]));
    assert_eq!(alerts(&again).await.len(), 5);
}

fn sorted<const N: usize>(mut alerts: [(u64, &Value); N]) -> Vec<(u64, Value)> {
    alerts.sort_by_key(|(event, rule)| (*event, rule.to_string()));
    alerts.map(|(event, rule)| (event, rule.clone())).to_vec()
}

/// Event and rule of the next alerts, ordered by both.
async fn next_alerts(client: &mut Client, count: usize) -> Vec<(u64, Value)> {
    let mut found = Vec::new();
    while found.len() < count {
        let alert = next_of(client, &["alert_created"]).await;
        found.push((alert["data"]["event_id"].as_u64().unwrap(), alert["data"]["rule_id"].clone()));
    }
    found.sort_by_key(|(event, rule)| (*event, rule.to_string()));
    found
}

fn at(clock: &Clock, event: Event) -> Event {
    Event { started_at: clock.now(), updated_at: clock.now(), ..event }
}

#[tokio::test]
async fn an_event_whose_alert_a_crash_has_taken_is_judged_at_the_next_start() {
    let clock = Clock::manual(MORNING);
    let first = Appliance::on(Arc::default(), clock.clone(), ApiSettings::default()).await;
    only_rule(&first, json!({ "name": "all" })).await;
    clock.advance(Duration::from_secs(5));
    // Stored, and then the power went.
    first.store.events.lock().unwrap().push(at(&clock, risky(7, 0, 10)));
    clock.advance(Duration::from_secs(7200));
    for _ in 0..2 {
        let settings = ApiSettings::default();
        let next = Appliance::on(Arc::clone(&first.store), clock.clone(), settings).await;
        let found = alerts(&next).await;
        assert_eq!(found.len(), 1, "judged once, however often the box starts");
        assert_eq!(found[0]["event_id"], 7);
    }
}

#[tokio::test]
async fn the_first_rule_is_made_once_and_its_removal_is_remembered() {
    let appliance = Appliance::start().await;
    let found = rules(&appliance).await;
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0]["risk_threshold"], &found[0]["severity"]), (&json!(60), &Value::Null));
    let path = format!("/api/alerts/rules/{}", found[0]["id"].as_str().unwrap());
    assert_eq!(appliance.request("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(appliance.request("DELETE", &path, &[], "").await.status, 404);
    let store = Arc::clone(&appliance.store);
    let again = Appliance::on(store, Clock::system(), ApiSettings::default()).await;
    assert!(rules(&again).await.is_empty());
}

#[tokio::test]
async fn rules_are_made_changed_and_removed_and_hold_at_once() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let rule = json!({
        "name": "Night", "severity": "critical", "object_types": ["car"], "zone_ids": ["porch"],
        "min_confidence": 0.5, "camera_ids": ["front_door"], "cooldown_seconds": 0,
        "schedule": {
            "days": ["thursday"], "start_time": "10:00", "end_time": "11:00", "timezone": "UTC",
        },
    });
    let id = only_rule(&appliance, rule.clone()).await;
    let path = format!("/api/alerts/rules/{id}");
    let shown = appliance.get(&path).await.json();
    for (name, value) in rule.as_object().unwrap() {
        assert_eq!(shown[name], *value, "{name}");
    }
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    // Event 12 has been judged by both once the rule that it meets has fired.
    let met = json!({ "name": "Anybody", "object_types": ["person"], "cooldown_seconds": 0 });
    let met = post(&appliance, "/api/alerts/rules", &met).await.json();
    happens(&recorder, risky(12, 0, 90));
    let alert = next_of(&mut events, &["alert_created"]).await;
    assert_eq!((&alert["data"]["event_id"], &alert["data"]["rule_id"]), (&json!(12), &met["id"]));
    let met = format!("/api/alerts/rules/{}", met["id"].as_str().unwrap());
    assert_eq!(appliance.request("DELETE", &met, &[], "").await.status, 204);
    let change = json!({ "object_types": ["person"], "schedule": null });
    let changed = appliance.request("PUT", &path, &[], &change.to_string()).await;
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["name"], "Night");
    happens(&recorder, risky(13, 0, 10));
    let alert = next_of(&mut events, &["alert_created"]).await;
    assert_eq!(
        (&alert["data"]["event_id"], &alert["data"]["severity"]),
        (&json!(13), &json!("critical"))
    );
    assert_eq!(appliance.request("DELETE", &path, &[], "").await.status, 204);
    assert_eq!(appliance.get(&path).await.status, 404);
    assert_eq!(appliance.request("PUT", &path, &[], "{}").await.status, 404);
    happens(&recorder, risky(14, 0, 99));
    happens(&recorder, risky(15, 0, 99));
    let next = next_of(&mut events, &["event", "alert_created"]).await;
    assert_eq!(next["type"], "event");
    let next = next_of(&mut events, &["event", "alert_created"]).await;
    assert_eq!(next["type"], "event");
}

#[tokio::test]
async fn what_is_wrong_with_a_rule_is_said_field_by_field() {
    let appliance = Appliance::start().await;
    let wrong = json!({ "name": "", "risk_threshold": 101, "colour": "red" });
    let answer = post(&appliance, "/api/alerts/rules", &wrong).await;
    assert_eq!((answer.status, &answer.json()["error"]["code"]), (422, &json!("validation_error")));
    for field in ["name: ", "risk_threshold: ", "colour: "] {
        assert!(answer.text().contains(field), "{}", answer.text());
    }
    assert_eq!(post(&appliance, "/api/alerts/rules", &json!(["name"])).await.status, 400);
    let long = json!({ "name": "x".repeat(2 << 20) });
    assert_eq!(post(&appliance, "/api/alerts/rules", &long).await.status, 413);
    let id = rules(&appliance).await[0]["id"].as_str().unwrap().to_owned();
    let body = json!({ "cooldown_seconds": "soon" }).to_string();
    let path = format!("/api/alerts/rules/{id}");
    assert_eq!(appliance.request("PUT", &path, &[], &body).await.status, 422);
    assert_eq!(appliance.get("/api/alerts/rules/7").await.status, 400);
}

#[tokio::test]
async fn a_dry_run_tells_for_each_stored_event_why_and_raises_nothing() {
    let appliance = Appliance::start().await;
    let rule = json!({
        "name": "Porch at noon", "risk_threshold": 50, "object_types": ["person"],
        "schedule": { "start_time": "12:00", "end_time": "13:00" },
    });
    let id = only_rule(&appliance, rule).await;
    let dog = Event { label: Label::new("dog"), ..risky(3, 0, 80) };
    appliance.store.events.lock().unwrap().extend([risky(1, 0, 20), risky(2, 0, 80), dog]);
    let path = format!("/api/alerts/rules/{id}/test");
    let noon = json!({ "test_time": "2026-01-15T12:30:00Z" });
    let run = post(&appliance, &path, &noon).await.json();
    assert_eq!((&run["events_tested"], &run["events_matched"]), (&json!(3), &json!(1)));
    assert_eq!(run["match_rate"], 0.333);
    let result = |id: u64| {
        let results = run["results"].as_array().unwrap();
        results.iter().find(|result| result["event_id"] == id).unwrap().clone()
    };
    assert_eq!(result(2)["matches"], true);
    assert_eq!(result(1)["failed_conditions"], json!(["risk_threshold: 20 of at least 50"]));
    assert_eq!(result(3)["failed_conditions"], json!(["object_types: dog of person"]));
    // At their own time, half past ten, none matches.
    let run = post(&appliance, &path, &json!({ "event_ids": [2, 99] })).await.json();
    assert_eq!((&run["events_tested"], &run["match_rate"]), (&json!(1), &json!(0.0)));
    assert_eq!(post(&appliance, &path, &json!({ "limit": 101 })).await.status, 400);
    assert_eq!(post(&appliance, &path, &json!({ "limit": 0 })).await.status, 400);
    assert!(alerts(&appliance).await.is_empty());
}

#[tokio::test]
async fn filters_choose_alerts_and_pages_go_on_by_cursor() {
    let appliance = Appliance::start().await;
    only_rule(&appliance, json!({ "name": "all", "severity": null, "cooldown_seconds": 0 })).await;
    let recorder = appliance.recorder();
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    for id in 1..=5 {
        happens(&recorder, risky(id, 0, [10, 90][usize::from(id % 2 == 0)]));
        next_of(&mut events, &["alert_created"]).await;
    }
    let count = async |query: &str| {
        let answer = appliance.get(&format!("/api/alerts?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count("severity=critical").await, 2);
    assert_eq!(count("severity=low&status=pending").await, 3);
    assert_eq!(count("status=dismissed").await, 0);
    assert_eq!(count("camera_id=front_door").await, 5);
    assert_eq!(count("camera_id=yard").await, 0);
    assert_eq!(count("event_id=3").await, 1);
    assert_eq!(count("end_date=2020-01-01").await, 0);
    let page = appliance.get("/api/alerts?limit=3").await.json();
    assert_eq!(page["pagination"]["has_more"], true);
    let cursor = page["pagination"]["next_cursor"].as_str().unwrap();
    assert_eq!(count(&format!("limit=3&cursor={cursor}")).await, 2);
    for wrong in ["severity=loud", "status=new", "rule_id=1", "limit=0", "cursor=x"] {
        assert_eq!(appliance.get(&format!("/api/alerts?{wrong}")).await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn only_an_operator_acts_and_makes_rules() {
    let appliance = Appliance::with(with_keys()).await;
    let alert = "/api/alerts/550e8400-e29b-41d4-a716-446655440000";
    let rule = "/api/alerts/rules/550e8400-e29b-41d4-a716-446655440000";
    let as_role = async |method: &str, path: &str, key: &str| {
        let headers = [("X-API-Key", key)];
        appliance.request(method, path, &headers, r#"{"name":"a"}"#).await.status
    };
    for (method, path, operator) in [
        ("POST", format!("{alert}/acknowledge"), 404),
        ("POST", format!("{alert}/dismiss"), 404),
        ("POST", "/api/alerts/rules".into(), 201),
        ("PUT", rule.into(), 404),
        ("DELETE", rule.into(), 404),
    ] {
        assert_eq!(as_role(method, &path, "").await, 401, "{method} {path}");
        assert_eq!(as_role(method, &path, VIEWER_KEY).await, 403, "{method} {path}");
        assert_eq!(as_role(method, &path, OPERATOR_KEY).await, operator, "{method} {path}");
    }
    assert_eq!(as_role("GET", "/api/alerts", VIEWER_KEY).await, 200);
    assert_eq!(as_role("GET", "/api/alerts", "").await, 401);
}

#[tokio::test]
async fn an_alert_that_cannot_be_kept_is_announced_and_counted() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Full);
    happens(&recorder, risky(12, 0, 75));
    next_of(&mut events, &["alert_created"]).await;
    let unsaved = appliance.metrics.counter("watchpost_alerts_unsaved_total", "", &[]);
    assert_eq!(unsaved.value(), 1);
    let answer = appliance.get("/api/alerts").await;
    assert_eq!(answer.status, 503);
}

async fn post(appliance: &Appliance, path: &str, body: &Value) -> Answer {
    appliance.request("POST", path, &[], &body.to_string()).await
}
