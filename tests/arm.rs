//! What builds for ARM, as far as it can be checked without building: the
//! configuration for cross, and that both ways use the same packages and settings.
#![allow(clippy::disallowed_methods, reason = "the test starts the script")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use watchpost::config::{Environment, Overrides, Settings};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// What only one of the two needs: Debian's compiler here, emulation there.
const OF_ONE_ONLY: [&str; 4] =
    ["rustc-web", "cargo-web", "libstd-rust-web-dev:arm64", "qemu-user-static"];

fn dockerfile() -> String {
    fs::read_to_string("scripts/cross.dockerfile").unwrap()
}

/// What `scripts/arm-root STEP` prints.
fn arm_root(step: &str) -> Vec<String> {
    script(&["scripts/arm-root", step])
}

fn script(words: &[&str]) -> Vec<String> {
    let mut command = Command::new("bash");
    command.args(words).env("ARM_ROOT_SUITE", "bookworm").env("BOOT_ROOT_SUITE", "bookworm");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn cross_gets_keys_that_it_knows_and_a_file_that_is_there() {
    let text = fs::read_to_string("cross.toml").unwrap();
    let config: toml::Table = toml::from_str(&text).unwrap();
    assert_eq!(config.keys().collect::<Vec<_>>(), ["build", "target"]);
    assert_eq!(config["build"]["default-target"].as_str(), Some(TARGET));
    let targets = config["target"].as_table().unwrap();
    assert_eq!(targets.keys().collect::<Vec<_>>(), [TARGET], "sled is not safe on 32 bit");
    // Unknown keys only warn, and nobody reads warnings.
    let target = targets[TARGET].as_table().unwrap();
    assert_eq!(target.keys().collect::<Vec<_>>(), ["dockerfile", "env"]);
    assert_eq!(target["env"].as_table().unwrap().keys().collect::<Vec<_>>(), ["passthrough"]);
    let file = target["dockerfile"]["file"].as_str().unwrap();
    assert!(fs::exists(file).unwrap(), "{file}");
}

#[test]
fn both_ways_to_arm_install_the_same_packages() {
    let dockerfile = dockerfile();
    let start = dockerfile.find("--no-install-recommends").unwrap();
    let end = dockerfile.find("&& rm -rf").unwrap();
    let cross = dockerfile[start..end].split_whitespace().skip(1).filter(|word| *word != "\\");
    let is_shared = |name: &&str| !OF_ONE_ONLY.contains(name);
    let cross: BTreeSet<_> = cross.filter(is_shared).map(str::to_owned).collect();
    let ours = arm_root("packages").into_iter().filter(|name| is_shared(&name.as_str()));
    assert_eq!(cross, ours.collect());
}

#[test]
fn both_ways_to_arm_set_the_same_variables() {
    let dockerfile = dockerfile();
    for line in arm_root("cross-env") {
        let (name, value) = line.split_once('=').unwrap();
        let is_there = [format!("{name}={value}"), format!("{name}=\"{value}\"")]
            .iter()
            .any(|setting| dockerfile.contains(setting.as_str()));
        // cross chooses the target itself.
        assert!(is_there || name == "CARGO_BUILD_TARGET", "{line} is missing");
    }
}

/// Words of the bash array `name` in `script`, without what is behind a #.
fn array(script: &str, name: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(script).unwrap();
    let (_, rest) = text.split_once(&format!("readonly {name}=(")).unwrap();
    let (inside, _) = rest.split_once(')').unwrap();
    let words = inside.lines().flat_map(|line| {
        let line = line.split('#').next().unwrap();
        line.split_whitespace()
    });
    words.map(str::to_owned).collect()
}

#[test]
fn the_emulated_board_has_every_library_that_the_program_loads() {
    let board = BTreeSet::from_iter(script(&["scripts/boot-root", "packages", "board"]));
    let ours = array("scripts/setup", "run_packages");
    let missing: Vec<_> = ours.difference(&board).collect();
    assert_eq!(missing, Vec::<&String>::new());
}

#[test]
fn the_emulated_board_is_configured_without_a_mistake() {
    let file = Path::new("tests/boot/guest/etc/watchpost/watchpost.toml");
    let settings = Settings::load(file, &Environment::new(), &Overrides::default());
    let settings = settings.unwrap_or_else(|error| panic!("{error}"));
    let cameras: Vec<_> =
        settings.cameras.iter().map(|camera| camera.capture.id.as_str()).collect();
    assert_eq!(cameras, ["yard", "street", "left", "right"]);
}
