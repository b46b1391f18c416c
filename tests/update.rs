//! Updates that fall back: the proof asked of the real program, and what RAUC is
//! told, with a stand-in for RAUC.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::appliance::Appliance;

const CAMERAS: &str = "[[camera]]\nid = \"yard\"\nsource = \"footage\"\n";

/// A configuration that serves at `address`, as the box's own file does.
fn config(folder: &Path, address: &str) -> PathBuf {
    let file = folder.join("box.toml");
    fs::write(&file, format!("listen = [\"{address}\"]\n{CAMERAS}")).unwrap();
    file
}

fn update(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.arg("update").args(arguments);
    command.args(["--note"]).arg(folder.join("pending"));
    command.args(["--cmdline"]).arg(folder.join("cmdline"));
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_box_that_sees_and_keeps_proves_it() {
    let folder = tempfile::tempdir().unwrap();
    let appliance = Appliance::start(CAMERAS, &folder.path().join("state"));
    let config = config(folder.path(), appliance.address());
    let output = update(
        folder.path(),
        &["confirm", "--within", "60s", "--config", config.to_str().unwrap()],
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("The appliance works."), "{}", said(&output));
}

#[test]
fn a_box_without_pictures_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let blind = "[[camera]]\nid = \"yard\"\nsource = \"/dev/video-none\"\n";
    let appliance = Appliance::start(blind, &folder.path().join("state"));
    let config = config(folder.path(), appliance.address());
    let output = update(
        folder.path(),
        &["confirm", "--within", "1ms", "--config", config.to_str().unwrap()],
    );
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("no camera has delivered a picture"), "{}", said(&output));
}

#[test]
fn installing_notes_the_running_slot_and_becomes_rauc() {
    let folder = tempfile::tempdir().unwrap();
    let rauc = folder.path().join("rauc");
    fs::write(&rauc, "#!/bin/sh\necho \"rauc: $*\"\nexit 7\n").unwrap();
    fs::set_permissions(&rauc, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(folder.path().join("cmdline"), "quiet rauc.slot=A\n").unwrap();
    let output = update(folder.path(), &["install", "new.raucb"]);
    assert_eq!(output.status.code(), Some(7), "RAUC's own end");
    assert!(said(&output).contains("rauc: install new.raucb"), "{}", said(&output));
    assert_eq!(fs::read_to_string(folder.path().join("pending")).unwrap(), "A\n");

    let status = update(folder.path(), &["status"]);
    assert!(said(&status).contains("before ran A"), "{}", said(&status));
    let back = update(folder.path(), &["confirm", "--config", "/nowhere/w.toml"]);
    assert!(back.status.success() && said(&back).contains("slot A runs again"), "{}", said(&back));
}
