use std::sync::{Arc, Mutex};

use super::*;
use crate::capture::DriverKind;
use crate::domain::{FrameTap, SessionId, Timestamp};
use crate::rt::Clock;

/// Collects frames and stops the camera after enough of them.
struct Album {
    frames: Mutex<Vec<Arc<Frame>>>,
    enough: usize,
    stop: Stop,
}

impl FrameTap for Album {
    fn offer(&self, frame: &Arc<Frame>) {
        let mut frames = self.frames.lock().unwrap();
        frames.push(Arc::clone(frame));
        if frames.len() >= self.enough {
            self.stop.set();
        }
    }
}

fn play(faults: Vec<SimFault>, enough: usize) -> (Vec<Arc<Frame>>, Result<(), CaptureError>) {
    let id = "yard".parse().unwrap();
    let mut settings = CameraSettings::new(id, DriverKind::Sim, Source::Script(faults));
    settings.fps = Some(200);
    settings.stall_timeout = Duration::from_millis(20);
    settings.size_px = Some((96, 64));
    let stop = Stop::new();
    let album = Arc::new(Album { frames: Mutex::default(), enough, stop: stop.clone() });
    let taps: Vec<Arc<dyn FrameTap>> = vec![album.clone()];
    let sink = FrameSink::new(settings.id.clone(), SessionId(1), Clock::system(), taps, |_, _| ());
    let end = SimDriver::new(&settings).run(&sink, &stop);
    let frames = album.frames.lock().unwrap().clone();
    (frames, end)
}

#[test]
fn pictures_are_the_same_in_every_run_and_the_object_moves() {
    let (first, end) = play(Vec::new(), 5);
    let (second, _) = play(Vec::new(), 5);
    assert!(end.is_ok());
    for (a, b) in first.iter().zip(&second) {
        assert_eq!(a.plane(0).0, b.plane(0).0);
    }
    assert_ne!(first[0].plane(0).0, first[1].plane(0).0);
}

#[test]
fn frames_are_dated_exactly_one_interval_apart() {
    let (frames, _) = play(Vec::new(), 4);
    for pair in frames.windows(2) {
        let apart = pair[1].meta.captured_mono - pair[0].meta.captured_mono;
        assert_eq!(apart, Duration::from_millis(5));
        assert_eq!(pair[1].meta.sequence, pair[0].meta.sequence + 1);
    }
}

#[test]
fn a_scripted_disconnection_ends_the_session_after_the_given_frame() {
    let (frames, end) = play(vec![SimFault::DisconnectAfter(3)], 100);
    assert_eq!(frames.len(), 3);
    assert!(matches!(end, Err(CaptureError::Ended { .. })), "{end:?}");
}

#[test]
fn a_scripted_stall_is_noticed_by_the_timer_and_by_nothing_else() {
    let (frames, end) = play(vec![SimFault::StallAfter(3)], 100);
    assert_eq!(frames.len(), 3);
    assert!(matches!(end, Err(CaptureError::Stalled { .. })), "{end:?}");
}

#[test]
fn a_frozen_camera_repeats_its_last_picture_under_new_numbers() {
    let (frames, _) = play(vec![SimFault::FreezeAfter(2)], 4);
    assert_ne!(frames[0].plane(0).0, frames[1].plane(0).0);
    assert_eq!(frames[1].plane(0).0, frames[3].plane(0).0);
    assert_eq!(frames[3].meta.sequence, 3);
}

#[test]
fn a_corrupt_camera_delivers_noise_of_the_right_size() {
    let (frames, _) = play(vec![SimFault::CorruptAfter(1)], 3);
    assert_ne!(frames[1].plane(0).0, frames[2].plane(0).0);
    let distinct: std::collections::BTreeSet<_> = frames[2].row(0, 0).iter().collect();
    assert!(distinct.len() > 20, "{distinct:?}");
}

#[test]
fn an_absurd_size_is_a_format_error() {
    let id = "yard".parse().unwrap();
    let mut settings = CameraSettings::new(id, DriverKind::Sim, Source::Script(Vec::new()));
    settings.size_px = Some((0, 1_000_000));
    let clock = Clock::manual(Timestamp::default());
    let sink = FrameSink::new(settings.id.clone(), SessionId(1), clock, Vec::new(), |_, _| ());
    let end = SimDriver::new(&settings).run(&sink, &Stop::new());
    assert!(matches!(end, Err(CaptureError::Format { .. })), "{end:?}");
}
