//! Rules that ask the motion sensor.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use watchpost::api::ApiSettings;
use watchpost::assess::{Alerts, AlertsContext};
use watchpost::domain::Event;
use watchpost::health::{Health, State};
use watchpost::rt::{Clock, Tasks};

use super::api_support::{Appliance, MORNING, MemoryStore};
use super::{alerts, happens, next_of, only_rule, post, risky};

/// The events with alerts of the rule, in their order.
async fn alerted(appliance: &Appliance) -> Vec<u64> {
    let mut ids: Vec<_> =
        alerts(appliance).await.iter().map(|alert| alert["event_id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn a_rule_that_asks_the_motion_sensor_waits_for_it_and_says_so_in_a_dry_run() {
    let clock = Clock::manual(MORNING);
    let appliance = Appliance::on(Arc::default(), clock.clone(), ApiSettings::default()).await;
    let recorder = appliance.recorder();
    // The sensor has been watched for a while.
    clock.advance(Duration::from_secs(60));
    let asked = json!({"name": "Guarded", "motion_sensor": {"within_seconds": 20}});
    let id = only_rule(&appliance, asked).await;
    let path = format!("/api/alerts/rules/{id}");
    assert_eq!(appliance.get(&path).await.json()["motion_sensor"], json!({"within_seconds": 20}));
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;

    let now = clock.now();
    happens(
        &recorder,
        Event { started_at: now, updated_at: now, ended_at: None, ..risky(12, 0, 75) },
    );
    assert_eq!(next_of(&mut events, &["event", "alert_created"]).await["type"], "event");
    let tested =
        post(&appliance, &format!("{path}/test"), &json!({"event_ids": [12]})).await.json();
    assert_eq!(tested["results"][0]["matches"], false, "{tested}");
    let words = "motion_sensor: it saw nothing within 20 s of the event";
    assert_eq!(tested["results"][0]["failed_conditions"], json!([words]));

    clock.advance(Duration::from_secs(3));
    appliance.motion_log.note(true, clock.monotonic());
    appliance.alerts.see_motion();
    let alert = next_of(&mut events, &["alert_created"]).await;
    assert_eq!((&alert["data"]["event_id"], &alert["data"]["rule_id"]), (&json!(12), &json!(id)));
    let tested =
        post(&appliance, &format!("{path}/test"), &json!({"event_ids": [12]})).await.json();
    assert_eq!(tested["results"][0]["matches"], true, "{tested}");
    assert_eq!(alerted(&appliance).await, [12]);

    let cleared = appliance.request("PUT", &path, &[], r#"{"motion_sensor": null}"#).await.json();
    assert_eq!(cleared["motion_sensor"], Value::Null);
}

#[tokio::test]
async fn a_rule_that_asks_a_motion_sensor_that_is_no_longer_there_is_named_in_health() {
    let appliance = Appliance::start().await;
    let id = only_rule(&appliance, json!({"name": "Guarded", "motion_sensor": {}})).await;
    let health = Health::new(appliance.clock.clone());
    let without = Alerts::start(AlertsContext {
        reader: Arc::<MemoryStore>::clone(&appliance.store),
        writer: Arc::<MemoryStore>::clone(&appliance.store),
        hub: appliance.hub.clone(),
        motion_log: None,
        clock: appliance.clock.clone(),
        health: health.clone(),
        metrics: appliance.metrics.clone(),
        tasks: Tasks::new(appliance.stop.clone(), |_| {}),
        stop: appliance.stop.clone(),
    })
    .unwrap();
    let report = || health.reports().into_iter().find(|it| it.component == "alerts").unwrap();
    assert_eq!(report().state, State::Degraded);
    assert!(report().message.contains("\"Guarded\" asks for a motion sensor"), "{:?}", report());
    let (tx, rx) = tokio::sync::oneshot::channel();
    without.remove_rule(id.parse().unwrap(), move |removed| tx.send(removed).unwrap());
    assert!(rx.await.unwrap().unwrap(), "it was there");
    assert_eq!(report().state, State::Healthy);
}
