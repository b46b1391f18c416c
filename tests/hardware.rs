//! What is wired to the board, on the real program with simulated lines: a file for
//! each line, which the test writes like a sensor and reads like a meter.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use support::appliance::{Appliance, eventually};

/// How long a finger stays on a button.
const PRESS: Duration = Duration::from_millis(300);

fn config(lines: &Path) -> String {
    format!(
        "[gpio]\ndriver = \"sim\"\nsim_dir = \"{}\"\n\
         [gpio.motion_sensor]\npin = \"pir\"\n[gpio.button]\npin = \"button\"\n\
         [gpio.siren]\npin = \"siren\"\n[gpio.status_lamp]\npin = \"lamp\"\n\
         [gpio.fan]\npin = \"fan\"\n\
         [[camera]]\nid = \"yard\"\nsource = \"footage\"\n\
         detect = {{ fps = 5, classes = [\"person\"] }}\n",
        lines.display()
    )
}

struct Bench {
    folder: tempfile::TempDir,
    appliance: Appliance,
}

impl Bench {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let lines = folder.path().join("lines");
        fs::create_dir(&lines).unwrap();
        let appliance = Appliance::start(&config(&lines), &folder.path().join("state"));
        Self { folder, appliance }
    }

    fn put(&self, line: &str, level: &str) {
        fs::write(self.folder.path().join("lines").join(line), level).unwrap();
    }

    fn level(&self, line: &str) -> String {
        fs::read_to_string(self.folder.path().join("lines").join(line)).unwrap_or_default()
    }

    fn wait_for(&self, line: &str, level: &str) {
        eventually(&format!("{line} is {level}"), || (self.level(line) == level).then_some(()));
    }

    fn metric(&self, name: &str) -> String {
        let metrics = self.appliance.get_text("/metrics", "text/plain");
        let value = metrics.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
        value.unwrap_or_default().to_owned()
    }
}

#[test]
fn the_siren_sounds_for_a_rule_that_names_it_until_somebody_has_seen_the_alert() {
    let bench = Bench::start();
    bench.wait_for("siren", "0");
    let rule = r#"{"name":"Loud","object_types":["person"],"cooldown_seconds":3600,
        "channels":["siren"]}"#;
    let made = ureq::post(bench.appliance.url("/api/alerts/rules")).send(rule).unwrap();
    assert_eq!(made.status(), 201);
    bench.wait_for("siren", "1");
    assert_eq!(bench.metric("watchpost_siren_total"), "1");
    let alerts = bench.appliance.get("/api/alerts?status=pending");
    let ids = alerts["items"].as_array().unwrap().iter().map(|alert| alert["id"].as_str().unwrap());
    for id in ids {
        let url = bench.appliance.url(&format!("/api/alerts/{id}/acknowledge"));
        assert!(ureq::post(url).send_empty().unwrap().status().is_success());
    }
    bench.wait_for("siren", "0");
}

#[test]
fn a_rule_that_asks_the_motion_sensor_waits_until_it_sees_something() {
    let bench = Bench::start();
    let rule = r#"{"name":"Guarded","object_types":["person"],"cooldown_seconds":3600,
        "channels":["siren"],"motion_sensor":{"within_seconds":10}}"#;
    let made = ureq::post(bench.appliance.url("/api/alerts/rules")).send(rule).unwrap();
    assert_eq!(made.status(), 201);
    eventually("persons without an alert of the rule", || {
        let events = bench.appliance.get("/api/events?object_type=person");
        events["items"].as_array().filter(|items| !items.is_empty()).map(|_| ())
    });
    assert_eq!(bench.metric("watchpost_siren_total"), "0");
    bench.put("pir", "1");
    bench.wait_for("siren", "1");
}

#[test]
fn the_motion_sensor_is_heard_and_health_names_the_lines() {
    let bench = Bench::start();
    bench.wait_for("lamp", "1");
    assert_eq!(bench.metric("watchpost_motion_sensor_total"), "0");
    bench.put("pir", "1");
    eventually("the motion sensor is heard", || {
        (bench.metric("watchpost_motion_sensor_total") == "1").then_some(())
    });
    let health = bench.appliance.get("/api/system/health");
    assert_eq!(health["services"]["gpio"]["status"], "healthy", "{health}");
}

#[test]
fn a_short_press_ends_the_program_well_and_the_outputs_are_off() {
    let mut bench = Bench::start();
    bench.wait_for("lamp", "1");
    // Pulled up: nothing pressed reads high.
    let mut is_pressed = false;
    let status = eventually("the program ends", || {
        is_pressed = !is_pressed;
        bench.put("button", if is_pressed { "0" } else { "1" });
        std::thread::sleep(PRESS);
        bench.appliance.ended()
    });
    assert!(status.success(), "{status}");
    assert_eq!(["lamp", "siren", "fan"].map(|line| bench.level(line)), ["0"; 3]);
}

#[test]
fn after_a_kill_the_service_manager_switches_the_outputs_off() {
    let bench = Bench::start();
    bench.wait_for("lamp", "1");
    let Bench { folder, appliance } = bench;
    appliance.kill();
    let lines = folder.path().join("lines");
    fs::write(lines.join("siren"), "1").unwrap();
    let file =
        support::appliance::write_config(&self::config(&lines), &folder.path().join("state"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    let output = command.args(["outputs-off", "--config"]).arg(file).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    for line in ["lamp", "siren", "fan"] {
        assert_eq!(fs::read_to_string(lines.join(line)).unwrap(), "0", "{line}");
    }
}
