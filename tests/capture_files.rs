//! Video files, the built-in footage and the test pattern, through GStreamer.

#![cfg(feature = "gst")]
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/cameras.rs"]
mod cameras;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cameras::Bench;
use watchpost::capture::gst::GstDriver;
use watchpost::capture::{CameraSettings, CaptureError, Driver, DriverKind, Source};
use watchpost::domain::{CameraState, ColorSpace};
use watchpost::health::State;

/// Pictures in the built-in footage, and the time from one to the next.
const FOOTAGE_FRAMES: u64 = 795;
const INTERVAL: Duration = Duration::from_millis(100);

fn open_gst(settings: &CameraSettings) -> Result<Box<dyn Driver>, CaptureError> {
    Ok(Box::new(GstDriver::new(settings)?))
}

fn camera(id: &str, source: Source) -> CameraSettings {
    CameraSettings::new(id.parse().unwrap(), DriverKind::Gst, source)
}

fn paced(id: &str, source: Source) -> CameraSettings {
    CameraSettings { is_paced: true, ..camera(id, source) }
}

fn footage(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/footage").join(name)
}

/// Runs one camera until it is in `Error`; the reason.
fn refusal(source: Source) -> String {
    let mut bench = Bench::new(&["yard"], open_gst);
    bench.cameras.apply(vec![camera("yard", source)]);
    let reason = bench.wait_state("yard", CameraState::Error).unwrap();
    assert_eq!(bench.health_of("yard").unwrap().state, State::Unhealthy);
    bench.finish();
    reason
}

#[test]
fn footage_in_a_loop_gives_every_picture_with_its_number_in_the_file() {
    let mut bench = Bench::new(&["yard"], open_gst);
    bench.cameras.apply(vec![paced("yard", Source::Footage)]);
    let frames = bench.album("yard").wait_for(2 * FOOTAGE_FRAMES as usize + 5);
    for (position, frame) in frames.iter().enumerate() {
        assert_eq!(frame.meta.sequence, position as u64 % FOOTAGE_FRAMES);
    }
    for index in [0, 1, 50, 794] {
        let (first, second) = (&frames[index], &frames[index + FOOTAGE_FRAMES as usize]);
        assert_eq!(first.fingerprint, second.fingerprint, "picture {index} in the second loop");
    }
    for pair in frames.windows(2) {
        assert_eq!(pair[1].meta.captured_mono - pair[0].meta.captured_mono, INTERVAL);
    }
    assert_eq!(frames[0].size_px, (768, 576));
    assert_eq!(frames[0].color, ColorSpace::Bt601Limited);
    bench.finish();
}

#[test]
fn a_file_at_its_own_pace_takes_its_own_time() {
    let mut bench = Bench::new(&["yard"], open_gst);
    let file = footage("vtest_20s_768x576_10fps.mp4");
    bench.cameras.apply(vec![camera("yard", Source::File(file))]);
    bench.wait_state("yard", CameraState::Online);
    let frames = bench.album("yard").wait_for(12);
    let entry = bench.directory.get(&"yard".parse().unwrap()).unwrap();
    assert_eq!(entry.size_px, Some((768, 576)));
    assert_eq!(entry.model, "Video file");
    let first_and_last = (&frames[0].meta, &frames[11].meta);
    assert_eq!(first_and_last.1.captured_mono - first_and_last.0.captured_mono, INTERVAL * 11);
    bench.finish();
}

#[test]
fn the_test_pattern_moves_at_the_requested_size_and_rate() {
    let mut bench = Bench::new(&["yard"], open_gst);
    let mut pattern = camera("yard", Source::TestPattern);
    (pattern.size_px, pattern.fps) = (Some((322, 242)), Some(20));
    bench.cameras.apply(vec![pattern]);
    let frames = bench.album("yard").wait_for(5);
    assert_eq!(frames[0].size_px, (322, 242));
    assert_ne!(frames[0].fingerprint, frames[4].fingerprint);
    bench.finish();
}

#[test]
fn a_missing_file_a_directory_and_text_are_each_one_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::write(at("letter.mp4"), "Dear camera, this is text and no video. ".repeat(200)).unwrap();
    fs::write(at("empty.mp4"), "").unwrap();

    let missing = refusal(Source::File(at("none.mp4")));
    assert_eq!(missing, format!("{} does not exist", at("none.mp4").display()));
    let folder = refusal(Source::File(directory.path().to_owned()));
    assert!(folder.ends_with("are not readable: it is not a file"), "{folder}");
    for name in ["letter.mp4", "empty.mp4"] {
        let reason = refusal(Source::File(at(name)));
        assert!(reason.contains(&format!("{name} are not readable: ")), "{reason}");
    }
}

#[test]
fn sound_without_pictures_and_a_single_picture_are_no_video() {
    let directory = tempfile::tempdir().unwrap();
    let sound = directory.path().join("siren.wav");
    fs::write(&sound, silence()).unwrap();
    let reason = refusal(Source::File(sound));
    assert!(reason.ends_with("are not readable: there is no video in it"), "{reason}");
    let still = refusal(Source::File(footage("stills/astronaut.jpg")));
    assert!(still.ends_with("pictures that can be decoded: 1; a video has more"), "{still}");
}

/// One second of silence: RIFF WAVE, 8 kHz, mono, 16 bit.
fn silence() -> Vec<u8> {
    let mut wave = b"RIFF\x24\x3e\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    wave.extend(b"\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data\0\x3e\0\0");
    wave.resize(wave.len() + 16_000 - 128, 0);
    wave
}

#[test]
fn a_file_cut_off_before_its_first_picture_is_a_clear_sentence() {
    let directory = tempfile::tempdir().unwrap();
    let whole = fs::read(footage("vtest_20s_768x576_10fps.mp4")).unwrap();
    for bytes in [100, 2000, 6000] {
        let file = directory.path().join("cut.mp4");
        fs::write(&file, &whole[..bytes]).unwrap();
        let reason = refusal(Source::File(file));
        assert!(reason.contains("cut.mp4 are not readable: "), "{bytes} bytes: {reason}");
    }
}

#[test]
fn a_file_cut_off_in_the_middle_is_played_as_far_as_it_goes() {
    let directory = tempfile::tempdir().unwrap();
    let whole = fs::read(footage("vtest_20s_768x576_10fps.mp4")).unwrap();
    let file = directory.path().join("half.mp4");
    fs::write(&file, &whole[..whole.len() / 2]).unwrap();
    let mut bench = Bench::new(&["yard"], open_gst);
    bench.cameras.apply(vec![paced("yard", Source::File(file))]);
    let frames = bench.album("yard").wait_for(150);
    let highest = frames.iter().map(|frame| frame.meta.sequence).max().unwrap();
    assert!((50..150).contains(&highest), "{highest}");
    bench.finish();
}
