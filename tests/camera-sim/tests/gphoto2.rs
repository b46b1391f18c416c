//! A program that is not ours works the simulated camera: the `gphoto2` command
//! line tool with Debian's libgphoto2.

#![allow(clippy::disallowed_methods, reason = "the tests start a real program")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use watchpost_camera_sim::packet::Value;
use watchpost_camera_sim::packet::codes::{control, property};
use watchpost_camera_sim::{Fault, Options, Sim, UsbMode};

/// Much longer than anything takes; only a fault makes a test wait so long.
const DEADLINE: Duration = Duration::from_secs(60);

/// Seconds after which a hanging gphoto2 is ended.
const GIVE_UP_S: &str = "120";

/// A camera and a directory to work in.
struct Bench {
    camera: Sim,
    directory: tempfile::TempDir,
}

impl Bench {
    fn new(options: Options) -> Self {
        let camera = Sim::start(options).unwrap();
        Self { camera, directory: tempfile::tempdir().unwrap() }
    }

    /// Runs gphoto2 against the camera.
    fn gphoto2(&self, arguments: &[&str]) -> Output {
        // It waits for ever for an event that does not come.
        let mut command = Command::new("timeout");
        command.args([
            GIVE_UP_S,
            "gphoto2",
            "--port",
            &self.camera.port(),
            "--camera",
            "PTP/IP Camera",
            "--quiet",
        ]);
        command.args(arguments).current_dir(&self.directory);
        // Its settings stay in the directory; its words are English.
        command.env("HOME", self.directory.path()).env("LC_ALL", "C");
        command.output().expect("gphoto2 is installed (scripts/setup does it)")
    }

    /// Runs it and expects that it succeeds; gives what it said.
    fn succeeds(&self, arguments: &[&str]) -> String {
        let output = self.gphoto2(arguments);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}{complaint}");
        said
    }

    fn fails(&self, arguments: &[&str]) {
        let output = self.gphoto2(arguments);
        assert!(!output.status.success(), "{arguments:?} should have failed");
    }

    fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.directory.path().join(name)).unwrap()
    }

    fn number(&self, code: u16) -> i128 {
        self.camera.value(code).as_ref().and_then(Value::number).unwrap()
    }
}

fn camera() -> Bench {
    Bench::new(Options::default())
}

#[test]
fn the_summary_names_the_body_its_serial_number_and_its_way_to_capture() {
    let bench = camera();
    let summary = bench.succeeds(&["--summary"]);
    let serial = Options::default().serial;
    for expected in ["Model: ILCE-7M4", "Sony Corporation", &serial, "Sony Capture"] {
        assert!(summary.contains(expected), "{expected} is missing: {summary}");
    }
}

#[test]
fn the_settings_are_listed_and_the_controls_too() {
    let list = camera().succeeds(&["--list-config"]);
    for expected in [
        "/imgsettings/iso",
        "/capturesettings/f-number",
        "/capturesettings/shutterspeed",
        "/settings/capturetarget",
        "/settings/prioritymode",
        "/status/batterylevel",
        "/actions/autofocus",
        "/actions/manualfocus",
        "/actions/movie",
    ] {
        assert!(list.contains(expected), "{expected} is missing: {list}");
    }
}

#[test]
fn settings_are_set_step_by_step_and_read_back() {
    let bench = camera();
    let wishes = ["iso=800", "f-number=f/8", "shutterspeed=1/500", "exposurecompensation=-1"];
    let arguments: Vec<_> = wishes.iter().flat_map(|wish| ["--set-config", wish]).collect();
    bench.succeeds(&arguments);
    assert_eq!(bench.number(property::ISO), 800);
    assert_eq!(bench.number(property::F_NUMBER), 800);
    assert_eq!(bench.number(property::SHUTTER_SPEED), 1 << 16 | 500);
    assert_eq!(bench.number(property::EXPOSURE_BIAS), -1000);
    let read = bench.succeeds(&["--get-config", "iso"]);
    assert!(read.contains("Current: 800"), "{read}");
}

#[test]
fn a_photograph_is_captured_and_downloaded_byte_for_byte() {
    let bench = camera();
    bench.succeeds(&["--capture-image-and-download"]);
    let stills = bench.camera.stills();
    assert_eq!(stills.len(), 1);
    assert_eq!(bench.read("capt0000.jpg"), *stills[0].bytes);
    assert_eq!(bench.number(property::OBJECT_IN_MEMORY), 0);
}

#[test]
fn raw_and_jpeg_of_one_exposure_are_both_downloaded() {
    let bench = camera();
    bench.succeeds(&["--set-config", "imagequality=RAW+JPEG (Fine)"]);
    bench.succeeds(&["--capture-image-and-download"]);
    let stills = bench.camera.stills();
    let fetched = [bench.read("capt0000.jpg"), bench.read("capt0001.arw")];
    assert_eq!(stills.len(), 2);
    assert!(stills.iter().zip(fetched).all(|(still, fetched)| *still.bytes == *fetched));
}

#[test]
fn manual_focus_captures_without_waiting_for_the_lens() {
    let bench = camera();
    bench.succeeds(&["--set-config", "focusmode=Manual"]);
    bench.succeeds(&["--capture-image-and-download"]);
    assert_eq!(bench.camera.stats().taken, 1);
    assert_eq!(bench.number(property::FOCUS_FOUND), 1);
}

#[test]
fn live_view_is_a_jpeg_and_many_of_them_a_movie() {
    let bench = camera();
    bench.succeeds(&["--capture-preview"]);
    let preview = bench.read("capture_preview.jpg");
    assert!(preview.starts_with(&[0xFF, 0xD8, 0xFF]) && preview.ends_with(&[0xFF, 0xD9]));
    bench.succeeds(&["--capture-movie=5"]);
    assert!(bench.camera.stats().frames >= 6);
}

#[test]
fn focus_movie_and_manual_focus_reach_the_body() {
    let bench = camera();
    bench.succeeds(&["--set-config", "autofocus=1", "--set-config", "autofocus=0"]);
    bench.succeeds(&["--set-config", "manualfocus=-3"]);
    bench.succeeds(&["--set-config", "movie=1"]);
    let actions = bench.camera.actions();
    let expected = [
        (control::HALF_PRESS, 2),
        (control::HALF_PRESS, 1),
        (control::NEAR_FAR, -3),
        (control::MOVIE, 2),
    ];
    assert_eq!(actions, expected);
    assert_eq!(bench.number(property::RECORDING_STATE), 1);
}

#[test]
fn a_body_set_to_mtp_shows_its_cards_as_folders() {
    let bench = Bench::new(Options { mode: UsbMode::Mtp, ..Options::default() });
    let list = bench.succeeds(&["--list-files"]);
    assert_eq!(list.lines().filter(|line| line.contains("DSC0")).count(), 8, "{list}");
    bench.succeeds(&["--get-file", "1", "--get-thumbnail", "1"]);
    let file = &bench.camera.card_files()[0];
    assert_eq!(bench.read("DSC00001.JPG"), *file.still.bytes);
    assert_eq!(bench.read("thumb_DSC00001.jpg"), *file.still.thumb);
}

#[test]
fn an_unplugged_camera_is_an_error_and_one_plugged_in_again_is_not() {
    let bench = camera();
    bench.succeeds(&["--get-config", "iso"]);
    assert!(bench.camera.unplug());
    bench.fails(&["--get-config", "iso"]);
    assert!(bench.camera.plug_in());
    bench.succeeds(&["--get-config", "iso"]);
}

#[test]
fn a_busy_camera_is_an_error_until_it_is_not_busy_any_more() {
    let bench = camera();
    bench.camera.inject(Fault::Busy);
    bench.fails(&["--capture-preview"]);
    bench.camera.clear_faults();
    bench.succeeds(&["--capture-preview"]);
}

#[test]
fn a_camera_that_says_nothing_is_given_up() {
    let bench = camera();
    bench.camera.inject(Fault::Stall);
    bench.fails(&["--get-config", "iso"]);
    assert_eq!(bench.camera.stats().operations.len(), 0);
}

#[test]
fn a_connection_lost_in_the_middle_of_a_file_is_an_error_and_the_file_is_not_lost() {
    let bench = camera();
    bench.camera.inject(Fault::MidTransferDisconnect);
    bench.fails(&["--capture-image-and-download"]);
    assert!(bench.camera.wait_for_host(DEADLINE, false));
    bench.succeeds(&["--wait-event-and-download=FILEADDED"]);
    assert_eq!(bench.read("capt0000.jpg"), *bench.camera.stills()[0].bytes);
}

#[test]
fn somebody_at_the_body_takes_a_photograph_and_the_host_gets_it() {
    let bench = camera();
    assert!(bench.camera.press_shutter());
    assert!(bench.camera.wait_until(DEADLINE, |stats| stats.taken == 1));
    bench.succeeds(&["--wait-event-and-download=FILEADDED"]);
    assert_eq!(bench.read("capt0000.jpg"), *bench.camera.stills()[0].bytes);
}
