//! The camera SDK event stream, and the lists of records.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::sync::Arc;
use std::time::Duration;

use api_support::{
    Appliance, MORNING, detection, event, frame, read_answer, read_until, with_keys,
};
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use watchpost::api::ApiSettings;
use watchpost::domain::{BBox, CameraNotice, Event, EventId, FrameTap as _, RiskScore};
use watchpost::live::LiveMessage;
use watchpost::pipeline::{FrameOutcome, Output as _};
use watchpost::store::{Durability, StoreError};

const HANDSHAKE: &str = "event: connected\ndata: {\"cameraId\":\"*\"}\n\n";

fn connected(camera: &str) -> LiveMessage {
    let camera = camera.parse().unwrap();
    LiveMessage::Notice { camera, notice: CameraNotice::Connected { model: "sim".into() } }
}

#[tokio::test]
async fn the_stream_begins_with_its_head_and_the_handshake_at_once() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.stream("/api/events").await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.0 200 OK\r\n") || head.starts_with("HTTP/1.1 200 OK\r\n"));
    for line in [
        "content-type: text/event-stream\r\n",
        "cache-control: no-cache\r\n",
        "access-control-allow-origin: *\r\n",
    ] {
        assert!(head.to_lowercase().contains(line), "{line} in {head}");
    }
    assert!(!head.to_lowercase().contains("content-length"));
    assert_eq!(read_until(&mut stream, "\n\n").await, HANDSHAKE);
    appliance.finished().await;
}

#[tokio::test]
async fn notices_arrive_in_order_and_other_messages_do_not() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.stream("/api/events").await;
    read_until(&mut stream, HANDSHAKE).await;
    appliance.hub.publish(LiveMessage::Event(Arc::new(event(1, 0))));
    appliance.hub.publish(connected("yard"));
    let (code, reason) = (0x8204, "no frame".to_owned());
    let notice = CameraNotice::Disconnected { code, reason };
    appliance.hub.publish(LiveMessage::Notice { camera: "yard".parse().unwrap(), notice });
    assert_eq!(
        read_until(&mut stream, "no frame\"}\n\n").await,
        "event: connected\ndata: {\"cameraId\":\"yard\",\"id\":\"yard\",\"model\":\"sim\"}\n\n\
         event: disconnected\ndata: {\"error\":\"0x00008204\",\"cameraId\":\"yard\",\"id\":\"yard\",\"reason\":\"no frame\"}\n\n"
    );
    appliance.finished().await;
}

#[tokio::test]
async fn the_stream_of_one_camera_carries_that_camera_only() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.stream("/api/cameras/yard/events").await;
    read_until(&mut stream, "event: connected\ndata: {\"cameraId\":\"yard\"}\n\n").await;
    appliance.hub.publish(connected("gate"));
    appliance.hub.publish(connected("yard"));
    let first = read_until(&mut stream, "\n\n").await;
    assert!(first.contains("\"cameraId\":\"yard\""), "{first}");
    appliance.finished().await;
}

#[tokio::test]
async fn a_comment_line_shows_that_a_quiet_stream_lives() {
    let sse_keepalive = Duration::from_millis(20);
    let appliance = Appliance::with(ApiSettings { sse_keepalive, ..ApiSettings::default() }).await;
    let mut stream = appliance.stream("/api/events").await;
    read_until(&mut stream, HANDSHAKE).await;
    assert_eq!(read_until(&mut stream, "\n\n").await, ": keepalive\n\n");
    assert_eq!(read_until(&mut stream, "\n\n").await, ": keepalive\n\n");
    appliance.finished().await;
}

#[tokio::test]
async fn streams_end_when_the_box_stops() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.stream("/api/events").await;
    read_until(&mut stream, HANDSHAKE).await;
    appliance.finished().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}

#[tokio::test]
async fn what_a_client_accepts_decides_between_list_and_stream() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(1, 0));
    for path in ["/api/events", "/api/cameras/front_door/events"] {
        let accept = [("Accept", "application/json, text/plain, */*")];
        let list = appliance.request("GET", path, &accept, "").await;
        assert_eq!(list.json()["items"][0]["id"], 1, "{path}");
    }
    let mut stream = appliance.connect().await;
    let request = "GET /api/events HTTP/1.0\r\nAccept: text/event-stream\r\n\r\n";
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    read_until(&mut stream, HANDSHAKE).await;
    appliance.finished().await;
}

#[tokio::test]
async fn a_list_is_walked_to_its_exact_end_by_cursor() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().extend((1..=6).map(|id| event(id, 0)));
    let mut seen = Vec::new();
    let mut path = "/api/events?limit=3".to_owned();
    loop {
        let page = appliance.get_json(&path).await.json();
        let ids = page["items"].as_array().unwrap().iter().map(|item| item["id"].as_u64().unwrap());
        seen.extend(ids);
        let pagination = &page["pagination"];
        let next = pagination["next_cursor"].as_str();
        assert_eq!(pagination["has_more"], next.is_some());
        let Some(next) = next else { break };
        path = format!("/api/events?limit=3&cursor={next}");
    }
    assert_eq!(seen, [6, 5, 4, 3, 2, 1]);
    appliance.finished().await;
}

#[tokio::test]
async fn a_search_that_passes_over_much_goes_on_by_itself_and_then_by_cursor() {
    let appliance = Appliance::start().await;
    let mut rare = detection(1);
    rare.camera = "back_door".parse().unwrap();
    let mut all: Vec<_> = (2..=20).map(detection).collect();
    all.push(rare);
    *appliance.store.detections.lock().unwrap() = all;
    for (looks_at, pages) in [(1, 5), (3, 2), (5, 1), (20, 1)] {
        *appliance.store.looks_at.lock().unwrap() = Some(looks_at);
        let mut path = "/api/detections?camera_id=back_door".to_owned();
        let mut counts = Vec::new();
        loop {
            let page = appliance.get_json(&path).await.json();
            counts.push(page["items"].as_array().unwrap().len());
            assert_eq!(
                page["pagination"]["has_more"],
                page["pagination"]["next_cursor"].is_string()
            );
            let Some(next) = page["pagination"]["next_cursor"].as_str() else { break };
            path = format!("/api/detections?camera_id=back_door&cursor={next}");
        }
        assert_eq!(counts.len(), pages);
        assert_eq!((counts.pop(), counts.iter().sum::<usize>()), (Some(1), 0));
    }
    appliance.finished().await;
}

#[tokio::test]
async fn filters_reach_the_store() {
    let appliance = Appliance::start().await;
    {
        let mut events = appliance.store.events.lock().unwrap();
        let mut calm = event(1, 0);
        calm.risk = RiskScore::new(10);
        let mut other = event(2, 0);
        other.camera = "yard".parse().unwrap();
        other.reviewed = true;
        let mut late = event(3, 0);
        late.started_at = MORNING.after(Duration::from_secs(86_400));
        events.extend([calm, other, late]);
        appliance.store.detections.lock().unwrap().extend([detection(1), detection(2)]);
    }
    for (path, expected) in [
        ("/api/events?risk_level=low", vec![1]),
        ("/api/events?camera_id=yard", vec![2]),
        ("/api/cameras/yard/events", vec![2]),
        ("/api/events?reviewed=true", vec![2]),
        ("/api/events?reviewed=false", vec![3, 1]),
        ("/api/events?object_type=cat", vec![]),
        ("/api/events?start_date=2026-01-16", vec![3]),
        ("/api/events?end_date=2026-01-15", vec![2, 1]),
        ("/api/detections?min_confidence=0.9", vec![]),
        ("/api/detections?event_id=12&limit=1", vec![2]),
        ("/api/events/1/detections", vec![]),
    ] {
        let page = appliance.get_json(path).await.json();
        let items = page["items"].as_array().unwrap_or_else(|| panic!("{path}: {page}"));
        let ids: Vec<_> = items.iter().map(|item| item["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, expected, "{path}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn wrong_parameters_are_named() {
    let appliance = Appliance::start().await;
    for (path, word) in [
        ("/api/events?limit=0", "limit"),
        ("/api/events?limit=many", "limit"),
        ("/api/events?offset=10", "cursor"),
        ("/api/events?risk_level=huge", "risk_level"),
        ("/api/events?reviewed=perhaps", "reviewed"),
        ("/api/events?camera_id=../etc", "camera_id"),
        ("/api/events?start_date=yesterday", "start_date"),
        ("/api/events?start_date=2026-02-01&end_date=2026-01-01", "before"),
        ("/api/events?cursor=made-up", "cursor"),
        ("/api/detections?min_confidence=NaN", "min_confidence"),
        ("/api/detections?min_confidence=1.5", "min_confidence"),
        ("/api/detections/abc", "number"),
        ("/api/cameras/%7BcameraId%7D/snapshot", "camera id"),
        ("/api/cameras/..%2f..%2fetc/snapshot", "camera id"),
    ] {
        let answer = appliance.get_json(path).await;
        assert_eq!(answer.status, 400, "{path}: {answer:?}");
        let detail = answer.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(word), "{path}: {detail}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_review_is_durable_before_it_is_answered_and_then_announced() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(1, 4));
    let mut live = appliance.websocket("/ws/events").await;
    live.is_served().await;

    let path = "/api/events/1";
    let answer = appliance.request("PATCH", path, &[], r#"{"reviewed":true}"#).await;
    assert_eq!((answer.status, &answer.json()["reviewed"]), (200, &true.into()));
    assert_eq!(*appliance.store.submitted.lock().unwrap(), [(1, Durability::Synced)]);
    let announced = live.json().await;
    assert_eq!(announced["type"], "event.updated");
    assert_eq!(
        (&announced["data"]["revision"], &announced["data"]["reviewed"]),
        (&5.into(), &true.into())
    );

    let again = appliance.request("PATCH", path, &[], r#"{"reviewed":true}"#).await;
    assert_eq!(again.json()["revision"], 5, "saying it twice changes nothing");
    appliance.finished().await;
}

#[tokio::test]
async fn a_review_survives_the_next_change_of_its_event() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let mut live = appliance.websocket("/ws/events").await;
    live.send(r#"{"type":"subscribe","data":{"events":["event.*"]}}"#).await;
    assert_eq!(live.json().await["action"], "subscribed");
    recorder.frame_done(outcome(event(1, 0)));
    assert_eq!(live.json().await["type"], "event");
    appliance.request("PATCH", "/api/events/1", &[], r#"{"reviewed":true}"#).await;
    assert_eq!(live.json().await["data"]["revision"], 1);

    recorder.frame_done(outcome(event(1, 1)));

    let updated = live.json().await;
    assert_eq!(
        (&updated["data"]["revision"], &updated["data"]["reviewed"]),
        (&2.into(), &true.into())
    );
    assert_eq!(appliance.get("/api/events/1").await.json()["reviewed"], true);
    appliance.finished().await;
}

#[tokio::test]
async fn notes_and_a_snooze_are_kept_through_changes_of_either_side() {
    let appliance = Appliance::start().await;
    let recorder = appliance.recorder();
    let mut live = appliance.websocket("/ws/events").await;
    live.send(r#"{"type":"subscribe","data":{"events":["event.*"]}}"#).await;
    assert_eq!(live.json().await["action"], "subscribed");
    recorder.frame_done(outcome(event(1, 0)));
    assert_eq!(live.json().await["data"]["notes"], serde_json::Value::Null);
    let change = async |body: &str| {
        let answer = appliance.request("PATCH", "/api/events/1", &[], body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    change(r#"{"notes":"The postman.","snooze_until":"2026-01-16T08:00:00+01:00"}"#).await;
    let told = live.json().await;
    assert_eq!(told["data"]["notes"], "The postman.");
    recorder.frame_done(outcome(event(1, 1)));
    assert_eq!(live.json().await["data"]["snooze_until"], "2026-01-16T07:00:00.000Z");
    let changed = change(r#"{"reviewed":true}"#).await;
    assert_eq!((&changed["notes"], &changed["reviewed"]), (&"The postman.".into(), &true.into()));
    let cleared = change(r#"{"notes":null,"snooze_until":null}"#).await;
    assert!(cleared["notes"].is_null() && cleared["reviewed"] == true);
    assert!(cleared["snooze_until"].is_null());
    appliance.finished().await;
}

fn outcome(event: Event) -> FrameOutcome {
    FrameOutcome {
        frame: None,
        camera: event.camera.clone(),
        tracks: Vec::new(),
        detections: Vec::new(),
        batch: None,
        events: vec![event],
        snapshots: Vec::new(),
        view: None,
    }
}

#[tokio::test]
async fn a_review_that_cannot_be_kept_is_not_confirmed() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(1, 0));
    let body = r#"{"reviewed":true}"#;
    let long = format!(r#"{{"notes":"{}"}}"#, "ä".repeat(1001));
    for (path, body, status) in [
        ("/api/events/9", body, 404),
        ("/api/events/1", "{}", 400),
        ("/api/events/1", r#"{"reviewed":"yes"}"#, 400),
        ("/api/events/1", r#"{"reviewed":true,"note":"x"}"#, 400),
        ("/api/events/1", r#"{"snooze_until":"tomorrow"}"#, 400),
        ("/api/events/1", long.as_str(), 400),
    ] {
        let answer = appliance.request("PATCH", path, &[], body).await;
        assert_eq!(answer.status, status, "{path} {body}");
    }
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Full);
    let answer = appliance.request("PATCH", "/api/events/1", &[], body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
    assert_eq!(answer.json()["error"]["code"], "store_full");
    appliance.finished().await;
}

#[tokio::test]
async fn a_kept_picture_is_sent_once_and_then_known() {
    let appliance = Appliance::start().await;
    appliance.store.detections.lock().unwrap().push(detection(91));
    assert_eq!(appliance.get("/api/events/12/snapshot").await.status, 404);
    let (tx, kept) = tokio::sync::oneshot::channel();
    let done = Box::new(move |outcome| drop(tx.send(outcome)));
    appliance.snapshots.save(
        EventId(12),
        Arc::new(frame()),
        BBox::from_corners(0.2, 0.2, 0.6, 0.8),
        done,
    );
    kept.await.unwrap().unwrap();

    for path in [
        "/api/events/12/snapshot",
        "/api/events/12/thumbnail",
        "/api/detections/91/image",
        "/api/detections/91/thumbnail",
    ] {
        let picture = appliance.get(path).await;
        assert_eq!((picture.status, picture.header("content-type")), (200, Some("image/jpeg")));
        assert!(picture.body.starts_with(&[0xFF, 0xD8, 0xFF]), "{path}");
        let etag = picture.header("etag").unwrap();
        let known = appliance.request("GET", path, &[("If-None-Match", etag)], "").await;
        assert_eq!((known.status, known.body.len()), (304, 0), "{path}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn the_latest_picture_comes_with_or_without_boxes() {
    let appliance = Appliance::start().await;
    let camera = "front_door".parse().unwrap();
    assert_eq!(appliance.get("/api/cameras/front_door/snapshot").await.status, 404);
    let view = appliance.live_views.insert(&camera, 2);
    view.offer(&Arc::new(frame()));
    for path in ["snapshot", "snapshot?boxes=1"] {
        let picture = appliance.get(&format!("/api/cameras/front_door/{path}")).await;
        assert_eq!(picture.status, 200, "{path}");
        assert!(picture.body.starts_with(&[0xFF, 0xD8, 0xFF]), "{path}");
    }
    appliance.finished().await;
}

#[tokio::test]
async fn a_live_stream_sends_parts_and_has_room_for_so_many_viewers() {
    let appliance = Appliance::start().await;
    let view = appliance.live_views.insert(&"front_door".parse().unwrap(), 1);
    view.offer(&Arc::new(frame()));
    let path = "/api/cameras/front_door/stream.mjpeg?boxes=1";
    let mut stream = appliance.stream(path).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.contains("content-type: multipart/x-mixed-replace; boundary=frame"), "{head}");
    let part = read_until(&mut stream, "\r\n\r\n").await;
    let part =
        part.strip_prefix("--frame\r\nContent-Type: image/jpeg\r\nContent-Length: ").unwrap();
    let mut picture = vec![0; part.trim().parse().unwrap()];
    stream.read_exact(&mut picture).await.unwrap();
    assert!(picture.starts_with(&[0xFF, 0xD8, 0xFF]));
    read_until(&mut stream, "\r\n--frame\r\n").await;

    let refused = appliance.get(path).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("5")));
    appliance.finished().await;
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
}

#[tokio::test]
async fn a_store_that_is_away_is_said_so_without_naming_files() {
    let appliance = Appliance::with(with_keys()).await;
    let reason = "/var/lib/watchpost/journal is read-only".to_owned();
    *appliance.store.failure.lock().unwrap() = Some(StoreError::Unavailable(reason));
    let mut stream = appliance.connect().await;
    let key = api_support::VIEWER_KEY;
    let request =
        format!("GET /api/events?api_key={key} HTTP/1.0\r\nAccept: application/json\r\n\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!(answer.status, 503);
    assert!(!answer.text().contains("/var/lib"), "{}", answer.text());
    appliance.finished().await;
}

#[tokio::test]
async fn lists_give_the_fields_that_are_asked_for_and_no_others() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().push(event(12, 0));
    appliance.store.detections.lock().unwrap().push(detection(91));
    for (path, fields, expected) in [
        ("/api/events", "id,risk_score", json!({"id": 12, "risk_score": 75})),
        ("/api/detections", "id, object_type", json!({"id": 91, "object_type": "person"})),
        ("/api/cameras", "id,enabled", json!({"id": "front_door", "enabled": true})),
    ] {
        let fields = fields.replace(' ', "%20");
        let list = appliance.get_json(&format!("{path}?fields={fields}")).await.json();
        assert_eq!(list["items"], json!([expected]), "{path}");
        assert!(list["pagination"]["has_more"].is_boolean(), "{path}");
        let wrong = appliance.get_json(&format!("{path}?fields=id,riskscore")).await;
        assert_eq!(wrong.status, 400, "{path}");
        assert!(wrong.text().contains("riskscore"), "{}", wrong.text());
    }
    appliance.finished().await;
}

#[tokio::test]
async fn what_a_person_has_put_off_can_be_left_out() {
    let appliance = Appliance::start().await;
    let until = |time: &str| time.parse().ok();
    let off = Event { snooze_until: until("2999-01-01T00:00:00Z"), ..event(1, 0) };
    let due = Event { snooze_until: until("2020-01-01T00:00:00Z"), ..event(2, 0) };
    appliance.store.events.lock().unwrap().extend([off, due, event(3, 0)]);
    for (query, expected) in
        [("", vec![3, 2, 1]), ("?snoozed=false", vec![3, 2]), ("?snoozed=true", vec![1])]
    {
        let list = appliance.get_json(&format!("/api/events{query}")).await.json();
        let ids: Vec<_> =
            list["items"].as_array().unwrap().iter().map(|it| it["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, expected, "{query}");
    }
    appliance.finished().await;
}
