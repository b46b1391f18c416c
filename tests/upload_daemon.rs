//! The daemon itself: its upload is changed while it runs, asked about on the command
//! line, and told to Prometheus.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::disallowed_methods, reason = "the tests start real programs")]

mod support;
mod upload_support;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use support::appliance::{Appliance, write_config};
use upload_support::seed::{self, Keys};
use upload_support::{Collector, Fault, Refuses};
use watchpost::store::StoreSettings;

/// Of an operator.
const KEY: &str = "0123456789abcdef";

fn config(upload: &str) -> String {
    format!(
        "[detector]\nmodel = \"int8\"\nworkers = 1\n\
         [[key]]\nname = \"desk\"\nrole = \"operator\"\nkey = \"{KEY}\"\n\
         [upload]\ndetections = \"all\"\nbatch_items = 100\nbatch_age = \"100ms\"\n\
         retry_first = \"10ms\"\nretry_longest = \"200ms\"\n{upload}"
    )
}

fn collector(url: &str) -> String {
    format!("[upload.http]\nurl = \"{url}\"\n")
}

/// A state directory with records in it.
fn recorded(dir: &Path, count: u64) -> Keys {
    let before = seed::Appliance::open(dir, StoreSettings::default());
    let wanted = seed::fill(&before.store, count);
    before.close();
    wanted
}

fn arrived(collector: &Collector) -> Keys {
    collector.look(|kept| kept.items.keys().map(|(_, key)| key.clone()).collect())
}

fn dead_letters(appliance: &Appliance, dir: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_watchpost"));
    command.args(["upload", "dead-letters"]).args(arguments);
    command.args(["--address", appliance.address()]).arg("--config").arg(dir.join("test.toml"));
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_configuration_that_is_read_again_moves_the_upload_and_nothing_is_lost_or_repeated() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = recorded(dir.path(), 500);
    let away = Collector::start(|_, _| Fault::Status(503));
    let here = Collector::start(|_, _| Fault::None);
    let mut appliance = Appliance::start(&config(&collector(&away.url())), dir.path());
    away.wait("a first try", |kept| kept.requests > 0);
    write_config(&config(&collector(&here.url())), dir.path());
    appliance.signal("HUP");
    appliance.wait_for_log("The upload goes by the new settings");
    here.wait("everything", |kept| kept.items.len() == wanted.len());
    assert_eq!(arrived(&here), wanted);
    assert_eq!(here.look(|kept| kept.repeated), 0);
    // Read again without a change: it is not touched. Nowhere at last.
    write_config(&config(""), dir.path());
    appliance.signal("HUP");
    appliance.wait_for_log("The upload goes by the new settings");
    appliance.signal("TERM");
    assert!(appliance.wait().success());
}

#[test]
fn dead_letters_are_listed_and_tried_again_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let wanted = recorded(dir.path(), 100);
    let upstream = Collector::start(|_, _| Fault::None);
    upstream.refuse(Refuses { alone: |key| key == "detection-7", ..Refuses::default() });
    let appliance = Appliance::start(&config(&collector(&upstream.url())), dir.path());
    upstream.wait("all but one", |kept| kept.items.len() == wanted.len() - 1);
    let listed = support::appliance::eventually("it is listed", || {
        let listed = said(&dead_letters(&appliance, dir.path(), &["list"]));
        listed.contains("detection-7").then_some(listed)
    });
    assert!(listed.contains("not wanted here"), "{listed}");

    let nobody = ["retry", "--upstream", "http", "--key", "detection-8"];
    let refused = dead_letters(&appliance, dir.path(), &nobody);
    assert!(!refused.status.success() && said(&refused).contains("detection-8"));
    upstream.refuse(Refuses::default());
    let again = dead_letters(&appliance, dir.path(), &["retry"]);
    assert!(again.status.success() && said(&again).starts_with("1 items"), "{}", said(&again));
    upstream.wait("all", |kept| kept.items.len() == wanted.len());
    support::appliance::eventually("none is left", || {
        let listed = said(&dead_letters(&appliance, dir.path(), &["list"]));
        listed.contains("no dead letters").then_some(())
    });
}

#[test]
fn the_figures_are_as_prometheus_wants_them() {
    let dir = tempfile::tempdir().unwrap();
    recorded(dir.path(), 25);
    let upstream = Collector::start(|_, _| Fault::None);
    let upload = format!(
        "{}[upload.mqtt]\nurl = \"mqtt://127.0.0.1:9\"\n\
         [upload.s3]\nendpoint = \"https://127.0.0.1:9\"\nbucket = \"boxes\"\n\
         access_key = \"a\"\nsecret_key = \"b\"\n\
         [[camera]]\nid = \"yard\"\nsource = \"test\"\n",
        collector(&upstream.url())
    );
    let appliance = Appliance::start(&config(&upload), dir.path());
    upstream.wait("something", |kept| !kept.items.is_empty());
    let url = appliance.url("/metrics");
    let answer = ureq::get(url).header("X-API-Key", KEY).call().unwrap();
    let text = answer.into_body().read_to_string().unwrap();
    assert!(text.contains("watchpost_upload_oldest_unsent_seconds{upstream=\"s3\"}"), "{text}");

    let binary = Path::new(env!("CARGO_BIN_EXE_watchpost"));
    let promtool = binary.ancestors().nth(2).unwrap().join("promtool/usr/bin/promtool");
    let mut command = Command::new(promtool);
    command.args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("scripts/setup installs promtool");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaints.is_empty(), "{complaints}");
}
