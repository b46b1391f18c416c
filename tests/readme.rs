//! The examples in the README do what it says, against the real binary.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]

mod support;

use std::io::{BufRead as _, BufReader};
use std::os::unix::process::CommandExt as _;
use std::process::{Command, Stdio};
use std::sync::mpsc::sync_channel;

use support::appliance::{Appliance, DEADLINE, eventually};

/// The address that the examples use.
const ADDRESS: &str = "127.0.0.1:8080";

/// All `sh` blocks that talk to the appliance.
fn examples() -> Vec<String> {
    let readme = include_str!("../README.md");
    let blocks = readme.split("```sh\n").skip(1);
    blocks
        .filter_map(|rest| rest.split_once("```"))
        .map(|(block, _)| block.to_owned())
        .filter(|block| block.contains(ADDRESS))
        .collect()
}

#[test]
fn every_example_of_the_readme_prints_what_it_promises() {
    let examples = examples();
    assert!(examples.len() >= 3, "curl, event stream and WebSocket at least: {examples:?}");
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["run", "--demo", "--listen", "127.0.0.1:0", "--state-dir"]).arg(state.path());
    let appliance = Appliance::spawn(command);
    eventually("an event is listed", || {
        let list = appliance.get("/api/events?limit=1");
        list["items"].as_array().is_some_and(|items| !items.is_empty()).then_some(())
    });
    for example in examples {
        let script = example.replace(ADDRESS, appliance.address());
        let line = first_line(&script, state.path());
        assert!(!line.trim().is_empty(), "nothing came of:\n{example}");
        assert!(!line.contains("\"success\":false"), "{line} came of:\n{example}");
    }
}

/// What `script` prints first. Streams never end, so the script is killed then.
fn first_line(script: &str, folder: &std::path::Path) -> String {
    let mut child = Command::new("bash")
        .args(["-euc", script])
        .current_dir(folder)
        .env("NODE_PATH", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/node_modules"))
        .stdout(Stdio::piped())
        .process_group(0)
        .spawn()
        .expect("bash runs");
    let stdout = child.stdout.take().expect("stdout is piped");
    let (tx, rx) = sync_channel(1);
    std::thread::spawn(move || {
        let lines = BufReader::new(stdout).lines().map_while(Result::ok);
        let _ = tx.send(lines.into_iter().find(|line| !line.trim().is_empty()));
    });
    let line = rx.recv_timeout(DEADLINE).unwrap_or_else(|_| panic!("nothing came of:\n{script}"));
    let group = format!("-{}", child.id());
    let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
    let _ = child.wait();
    line.unwrap_or_else(|| panic!("nothing came of:\n{script}"))
}
