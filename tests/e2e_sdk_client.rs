//! The published client of the camera SDK API against the real binary and a
//! simulated camera: every operation, and what each of them answers.
#![allow(clippy::disallowed_methods, reason = "the tests start real programs")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::appliance::Appliance;
use watchpost_camera_sim::packet::codes::control;
use watchpost_camera_sim::{Options, Sim};

/// Sessions that the driver offers beside remote, with commas between.
const MODES: &str = "remote-transfer,contents";

/// The Python that has the client: `scripts/setup` puts it beside what cargo builds.
fn python() -> PathBuf {
    let binary = Path::new(env!("CARGO_BIN_EXE_watchpost"));
    let python = binary.ancestors().nth(2).unwrap().join("sdk-client/bin/python");
    assert!(python.exists(), "{} is not there; run scripts/setup", python.display());
    python
}

/// Runs the program of `tests/sdk_client`; gives what it said when it failed.
fn conformance(appliance: &Appliance, arguments: &[&str]) -> Result<String, String> {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk_client/conformance.py");
    let mut command = Command::new(python());
    command.arg("-B").arg(program).args(["--url", &appliance.url("")]).args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(said) } else { Err(format!("{said}{complaint}")) }
}

fn config(camera: &Sim, more: &str) -> String {
    format!(
        "{more}\n[[camera]]\nid = \"studio\"\ndriver = \"ptp\"\nsource = \"ptpip:{}\"\n\
         autoconnect = false\n",
        camera.address()
    )
}

/// All files below `directory`.
fn files(directory: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(fs::read(path).unwrap());
        }
    }
    found
}

#[test]
fn every_operation_of_the_published_client_does_what_it_says() {
    let camera = Sim::start(Options::default()).unwrap();
    let state = tempfile::tempdir().unwrap();
    let appliance = Appliance::start(&config(&camera, ""), state.path());
    let media = state.path().join("media");

    let media_dir = media.to_str().unwrap();
    let arguments = ["--camera", "studio", "--media", media_dir, "--modes", MODES];
    let said = conformance(&appliance, &arguments).unwrap_or_else(|said| panic!("{said}"));
    assert!(said.contains("45 operations called"), "{said}");

    // What reached the box are the camera's bytes, and nothing is left half-way.
    let kept = files(&media);
    let photographs = camera.stills();
    let from_cards = camera.card_files().into_iter().map(|file| file.still);
    let whole = |bytes: &[u8]| kept.iter().filter(|file| **file == *bytes).count();
    assert!(photographs.len() >= 4);
    assert!(photographs.iter().all(|still| whole(&still.bytes) == 1));
    // A JPEG and a RAW in each of the modes that fetch.
    let fetched = MODES.split(',').filter(|mode| !mode.is_empty()).count() * 2;
    assert_eq!(from_cards.map(|still| whole(&still.bytes)).sum::<usize>(), fetched);
    let actions = camera.actions();
    for expected in [(control::NEAR_FAR, -3), (control::NEAR_FAR, 7), (control::MOVIE, 2)] {
        assert!(actions.contains(&expected), "{expected:?} is not among {actions:?}");
    }
}

#[test]
fn shutdown_by_the_client_ends_the_daemon_where_it_is_allowed() {
    let camera = Sim::start(Options::default()).unwrap();
    let state = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::start(&config(&camera, "allow_shutdown = true"), state.path());
    conformance(&appliance, &["--only", "shutdown"]).unwrap_or_else(|said| panic!("{said}"));
    assert!(appliance.wait().success());
}
