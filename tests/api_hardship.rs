//! Clients that do their worst: too many, too fast, too slow, too long. Each
//! gets the documented answer, and nobody else notices.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::sync::Arc;

use api_support::{Appliance, Client, PATIENCE, VIEWER_KEY, event, with_keys};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpSocket;
use tokio::sync::Barrier;
use watchpost::api::ApiSettings;
use watchpost::live::{BACKLOG_MAX_BYTES, LiveMessage};

fn happened(id: u64) -> LiveMessage {
    LiveMessage::Event(Arc::new(event(id, 0)))
}

#[tokio::test]
async fn an_address_that_opens_too_many_websockets_is_told_1008() {
    let settings = ApiSettings {
        websocket_upgrades_per_minute: 3,
        websocket_upgrades_burst: 2,
        ..with_keys()
    };
    let appliance = Appliance::with(settings).await;
    let path = format!("/ws/events?api_key={VIEWER_KEY}");
    // Refused logins count like others.
    for _ in 0..3 {
        let reason = appliance.websocket("/ws/events").await.closed().await.1;
        assert_eq!(reason, "authentication failed");
    }
    for _ in 0..2 {
        appliance.websocket(&path).await.is_served().await;
    }
    let refused = (1008, "too many connection attempts".to_owned());
    assert_eq!(appliance.websocket(&path).await.closed().await, refused);
    assert_eq!(appliance.websocket("/ws/system").await.closed().await, refused);
    let total = appliance.metrics.counter("watchpost_websocket_throttled_total", "", &[]);
    assert_eq!(total.value(), 2);

    // Whom a proxy on this machine names has attempts of their own.
    let other = [("x-forwarded-for", "192.0.2.7")];
    let (mut client, _) = appliance.websocket_with(&path, &other).await.unwrap();
    client.is_served().await;
    assert_eq!(appliance.get("/health").await.status, 200, "nothing but WebSockets is throttled");
    appliance.finished().await;
}

#[tokio::test]
async fn the_throttle_can_be_switched_off() {
    let settings = ApiSettings { websocket_upgrades_per_minute: 0, ..ApiSettings::default() };
    let appliance = Appliance::with(settings).await;
    for _ in 0..100 {
        appliance.websocket("/ws/events").await.is_served().await;
    }
    appliance.finished().await;
}

#[tokio::test(start_paused = true)]
async fn an_upgrade_that_trickles_in_is_given_up_and_others_are_served() {
    let appliance = Appliance::start().await;
    let mut slow = Vec::new();
    for _ in 0..30 {
        let mut stream = appliance.connect().await;
        let begun = b"GET /ws/events HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nX-";
        stream.write_all(begun).await.unwrap();
        slow.push(stream);
    }
    appliance.websocket("/ws/events").await.is_served().await;
    for stream in &mut slow {
        let mut rest = Vec::new();
        let ended = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it was cut off");
        assert!(!String::from_utf8_lossy(&rest).contains("101 "));
    }
    appliance.finished().await;
}

/// What a stalled client costs at most: its backlog, and the kernel's buffers,
/// which Linux makes twice as large as they were asked for.
const STALLED_MAX_BYTES: usize = BACKLOG_MAX_BYTES + (64 << 10) * 2 + (32 << 10);

#[tokio::test]
async fn a_stalled_reader_costs_two_hundred_healthy_ones_nothing() {
    const HEALTHY: usize = 200;
    const ROUNDS: u64 = 12;
    const ROUND: u64 = 100;
    let settings = ApiSettings {
        connections_max: 300,
        connections_per_ip_max: 300,
        websocket_upgrades_per_minute: 0,
        ..ApiSettings::default()
    };
    let appliance = Appliance::with(settings).await;
    let mut stalled = stalled_client(&appliance).await;
    stalled.is_served().await;
    let (begin, end) = (Arc::new(Barrier::new(HEALTHY + 1)), Arc::new(Barrier::new(HEALTHY + 1)));
    let mut healthy = Vec::new();
    for _ in 0..HEALTHY {
        let mut client = appliance.websocket("/ws/events").await;
        client.is_served().await;
        let (begin, end) = (Arc::clone(&begin), Arc::clone(&end));
        healthy.push(tokio::spawn(async move {
            for round in 0..ROUNDS {
                begin.wait().await;
                for n in 1..=ROUND {
                    let expected = format!(r#"{{"type":"event","seq":{},"#, round * ROUND + n);
                    let text = client.text().await;
                    assert!(text.starts_with(&expected), "{expected} {text}");
                }
                end.wait().await;
            }
        }));
    }
    for round in 0..ROUNDS {
        begin.wait().await;
        (1..=ROUND).for_each(|n| appliance.hub.publish(happened(round * ROUND + n)));
        // Everybody has everything of this round before the next one begins.
        tokio::time::timeout(PATIENCE, end.wait()).await.unwrap();
    }
    for client in healthy {
        client.await.unwrap();
    }

    let (mut got, mut bytes) = (Vec::new(), 0);
    while got.last() != Some(&(ROUNDS * ROUND)) {
        let text = stalled.text().await;
        bytes += text.len();
        let message: serde_json::Value = serde_json::from_str(&text).unwrap();
        got.push(message["seq"].as_u64().unwrap());
    }
    let missed = ROUNDS * ROUND - got.len() as u64;
    let labels = [("channel", "events")];
    let dropped = appliance.metrics.counter("watchpost_live_dropped_total", "", &labels);
    assert!(missed > 0 && dropped.value() == missed, "{missed} {}", dropped.value());
    assert!(bytes <= STALLED_MAX_BYTES, "{bytes} bytes waited for one client");
    appliance.finished().await;
}

/// A client whose kernel takes little, so that not reading shows.
async fn stalled_client(appliance: &Appliance) -> Client {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let stream = socket.connect(appliance.address).await.unwrap();
    let url = format!("ws://{}/ws/events", appliance.address);
    Client(tokio_tungstenite::client_async(url, stream).await.unwrap().0)
}

#[tokio::test]
async fn ten_thousand_subscriptions_in_many_messages_leave_what_was_held() {
    let appliance = Appliance::start().await;
    let mut client = appliance.websocket("/ws/events").await;
    client.send(r#"{"type":"subscribe","data":{"events":["event.created"]}}"#).await;
    client.json().await;
    for message in 0..35 {
        let patterns: Vec<_> = (0..300).map(|n| format!("domain{message}.kind{n}")).collect();
        client.send(&json!({"type": "subscribe", "data": {"events": patterns}}).to_string()).await;
        assert_eq!(client.json().await["error"], "validation_error");
    }
    appliance.hub.publish(happened(1));
    assert_eq!(client.json().await["type"], "event");
    appliance.finished().await;
}
