//! A board's own decoders, with decoders of other names standing in for them: the
//! one that works, the one that is not there, and those that fail.
//!
//! Needs /usr/bin/python3 with gst-rtsp-server's introspection data.

#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/cameras.rs"]
mod cameras;
#[path = "support/rtsp.rs"]
mod rtsp;

use cameras::Bench;
use rtsp::RtspServer;
use watchpost::capture::gst::{GstDriver, Hardware, HardwareElements};
use watchpost::capture::{CameraSettings, DecoderChoice, Decoding, DriverKind, Source};
use watchpost::domain::CameraState;
use watchpost::health::State;

const FOOTAGE: &str = "vtest_20s_768x576_10fps.mp4";

/// A camera at `server` on a board whose decoders for H.264 are `names`.
fn bench(server: &RtspServer, names: &[&str], choice: DecoderChoice) -> Bench {
    let h264 = names.iter().map(|name| (*name).to_owned()).collect();
    let elements = HardwareElements { h264, ..HardwareElements::default() };
    let hardware = Hardware::new(elements);
    let mut bench = Bench::new(&["gate"], move |settings| {
        Ok(Box::new(GstDriver::new(settings)?.with_hardware(&hardware)))
    });
    let source = Source::Rtsp(server.url());
    let settings = CameraSettings::new("gate".parse().unwrap(), DriverKind::Gst, source);
    bench.cameras.apply(vec![CameraSettings { decoder: choice, ..settings }]);
    bench
}

fn decoding(bench: &Bench) -> Option<Decoding> {
    bench.directory.get(&"gate".parse().unwrap()).unwrap().decoding
}

fn software(failed: Option<&str>) -> Option<Decoding> {
    let failed = failed.map(str::to_owned);
    Some(Decoding { element: "avdec_h264".to_owned(), is_hardware: false, failed })
}

/// The camera is online in the end, decoded by software because `name` failed.
fn assert_replaced(bench: Bench, name: &str) {
    let reason = bench.wait_state("gate", CameraState::Offline).unwrap();
    assert!(reason.starts_with(&format!("the decoder {name} fails: ")), "{reason}");
    bench.wait_state("gate", CameraState::Online);
    bench.album("gate").wait_for(5);
    assert_eq!(decoding(&bench), software(Some(name)));
    let health = bench.wait_health("gate", &format!("software because {name} failed"));
    assert_eq!(health.state, State::Healthy);
    bench.finish();
}

#[test]
fn the_boards_decoder_decodes_and_is_shown() {
    let server = RtspServer::start(FOOTAGE);
    let names = ["v4l2none264dec", "openh264dec"];
    let bench = bench(&server, &names, DecoderChoice::Auto);
    bench.wait_state("gate", CameraState::Online);
    let shots = bench.album("gate").wait_for(20);
    assert_eq!(shots[0].size_px, (768, 576));
    assert_ne!(shots[0].fingerprint, shots[19].fingerprint);
    let element = "openh264dec".to_owned();
    assert_eq!(decoding(&bench), Some(Decoding { element, is_hardware: true, failed: None }));
    bench.wait_health("gate", "px, decoded by openh264dec");
    bench.finish();
}

#[test]
fn software_decodes_where_the_board_has_no_decoder_and_where_it_is_asked_for() {
    let server = RtspServer::start(FOOTAGE);
    for (names, choice) in
        [(["v4l2none264dec"], DecoderChoice::Auto), (["openh264dec"], DecoderChoice::Software)]
    {
        let bench = bench(&server, &names, choice);
        bench.wait_state("gate", CameraState::Online);
        bench.album("gate").wait_for(1);
        assert_eq!(decoding(&bench), software(None));
        bench.finish();
    }
}

#[test]
fn a_decoder_of_another_codec_is_replaced_by_software() {
    let server = RtspServer::start(FOOTAGE);
    assert_replaced(bench(&server, &["avdec_h265"], DecoderChoice::Auto), "avdec_h265");
}

#[test]
fn a_decoder_that_does_not_know_the_profile_of_a_stream_is_replaced_by_software() {
    let server = RtspServer::start_pattern("h264-422");
    assert_replaced(bench(&server, &["openh264dec"], DecoderChoice::Auto), "openh264dec");
}

#[test]
fn a_camera_that_goes_away_is_not_the_decoders_fault() {
    let mut server = RtspServer::start(FOOTAGE);
    let bench = bench(&server, &["openh264dec"], DecoderChoice::Auto);
    bench.wait_state("gate", CameraState::Online);
    bench.album("gate").wait_for(5);
    server.kill();
    bench.wait_state("gate", CameraState::Offline);
    assert_eq!(decoding(&bench), None);
    server.restart();
    bench.wait_state("gate", CameraState::Online);
    bench.album("gate").wait_for(10);
    assert!(decoding(&bench).is_some_and(|decoding| decoding.is_hardware));
    bench.finish();
}

#[test]
fn a_camera_that_changes_to_what_the_decoder_does_not_know_comes_back_by_software() {
    let mut server = RtspServer::start(FOOTAGE);
    let bench = bench(&server, &["openh264dec"], DecoderChoice::Auto);
    bench.wait_state("gate", CameraState::Online);
    server.restart_as("h264-422");
    bench.wait_event("software", |_| {
        decoding(&bench).is_some_and(|decoding| !decoding.is_hardware).then_some(())
    });
    bench.album("gate").clear();
    bench.album("gate").wait_for(5);
    assert_eq!(decoding(&bench), software(Some("openh264dec")));
    bench.finish();
}
