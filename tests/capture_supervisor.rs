//! The supervisor of the cameras, through its public interface.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/cameras.rs"]
mod cameras;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;

use cameras::Bench;
use watchpost::capture::sim::SimDriver;
use watchpost::capture::{
    CameraEvent, CameraSettings, CaptureError, Driver, DriverKind, FrameSink, SimFault, Source,
};
use watchpost::domain::{CameraNotice, CameraState};
use watchpost::health::State;
use watchpost::rt::Stop;

fn sim(id: &str, faults: Vec<SimFault>) -> CameraSettings {
    let mut settings =
        CameraSettings::new(id.parse().unwrap(), DriverKind::Sim, Source::Script(faults));
    settings.size_px = Some((96, 64));
    settings.fps = Some(50);
    settings
}

fn open_sim(settings: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    Ok(Box::new(SimDriver::new(settings)))
}

#[test]
fn a_reload_leaves_equal_cameras_running_restarts_changed_ones_and_stops_removed_ones() {
    let mut bench = Bench::new(&["same", "changed", "removed"], open_sim);
    bench.cameras.apply(vec![sim("same", vec![]), sim("changed", vec![]), sim("removed", vec![])]);
    for id in ["same", "changed", "removed"] {
        bench.album(id).wait_for(5);
    }
    let session = |bench: &Bench, id: &str| {
        bench.album(id).shots().last().map(|frame| frame.meta.session).unwrap()
    };
    let (same, changed) = (session(&bench, "same"), session(&bench, "changed"));

    let mut slower = sim("changed", vec![]);
    slower.fps = Some(20);
    bench.cameras.apply(vec![sim("same", vec![]), slower, sim("new", vec![])]);

    bench.wait_state("changed", CameraState::Offline);
    bench.wait_state("changed", CameraState::Online);
    bench.album("changed").clear();
    bench.album("changed").wait_for(2);
    bench.album("same").clear();
    bench.album("same").wait_for(2);
    assert_eq!(session(&bench, "same"), same);
    assert_ne!(session(&bench, "changed"), changed);
    bench.finish();
}

#[test]
fn a_removed_camera_leaves_the_directory_and_health_and_may_come_back() {
    let mut bench = Bench::new(&["yard"], open_sim);
    bench.cameras.apply(vec![sim("yard", vec![])]);
    assert_eq!(bench.directory.list().len(), 1, "known as soon as it is configured");
    bench.wait_state("yard", CameraState::Online);
    bench.cameras.apply(vec![]);
    bench.wait_state("yard", CameraState::Offline);
    bench.cameras.apply(vec![sim("yard", vec![])]);
    bench.wait_state("yard", CameraState::Online);
    assert_eq!(bench.directory.list().len(), 1);
    assert_eq!(bench.health_of("yard").unwrap().state, State::Healthy);
    bench.cameras.apply(vec![]);
    bench.wait_state("yard", CameraState::Offline);
    let (directory, health) = (bench.directory.clone(), bench.health.clone());
    bench.finish();
    assert!(directory.list().is_empty());
    assert!(health.reports().is_empty());
}

#[test]
fn a_lost_camera_is_named_announced_and_opened_again() {
    let mut bench = Bench::new(&["yard"], open_sim);
    bench.cameras.apply(vec![sim("yard", vec![SimFault::DisconnectAfter(5)])]);

    let model = "Simulated camera".to_owned();
    assert_eq!(bench.wait_notice("yard"), CameraNotice::Connected { model: model.clone() });
    let reason = "the stream of simulated scene ended".to_owned();
    let lost = CameraNotice::Disconnected { code: 0x8201, reason };
    assert_eq!(bench.wait_notice("yard"), lost);
    assert_eq!(bench.wait_notice("yard"), CameraNotice::Connected { model });

    let frames = bench.album("yard").wait_for(7);
    let sequences: Vec<_> = frames.iter().take(7).map(|frame| frame.meta.sequence).collect();
    assert_eq!(sequences, [0, 1, 2, 3, 4, 0, 1], "each session counts from 0");
    assert_ne!(frames[4].meta.session, frames[5].meta.session);
    let text = bench.metrics.render();
    assert!(text.contains("watchpost_capture_failures_total{camera=\"yard\"} "), "{text}");
    assert!(text.contains("watchpost_camera_up{camera=\"yard\"} "), "{text}");
    bench.finish();
}

#[test]
fn a_silent_camera_is_named_as_stalled_in_health_before_anybody_hears_of_it() {
    let mut bench = Bench::new(&[], open_sim);
    let health = bench.health.clone();
    let (tx, heard) = sync_channel(16);
    bench.directory.on_event(move |event| {
        if matches!(event, CameraEvent::Status(status) if status.state == CameraState::Offline) {
            let _ = tx.try_send(health.reports());
        }
    });
    bench.cameras.apply(vec![sim("yard", vec![SimFault::StallAfter(10)])]);
    let reports = heard.recv_timeout(cameras::LIMIT).unwrap();
    assert_eq!(reports[0].component, "camera.yard");
    assert_eq!(
        (reports[0].state, reports[0].message.as_str()),
        (State::Degraded, "no frame for 1.5s")
    );
    bench.finish();
}

/// Fails in one way for ever, or works once the counter says so.
struct Faulty {
    tries: Arc<AtomicU64>,
    fail: fn(u64) -> CaptureError,
}

impl Driver for Faulty {
    fn run(&mut self, _: &FrameSink, _: &Stop) -> Result<(), CaptureError> {
        Err((self.fail)(self.tries.fetch_add(1, Ordering::SeqCst)))
    }
}

fn faulty(fail: fn(u64) -> CaptureError) -> (Bench, Arc<AtomicU64>) {
    let tries = Arc::new(AtomicU64::new(0));
    let mut bench = Bench::new(&["yard"], {
        let tries = Arc::clone(&tries);
        move |settings| match settings.driver {
            DriverKind::Sim => open_sim(settings),
            _ => Ok(Box::new(Faulty { tries: Arc::clone(&tries), fail })),
        }
    });
    let mut broken = sim("broken", vec![]);
    broken.driver = DriverKind::Gst;
    bench.cameras.apply(vec![broken, sim("yard", vec![])]);
    (bench, tries)
}

#[test]
fn a_fault_is_announced_once_per_reason_and_not_per_try() {
    let (bench, tries) = faulty(|n| match n {
        0..4 => CaptureError::Driver("no bandwidth".to_owned()),
        _ => CaptureError::Driver("no power".to_owned()),
    });
    let no = |message: &str| CameraNotice::Error { code: 0x8001, message: message.to_owned() };
    assert_eq!(bench.wait_notice("broken"), no("no bandwidth"));
    assert_eq!(bench.wait_notice("broken"), no("no power"));
    assert!(tries.load(Ordering::SeqCst) >= 5);
    bench.finish();
}

#[test]
fn wrong_credentials_are_an_error_with_the_next_step() {
    let (bench, _) =
        faulty(|_| CaptureError::Unauthorized { source_name: "rtsp://10.0.0.7/main".to_owned() });
    let reason = bench.wait_state("broken", CameraState::Error);
    assert_eq!(reason.as_deref(), Some("rtsp://10.0.0.7/main refuses the user name or password"));
    let report = bench.health_of("broken").unwrap();
    assert_eq!(report.state, State::Unhealthy);
    assert_eq!(report.next_step.as_deref(), Some("correct username and password of this camera"));
    bench.finish();
}

#[test]
fn a_panicking_driver_is_named_and_the_other_camera_loses_no_frame() {
    let (bench, tries) = faulty(|_| panic!("lens cap"));
    let reason = bench.wait_state("broken", CameraState::Offline);
    assert_eq!(reason.as_deref(), Some("the driver panicked: lens cap"));
    let is_tried_again = |count: &usize| {
        bench.album("yard").wait_for(*count);
        tries.load(Ordering::SeqCst) >= 2
    };
    let count = (60..6000).step_by(10).find(is_tried_again).expect("another try");
    let frames = bench.album("yard").wait_for(count);
    assert!(frames.iter().enumerate().all(|(n, frame)| frame.meta.sequence == n as u64));
    bench.finish();
}

#[test]
fn the_directory_shows_size_rate_and_last_frame() {
    let mut bench = Bench::new(&["yard"], open_sim);
    bench.cameras.apply(vec![sim("yard", vec![])]);
    bench.wait_state("yard", CameraState::Online);
    // The watch looks each second, and twenty pictures take less than half of one.
    let entry = (0..100)
        .map(|_| {
            bench.album("yard").clear();
            bench.album("yard").wait_for(20);
            bench.directory.get(&"yard".parse().unwrap()).unwrap()
        })
        .find(|entry| entry.fps > 0.0)
        .expect("a rate within a hundred times twenty pictures");
    assert_eq!(entry.size_px, Some((96, 64)));
    assert!(entry.last_seen_at.is_some());
    bench.finish();
}

/// Delivers, hangs in a call that hears no stop until `gate` opens, delivers.
struct Hanging {
    settings: CameraSettings,
    gate: Stop,
}

impl Driver for Hanging {
    fn run(&mut self, frames: &FrameSink, stop: &Stop) -> Result<(), CaptureError> {
        let _ = SimDriver::new(&self.settings).run(frames, stop);
        self.gate.wait(cameras::LIMIT);
        self.settings.source = Source::Script(Vec::new());
        SimDriver::new(&self.settings).run(frames, stop)
    }
}

#[test]
fn a_driver_that_hangs_in_a_call_is_named_and_well_again_when_it_comes_back() {
    let gate = Stop::new();
    let mut bench = Bench::new(&[], {
        let gate = gate.clone();
        move |settings| Ok(Box::new(Hanging { settings: settings.clone(), gate: gate.clone() }))
    });
    bench.cameras.apply(vec![sim("yard", vec![SimFault::DisconnectAfter(20)])]);
    bench.wait_state("yard", CameraState::Online);
    let reason = bench.wait_state("yard", CameraState::Offline);
    assert_eq!(reason.as_deref(), Some("the driver does not come back from a call"));
    gate.set();
    bench.wait_state("yard", CameraState::Online);
    assert_eq!(bench.health_of("yard").unwrap().state, State::Healthy);
    bench.finish();
}
