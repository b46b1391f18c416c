//! RTSP against a real server that is killed, frozen, locked and moved.
//!
//! Needs /usr/bin/python3 with gst-rtsp-server's introspection data.

#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/cameras.rs"]
mod cameras;
#[path = "support/rtsp.rs"]
mod rtsp;

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use cameras::{Bench, Shot};
use rtsp::RtspServer;
use watchpost::capture::gst::GstDriver;
use watchpost::capture::sim::SimDriver;
use watchpost::capture::{CameraSettings, CaptureError, Driver, DriverKind, RtspTransport, Source};
use watchpost::domain::{CameraNotice, CameraState, Secret};
use watchpost::health::State;
use watchpost::rt::Clock;

const FOOTAGE: &str = "vtest_20s_768x576_10fps.mp4";
const INTERVAL: Duration = Duration::from_millis(100);

/// Cameras lock out who asks more often: 5 s, shortened by a quarter at most.
const SLOW_RETRY: Duration = Duration::from_millis(3750);

fn open(settings: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    match settings.driver {
        DriverKind::Sim => Ok(Box::new(SimDriver::new(settings))),
        _ => Ok(Box::new(GstDriver::new(settings)?)),
    }
}

fn gate(url: String) -> CameraSettings {
    CameraSettings::new("gate".parse().unwrap(), DriverKind::Gst, Source::Rtsp(url))
}

/// The camera that must not notice any of it.
fn yard() -> CameraSettings {
    let source = Source::Script(Vec::new());
    let mut settings = CameraSettings::new("yard".parse().unwrap(), DriverKind::Sim, source);
    (settings.size_px, settings.fps) = (Some((96, 64)), Some(25));
    settings
}

fn assert_no_gap(shots: &[Shot]) {
    for (position, shot) in shots.iter().enumerate() {
        assert_eq!(shot.meta.sequence, position as u64);
    }
}

fn delivers_over(transport: RtspTransport) {
    let server = RtspServer::start(FOOTAGE);
    let mut bench = Bench::new(&["gate"], open);
    bench.cameras.apply(vec![CameraSettings { transport, ..gate(server.url()) }]);
    bench.wait_state("gate", CameraState::Online);
    let shots = bench.album("gate").wait_for(30);
    assert_eq!(shots[0].size_px, (768, 576));
    for pair in shots.windows(2) {
        // A picture is its predecessor's successor, or the gap is counted.
        let steps = pair[1].meta.sequence - pair[0].meta.sequence;
        let apart = pair[1].meta.captured_mono - pair[0].meta.captured_mono;
        // RTP counts in 1/90 000 s.
        assert!(apart.abs_diff(INTERVAL * steps as u32) < Duration::from_millis(1), "{apart:?}");
        assert_ne!(pair[0].fingerprint, pair[1].fingerprint);
    }
    assert_eq!(bench.health_of("gate").unwrap().state, State::Healthy);
    bench.finish();
}

#[test]
fn pictures_come_over_tcp_dated_as_the_camera_took_them() {
    delivers_over(RtspTransport::Tcp);
}

#[test]
fn pictures_come_over_udp_dated_as_the_camera_took_them() {
    delivers_over(RtspTransport::Udp);
}

#[test]
fn a_killed_camera_is_named_and_back_after_its_restart_and_the_other_loses_nothing() {
    let mut server = RtspServer::start(FOOTAGE);
    let mut bench = Bench::new(&["gate", "yard"], open);
    bench.cameras.apply(vec![gate(server.url()), yard()]);
    let model = "RTSP stream".to_owned();
    assert_eq!(bench.wait_notice("gate"), CameraNotice::Connected { model: model.clone() });
    bench.album("gate").wait_for(5);

    server.kill();
    let reason = format!("the stream of {} ended", server.url());
    let lost = CameraNotice::Disconnected { code: 0x8201, reason };
    assert_eq!(bench.wait_notice("gate"), lost);
    let message = format!("cannot reach {}: the connection is refused", server.url());
    assert_eq!(bench.wait_notice("gate"), CameraNotice::Error { code: 0x8201, message });
    assert_ne!(bench.health_of("gate").unwrap().state, State::Healthy);

    server.restart();
    assert_eq!(bench.wait_notice("gate"), CameraNotice::Connected { model });
    bench.album("gate").clear();
    bench.album("gate").wait_for(5);
    assert_eq!(bench.health_of("gate").unwrap().state, State::Healthy);
    assert_no_gap(&bench.album("yard").shots());
    bench.finish();
}

#[test]
fn a_killed_camera_over_udp_is_lost_as_well() {
    let mut server = RtspServer::start(FOOTAGE);
    let mut bench = Bench::new(&["gate"], open);
    let transport = RtspTransport::Udp;
    bench.cameras.apply(vec![CameraSettings { transport, ..gate(server.url()) }]);
    bench.wait_state("gate", CameraState::Online);
    bench.album("gate").wait_for(5);
    server.kill();
    bench.wait_state("gate", CameraState::Offline);
    server.restart();
    bench.wait_state("gate", CameraState::Online);
    bench.finish();
}

#[test]
fn a_frozen_camera_is_named_as_stalled_and_back_when_it_goes_on() {
    let server = RtspServer::start(FOOTAGE);
    let mut bench = Bench::new(&["gate", "yard"], open);
    bench.cameras.apply(vec![gate(server.url()), yard()]);
    bench.wait_state("gate", CameraState::Online);
    bench.album("gate").wait_for(10);

    server.freeze();
    let reason = bench.wait_state("gate", CameraState::Offline).unwrap();
    assert!(reason.starts_with("no frame for "), "{reason}");
    assert_ne!(bench.health_of("gate").unwrap().state, State::Healthy);

    server.thaw();
    bench.wait_state("gate", CameraState::Online);
    assert_no_gap(&bench.album("yard").shots());
    bench.finish();
}

/// Runs the gate until it is in `Error`; the reason.
fn refusal(settings: CameraSettings) -> String {
    let mut bench = Bench::new(&[], open);
    bench.cameras.apply(vec![settings]);
    let reason = bench.wait_state("gate", CameraState::Error).unwrap();
    assert_eq!(bench.health_of("gate").unwrap().state, State::Unhealthy);
    bench.finish();
    reason
}

#[test]
fn a_camera_that_refuses_the_password_is_not_asked_again_soon() {
    let server = RtspServer::start_with_login(FOOTAGE, "admin", "s3cret", true);
    let (tx, tries) = sync_channel(64);
    let clock = Clock::system();
    let mut bench = Bench::new(&[], move |settings| {
        let _ = tx.try_send(clock.monotonic());
        open(settings)
    });
    let (username, password) = (Some("admin".to_owned()), Some(Secret::new("guess")));
    bench.cameras.apply(vec![CameraSettings { username, password, ..gate(server.url()) }]);
    let [first, second] = [(); 2].map(|()| tries.recv_timeout(cameras::LIMIT).unwrap());
    assert!(second - first >= SLOW_RETRY, "{:?}", second - first);
    bench.finish();
}

#[test]
fn an_unknown_path_is_an_error_in_one_sentence() {
    let server = RtspServer::start(FOOTAGE);
    let url = server.url_of("cellar");
    assert_eq!(refusal(gate(url.clone())), format!("{url} does not exist"));
}

#[test]
fn a_wrong_password_is_an_error_without_the_password_and_the_right_one_works() {
    for digest in [false, true] {
        let server = RtspServer::start_with_login(FOOTAGE, "admin", "s3cret", digest);
        let login = |password: &str| CameraSettings {
            username: Some("admin".to_owned()),
            password: Some(Secret::new(password)),
            ..gate(server.url())
        };
        let refused = format!("{} refuses the user name or password", server.url());
        assert_eq!(refusal(login("guess")), refused);
        assert_eq!(refusal(gate(server.url())), refused, "no login at all");

        let mut bench = Bench::new(&["gate"], open);
        bench.cameras.apply(vec![login("s3cret")]);
        bench.wait_state("gate", CameraState::Online);
        bench.finish();
    }
}

#[test]
fn a_port_where_nobody_listens_is_offline_with_the_reason() {
    let mut server = RtspServer::start(FOOTAGE);
    server.kill();
    let mut bench = Bench::new(&["gate"], open);
    bench.cameras.apply(vec![gate(server.url())]);
    let reason = bench.wait_state("gate", CameraState::Offline).unwrap();
    let refused = format!("cannot reach {}: the connection is refused", server.url());
    assert_eq!(reason, refused);
    bench.finish();
}

#[test]
fn jpeg_and_h265_cameras_with_sound_deliver_pictures() {
    for encoding in ["jpeg", "h265"] {
        let server = RtspServer::start_pattern(encoding);
        let mut bench = Bench::new(&["gate"], open);
        bench.cameras.apply(vec![gate(server.url())]);
        let shots = bench.album("gate").wait_for(10);
        assert_eq!(shots[0].size_px, (320, 240), "{encoding}");
        assert_ne!(shots[0].fingerprint, shots[9].fingerprint, "{encoding}");
        bench.finish();
    }
}

#[test]
fn an_encoding_that_nothing_here_reads_is_named_with_those_that_are() {
    let server = RtspServer::start_pattern("vp8");
    let reason = format!(
        "pictures of {} are not readable: encoding \"VP8\"; H264, H265 and JPEG are readable",
        server.url()
    );
    assert_eq!(refusal(gate(server.url())), reason);
}

#[test]
fn a_server_that_never_answers_and_one_that_talks_nonsense_are_offline() {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let babbler = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = |server: &TcpListener| format!("rtsp://{}/x", server.local_addr().unwrap());
    let mut bench = Bench::new(&[], open);
    bench.cameras.apply(vec![gate(url(&mute))]);
    let reason = bench.wait_state("gate", CameraState::Offline).unwrap();
    assert!(reason.starts_with(&format!("cannot reach {}: no RTSP", url(&mute))), "{reason}");

    // Babbles until its listener is closed with the process.
    let address = url(&babbler);
    let babble = move || {
        for client in babbler.incoming() {
            let _ = client.map(|mut client| {
                client.write_all(b"HTTP/9 what? \x00\xff\r\nContent-Length: -7\r\n\r\n")
            });
        }
    };
    std::thread::Builder::new().spawn(babble).unwrap();
    bench.cameras.apply(vec![CameraSettings { id: "b".parse().unwrap(), ..gate(address.clone()) }]);
    let reason = bench.wait_state("b", CameraState::Offline).unwrap();
    assert!(reason.starts_with(&format!("cannot reach {address}: no RTSP")), "{reason}");
    bench.finish();
}
