//! The JavaScript of the realtime API's document, as it stands, against the real
//! binary.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::process::Command;

use support::appliance::{Appliance, eventually};

const KEY: &str = "key-of-the-samples";
const TOKEN: &str = "token-of-the-samples";

fn run_samples(appliance: &Appliance, secrets: &[(&str, &str)]) {
    let output = Command::new("node")
        .args(["--experimental-websocket", "--test", "tests/samples/samples.test.mjs"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("BASE_URL", appliance.url(""))
        .envs(secrets.iter().copied())
        .output()
        .expect("node runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}\n{complaint}");
}

#[test]
fn the_samples_of_the_document_work_as_they_stand() {
    let state = tempfile::tempdir().unwrap();
    let config = format!(
        "[[key]]\nname = \"samples\"\nrole = \"viewer\"\nkey = \"{KEY}\"\n\
         [[camera]]\nid = \"front_door\"\nsource = \"footage\"\n"
    );
    let appliance = Appliance::start(&config, state.path());
    eventually("an event is listed", || {
        let list = appliance.get(&format!("/api/events?limit=1&api_key={KEY}"));
        list["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(())
    });
    run_samples(&appliance, &[("API_KEY", KEY)]);
}

#[test]
fn the_token_of_the_document_works_as_it_stands() {
    let state = tempfile::tempdir().unwrap();
    let config = format!(
        "[auth]\nwebsocket_token = \"{TOKEN}\"\n\
         [[camera]]\nid = \"yard\"\ndriver = \"sim\"\nsource = \"script\"\n"
    );
    let appliance = Appliance::start(&config, state.path());
    run_samples(&appliance, &[("TOKEN", TOKEN)]);
}
