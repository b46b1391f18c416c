//! The unit and what is installed with it, judged by systemd's own tools.
#![allow(clippy::disallowed_methods, reason = "the tests start systemd's tools and the binary")]
#![allow(clippy::print_stderr, reason = "what cannot be checked is said aloud")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use clap::Parser as _;
use support::appliance::{Appliance, eventually, write_config};
use watchpost::board::Profile;
use watchpost::cli::Cli;

/// Exposure that `systemd-analyze security` may find, in tenths: what is left is the
/// network, the devices and the groups that a camera needs.
const EXPOSURE_MAX: &str = "15";

/// Runs a program that must be there; `scripts/setup` installs it.
fn run(program: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR"));
    command.output().unwrap_or_else(|error| panic!("{program}: {error}; run scripts/setup"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file tree as `make install` makes it, with the units of the system that ours
/// refers to.
fn installed(board: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().to_str().unwrap();
    let (destination, board) = (format!("DESTDIR={path}"), format!("BOARD={board}"));
    let program = format!("PROGRAM={}", env!("CARGO_BIN_EXE_watchpost"));
    let made = run("make", &["--silent", "install", &destination, &board, &program]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let units = Path::new("/usr/lib/systemd/system");
    let wanted = ["sysinit", "basic", "shutdown", "multi-user", "network-online", "time-sync"];
    for unit in wanted.map(|name| format!("{name}.target")) {
        fs::copy(units.join(&unit), root.path().join("usr/lib/systemd/system").join(unit)).unwrap();
    }
    fs::create_dir_all(root.path().join("bin")).unwrap();
    for program in ["bin/kill", "bin/rm", "bin/sh", "usr/bin/rauc"] {
        fs::copy(Path::new("/").join(program), root.path().join(program)).unwrap();
    }
    let confirm = "watchpost-confirm.service";
    fs::copy(
        Path::new("systemd").join(confirm),
        root.path().join("usr/lib/systemd/system").join(confirm),
    )
    .unwrap();
    root
}

fn boards() -> Vec<String> {
    Profile::all().into_iter().map(|profile| profile.name).collect()
}

#[test]
fn systemd_finds_no_fault_in_the_units_of_any_board() {
    for board in boards() {
        let root = installed(&board);
        let root = format!("--root={}", root.path().display());
        let units = ["watchpost.service", "watchpost-confirm.service"];
        let output = run("systemd-analyze", &["verify", &root, units[0], units[1]]);
        // Unknown keys are a line on standard error and no failure.
        assert_eq!(text(&output.stderr), "", "{board}");
        assert!(output.status.success(), "{board}");
    }
}

#[test]
fn the_unit_of_every_board_is_hardened() {
    let threshold = format!("--threshold={EXPOSURE_MAX}");
    for board in boards() {
        let root = installed(&board);
        let root = format!("--root={}", root.path().display());
        let output = run(
            "systemd-analyze",
            &["security", "--offline=true", "--no-pager", &threshold, &root, "watchpost.service"],
        );
        assert!(output.status.success(), "{board}: {}", text(&output.stdout));
    }
}

#[test]
fn the_unit_starts_commands_that_the_program_has() {
    let units = ["watchpost", "watchpost-confirm"];
    let units = units.map(|unit| fs::read_to_string(format!("systemd/{unit}.service")).unwrap());
    let units = units.concat();
    let commands: Vec<_> = units
        .lines()
        .filter_map(|line| line.split_once("=").filter(|(key, _)| key.starts_with("Exec")))
        .map(|(_, command)| command.trim_start_matches('-'))
        .filter(|command| command.starts_with("/usr/bin/watchpost"))
        .collect();
    assert_eq!(commands.len(), 3, "{commands:?}");
    for command in commands {
        let cli = Cli::try_parse_from(command.split(' '));
        assert!(cli.is_ok(), "{command}: {cli:?}");
    }
}

#[test]
fn the_caps_of_a_board_are_those_of_its_profile() {
    for profile in Profile::all() {
        let file = format!("hardware/{}/service.conf", profile.name);
        let file = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        let set: BTreeMap<_, _> = file.lines().filter_map(|line| line.split_once('=')).collect();
        let caps = &profile.caps;
        for (key, value) in [
            ("MemoryHigh", caps.memory_high.clone()),
            ("MemoryMax", caps.memory_max.clone()),
            ("CPUQuota", caps.cpu_quota.clone()),
            ("TasksMax", caps.tasks_max.to_string()),
            ("IOWeight", caps.io_weight.to_string()),
        ] {
            assert_eq!(set.get(key), Some(&value.as_str()), "{key} of {}", profile.name);
        }
    }
}

#[test]
fn user_and_directories_come_out_as_the_unit_expects_them() {
    let root = installed("raspberry-pi-5");
    fs::create_dir_all(root.path().join("etc")).unwrap();
    let argument = format!("--root={}", root.path().display());
    let users = run("systemd-sysusers", &[&argument, "watchpost.conf"]);
    assert!(users.status.success(), "{}", text(&users.stderr));
    let groups = fs::read_to_string(root.path().join("etc/group")).unwrap();
    let video = groups.lines().find(|line| line.starts_with("video:")).unwrap();
    assert!(video.ends_with(":watchpost"), "{groups}");

    if text(&run("id", &["-u"]).stdout).trim() != "0" {
        eprintln!("NOT CHECKED: only root can give directories to the program's user");
        return;
    }
    let directories = run("systemd-tmpfiles", &[&argument, "--create", "watchpost.conf"]);
    assert!(directories.status.success(), "{}", text(&directories.stderr));
    let mode = |path: &str| {
        let path = root.path().join(path);
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode("var/lib/watchpost"), 0o700);
    assert_eq!(mode("etc/watchpost"), 0o750);
    assert_eq!(mode("etc/watchpost/watchpost.toml"), 0o640, "it holds keys and passwords");
}

#[test]
fn what_is_under_etc_already_stays() {
    let root = installed("rk3588");
    let config = root.path().join("etc/watchpost/watchpost.toml");
    fs::write(&config, "# mine\n").unwrap();
    let destination = format!("DESTDIR={}", root.path().display());
    let program = format!("PROGRAM={}", env!("CARGO_BIN_EXE_watchpost"));
    let made = run("make", &["--silent", "install", &destination, "BOARD=rk3588", &program]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    assert_eq!(fs::read_to_string(config).unwrap(), "# mine\n");
    let unnamed = run("make", &["--silent", "install", &destination, &program]);
    assert!(text(&unnamed.stderr).contains("raspberry-pi-4"), "{}", text(&unnamed.stderr));
}

/// udev(7): each part of a rule is a key, an operator and a quoted value.
#[test]
fn the_device_rules_have_the_form_of_rules() {
    let rules = fs::read_to_string("systemd/60-watchpost.rules").unwrap();
    let rules: Vec<_> =
        rules.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    assert!(!rules.is_empty());
    for rule in rules {
        let mut does_something = false;
        for part in rule.split(", ") {
            let (key, rest) = part.split_at(part.find(['=', '+']).expect(part));
            let name = key.split('{').next().unwrap();
            let is_match = rest.starts_with("==\"");
            let expected: &[&str] = match is_match {
                true => &["SUBSYSTEM", "KERNEL", "ENV"],
                false => &["GROUP", "MODE"],
            };
            assert!(expected.contains(&name), "{part} in {rule}");
            assert!(rest.ends_with('"') && rest.matches('"').count() == 2, "{part} in {rule}");
            does_something |= !is_match;
        }
        assert!(does_something, "{rule}");
    }
}

/// The unit forbids memory that is both written and executed. The kernel can be
/// told so without systemd, and a program that needs such memory fails then.
#[test]
fn it_sees_without_memory_that_is_written_and_executed() {
    let unit = fs::read_to_string("systemd/watchpost.service").unwrap();
    assert!(unit.contains("\nMemoryDenyWriteExecute=yes\n"));
    assert!(unit.contains("\nEnvironment=ORC_CODE=backup\n"));
    let state = tempfile::tempdir().unwrap();
    let config = "[[camera]]\nid = \"yard\"\ndriver = \"gst\"\nsource = \"footage\"\n";
    let config = write_config(config, state.path());
    // PR_SET_MDWE (65) with PR_MDWE_REFUSE_EXEC_GAIN (1), prctl(2), since Linux 6.3.
    let script = "import ctypes, os, sys\n\
                  if ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) != 0: sys.exit(77)\n\
                  os.execv(sys.argv[1], sys.argv[1:])\n";
    if run("python3", &["-c", script, "/bin/true"]).status.code() == Some(77) {
        eprintln!("NOT CHECKED: this kernel is older than 6.3 and has no PR_SET_MDWE");
        return;
    }
    let mut command = Command::new("python3");
    command.args(["-c", script, env!("CARGO_BIN_EXE_watchpost"), "run"]);
    command.args(["--listen", "127.0.0.1:0", "--config"]).arg(config);
    command.arg("--state-dir").arg(state.path()).env("ORC_CODE", "backup");
    let appliance = Appliance::spawn(command);
    eventually("somebody is seen", || {
        let detections = appliance.get("/api/detections?limit=1");
        let is_seen = detections["items"].as_array().is_some_and(|items| !items.is_empty());
        is_seen.then_some(())
    });
}
