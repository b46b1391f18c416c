//! The journal's own protocol, against a real systemd-journald: what the program says
//! of a camera is found by the camera's name, with numbers in fields of their own.
#![allow(clippy::disallowed_methods, reason = "the test starts journald and the binary")]
#![allow(clippy::print_stderr, reason = "what cannot be checked is said aloud")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::process::Command;

use serde_json::Value;

const CAMERA: &str = "[[camera]]\nid = \"yard\"\ndriver = \"sim\"\nsource = \"script\"\n";

#[test]
fn the_journal_finds_what_happened_to_a_camera_by_its_field() {
    // A journald of its own needs a /run of its own.
    let unshare = |rest: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(["--mount", "--propagation", "private"]).args(rest).output().unwrap()
    };
    let tried = unshare(&["mount", "-t", "tmpfs", "tmpfs", "/run"]);
    if !tried.status.success() {
        eprintln!("NOT CHECKED: mounting needs root: {}", String::from_utf8_lossy(&tried.stderr));
        return;
    }
    let state = tempfile::tempdir().unwrap();
    let config = state.path().join("w.toml");
    std::fs::write(&config, CAMERA).unwrap();
    let output = unshare(&[
        "tests/journal-in-a-namespace.sh",
        env!("CARGO_BIN_EXE_watchpost"),
        config.to_str().unwrap(),
        state.path().to_str().unwrap(),
        "yard",
    ]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let entries = String::from_utf8(output.stdout).unwrap();
    let entry: Value = serde_json::from_str(entries.lines().next().unwrap()).unwrap();
    assert_eq!(entry["MESSAGE"], "The camera delivers pictures.");
    assert_eq!(entry["CAMERA"], "yard");
    assert_eq!(entry["SYSLOG_IDENTIFIER"], "watchpost");
    // `info` is what syslog calls notice (5) or informational (6).
    assert!(["5", "6"].contains(&entry["PRIORITY"].as_str().unwrap()), "{entry}");
    for number in ["ATTEMPTS", "AWAY_MS"] {
        assert!(entry[number].as_str().is_some_and(|text| text.parse::<u64>().is_ok()), "{entry}");
    }
}
