//! From real footage to an alert: a person walks in, and `detection`, `event` and
//! `alert_created` reach one client in this order, with ids that belong together.
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod support;

use std::collections::BTreeSet;

use serde_json::Value;
use support::appliance::Appliance;
use support::live::{SseClient, WsClient};
use support::rtsp::RtspServer;

const SUBSCRIBE: &str = r#"{"type":"subscribe","data":{"events":
    ["detection.new","event.created","alert.created"]}}"#;

const ANYBODY: &str = r#"{"name":"Anybody","object_types":["person"],"cooldown_seconds":0}"#;

#[test]
fn a_person_who_walks_in_is_seen_told_and_alerted_in_this_order() {
    let rtsp = RtspServer::start("vtest_full_768x576_10fps.mp4");
    let state = tempfile::tempdir().unwrap();
    let config = format!(
        "[detector]\nmodel = \"f32\"\n\
         [[camera]]\nid = \"front_door\"\nname = \"Front door\"\nsource = \"{}\"\n\
         detect = {{ fps = 5, classes = [\"person\"] }}\n",
        rtsp.url()
    );
    let appliance = Appliance::start(&config, state.path());
    let rule = ureq::post(appliance.url("/api/alerts/rules")).send(ANYBODY).unwrap();
    assert_eq!(rule.status(), 201);
    let mut client = WsClient::connect(appliance.address(), "/ws/events");
    client.send(SUBSCRIBE);
    let alert = first_alert_of_an_event_told_here(&mut client);
    let stored = appliance.get(&format!("/api/alerts/{}", alert["id"].as_str().unwrap()));
    for field in ["event_id", "rule_id", "severity", "dedup_key", "created_at"] {
        assert_eq!(stored[field], alert[field], "{field}");
    }
    let event = appliance.get(&format!("/api/events/{}", alert["event_id"]));
    assert_eq!(event["object_type"], "person");

    // The analysis of its batch ends with this event, in its own words.
    let batch = event["batch_id"].as_str().unwrap();
    let mut analysis =
        SseClient::connect(appliance.address(), &format!("/api/events/analyze/{batch}/stream"));
    let complete = loop {
        let (_, part) = analysis.next();
        if part["event_type"] == "complete" {
            break part;
        }
    };
    let judged = appliance.get(&format!("/api/events/{}", complete["event_id"]));
    assert_eq!(complete["summary"], judged["summary"]);
}

/// Whose detection and event came before it on the same socket.
fn first_alert_of_an_event_told_here(client: &mut WsClient) -> Value {
    let (mut seen, mut told) = (BTreeSet::new(), BTreeSet::new());
    let mut alert = client.next_where("an alert after its event", |message| {
        let id = |name: &str| message["data"][name].as_u64();
        match message["type"].as_str() {
            Some("detection") => seen.extend(id("event_id")),
            // Unless its first detection came before this client.
            Some("event") => told.extend(id("id").filter(|id| seen.contains(id))),
            Some("alert_created") => return id("event_id").is_some_and(|id| told.contains(&id)),
            _ => {}
        }
        false
    });
    alert["data"].take()
}
