//! Clients that come back and ask for what they have missed.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::sync::Arc;

use api_support::{Appliance, Client, detection, event};
use serde_json::{Value, json};
use watchpost::api::ApiSettings;
use watchpost::live::LiveMessage;

fn happened(id: u64) -> LiveMessage {
    LiveMessage::Event(Arc::new(event(id, 0)))
}

fn seen(id: u64) -> LiveMessage {
    LiveMessage::Detection(Arc::new(detection(id)))
}

fn id(message: &Value) -> u64 {
    message["data"]["id"].as_u64().unwrap()
}

/// A client of the event stream that the service has taken in.
async fn served(appliance: &Appliance) -> Client {
    let mut client = appliance.websocket("/ws/events").await;
    client.is_served().await;
    client
}

async fn resync(client: &mut Client, data: Value) {
    client.send(&json!({"type": "resync", "data": data}).to_string()).await;
}

/// Ids of all messages up to the answer, and the answer. Numbers must follow
/// each other from `seq`.
async fn until_answered(client: &mut Client, mut seq: u64) -> (Vec<(u64, bool)>, Value) {
    let mut got = Vec::new();
    loop {
        let message = client.json().await;
        if message["type"] == "resync_ack" {
            return (got, message);
        }
        assert_eq!(message["seq"], seq);
        seq += 1;
        got.push((id(&message), message["replay"] == true));
    }
}

#[tokio::test]
async fn who_comes_back_with_a_cursor_gets_what_was_missed() {
    let appliance = Appliance::start().await;
    let mut client = served(&appliance).await;
    appliance.hub.publish(happened(1));
    let cursor = client.json().await["cursor"].clone();
    drop(client);
    [seen(1), happened(2), happened(3)].into_iter().for_each(|m| appliance.hub.publish(m));

    let mut client = served(&appliance).await;
    appliance.hub.publish(happened(4));
    resync(&mut client, json!({"cursor": cursor})).await;
    let (got, answer) = until_answered(&mut client, 1).await;
    assert_eq!(got, [(4, false), (2, true), (3, true)], "what came live is not replayed");
    let expected = json!({
        "type": "resync_ack", "channel": "unknown", "last_sequence": 3, "replayed_count": 2
    });
    assert_eq!(answer, expected);

    resync(&mut client, json!({"cursor": cursor})).await;
    let (got, answer) = until_answered(&mut client, 4).await;
    assert!(got.is_empty(), "asking twice doubles nothing: {got:?}");
    assert_eq!(answer["replayed_count"], 0);
    appliance.hub.publish(happened(5));
    let live = client.json().await;
    assert_eq!((&live["seq"], &live["replay"]), (&json!(4), &Value::Null));
    appliance.finished().await;
}

#[tokio::test]
async fn a_replay_passes_the_filter_of_the_new_connection() {
    let appliance = Appliance::start().await;
    let mut client = served(&appliance).await;
    appliance.hub.publish(happened(1));
    let cursor = client.json().await["cursor"].clone();
    drop(client);
    [seen(2), happened(3)].into_iter().for_each(|message| appliance.hub.publish(message));

    let mut client = served(&appliance).await;
    // Not carried by this endpoint until the client asks for it.
    appliance.hub.publish(seen(4));
    client.send(r#"{"type":"subscribe","data":{"events":["detection.*"]}}"#).await;
    client.json().await;
    resync(&mut client, json!({"cursor": cursor})).await;
    assert_eq!(until_answered(&mut client, 1).await.0, [(2, true), (4, true)]);
    appliance.finished().await;
}

#[tokio::test]
async fn a_number_counts_within_one_connection() {
    let appliance = Appliance::start().await;
    let mut client = served(&appliance).await;
    (1..=4).for_each(|id| appliance.hub.publish(happened(id)));
    for _ in 1..=4 {
        client.json().await;
    }
    resync(&mut client, json!({"channel": "events", "last_sequence": 2})).await;
    let (got, answer) = until_answered(&mut client, 5).await;
    assert_eq!(got, [(3, true), (4, true)]);
    let expected = json!({
        "type": "resync_ack", "channel": "events", "last_sequence": 2, "replayed_count": 2
    });
    assert_eq!(answer, expected);

    resync(&mut client, json!({"channel": "events", "last_sequence": 700})).await;
    let (got, answer) = until_answered(&mut client, 7).await;
    assert!(got.is_empty());
    assert_eq!(answer["gap_too_old"], true, "that number was given by another connection");
    appliance.finished().await;
}

#[tokio::test]
async fn a_cursor_from_before_a_restart_is_too_old_and_gets_all_there_is() {
    let before = Appliance::start().await;
    let mut client = served(&before).await;
    before.hub.publish(happened(1));
    let cursor = client.json().await["cursor"].clone();
    before.finished().await;

    let appliance = Appliance::start().await;
    [happened(2), happened(3)].into_iter().for_each(|message| appliance.hub.publish(message));
    let mut client = appliance.websocket("/ws/events").await;
    resync(&mut client, json!({"cursor": cursor})).await;
    let (got, answer) = until_answered(&mut client, 1).await;
    assert_eq!(got, [(2, true), (3, true)]);
    assert_eq!((&answer["gap_too_old"], &answer["replayed_count"]), (&json!(true), &json!(2)));
    let oldest = answer["oldest_available"].as_str().unwrap();
    assert_ne!(cursor.as_str().unwrap().split('-').next(), oldest.split('-').next());
    appliance.finished().await;
}

#[tokio::test]
async fn what_the_bounds_have_pushed_out_is_told() {
    let settings = ApiSettings { replay_max_bytes: 4 << 10, ..ApiSettings::default() };
    let appliance = Appliance::with(settings).await;
    let mut client = served(&appliance).await;
    appliance.hub.publish(happened(1));
    let cursor = client.json().await["cursor"].clone();
    drop(client);
    (2..=9).for_each(|id| appliance.hub.publish(happened(id)));

    let mut client = appliance.websocket("/ws/events").await;
    resync(&mut client, json!({"cursor": cursor})).await;
    let (got, answer) = until_answered(&mut client, 1).await;
    assert!(!got.is_empty() && got.len() < 5 && got.last() == Some(&(9, true)), "{got:?}");
    assert_eq!(answer["gap_too_old"], true);
    appliance.finished().await;
}

/// A client and what it has got so far.
struct Returning {
    client: Client,
    cursor: Value,
    got: Vec<u64>,
}

impl Returning {
    async fn new(appliance: &Appliance) -> Self {
        let mut client = appliance.websocket("/ws/events").await;
        client.is_served().await;
        Self { client, cursor: Value::Null, got: Vec::new() }
    }

    /// Reads until the answer to its resync and the message `last` have come.
    async fn catches_up(&mut self, last: u64) {
        let mut is_answered = false;
        let mut here: Vec<(u64, Value)> = Vec::new();
        while !is_answered || !here.iter().any(|(id, _)| *id == last) {
            let message = self.client.json().await;
            if message["type"] == "resync_ack" {
                assert_eq!(message["gap_too_old"], Value::Null);
                is_answered = true;
            } else {
                here.push((id(&message), message["cursor"].clone()));
            }
        }
        here.sort_by_key(|(id, _)| *id);
        self.cursor = here.last().unwrap().1.clone();
        self.got.extend(here.into_iter().map(|(id, _)| id));
    }
}

#[tokio::test]
async fn a_thousand_returns_lose_nothing_and_double_nothing() {
    const CLIENTS: u64 = 20;
    const RETURNS: u64 = 50;
    let settings = ApiSettings {
        replay_max_bytes: 64 << 20,
        websocket_upgrades_per_minute: 0,
        ..ApiSettings::default()
    };
    let appliance = Appliance::with(settings).await;
    let mut published = 0;
    let mut publish = |times: u64| {
        for _ in 0..times {
            published += 1;
            appliance.hub.publish(happened(published));
            appliance.hub.publish(seen(published));
        }
        published
    };
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        clients.push(Returning::new(&appliance).await);
    }
    let first = publish(1);
    for returning in &mut clients {
        let message = returning.client.json().await;
        assert_eq!(id(&message), first);
        returning.cursor = message["cursor"].clone();
    }
    for round in 0..RETURNS {
        publish(round % 3);
        for returning in &mut clients {
            // The old connection ends here.
            returning.client = appliance.websocket("/ws/events").await;
            publish(1);
            resync(&mut returning.client, json!({"cursor": returning.cursor})).await;
        }
        // Meets the replays anywhere: before, between and after them.
        let last = publish(1);
        for returning in &mut clients {
            returning.catches_up(last).await;
        }
    }
    for returning in &clients {
        assert!(returning.got.iter().copied().eq(first + 1..=published), "each message once");
    }
    appliance.finished().await;
}
