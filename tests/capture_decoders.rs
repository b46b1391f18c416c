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

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};

use cameras::Bench;
use rtsp::RtspServer;
use watchpost::capture::gst::{GstDriver, Hardware, HardwareElements};
use watchpost::capture::{
    CameraSettings, DecoderChoice, Decoding, Driver as _, DriverKind, FrameSink, Source,
};
use watchpost::domain::{CameraState, EncodedFrame, Frame, FrameTap, SessionId};
use watchpost::health::State;
use watchpost::rt::{Clock, Stop};

const FOOTAGE: &str = "vtest_20s_768x576_10fps.mp4";

fn h264(names: &[&str]) -> HardwareElements {
    let h264 = names.iter().map(|name| (*name).to_owned()).collect();
    HardwareElements { h264, ..HardwareElements::default() }
}

fn gate(server: &RtspServer) -> CameraSettings {
    CameraSettings::new("gate".parse().unwrap(), DriverKind::Gst, Source::Rtsp(server.url()))
}

/// A camera at `server` on a board whose decoders for H.264 are `names`.
fn bench(server: &RtspServer, names: &[&str], choice: DecoderChoice) -> Bench {
    bench_on(server, h264(names), choice)
}

fn bench_on(server: &RtspServer, elements: HardwareElements, decoder: DecoderChoice) -> Bench {
    let hardware = Hardware::new(elements);
    let mut bench = Bench::new(&["gate"], move |settings| {
        Ok(Box::new(GstDriver::new(settings)?.with_hardware(&hardware)))
    });
    bench.cameras.apply(vec![CameraSettings { decoder, ..gate(server) }]);
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

#[test]
fn what_follows_a_decoder_of_h265_brings_its_pictures_into_ordinary_memory() {
    let server = RtspServer::start_pattern("h265");
    let elements = HardwareElements {
        h265: vec!["avdec_h265".to_owned()],
        download: Some("videoscale".to_owned()),
        ..HardwareElements::default()
    };
    let bench = bench_on(&server, elements, DecoderChoice::Auto);
    bench.wait_state("gate", CameraState::Online);
    assert_eq!(bench.album("gate").wait_for(5)[0].size_px, (320, 240));
    assert!(decoding(&bench).is_some_and(|decoding| decoding.is_hardware));
    bench.finish();
}

/// Takes the first encoded frames, as many as the channel holds.
struct Taker(SyncSender<Arc<EncodedFrame>>);

impl FrameTap for Taker {
    fn offer(&self, _: &Arc<Frame>) {}

    fn wants_encoded(&self) -> bool {
        true
    }

    fn offer_encoded(&self, frame: &Arc<EncodedFrame>) {
        // The test has enough when it is full.
        let _ = self.0.try_send(Arc::clone(frame));
    }
}

/// The first encoded frames of `server`, decoded by these of the board's decoders.
fn encoded(server: &RtspServer, names: &[&str]) -> Vec<Arc<EncodedFrame>> {
    const FRAMES: usize = 5;
    let (tx, frames) = sync_channel(FRAMES);
    let (stop, settings) = (Stop::new(), gate(server));
    let hardware = Hardware::new(h264(names));
    let mut driver = GstDriver::new(&settings).unwrap().with_hardware(&hardware);
    let tap: Arc<dyn FrameTap> = Arc::new(Taker(tx));
    let (id, clock) = (settings.id, Clock::system());
    let sink = FrameSink::new(id, SessionId(1), clock, vec![tap], |_, _| {});
    std::thread::scope(|scope| {
        let session = scope.spawn(|| driver.run(&sink, &stop));
        let taken = (0..FRAMES).map(|_| frames.recv_timeout(cameras::LIMIT));
        let taken: Result<Vec<_>, _> = taken.collect();
        stop.set();
        session.join().unwrap().unwrap();
        taken.unwrap()
    })
}

#[test]
fn clips_are_made_of_the_same_stream_whatever_decodes_it() {
    let server = RtspServer::start(FOOTAGE);
    let (hardware, software) = (encoded(&server, &["openh264dec"]), encoded(&server, &[]));
    // Each session begins with the same picture.
    let first = |frames: &[Arc<EncodedFrame>]| {
        let EncodedFrame { format, is_keyframe, data, .. } = &*frames[0];
        (format.clone(), *is_keyframe, data.clone())
    };
    assert!(hardware[0].is_keyframe);
    assert_eq!(first(&hardware), first(&software));
}
