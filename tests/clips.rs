//! Video of events: a real camera, the real binary, an independent reader.
#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod support;
#[path = "support/video.rs"]
mod video;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use support::appliance::{Appliance, eventually};
use support::rtsp::RtspServer;

const FOOTAGE: &str = "vtest_20s_768x576_10fps.mp4";
const INTERVAL: Duration = Duration::from_millis(100);

/// Pictures at the end that a torn connection may have damaged: a second of them.
const TORN_MAX: usize = 10;

/// RTP counts in 1/90 000 s, MP4 does too.
const ROUNDING: Duration = Duration::from_millis(1);

fn config(rtsp: &RtspServer, extra: &str) -> String {
    format!(
        "[[camera]]\nid = \"yard\"\nsource = \"{}\"\nrecord = {{ pre_roll = \"2s\", post_roll = \"1s\" }}\n{extra}",
        rtsp.url()
    )
}

/// The first event that has the clip in `status`.
fn event_with_clip(appliance: &Appliance, status: &str) -> Value {
    eventually("an event with a clip", || {
        let events = appliance.get("/api/events");
        let items = events["items"].as_array()?;
        items.iter().rev().find(|event| event["clip"]["status"] == status).cloned()
    })
}

/// Files below `dir` with this ending.
fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let inner = |dir: &Path| fs::read_dir(dir).into_iter().flatten().flatten().map(|e| e.path());
    let all = inner(dir).flat_map(|group| inner(&group).collect::<Vec<_>>());
    all.filter(|path| path.extension().is_some_and(|ext| ext == ending)).collect()
}

/// Waits until a clip in the making has so many fragments.
fn wait_for_fragments(state: &Path, count: usize) {
    eventually("fragments on the disk", || {
        let parts = files(&state.join("media/clips"), "part");
        let has_them = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap_or_default();
            bytes.windows(4).filter(|name| *name == b"mdat").count() >= count
        };
        parts.iter().any(has_them).then_some(())
    });
}

/// Every picture from the first to the last, each at its time.
fn assert_plays(clip: &[u8], event: &Value) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("clip.mp4");
    fs::write(&file, clip).unwrap();
    let video = video::decode(&file);
    assert_eq!(video.size_px, (768, 576));
    assert_eq!(video.times[0], Duration::ZERO, "it begins with a picture");
    // What a decoder makes of the last group, which a killed camera tore, is its own.
    for pair in video.times[..video.times.len() - TORN_MAX].windows(2) {
        assert!(pair[1] > pair[0], "{pair:?} in {:?}", video.times);
        assert!((pair[1] - pair[0]).abs_diff(INTERVAL) < ROUNDING, "{pair:?}");
    }
    let said = Duration::from_millis(event["clip"]["duration_ms"].as_u64().unwrap());
    let shown = *video.times.last().unwrap() + INTERVAL;
    assert!(shown.abs_diff(said) <= 4 * INTERVAL, "{shown:?} for {said:?}");
    assert!(video.length.unwrap().abs_diff(said) < 2 * ROUNDING, "{:?}", video.length);
    let event_at = Duration::from_millis(event["clip"]["event_at_ms"].as_u64().unwrap());
    assert!(event_at < shown, "the event is in it: {event_at:?}");
    assert_eq!(event["clip"]["size_bytes"], clip.len());
}

/// Head and body of an answer.
fn request(appliance: &Appliance, method: &str, path: &str, headers: &str) -> (String, Vec<u8>) {
    let mut socket = TcpStream::connect(appliance.address()).unwrap();
    let host = appliance.address();
    write!(
        socket,
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
    let body = answer.split_off(end);
    (String::from_utf8(answer).unwrap().to_ascii_lowercase(), body)
}

/// A clip that is being recorded says how long it is; that much of it.
fn assert_grows(appliance: &Appliance, path: &str, so_far: &[u8]) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("so_far.mp4");
    fs::write(&file, so_far).unwrap();
    let video = video::decode(&file);
    let length = *video.times.last().unwrap() + INTERVAL;
    assert!(video.length.unwrap().abs_diff(length) < 2 * ROUNDING, "{:?}", video.length);
    let length_ms = length.as_millis() as u64;
    let (head, _) = request(appliance, "HEAD", &format!("{path}?length_ms={length_ms}"), "");
    assert!(head.contains(&format!("clip-length-ms: {length_ms}")), "{head}");
    assert!(head.contains(&format!("content-length: {}", so_far.len())), "{head}");
    length_ms
}

#[test]
fn the_video_of_an_event_plays_from_before_it_and_ends_with_its_camera() {
    let mut rtsp = RtspServer::start(FOOTAGE);
    let state = tempfile::tempdir().unwrap();
    let appliance = Appliance::start(&config(&rtsp, ""), state.path());
    let recording = event_with_clip(&appliance, "recording");
    let path = format!("/api/events/{}/clip", recording["id"]);
    wait_for_fragments(state.path(), 3);
    // The writer tells of a fragment after it has synced it.
    let so_far = eventually("it plays while it grows", || {
        let (status, so_far) = appliance.get_bytes(&path, "*/*");
        (status == 200).then_some(so_far)
    });
    let length_ms = assert_grows(&appliance, &path, &so_far);

    rtsp.kill();
    let event = event_with_clip(&appliance, "ready");
    let path = format!("/api/events/{}/clip", event["id"]);
    let (status, clip) = appliance.get_bytes(&path, "*/*");
    assert_eq!(status, 200);
    assert_plays(&clip, &event);

    let again = appliance.get_bytes(&format!("{path}?length_ms={length_ms}"), "*/*").1;
    assert!(again == so_far, "what was played stays as it was");

    let (head, part) = request(&appliance, "GET", &path, "Range: bytes=100-299\r\n");
    assert!(head.starts_with("http/1.1 206 "), "{head}");
    let range = format!("content-range: bytes 100-299/{}", clip.len());
    assert!(head.contains(&range) && head.contains("content-type: video/mp4"), "{head}");
    assert_eq!(part, clip[100..300]);
    let (head, part) = request(&appliance, "GET", &path, "Range: bytes=-10\r\n");
    assert!(head.starts_with("http/1.1 206 "), "{head}");
    assert_eq!(part, clip[clip.len() - 10..]);
    let beyond = format!("Range: bytes={}-\r\n", clip.len());
    let (head, _) = request(&appliance, "GET", &path, &beyond);
    assert!(head.starts_with("http/1.1 416 "), "{head}");
    assert!(head.contains(&format!("content-range: bytes */{}", clip.len())), "{head}");
    let (head, none) = request(&appliance, "HEAD", &path, "");
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    assert!(head.contains(&format!("content-length: {}", clip.len())), "{head}");
    assert!(head.contains("accept-ranges: bytes") && none.is_empty(), "{head}");

    assert_eq!(appliance.get("/api/cameras/yard")["clips"], "no_video", "it is away");
    for file in files(&state.path().join("media/clips"), "mp4") {
        fs::remove_file(file).unwrap();
    }
    let (_, words) = appliance.get_bytes(&path, "application/json");
    let words: Value = serde_json::from_slice(&words).unwrap();
    assert!(words["detail"].as_str().unwrap().contains("was removed"), "{words}");
}

#[test]
fn a_kill_in_the_middle_leaves_the_video_up_to_its_last_fragment() {
    let rtsp = RtspServer::start(FOOTAGE);
    let state = tempfile::tempdir().unwrap();
    let config = config(&rtsp, "");
    let appliance = Appliance::start(&config, state.path());
    let event = event_with_clip(&appliance, "recording");
    wait_for_fragments(state.path(), 3);
    appliance.kill();
    drop(rtsp);

    let appliance = Appliance::start(&config, state.path());
    let path = format!("/api/events/{}", event["id"]);
    let event = eventually("the clip is whole", || {
        let event = appliance.get(&path);
        (event["clip"]["status"] == "ready").then_some(event)
    });
    let (status, clip) = appliance.get_bytes(&format!("{path}/clip"), "*/*");
    assert_eq!(status, 200);
    assert_plays(&clip, &event);
    assert!(files(&state.path().join("media/clips"), "part").is_empty());
}

#[test]
fn a_camera_without_encoded_video_says_that_it_has_no_clips() {
    let state = tempfile::tempdir().unwrap();
    let config = "[[camera]]\nid = \"door\"\nsource = \"test\"\n";
    let appliance = Appliance::start(config, state.path());
    assert_eq!(appliance.get("/api/cameras/door")["clips"], "no_video");
}
