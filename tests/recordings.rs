//! Recordings: real cameras, the real binary, an independent reader.
#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

mod support;
#[path = "support/video.rs"]
mod video;

use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use support::appliance::{Appliance, eventually};
use support::rtsp::RtspServer;
use video::Video;

const FOOTAGE: &str = "vtest_20s_768x576_10fps.mp4";
const INTERVAL: Duration = Duration::from_millis(100);

/// RTP counts in 1/90 000 s, MP4 does too.
const ROUNDING: Duration = Duration::from_millis(1);

fn start(rtsp: &RtspServer, state: &Path) -> Appliance {
    let config = format!(
        "[[camera]]\nid = \"yard\"\nsource = \"{}\"\nrecord = {{ mode = \"continuous\" }}\n",
        rtsp.url()
    );
    Appliance::start(&config, state)
}

/// The last span, once all of them together have so many milliseconds. A short gap makes
/// no span of its own and is counted.
fn span(appliance: &Appliance, least_ms: u64) -> Value {
    eventually("a span", || {
        let answer = appliance.get("/api/cameras/yard/recording/spans");
        let spans = answer["spans"].as_array()?;
        let recorded: u64 = spans.iter().filter_map(|span| span["duration_ms"].as_u64()).sum();
        spans.last().filter(|_| recorded >= least_ms).cloned()
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn address(start: &str, end: &str) -> String {
    format!("/api/cameras/yard/recording?start={start}&end={end}")
}

fn decoded(bytes: &[u8], codec: &str) -> Video {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("recording.mp4");
    std::fs::write(&file, bytes).unwrap();
    video::decode_as(&file, codec)
}

/// Every picture is `interval` after the one before, except for `breaks` of them.
fn assert_even(video: &Video, interval: Duration, breaks: usize) {
    assert_eq!(video.times[0], Duration::ZERO, "it begins with a picture");
    let uneven = |pair: &&[Duration]| (pair[1] - pair[0]).abs_diff(interval) > ROUNDING;
    let uneven: Vec<_> = video.times.windows(2).filter(uneven).collect();
    assert!(uneven.len() <= breaks, "{uneven:?}");
}

#[test]
fn what_was_synced_plays_after_a_kill_and_goes_on_behind_the_gap() {
    let rtsp = RtspServer::start(FOOTAGE);
    let state = tempfile::tempdir().unwrap();
    let appliance = start(&rtsp, state.path());
    let before = span(&appliance, 5_000);
    assert_eq!(appliance.get("/api/cameras/yard")["recording"], "continuous");
    let known = address(text(&before["start"]), text(&before["end"]));
    let (status, played) = appliance.get_bytes(&known, "*/*");
    assert_eq!(status, 200);
    let video = decoded(&played, "h264");
    assert_eq!(video.size_px, (768, 576));
    assert_even(&video, INTERVAL, 0);
    let said = Duration::from_millis(before["duration_ms"].as_u64().unwrap());
    let length = video.length.unwrap();
    assert!(length.abs_diff(said) < 2 * ROUNDING, "{length:?}, {before}, {:?}", video.times);
    appliance.kill();

    let appliance = start(&rtsp, state.path());
    let after = span(&appliance, before["duration_ms"].as_u64().unwrap() + 5_000);
    let (status, again) = appliance.get_bytes(&known, "*/*");
    assert_eq!(status, 200);
    assert!(again == played, "what could be played is what can be played");
    let both = address(text(&before["start"]), text(&after["end"]));
    let (_, both) = appliance.get_bytes(&both, "*/*");
    let joined = decoded(&both, "h264");
    assert_even(&joined, INTERVAL, 1);
    assert!(joined.times.len() >= video.times.len() + 20, "{}", joined.times.len());
    let gap = joined.times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
    assert!(gap < 2 * INTERVAL, "gaps are closed: {gap:?}");
}

#[test]
fn a_camera_with_h265_is_recorded_as_it_sends() {
    let rtsp = RtspServer::start_pattern("h265");
    let state = tempfile::tempdir().unwrap();
    let appliance = start(&rtsp, state.path());
    let span = span(&appliance, 3_000);
    let (_, played) =
        appliance.get_bytes(&address(text(&span["start"]), text(&span["end"])), "*/*");
    let video = decoded(&played, "h265");
    assert!(video.times.len() > 10, "{:?}", video.times);
    assert_even(&video, video.times[1], 0);
}

#[test]
fn what_cannot_be_played_is_refused_in_words() {
    let rtsp = RtspServer::start(FOOTAGE);
    let state = tempfile::tempdir().unwrap();
    let appliance = start(&rtsp, state.path());
    let span = span(&appliance, 3_000);
    let (first, last) = (text(&span["start"]), text(&span["end"]));
    let ask = |path: &str| {
        let (status, words) = appliance.get_bytes(path, "application/json");
        let words: Value = serde_json::from_slice(&words).unwrap();
        (status, text(&words["detail"]).to_owned())
    };
    for (path, status, word) in [
        (address(last, first), 400, "not after"),
        (address(first, first), 400, "not after"),
        (address("yesterday", last), 400, "start"),
        (address(first, "2999-01-01T00:00:00Z"), 400, "too far apart"),
        (address("-009999-01-01T00:00:00Z", "+999999-12-31T23:59:59Z"), 400, ""),
        (format!("/api/cameras/yard/recording?start={first}"), 400, "end is missing"),
        (address("2020-01-01T00:00:00Z", "2020-01-01T00:10:00Z"), 404, "nothing of camera yard"),
        (address(first, last).replace("yard", "gate"), 404, "not found"),
        (address(first, last).replace("yard", ".."), 400, "camera id"),
        ("/api/cameras/gate/recording/spans".to_owned(), 404, "not found"),
        ("/api/cameras/yard/recording/spans?start=x".to_owned(), 400, "start"),
    ] {
        let (answered, detail) = ask(&path);
        assert_eq!(answered, status, "{path}: {detail}");
        assert!(detail.contains(word), "{path}: {detail}");
    }
}
