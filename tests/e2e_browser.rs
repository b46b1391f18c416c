//! What a newcomer sees: the demo in a real browser.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]

mod support;

use std::process::Command;

use support::appliance::{Appliance, eventually};

#[test]
fn the_demo_shows_boxes_and_events_in_a_browser() {
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["run", "--demo", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state.path());
    let appliance = Appliance::spawn(command);
    eventually("an event is listed", || {
        let list = appliance.get("/api/events?limit=1");
        list["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(())
    });
    run("dashboard.test.mjs", &appliance);
}

#[test]
#[cfg(feature = "gst")]
fn a_browser_plays_what_was_recorded() {
    let state = tempfile::tempdir().unwrap();
    let config =
        "[[camera]]\nid = \"yard\"\nsource = \"footage\"\nrecord = { mode = \"continuous\" }\n";
    let appliance = Appliance::start(config, state.path());
    eventually("some seconds are recorded", || {
        let answer = appliance.get("/api/cameras/yard/recording/spans");
        (answer["spans"][0]["duration_ms"].as_u64()? > 5_000).then_some(())
    });
    run("playback.test.mjs", &appliance);
}

/// Runs a file of `tests/browser` against the appliance.
fn run(file: &str, appliance: &Appliance) {
    let output = Command::new("node")
        .args(["--test", &format!("tests/browser/{file}")])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("BASE_URL", appliance.url(""))
        .output()
        .expect("node runs");
    assert!(
        output.status.success(),
        "{}\n{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
