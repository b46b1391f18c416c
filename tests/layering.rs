//! The floors of DESIGN.md, held to the code: a room imports only what lies
//! below it, rooms of one floor do not know each other, and above floor 2 only
//! the ports of a room (its root items) are used.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// What a room may import from another one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Nothing,
    /// Root items: `crate::room::Item`.
    Ports,
    Everything,
}

const GROUND: [&str; 2] = ["domain", "rt"];
const HEALTH: [&str; 1] = ["health"];
const DEVICES: [&str; 6] = ["capture", "infer", "store", "media", "live", "board"];
const STAGES: [&str; 5] = ["pipeline", "assess", "upload", "jobs", "fleet"];
const SERVICE: [&str; 1] = ["api"];
const CONFIG: [&str; 1] = ["config"];

/// Files of tests only (`#[cfg(test)] mod …` in their room): these may bring the
/// real neighbour to a test.
const TEST_FILES: [&str; 3] = ["tests.rs", "_tests.rs", "testing.rs"];

/// Files that see the whole house.
const ROOF: [&str; 6] = ["app", "cli", "main", "lib", "logging", "probe"];

fn floor(room: &str) -> Option<usize> {
    let floors: [&[&str]; 6] = [&GROUND, &HEALTH, &DEVICES, &STAGES, &SERVICE, &CONFIG];
    floors.iter().position(|rooms| rooms.contains(&room))
}

fn reach(from: &str, to: &str) -> Reach {
    let (Some(here), Some(there)) = (floor(from), floor(to)) else { return Reach::Nothing };
    match (here, there) {
        _ if from == to => Reach::Everything,
        // The clock tells wall time in the domain's own type.
        (0, 0) if from == "rt" => Reach::Ports,
        (1.., 0) | (2.., 1) => Reach::Everything,
        (3.., 2) => Reach::Ports,
        (4, 3) if to == "pipeline" => Reach::Nothing,
        (4.., 3) | (5, 4) => Reach::Ports,
        _ => Reach::Nothing,
    }
}

/// Every path that begins with `crate::`, with groups written out:
/// `use crate::{a, b::{C, d::E}}` gives `a`, `b::C` and `b::d::E`.
fn paths(source: &str) -> BTreeSet<String> {
    let code = without_comments_and_texts(source);
    let mut found = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        let is_word = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if !is_word {
            expand("", &code[at + "crate::".len()..], &mut found);
        }
    }
    found
}

/// Reads one use tree at the start of `rest`; returns what follows it.
fn expand<'a>(prefix: &str, rest: &'a str, found: &mut BTreeSet<String>) -> &'a str {
    let mut rest = rest.trim_start();
    let mut path = prefix.to_owned();
    loop {
        if let Some(mut group) = rest.strip_prefix('{') {
            while !group.trim_start().starts_with('}') && !group.trim().is_empty() {
                let after = expand(&path, group, found).trim_start();
                group = after.strip_prefix(',').unwrap_or(after);
                if after.len() == group.len() && !after.starts_with('}') {
                    return after;
                }
            }
            return group.trim_start().strip_prefix('}').unwrap_or(group);
        }
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if !path.is_empty() {
            path.push_str("::");
        }
        path.push_str(&rest[..end]);
        rest = &rest[end..];
        if let Some(more) = rest.strip_prefix("::") {
            rest = more.trim_start();
            continue;
        }
        found.insert(path.trim_end_matches(':').to_owned());
        let alias = rest.trim_start();
        return match alias.strip_prefix("as ") {
            Some(name) => name.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_'),
            None => rest.strip_prefix('*').unwrap_or(rest),
        };
    }
}

/// Comments and string literals may name any path.
fn without_comments_and_texts(source: &str) -> String {
    let mut code = String::new();
    for line in source.lines() {
        let line = line.split("//").next().unwrap_or_default();
        let mut is_text = false;
        let mut previous = ' ';
        for c in line.chars() {
            match c {
                '"' if previous != '\\' && previous != '\'' => is_text = !is_text,
                _ if !is_text => code.push(c),
                _ => {}
            }
            previous = c;
        }
        code.push('\n');
    }
    code
}

/// What `source`, a file of room `from`, imports although it may not.
/// `is_module(room, item)` tells submodules from root items.
fn violations(from: &str, source: &str, is_module: impl Fn(&str, &str) -> bool) -> Vec<String> {
    let is_wrong = |path: &String| {
        let mut parts = path.split("::");
        let room = parts.next().unwrap_or_default();
        let item = parts.next().unwrap_or_default();
        match reach(from, room) {
            Reach::Everything => false,
            Reach::Ports => is_module(room, item),
            Reach::Nothing => true,
        }
    };
    paths(source).into_iter().filter(is_wrong).collect()
}

fn sources(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    let (dirs, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|ext| ext == "rs");
    files.into_iter().filter(is_rust).chain(dirs.iter().flat_map(|dir| sources(dir))).collect()
}

#[test]
fn imports_go_down() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in sources(&root) {
        let inner = path.strip_prefix(&root).unwrap();
        let first = inner.iter().next().unwrap().to_str().unwrap();
        let room = first.trim_end_matches(".rs");
        let is_test = TEST_FILES.iter().any(|end| inner.to_str().unwrap().ends_with(end));
        if ROOF.contains(&room) || is_test {
            continue;
        }
        assert!(floor(room).is_some(), "{room} has no floor in DESIGN.md; give it one here too");
        let source = fs::read_to_string(&path).unwrap();
        let is_module = |room: &str, item: &str| {
            let path = root.join(room).join(item);
            !item.is_empty() && (path.is_dir() || path.with_extension("rs").is_file())
        };
        for import in violations(room, &source, is_module) {
            wrong.push(format!("{}: crate::{import}", inner.display()));
        }
    }
    assert!(wrong.is_empty(), "imports that go up or sideways:\n{}", wrong.join("\n"));
}

#[test]
fn the_floors_here_are_those_of_the_design() {
    let design = include_str!("../DESIGN.md");
    for rooms in [&GROUND[..], &HEALTH, &DEVICES, &STAGES, &SERVICE, &CONFIG] {
        for room in rooms {
            let row = format!("| {} | `{room}/` |", floor(room).unwrap());
            assert!(design.contains(&row), "DESIGN.md has no row {row}");
        }
    }
}

fn found(from: &str, source: &str) -> Vec<String> {
    violations(from, source, |_, item| item == "journal")
}

#[test]
fn a_forbidden_import_is_found_however_it_is_written() {
    for source in [
        "use crate::store::Writer;",
        "use crate::{domain::Frame, store::{Reader, Writer}};",
        "use crate::{\n    domain::{self, Frame},\n    rt::Clock, store,\n};",
        "fn f() { let w = crate::store::Writer::new(); }",
        "pub(crate) use crate::store as kept;",
        "use crate::domain::Frame as F; use crate::{rt::{Clock as C, Stop}, store::X};",
    ] {
        let wrong = found("capture", source);
        assert!(wrong.iter().any(|path| path.starts_with("store")), "{source}: {wrong:?}");
    }
}

#[test]
fn ports_are_open_to_the_floors_above_and_submodules_are_not() {
    assert_eq!(found("api", "use crate::store::{Reader, StoreError};"), [""; 0]);
    assert_eq!(found("api", "use crate::store::journal::Journal;"), ["store::journal::Journal"]);
    assert_eq!(found("api", "use crate::store::{journal, Reader};"), ["store::journal"]);
    assert_eq!(found("api", "use crate::pipeline::Output;"), ["pipeline::Output"]);
    assert_eq!(found("config", "use crate::pipeline::LaneSettings;"), [""; 0]);
    assert_eq!(found("pipeline", "use crate::api::Role;"), ["api::Role"]);
    assert_eq!(found("domain", "use crate::rt::Clock;"), ["rt::Clock"]);
}

#[test]
fn comments_and_texts_are_no_imports() {
    let source =
        "// use crate::store::Writer;\n/// [`crate::store`]\nconst A: &str = \"crate::api\";";
    assert_eq!(found("capture", source), [""; 0]);
}
