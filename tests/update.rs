//! Updates that fall back: the proof asked of the real program, and what RAUC is
//! told, with a stand-in for RAUC; and the slots and signatures of an update, with
//! RAUC itself.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;
mod upload_support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use support::appliance::Appliance;
use upload_support::{Collector, Fault};

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

/// A stand-in for a program, which writes down how it was called.
fn stand_in(folder: &Path, name: &str) {
    let file = folder.join(name);
    let calls = folder.join("calls");
    fs::write(&file, format!("#!/bin/sh\necho \"{name} $*\" >>{}\n", calls.display())).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Does what the service manager does with the unit that is shipped: its commands in
/// order until one fails, and then the one for the end. Returns what was called.
fn run_unit(folder: &Path, config: &Path, within: &str) -> Vec<String> {
    for name in ["rauc", "systemctl"] {
        stand_in(folder, name);
    }
    let unit = fs::read_to_string("systemd/watchpost-confirm.service").unwrap();
    let (place, program) = (folder.display(), env!("CARGO_BIN_EXE_watchpost"));
    let confirm = format!(
        "--within {within} --config {} --note {place}/pending --cmdline {place}/cmdline",
        config.display()
    );
    let shell = |line: &str, result: &str| {
        let line = line.replace("--within 10m", &confirm);
        let line = line.replace("/usr/bin/watchpost", program).replace("/usr/bin/rauc", "rauc");
        let line = line.replace("/data/rauc/watchpost-pending", &format!("{place}/pending"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", &line]).env("SERVICE_RESULT", result);
        command.env("PATH", format!("{place}:/usr/bin:/bin"));
        command.status().unwrap().success()
    };
    let lines = |key: &'static str| unit.lines().filter_map(move |line| line.strip_prefix(key));
    let is_well = lines("ExecStart=").all(|line| shell(line, "success"));
    let result = if is_well { "success" } else { "exit-code" };
    lines("ExecStopPost=").for_each(|line| assert!(shell(line, result), "{line}"));
    let calls = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    calls.lines().map(str::to_owned).collect()
}

fn folder_after_an_update() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("cmdline"), "rauc.slot=B\n").unwrap();
    fs::write(folder.path().join("pending"), "A\n").unwrap();
    folder
}

#[test]
fn an_update_is_kept_when_the_proof_goes_through_upstream_too() {
    let folder = folder_after_an_update();
    let collector = Collector::start(|_, _| Fault::None);
    let upload = format!("{CAMERAS}[upload.http]\nurl = \"{}\"\n", collector.url());
    let appliance = Appliance::start(&upload, &folder.path().join("state"));
    let config = folder.path().join("box.toml");
    fs::write(&config, format!("listen = [\"{}\"]\n{upload}", appliance.address())).unwrap();
    let calls = run_unit(folder.path(), &config, "60s");
    assert_eq!(calls, ["rauc status mark-good"]);
    assert!(!folder.path().join("pending").exists(), "the update waits no more");
}

#[test]
fn an_update_that_cannot_reach_its_upstream_restarts_into_the_old_one() {
    let folder = folder_after_an_update();
    let appliance = Appliance::start(CAMERAS, &folder.path().join("state"));
    let collector = Collector::start(|_, _| Fault::Status(401));
    let upload = format!("{CAMERAS}[upload.http]\nurl = \"{}\"\n", collector.url());
    let config = folder.path().join("box.toml");
    fs::write(&config, format!("listen = [\"{}\"]\n{upload}", appliance.address())).unwrap();
    // Whatever else is there by then, this never comes.
    let calls = run_unit(folder.path(), &config, "5s");
    assert_eq!(calls, ["rauc status mark-bad", "systemctl reboot"]);
    // What the old slot does then.
    fs::write(folder.path().join("cmdline"), "rauc.slot=A\n").unwrap();
    let calls = run_unit(folder.path(), &config, "1ms");
    assert_eq!(calls.last().unwrap(), "rauc status mark-good");
    let status = update(folder.path(), &["status"]);
    let told = said(&status);
    assert!(told.contains("The update did not prove itself ("), "{told}");
    assert!(told.contains("slot A runs again"), "{told}");
}

/// A stand-in for RAUC that ends with this.
fn rauc_ends_with(folder: &Path, code: u8) {
    let rauc = folder.join("rauc");
    fs::write(&rauc, format!("#!/bin/sh\necho \"rauc: $*\"\nexit {code}\n")).unwrap();
    fs::set_permissions(&rauc, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn installing_notes_the_running_slot_as_long_as_rauc_takes_the_bundle() {
    let folder = tempfile::tempdir().unwrap();
    let pending = folder.path().join("pending");
    fs::write(folder.path().join("cmdline"), "quiet rauc.slot=A\n").unwrap();
    rauc_ends_with(folder.path(), 7);
    let refused = update(folder.path(), &["install", "strange.raucb"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(!pending.exists(), "no update waits");

    rauc_ends_with(folder.path(), 0);
    let taken = update(folder.path(), &["install", "new.raucb"]);
    assert!(taken.status.success(), "{}", said(&taken));
    assert!(said(&taken).contains("rauc: install new.raucb"), "{}", said(&taken));
    assert_eq!(fs::read_to_string(&pending).unwrap(), "A\n");
    assert!(said(&update(folder.path(), &["status"])).contains("before ran A"));
}

#[test]
fn nothing_is_written_over_the_old_slot_while_the_new_one_is_on_trial() {
    let folder = folder_after_an_update();
    rauc_ends_with(folder.path(), 0);
    let refused = update(folder.path(), &["install", "newer.raucb"]);
    assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
    assert!(said(&refused).contains("slot B has not proved itself yet"), "{}", said(&refused));
    assert_eq!(fs::read_to_string(folder.path().join("pending")).unwrap(), "A\n");
}

/// Runs a tool that `scripts/setup` installs.
fn tool(folder: &Path, line: &str) -> Output {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap());
    command.args(words).current_dir(folder);
    command.output().unwrap_or_else(|error| panic!("{line}: {error}; run scripts/setup"))
}

/// A key and its certificate, `NAME.key` and `NAME.cert`.
fn make_key(folder: &Path, name: &str) {
    let made = tool(
        folder,
        &format!(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
             -keyout {name}.key -out {name}.cert -days 2 -subj /CN={name}"
        ),
    );
    assert!(made.status.success(), "{made:?}");
}

/// The slots of the image, with the certificate `NAME.cert`.
fn slots(folder: &Path, name: &str) -> String {
    let conf = "yocto/meta-watchpost/dynamic-layers/rauc/recipes-watchpost/\
                watchpost-rauc-conf/files/system.conf";
    let text = fs::read_to_string(conf).unwrap().replace("@MACHINE@", "raspberrypi5");
    let text = text.replace("/etc/rauc/ca.cert.pem", &format!("{}/{name}.cert", folder.display()));
    let text = text.replace("/data/rauc", &folder.display().to_string());
    let file = format!("{name}.conf");
    fs::write(folder.join(&file), text).unwrap();
    file
}

#[test]
fn rauc_takes_an_update_only_with_the_fleets_signature() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for name in ["fleet", "stranger"] {
        make_key(folder, name);
    }
    fs::create_dir(folder.join("content")).unwrap();
    let image: Vec<u8> = std::iter::repeat_with(|| fastrand::u8(..)).take(64 << 10).collect();
    fs::write(folder.join("content/root.ext4"), image).unwrap();
    let manifest = "[update]\ncompatible=watchpost-raspberrypi5\nversion=1\n\
                    [bundle]\nformat=verity\n[image.rootfs]\nfilename=root.ext4\n";
    fs::write(folder.join("content/manifest.raucm"), manifest).unwrap();
    let made = tool(folder, "rauc --cert fleet.cert --key fleet.key bundle content new.raucb");
    assert!(made.status.success(), "{made:?}");

    let conf = slots(folder, "fleet");
    let seen = tool(folder, &format!("rauc --conf={conf} info new.raucb"));
    assert!(seen.status.success(), "{seen:?}");
    assert!(said(&seen).contains("watchpost-raspberrypi5"), "{}", said(&seen));
    let conf = slots(folder, "stranger");
    let refused = tool(folder, &format!("rauc --conf={conf} info new.raucb"));
    assert!(!refused.status.success(), "{refused:?}");
}
