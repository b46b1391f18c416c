//! The camera SDK's event stream: every kind of frame, resuming, slow readers.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::time::Duration;

use api_support::golden::assert_golden;
use api_support::{Appliance, PATIENCE, read_until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use watchpost::api::ApiSettings;
use watchpost::domain::{AfState, CameraNotice, DownloadKind, TransferStatus};
use watchpost::live::LiveMessage;

fn notice(notice: CameraNotice) -> LiveMessage {
    LiveMessage::Notice { camera: "D10F60149B0C".parse().unwrap(), notice }
}

fn changed(code: u32) -> LiveMessage {
    notice(CameraNotice::PropertyChanged { codes: vec![code] })
}

async fn resuming(appliance: &Appliance, path: &str, last: &str) -> TcpStream {
    let mut stream = appliance.connect().await;
    let host = appliance.address;
    let request = format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nLast-Event-ID: {last}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    read_until(&mut stream, "\r\n\r\n").await;
    stream
}

/// The id in a frame, or that there is none.
fn id_of(frame: &str) -> Option<String> {
    Some(frame.strip_prefix("id: ")?.lines().next()?.to_owned())
}

#[tokio::test]
async fn every_kind_of_frame_is_as_promised() {
    let appliance = Appliance::start().await;
    let mut stream = appliance.stream("/api/events").await;
    read_until(&mut stream, "\r\n\r\n").await;
    let progress = |percent, saved_path| CameraNotice::TransferProgress {
        percent,
        content: 131_301,
        file: 2,
        filename: "DSC09598.JPG".into(),
        saved_path,
    };
    for told in [
        CameraNotice::Connected { model: "ILCE-7M4".into() },
        CameraNotice::AfStatus(AfState::Tracking),
        CameraNotice::PropertyChanged { codes: vec![0x104, 0x105] },
        CameraNotice::DownloadComplete {
            path: "/stills/CUMSET.DAT".into(),
            kind: DownloadKind::Settings,
        },
        progress(40, None),
        progress(100, Some("/stills/DSC09598.JPG".into())),
        CameraNotice::ContentsTransfer {
            status: TransferStatus::Started,
            handle: 0x2001,
            filename: None,
        },
        CameraNotice::ContentsTransfer {
            status: TransferStatus::Complete,
            handle: 0x2001,
            filename: Some("DSC09599.JPG".into()),
        },
        CameraNotice::Reconnecting,
        CameraNotice::Reconnected,
        CameraNotice::FocusResult { is_success: true },
        CameraNotice::Error { code: 0x8001, message: "Generic error".into() },
        CameraNotice::Disconnected { code: 0x8201, reason: "unplugged".into() },
    ] {
        appliance.hub.publish(notice(told));
    }
    let told = read_until(&mut stream, "\"unplugged\"}\n\n").await;
    assert_golden("sse-all.txt", told);
    appliance.finished().await;
}

#[tokio::test]
async fn a_client_that_asks_for_ids_gets_what_it_missed_and_then_goes_on() {
    let appliance = Appliance::start().await;
    let path = "/api/events?ids=1";
    let mut stream = appliance.stream(path).await;
    read_until(&mut stream, "\r\n\r\n").await;
    let handshake = read_until(&mut stream, "\n\n").await;
    assert!(
        handshake.ends_with("\nevent: connected\ndata: {\"cameraId\":\"*\"}\n\n"),
        "{handshake}"
    );
    let greeted = id_of(&handshake).unwrap();
    appliance.hub.publish(changed(1));
    let first = read_until(&mut stream, "\n\n").await;
    let last = id_of(&first).unwrap();
    drop(stream);
    (2..5).for_each(|code| appliance.hub.publish(changed(code)));

    let mut stream = resuming(&appliance, path, &last).await;
    let handshake = read_until(&mut stream, "\n\n").await;
    assert_eq!(id_of(&handshake), None, "what the client has is still right");
    for code in 2..5 {
        let frame = read_until(&mut stream, "\n\n").await;
        assert!(frame.contains(&format!("[\"0x{code:x}\"]")), "{frame}");
    }
    let resumed = read_until(&mut stream, "\n\n").await;
    let expected =
        "event: resumed\ndata: {\"cameraId\":\"*\",\"replayed\":3,\"complete\":true}\n\n";
    assert_eq!(resumed, expected);
    appliance.hub.publish(changed(5));
    assert!(read_until(&mut stream, "\n\n").await.contains("[\"0x5\"]"));

    let mut from_greeting = resuming(&appliance, path, &greeted).await;
    read_until(&mut from_greeting, "\"replayed\":5,\"complete\":true}\n\n").await;
    appliance.finished().await;
}

#[tokio::test]
async fn an_id_of_another_run_or_of_nobody_is_told_as_incomplete() {
    let appliance = Appliance::start().await;
    appliance.hub.publish(changed(1));
    for last in ["00000000-1", "nonsense", "ffffffff-ffffffffffffffff", "-", "0x1"] {
        let path = "/api/cameras/D10F60149B0C/events?ids=1";
        let mut stream = resuming(&appliance, path, last).await;
        let told = read_until(&mut stream, "\"complete\":false}\n\n").await;
        assert!(told.contains("{\"cameraId\":\"D10F60149B0C\",\"replayed\":1,"), "{last}: {told}");
    }
    assert_eq!(appliance.get("/api/events?ids=maybe").await.status, 400);
    appliance.finished().await;
}

#[tokio::test]
async fn without_ids_nothing_is_replayed_and_no_byte_differs() {
    let appliance = Appliance::start().await;
    appliance.hub.publish(changed(1));
    let mut stream = resuming(&appliance, "/api/events", "00000000-0").await;
    appliance.hub.publish(changed(2));
    let told = read_until(&mut stream, "\"D10F60149B0C\"}\n\n").await;
    assert_eq!(
        told,
        "event: connected\ndata: {\"cameraId\":\"*\"}\n\n\
         event: propertyChanged\n\
         data: {\"codes\":[\"0x2\"],\"count\":1,\"cameraId\":\"D10F60149B0C\"}\n\n"
    );
    appliance.finished().await;
}

#[tokio::test]
async fn traffic_does_not_put_off_the_sign_of_life() {
    let sse_keepalive = Duration::from_millis(20);
    let appliance = Appliance::with(ApiSettings { sse_keepalive, ..ApiSettings::default() }).await;
    let mut stream = appliance.stream("/api/events").await;
    read_until(&mut stream, "{\"cameraId\":\"*\"}\n\n").await;
    let (hub, stop) = (appliance.hub.clone(), appliance.stop.clone());
    let storm = tokio::spawn(async move {
        let mut pace = tokio::time::interval(Duration::from_millis(1));
        while !stop.is_set() {
            hub.publish(changed(7));
            pace.tick().await;
        }
    });
    for _ in 0..3 {
        read_until(&mut stream, "\n\n: keepalive\n\n").await;
    }
    appliance.finished().await;
    storm.await.unwrap();
}

/// More than the backlog and the socket's buffers of a reader can hold.
const STORM: u32 = 40_000;

/// Changes that the backlog of a reader can hold.
const WAVE: u32 = 1000;

#[tokio::test]
async fn a_storm_with_a_stalled_reader_costs_the_others_nothing() {
    let appliance = Appliance::start().await;
    let mut stalled = appliance.stream("/api/events").await;
    read_until(&mut stalled, "{\"cameraId\":\"*\"}\n\n").await;
    let mut reader = appliance.stream("/api/events").await;
    read_until(&mut reader, "{\"cameraId\":\"*\"}\n\n").await;

    let mut seen = Vec::new();
    for wave in 0..STORM / WAVE {
        let last = (wave + 1) * WAVE;
        (wave * WAVE + 1..=last).for_each(|code| appliance.hub.publish(changed(code)));
        let end = format!("[\"0x{last:x}\"],\"count\":1,\"cameraId\":\"D10F60149B0C\"}}\n\n");
        let read = async {
            while !seen.ends_with(end.as_bytes()) {
                let read = reader.read_buf(&mut seen).await.unwrap();
                assert!(read > 0, "the reader was cut off in wave {wave}");
            }
        };
        tokio::time::timeout(PATIENCE, read).await.unwrap();
    }
    let seen = String::from_utf8(seen).unwrap();
    let count = seen.matches("event: propertyChanged\n").count();
    assert_eq!(count, STORM as usize, "nothing is missing and nothing came twice");

    // Who did not read finds the end of its stream instead of a gap.
    let mut rest = Vec::new();
    tokio::time::timeout(PATIENCE, stalled.read_to_end(&mut rest)).await.unwrap().unwrap();
    let rest = String::from_utf8(rest).unwrap();
    let seen = rest.matches("event: propertyChanged\n").count() as u32;
    assert!(seen < STORM && rest.ends_with("}\n\n"), "{seen} frames, all whole");
    assert!(rest.contains(&format!("[\"0x{seen:x}\"]")), "the last one is the one in its turn");
    appliance.finished().await;
}
