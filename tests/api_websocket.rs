//! The realtime API's WebSockets, through real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::sync::Arc;
use std::time::Duration;

use api_support::{
    Appliance, Client, MORNING, PATIENCE, VIEWER_KEY, detection, event, system_status, with_keys,
};
use futures_util::SinkExt as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio_tungstenite::tungstenite::{Error, Message};
use watchpost::api::ApiSettings;
use watchpost::domain::{CameraState, CameraStatus, Secret};
use watchpost::health::{Report, State};
use watchpost::live::LiveMessage;

/// Marks the last message of a test.
const LAST: u64 = 9999;

fn last_status() -> LiveMessage {
    let mut status = system_status();
    status.memory_used_mb = LAST;
    LiveMessage::System(Arc::new(status))
}

fn happened(id: u64) -> LiveMessage {
    LiveMessage::Event(Arc::new(event(id, 0)))
}

fn seen(id: u64) -> LiveMessage {
    LiveMessage::Detection(Arc::new(detection(id)))
}

fn camera_offline() -> LiveMessage {
    LiveMessage::Camera(Arc::new(CameraStatus {
        camera: "yard".parse().unwrap(),
        name: "Yard".into(),
        state: CameraState::Offline,
        previous: CameraState::Online,
        reason: None,
        at: MORNING,
    }))
}

fn store_changed() -> LiveMessage {
    LiveMessage::Service(Arc::new(Report {
        component: "store".into(),
        state: State::Healthy,
        message: "ok".into(),
        next_step: None,
        since: MORNING,
    }))
}

/// What the client gets when one of each message is published, and then `last`,
/// which it gets for sure.
async fn types(appliance: &Appliance, client: &mut Client, last: LiveMessage) -> Vec<String> {
    for message in [
        happened(1),
        LiveMessage::Event(Arc::new(event(1, 1))),
        seen(1),
        camera_offline(),
        store_changed(),
        LiveMessage::System(Arc::new(system_status())),
        last,
    ] {
        appliance.hub.publish(message);
    }
    let mut types = Vec::new();
    loop {
        let message = client.json().await;
        types.push(message["type"].as_str().unwrap_or_default().to_owned());
        let (id, memory) = (&message["data"]["id"], &message["data"]["gpu"]["memory_used"]);
        if *id == LAST || *memory == LAST {
            return types;
        }
    }
}

#[tokio::test]
async fn each_endpoint_carries_its_own_messages() {
    let appliance = Appliance::start().await;
    let mut events = appliance.websocket("/ws/events").await;
    events.is_served().await;
    let expected = ["event", "event.updated", "camera_status", "event"];
    assert_eq!(types(&appliance, &mut events, happened(LAST)).await, expected);

    let mut detections = appliance.websocket("/ws/detections").await;
    detections.is_served().await;
    assert_eq!(types(&appliance, &mut detections, seen(LAST)).await, ["detection", "detection"]);

    let mut system = appliance.websocket("/ws/system").await;
    system.is_served().await;
    let expected = ["service_status", "system_status", "system_status"];
    assert_eq!(types(&appliance, &mut system, last_status()).await, expected);
    appliance.finished().await;
}

#[tokio::test]
async fn a_subscription_narrows_adds_and_is_restored() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    client.send(r#"{"type":"subscribe","data":{"events":["Camera.*"]}}"#).await;
    assert_eq!(client.json().await, json!({"action": "subscribed", "events": ["camera.*"]}));
    client
        .send(r#"{"type":"subscribe","data":{"events":["detection.new","event.created"]}}"#)
        .await;
    client.json().await;
    let expected = ["event", "detection", "camera_status", "event"];
    assert_eq!(types(&appliance, &mut client, happened(LAST)).await, expected);

    client.send(r#"{"type":"unsubscribe","data":{"events":["camera.*","never.held"]}}"#).await;
    assert_eq!(client.json().await, json!({"action": "unsubscribed", "events": ["camera.*"]}));
    assert_eq!(
        types(&appliance, &mut client, happened(LAST)).await,
        ["event", "detection", "event"]
    );

    client.send(r#"{"type":"unsubscribe"}"#).await;
    let held = json!({"action": "unsubscribed", "events": ["detection.new", "event.created"]});
    assert_eq!(client.json().await, held);
    let expected = ["event", "event.updated", "camera_status", "event"];
    assert_eq!(types(&appliance, &mut client, happened(LAST)).await, expected);
    appliance.finished().await;
}

#[tokio::test]
async fn numbers_count_what_the_client_gets_and_filters_leave_no_gap() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    client.is_served().await;
    for message in [seen(1), happened(1), seen(2), store_changed(), happened(2)] {
        appliance.hub.publish(message);
    }
    assert_eq!(client.json().await["seq"], 1);
    assert_eq!(client.json().await["seq"], 2);
    appliance.finished().await;
}

#[tokio::test]
async fn the_system_stream_begins_with_the_figures_of_the_box() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/system").await;
    let first = client.json().await;
    assert_eq!((&first["type"], &first["seq"]), (&"system_status".into(), &1.into()));
    assert_eq!(first["data"]["gpu"]["memory_total"], 512);
    appliance.finished().await;
}

#[tokio::test]
async fn pings_are_answered_in_json_and_in_plain_text() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/detections").await;
    for ping in ["ping", r#"{"type":"ping"}"#] {
        client.send(ping).await;
        assert_eq!(client.text().await, r#"{"type":"pong"}"#);
    }
    client.send(r#"{"type":"pong"}"#).await;
    client.0.send(Message::Ping("x".into())).await.unwrap();
    assert_eq!(client.next().await.unwrap(), Message::Pong("x".into()));
    appliance.finished().await;
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_tells_the_last_number_and_silence_ends_with_1000() {
    let settings = ApiSettings {
        websocket_ping_interval: Duration::from_secs(2),
        websocket_idle_timeout: Duration::from_secs(5),
        ..ApiSettings::default()
    };
    let appliance = Appliance::with(settings).await;
    let mut client = appliance.websocket("/ws/events").await;
    client.is_served().await;
    appliance.hub.publish(happened(1));
    let message = client.json().await;
    assert_eq!(message["seq"], 1);
    let heartbeat = json!({"type": "ping", "lastSeq": 1, "cursor": message["cursor"]});
    assert_eq!(client.json().await, heartbeat);
    assert_eq!(client.closed().await, (1000, "Idle timeout".to_owned()));
    appliance.finished().await;
}

#[tokio::test]
async fn a_key_is_accepted_four_ways_and_its_subprotocol_comes_back() {
    let appliance = Appliance::with(with_keys()).await;
    let protocol = format!("api-key.{VIEWER_KEY}");
    let bearer = format!("Bearer {VIEWER_KEY}");
    let query = format!("/ws/events?api_key={VIEWER_KEY}");
    for (path, headers) in [
        (query.as_str(), vec![]),
        ("/ws/events", vec![("x-api-key", VIEWER_KEY)]),
        ("/ws/events", vec![("authorization", bearer.as_str())]),
        ("/ws/events", vec![("sec-websocket-protocol", protocol.as_str())]),
    ] {
        let (mut client, response) = appliance.websocket_with(path, &headers).await.unwrap();
        client.is_served().await;
        let offered = headers.iter().find(|(name, _)| *name == "sec-websocket-protocol");
        let echoed = response.headers().get("sec-websocket-protocol");
        assert_eq!(echoed.map(|v| v.to_str().unwrap()), offered.map(|(_, value)| *value));
    }
    appliance.finished().await;
}

#[tokio::test]
async fn who_has_no_right_is_let_in_and_told_1008() {
    let mut settings = with_keys();
    settings.websocket_token = Some(Secret::new("a-token"));
    let appliance = Appliance::with(settings).await;
    let key = format!("api_key={VIEWER_KEY}");
    for path in [
        "/ws/events".to_owned(),
        "/ws/events?token=a-token".to_owned(),
        "/ws/system?api_key=wrong&token=a-token".to_owned(),
        format!("/ws/detections?{key}"),
        format!("/ws/detections?{key}&token=another"),
    ] {
        let mut client = appliance.websocket(&path).await;
        assert_eq!(client.closed().await, (1008, "authentication failed".to_owned()), "{path}");
    }
    let wrong = [("sec-websocket-protocol", "api-key.wrong")];
    let (mut client, response) = appliance.websocket_with("/ws/events", &wrong).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "api-key.wrong");
    assert_eq!(client.closed().await.0, 1008);

    appliance.websocket(&format!("/ws/events?{key}&token=a-token")).await.is_served().await;
    appliance.finished().await;
}

#[tokio::test]
async fn a_foreign_page_and_a_foreign_host_get_no_handshake() {
    let appliance = Appliance::start().await;
    for header in [("origin", "https://evil.example"), ("host", "rebound.example")] {
        match appliance.websocket_with("/ws/events", &[header]).await.map_err(|error| *error) {
            Err(Error::Http(response)) => assert_eq!(response.status(), 403, "{header:?}"),
            other => panic!("{header:?} was not refused: {:?}", other.err()),
        }
    }
    let own = format!("http://{}", appliance.address);
    let (mut client, _) =
        appliance.websocket_with("/ws/events", &[("origin", &own)]).await.unwrap();
    client.is_served().await;
    appliance.finished().await;
}

#[tokio::test]
async fn connections_are_counted_for_whoever_has_switched_debugging_on() {
    const PATH: &str = "/api/debug/websocket/connections";
    let appliance = Appliance::start().await;
    assert_eq!(appliance.get(PATH).await.status, 404);
    appliance.finished().await;

    let appliance = Appliance::with(ApiSettings { debug: true, ..ApiSettings::default() }).await;
    let mut clients = Vec::new();
    for path in ["/ws/events", "/ws/detections", "/ws/system"] {
        let mut client = appliance.websocket(path).await;
        client.is_served().await;
        clients.push(client);
    }
    let body = appliance.get(PATH).await.json();
    let expected =
        json!({"connection_count": 2, "state": "closed", "failure_count": 0, "is_degraded": false});
    assert_eq!(body["event_broadcaster"], expected);
    assert_eq!(body["system_broadcaster"]["connection_count"], 1);
    appliance.finished().await;
}

#[tokio::test]
async fn the_breakers_tell_real_trouble_and_close_by_themselves() {
    let appliance = Appliance::start().await;
    let store = appliance.health.component("store");
    let breaker = async || {
        appliance.get("/api/system/health/websocket").await.json()["event_broadcaster"].clone()
    };
    let expected = |state: &str, failures: u64| json!({"state": state, "failure_count": failures, "is_degraded": failures > 0});
    store.degraded("slow", "replace the card");
    assert_eq!(breaker().await, expected("half_open", 1));
    appliance.health.component("detector").unhealthy("no network", "reinstall");
    assert_eq!(breaker().await, expected("open", 2));
    store.healthy("ok");
    appliance.health.component("detector").healthy("ok");
    assert_eq!(breaker().await, expected("closed", 0));
    appliance.finished().await;
}

#[tokio::test]
async fn a_plain_request_is_told_to_upgrade() {
    let appliance = Appliance::start().await;
    let answer = appliance.get("/ws/events").await;
    assert_eq!((answer.status, answer.header("upgrade")), (426, Some("websocket")));
    let headers = [("Upgrade", "websocket"), ("Connection", "Upgrade")];
    let answer = appliance.request("GET", "/ws/events", &headers, "").await;
    assert_eq!(answer.status, 426, "without key and version it is no WebSocket");
    appliance.finished().await;
}

#[tokio::test]
async fn wrong_messages_get_their_error_and_the_connection_goes_on() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    client.send("invalid{json").await;
    assert_eq!(
        client.json().await,
        json!({
            "type": "error",
            "error": "invalid_json",
            "message": "Message must be valid JSON",
            "details": {"raw_data_preview": "invalid{json"}
        })
    );
    client.send(r#"{"type":"dance"}"#).await;
    let answer = client.json().await;
    assert_eq!(answer["error"], "unknown_message_type");
    assert_eq!(answer["details"]["supported_types"][0], "ping");
    client.send(r#"{"type":"subscribe","data":{}}"#).await;
    assert_eq!(client.json().await["error"], "validation_error");
    let many: Vec<_> = (0..10_000).map(|n| format!("p{n}")).collect();
    let flood = json!({"type": "subscribe", "data": {"events": many[..5000]}});
    client.send(&flood.to_string()).await;
    assert_eq!(client.json().await["error"], "validation_error");
    client.0.send(Message::binary(vec![0, 1, 2])).await.unwrap();
    assert_eq!(client.json().await["error"], "invalid_message_format");
    client.is_served().await;
    appliance.finished().await;
}

#[tokio::test]
async fn a_message_that_is_too_large_is_answered_with_1009() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    let fits = format!("\"{}\"", "x".repeat((64 << 10) - 2));
    client.send(&fits).await;
    assert_eq!(client.json().await["error"], "invalid_message_format");
    // The service closes on the frame's head; the rest may not be taken.
    let _ = client.0.send(Message::text("x".repeat(1 << 20))).await;
    assert_eq!(client.closed().await.0, 1009);
    appliance.finished().await;
}

#[tokio::test]
async fn frames_that_are_none_end_that_client_only() {
    let appliance = Appliance::start().await;
    let mut healthy = appliance.websocket("/ws/events").await;
    healthy.is_served().await;
    let mut rng = fastrand::Rng::with_seed(11);
    for round in 0..40 {
        let client = appliance.websocket("/ws/events").await;
        let mut raw = client.0.into_inner();
        let garbage: Vec<u8> = match round {
            0 => vec![0x81, 0x05],             // Unmasked, and shorter than it says.
            1 => vec![0xFF; 64],               // Reserved bits and opcode.
            2 => vec![0x81, 0xFF, 0xFF, 0xFF], // A length without its end.
            3 => vec![0x89, 0xFE, 0x01, 0x00], // A ping that is too long.
            4 => vec![0x81, 0x82, 0, 0, 0, 0, 0xC3, 0x28], // Not UTF-8.
            _ => (0..rng.usize(1..500)).map(|_| rng.u8(..)).collect(),
        };
        let _ = raw.write_all(&garbage).await;
        let _ = raw.shutdown().await;
        let end = tokio::time::timeout(PATIENCE, raw.read_to_end(&mut Vec::new())).await;
        assert!(end.is_ok(), "round {round} was not ended");
    }
    appliance.hub.publish(happened(1));
    assert_eq!(healthy.json().await["seq"], 1);
    appliance.finished().await;
}

#[tokio::test]
async fn a_flood_of_messages_is_answered_with_1008() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    for _ in 0..200 {
        if client.0.feed(Message::text("ping")).await.is_err() {
            break;
        }
    }
    let _ = client.0.flush().await;
    assert_eq!(client.closed().await, (1008, "too many messages".to_owned()));
    appliance.finished().await;
}

#[tokio::test]
async fn the_end_of_the_box_is_told_as_1001() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    client.is_served().await;
    appliance.stop.set();
    assert_eq!(client.closed().await.0, 1001);
    appliance.finished().await;
}

#[tokio::test]
async fn a_client_that_does_not_read_sees_a_gap_and_a_healthy_one_gets_everything() {
    const ROUNDS: u64 = 60;
    const ROUND: u64 = 100;
    let appliance = Appliance::start().await;
    let mut healthy = appliance.websocket("/ws/events").await;
    healthy.is_served().await;
    let mut slow = slow_client(&appliance).await;
    slow.is_served().await;

    for round in 0..ROUNDS {
        (1..=ROUND).for_each(|n| appliance.hub.publish(happened(round * ROUND + n)));
        for n in 1..=ROUND {
            let message = healthy.json().await;
            assert_eq!(message["seq"], round * ROUND + n, "the healthy client misses nothing");
            assert_eq!(message["data"]["id"], round * ROUND + n);
        }
    }

    let mut got = Vec::new();
    while got.last() != Some(&(ROUNDS * ROUND)) {
        let message = slow.json().await;
        assert_eq!(message["seq"], message["data"]["id"], "numbers are given before any drop");
        got.push(message["seq"].as_u64().unwrap());
    }
    assert!(got.is_sorted_by(|a, b| a < b));
    let missed = ROUNDS * ROUND - got.len() as u64;
    let labels = [("channel", "events")];
    let dropped = appliance.metrics.counter("watchpost_live_dropped_total", "", &labels);
    assert!(missed > 0, "the test floods too little");
    assert_eq!(dropped.value(), missed, "every missing message is counted");
    appliance.finished().await;
}

/// A client whose kernel takes little, so that not reading shows.
async fn slow_client(appliance: &Appliance) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(appliance.address).await.unwrap();
    let url = format!("ws://{}/ws/events", appliance.address);
    Client(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
}

#[tokio::test(start_paused = true)]
async fn a_client_that_never_reads_is_cut_off() {
    let appliance = Appliance::start().await;
    let mut slow = slow_client(&appliance).await;
    slow.is_served().await;
    (1..=3000).for_each(|id| appliance.hub.publish(happened(id)));
    // Time stands still and is turned by hand, as far as it takes and no further.
    let turns = (0..600).take_while(|_| appliance.hub.subscribers("events") > 0);
    for _ in turns {
        tokio::time::advance(Duration::from_millis(100)).await;
    }
    assert_eq!(appliance.hub.subscribers("events"), 0, "not within a minute");
    drop(slow);
    appliance.finished().await;
}

#[tokio::test]
async fn who_leaves_is_forgotten() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/detections").await;
    client.is_served().await;
    let mut stream = appliance.stream("/api/events").await;
    api_support::read_until(&mut stream, "\n\n").await;
    let listening = ["detections", "camera_sdk"].map(|channel| appliance.hub.subscribers(channel));
    assert_eq!(listening, [1, 1]);

    drop((client, stream));
    let gone = async {
        while ["detections", "camera_sdk"].iter().any(|c| appliance.hub.subscribers(c) > 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
    appliance.finished().await;
}
