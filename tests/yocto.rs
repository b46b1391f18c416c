//! The Yocto layer, held to what it is made from. oelint-adv looks at its style
//! (`make lint`).
#![allow(clippy::disallowed_methods, reason = "the tests start the script and systemd's tools")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use watchpost::board::Profile;

const RAUC: &str = "yocto/meta-watchpost/dynamic-layers/rauc/recipes-watchpost";
const LAYER: &str = "yocto/meta-watchpost";
const RECIPES: &str = "yocto/meta-watchpost/recipes-watchpost";

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn recipe() -> String {
    let version = env!("CARGO_PKG_VERSION");
    read(&format!("{RECIPES}/watchpost/watchpost_{version}.bb"))
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_recipe_fetches_the_crates_of_cargo_lock() {
    let written = read(&format!("{RECIPES}/watchpost/watchpost-crates.inc"));
    let is_equal = written == output("scripts/yocto-crates", &[]);
    assert!(is_equal, "run scripts/yocto-crates > {RECIPES}/watchpost/watchpost-crates.inc");
}

#[test]
fn the_features_of_the_recipe_are_those_of_cargo() {
    let manifest: toml::Table = toml::from_str(&read("Cargo.toml")).unwrap();
    let features = manifest["features"].as_table().unwrap();
    let names: BTreeSet<&str> =
        features.keys().map(String::as_str).filter(|name| *name != "default").collect();
    let recipe = recipe();
    let offered: BTreeSet<&str> = recipe
        .lines()
        .filter_map(|line| line.strip_prefix("PACKAGECONFIG[")?.split_once(']'))
        .map(|(name, rest)| {
            assert!(rest.contains(&format!("--features {name},")), "{name}: {rest}");
            name
        })
        .collect();
    assert_eq!(offered, names);
    let chosen = recipe.lines().find_map(|line| line.strip_prefix("PACKAGECONFIG ??= \""));
    let chosen: Vec<_> = chosen.unwrap().trim_end_matches('"').split(' ').collect();
    let defaults = features["default"].as_array().unwrap();
    assert_eq!(chosen, defaults.iter().map(|name| name.as_str().unwrap()).collect::<Vec<_>>());
}

#[test]
fn license_version_and_compiler_are_the_ones_the_recipes_name() {
    let sum = output("md5sum", &["LICENSE"]);
    let sum = sum.split(' ').next().unwrap();
    let recipes = output("grep", &["-rhoE", "LICENSE;md5=[0-9a-f]*", LAYER]);
    assert!(recipes.lines().count() > 2);
    recipes.lines().for_each(|line| assert_eq!(line, format!("LICENSE;md5={sum}")));
    let bundle = read(&format!("{RAUC}/bundles/watchpost-bundle_1.0.bb"));
    let version = format!("RAUC_BUNDLE_VERSION ?= \"{}\"\n", env!("CARGO_PKG_VERSION"));
    assert!(bundle.contains(&version), "{version}");
    // wrynose has Rust 1.94.1.
    assert_eq!(env!("CARGO_PKG_RUST_VERSION"), "1.94");
}

#[test]
fn every_board_has_an_image_for_its_machine_with_its_share() {
    let recipe = recipe();
    for Profile { name, yocto_machine: machine, .. } in Profile::all() {
        let image = read(&format!("yocto/kas/{name}.yml"));
        assert!(image.lines().any(|line| line == format!("machine: {machine}")), "{name}");
        let is_default = recipe.contains(&format!("WATCHPOST_BOARD ?= \"{name}\""));
        let own = format!("WATCHPOST_BOARD:{machine} ?= \"{name}\"");
        assert!(is_default || recipe.contains(&own), "{own} is missing");
    }
}

#[test]
fn the_partitions_have_one_name_everywhere() {
    let image = read(&format!("{LAYER}/files/wic/watchpost-ab.wks.in"));
    let made = image.lines().filter_map(|line| {
        let mut words = line.split(' ').skip_while(|word| *word != "--part-name");
        words.nth(1)
    });
    let made: BTreeSet<_> = made.collect();
    assert_eq!(made, BTreeSet::from(["boot", "boot-state", "root-a", "root-b", "data"]));
    let users = [
        read(&format!("{RAUC}/watchpost-rauc-conf/files/system.conf")),
        read(&format!("{RECIPES}/watchpost-data/files/data.mount")),
        read(&format!("{RAUC}/watchpost-bootscript/files/fw_env.config")),
    ];
    for user in users {
        for named in user.lines().filter_map(|line| line.split_once("/by-partlabel/")) {
            let named = named.1.split(' ').next().unwrap();
            assert!(made.contains(named), "{named:?}");
        }
    }
}

#[test]
fn the_boot_script_and_rauc_mean_the_same_slots_and_the_same_sector() {
    let script = read(&format!("{RAUC}/watchpost-bootscript/files/boot.cmd"));
    let slots = read(&format!("{RAUC}/watchpost-rauc-conf/files/system.conf"));
    assert!(slots.contains("bootloader=uboot"));
    for slot in slots.split("[slot.").skip(1) {
        let value = |key: &str| {
            let value = slot.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
            value.unwrap().to_owned()
        };
        let (name, device) = (value("bootname"), value("device"));
        let partition = device.rsplit('/').next().unwrap();
        for needed in [
            format!("test \"${{candidate}}\" = {name} && test ${{BOOT_{name}_LEFT}} -gt 0"),
            format!("setexpr BOOT_{name}_LEFT ${{BOOT_{name}_LEFT}} - 1"),
            format!("setenv slot {name}\n        setenv name {partition}\n"),
        ] {
            assert!(script.contains(&needed), "{needed}");
        }
    }
    let linux = read(&format!("{RAUC}/watchpost-bootscript/files/fw_env.config"));
    let place = linux.lines().find(|line| !line.starts_with('#')).unwrap();
    let words: Vec<_> = place.split_whitespace().collect();
    assert_eq!(words, ["/dev/disk/by-partlabel/boot-state", "0x0", "0x200"]);
    assert!(script.contains("part start ${devtype} ${devnum} boot-state state_at"));
    for used in ["env export -c -s 0x200 ", "env import -c ${scriptstate} 0x200 "] {
        let rest = script.split(used).nth(1).unwrap_or_else(|| panic!("{used}"));
        let named: Vec<_> =
            rest.split([' ', ';']).skip_while(|word| !word.starts_with('B')).collect();
        assert_eq!(named[..3], ["BOOT_ORDER", "BOOT_A_LEFT", "BOOT_B_LEFT"]);
    }
}

#[test]
fn every_file_that_a_recipe_names_is_there() {
    let recipes = output("find", &[LAYER, "-name", "*.bb"]);
    let mut count = 0;
    for recipe in recipes.lines() {
        let folder = Path::new(recipe).parent().unwrap().join("files");
        for part in read(recipe).split("file://").skip(1) {
            let name = part.split([' ', '"', ';', '\n', '\\']).next().unwrap();
            let in_files = folder.join(name);
            let in_source = name.strip_prefix("${WATCHPOST_SOURCE}/").unwrap_or(name);
            assert!(in_files.exists() || Path::new(in_source).exists(), "{name} of {recipe}");
            count += 1;
        }
    }
    assert!(count >= 8, "{count}");
}

#[test]
fn systemd_finds_no_fault_in_the_units_of_the_image() {
    let root = tempfile::tempdir().unwrap();
    let units = root.path().join("usr/lib/systemd/system");
    let system = Path::new("/usr/lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    fs::create_dir_all(root.path().join("bin")).unwrap();
    for program in ["bin/mkdir", "bin/cp"] {
        fs::copy(Path::new("/").join(program), root.path().join(program)).unwrap();
    }
    let wanted = ["sysinit", "basic", "shutdown", "umount", "local-fs", "local-fs-pre"];
    for target in wanted.map(|name| format!("{name}.target")) {
        fs::copy(system.join(&target), units.join(&target)).unwrap();
    }
    let files = fs::read_dir(format!("{RECIPES}/watchpost-data/files")).unwrap();
    let ours: Vec<_> = files.map(|entry| entry.unwrap().path()).collect();
    let names = ours.iter().map(|path| path.file_name().unwrap().to_str().unwrap());
    let names: Vec<_> = names.filter(|name| !name.ends_with(".conf")).collect();
    ours.iter().for_each(|path| _ = fs::copy(path, units.join(path.file_name().unwrap())).unwrap());
    let root = format!("--root={}", root.path().display());
    let checked =
        Command::new("systemd-analyze").args(["verify", &root]).args(&names).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&checked.stderr), "");
    assert!(checked.status.success());
}
