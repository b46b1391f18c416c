//! The daemon as a service: bad input, reload, stop, the service manager.
#![allow(clippy::disallowed_methods, reason = "the tests start the real binary")]

mod support;

use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{Command, Output};

use support::appliance::{Appliance, DEADLINE, eventually, write_config};

const YARD: &str = r#"
    [[camera]]
    id = "yard"
    driver = "sim"
    source = "script"
    fps = 10
"#;

fn command(config: &str, state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["run", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(write_config(config, state)).arg("--state-dir").arg(state);
    command
}

/// Runs a daemon that is expected to give up.
fn refused(mut command: Command) -> (Output, String) {
    let output = command.output().expect("the binary runs");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success(), "it should have refused: {text}");
    assert!(!text.contains("panicked"), "{text}");
    (output, text)
}

fn component(appliance: &Appliance, name: &str) -> serde_json::Value {
    appliance.get("/api/system/health")["services"][name].clone()
}

fn wait_for_trouble(appliance: &Appliance, name: &str) -> String {
    eventually(&format!("{name} says what is wrong"), || {
        let report = component(appliance, name);
        let troubled = report["status"] == "unhealthy" || report["status"] == "degraded";
        troubled.then(|| report.to_string())
    })
}

fn wait_for_pictures(appliance: &Appliance, camera: &str) {
    eventually(&format!("{camera} delivers pictures"), || {
        let path = format!("/api/cameras/{camera}/snapshot");
        (appliance.get_bytes(&path, "image/jpeg").0 == 200).then_some(())
    });
}

#[test]
fn a_port_in_use_is_one_sentence_with_what_to_do() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let state = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["run", "--listen", &address, "--config"]);
    command.arg(write_config(YARD, state.path())).arg("--state-dir").arg(state.path());
    let (_, text) = refused(command);
    assert!(text.contains(&address) && text.contains("in use"), "{text}");
}

#[test]
fn a_second_instance_is_refused_and_the_first_goes_on() {
    let state = tempfile::tempdir().unwrap();
    let first = Appliance::start(YARD, state.path());
    let (_, text) = refused(command(YARD, state.path()));
    assert!(text.contains(&first.pid().to_string()), "names the first: {text}");
    wait_for_pictures(&first, "yard");
}

#[test]
fn every_mistake_in_the_configuration_is_told_at_once() {
    let state = tempfile::tempdir().unwrap();
    let config = "colour = 1\n[[camera]]\nid = \"a b\"\ndriver = \"film\"\nsource = 7\n";
    let (_, text) = refused(command(config, state.path()));
    for part in ["colour", "camera.id", "film", "source"] {
        assert!(text.contains(part), "{part} is missing in: {text}");
    }
}

#[test]
fn a_missing_or_damaged_model_leaves_the_cameras_working() {
    let state = tempfile::tempdir().unwrap();
    let broken = state.path().join("broken.onnx");
    let good = std::fs::read("src/infer/models/nanodet-m.int8.onnx").unwrap();
    std::fs::write(&broken, &good[..good.len() / 2]).unwrap();
    for model in [Path::new("/nonexistent/model.onnx"), &broken] {
        let config = format!("[detector]\nmodel = \"{}\"\n{YARD}", model.display());
        let appliance = Appliance::start(&config, state.path());
        let report = wait_for_trouble(&appliance, "detector");
        assert!(report.contains(model.to_str().unwrap()), "{report}");
        wait_for_pictures(&appliance, "yard");
    }
}

#[test]
fn unreadable_footage_is_named_and_the_other_camera_works() {
    let state = tempfile::tempdir().unwrap();
    let noise = state.path().join("noise.mp4");
    std::fs::write(&noise, [7_u8; 5000]).unwrap();
    let config = format!(
        "{YARD}\n[[camera]]\nid = \"noise\"\ndriver = \"gst\"\nsource = \"{}\"\n",
        noise.display()
    );
    let appliance = Appliance::start(&config, state.path());
    let report = wait_for_trouble(&appliance, "camera.noise");
    assert!(report.contains("noise.mp4"), "{report}");
    wait_for_pictures(&appliance, "yard");
}

#[test]
fn a_state_directory_that_cannot_be_written_degrades_the_box_only() {
    let config_dir = tempfile::tempdir().unwrap();
    let file = config_dir.path().join("not-a-directory");
    std::fs::write(&file, "x").unwrap();
    let appliance = start_with_state(config_dir.path(), &file);
    let report = wait_for_trouble(&appliance, "store");
    assert!(report.contains("not-a-directory"), "{report}");
    wait_for_pictures(&appliance, "yard");
}

#[test]
fn a_state_directory_that_can_be_written_later_is_locked_then() {
    let parent = tempfile::tempdir().unwrap();
    let state = parent.path().join("state");
    std::fs::write(&state, "in the way").unwrap();
    let first = start_with_state(parent.path(), &state);
    wait_for_trouble(&first, "store");
    std::fs::remove_file(&state).unwrap();
    wait_for_health(&first, "store");
    let (output, text) = refused(command(YARD, &state));
    assert_eq!(output.status.code(), Some(4), "{text}");
    assert!(text.contains(&first.pid().to_string()), "names the first: {text}");
}

#[test]
fn an_instance_that_finds_another_in_its_directory_stays_away_until_that_one_is_gone() {
    let parent = tempfile::tempdir().unwrap();
    let (state, link) = (parent.path().join("state"), parent.path().join("link"));
    std::os::unix::fs::symlink(&state, &link).unwrap();
    let late = start_with_state(parent.path(), &link);
    wait_for_trouble(&late, "store");
    let first = Appliance::start(YARD, &state);
    eventually("the other instance is named", || {
        component(&late, "store").to_string().contains(&first.pid().to_string()).then_some(())
    });
    first.kill();
    wait_for_health(&late, "store");
}

fn start_with_state(config_dir: &Path, state: &Path) -> Appliance {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["run", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(write_config(YARD, config_dir)).arg("--state-dir").arg(state);
    Appliance::spawn(command)
}

fn wait_for_health(appliance: &Appliance, name: &str) {
    eventually(&format!("{name} is well"), || {
        (component(appliance, name)["status"] == "healthy").then_some(())
    });
}

#[test]
fn reload_keeps_unchanged_cameras_adds_new_ones_and_survives_a_bad_file() {
    let state = tempfile::tempdir().unwrap();
    let mut appliance = Appliance::start(YARD, state.path());
    wait_for_pictures(&appliance, "yard");
    let gate = YARD.replace("yard", "gate");
    write_config(&format!("{YARD}{gate}"), state.path());
    appliance.signal("HUP");
    wait_for_pictures(&appliance, "gate");
    let metrics = appliance.get_text("/metrics", "*/*");
    assert!(
        metrics.contains("watchpost_capture_sessions_total{camera=\"yard\"} 1\n"),
        "the unchanged camera was not restarted:\n{metrics}"
    );

    write_config("nonsense = true", state.path());
    appliance.signal("HUP");
    appliance.wait_for_log("nonsense");
    wait_for_pictures(&appliance, "gate");

    write_config(YARD, state.path());
    appliance.signal("HUP");
    eventually("the removed camera is gone", || {
        (appliance.get_bytes("/api/cameras/gate", "application/json").0 == 404).then_some(())
    });
}

#[test]
fn the_service_manager_hears_ready_status_watchdog_and_stopping() {
    let state = tempfile::tempdir().unwrap();
    let socket_path = state.path().join("notify");
    let socket = UnixDatagram::bind(&socket_path).unwrap();
    socket.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut command = command(YARD, state.path());
    command.env("NOTIFY_SOCKET", &socket_path).env("WATCHDOG_USEC", "400000");
    let mut appliance = Appliance::spawn(command);
    let hear = |word: &str| {
        let mut buffer = [0; 4096];
        loop {
            let length = socket.recv(&mut buffer).unwrap_or_else(|e| panic!("{word}: {e}"));
            if String::from_utf8_lossy(&buffer[..length]).contains(word) {
                return;
            }
        }
    };
    for word in ["READY=1", "STATUS=", "WATCHDOG=1"] {
        hear(word);
    }
    appliance.signal("TERM");
    hear("STOPPING=1");
    assert!(appliance.wait().success(), "a stop on request is a success");
}
