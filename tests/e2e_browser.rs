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
    let output = Command::new("node")
        .args(["--test", "tests/browser/dashboard.test.mjs"])
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
