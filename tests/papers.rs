//! What the papers of the project promise about the project itself.

#![allow(clippy::unwrap_used, reason = "the helpers of tests may fail like tests")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Longest file. Beyond this it holds more than one idea.
const LINES_MAX: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_dependency_has_its_reason_in_the_design_and_no_other_is_named() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let mut used = BTreeSet::new();
    for table in ["dependencies", "dev-dependencies", "build-dependencies"] {
        let names = manifest.get(table).and_then(|table| table.as_table());
        used.extend(names.into_iter().flat_map(|names| names.keys().cloned()));
    }
    let design = read("DESIGN.md");
    let chapter = design.split("## Dependencies and why").nth(1).unwrap();
    let chapter = chapter.split("\n## ").next().unwrap();
    let rows = chapter.lines().filter_map(|line| line.strip_prefix("| "));
    let named: BTreeSet<_> = rows
        .filter_map(|row| row.split(" |").next())
        .filter(|name| *name != "Crate")
        .map(str::to_owned)
        .collect();
    assert_eq!(named, used);
}

#[test]
fn no_file_is_longer_than_a_reader_holds_in_mind() {
    let mut long = Vec::new();
    for dir in ["src", "tests", "benches", "scripts"] {
        for path in files(&root().join(dir)) {
            let is_ours = path
                .extension()
                .is_none_or(|ext| ["rs", "js", "mjs", "py"].iter().any(|e| ext == *e));
            let Ok(text) = fs::read_to_string(&path) else { continue };
            if is_ours && text.lines().count() > LINES_MAX {
                long.push(path);
            }
        }
    }
    assert!(long.is_empty(), "longer than {LINES_MAX} lines: {long:?}");
}

/// All files below `dir`, without what others wrote.
fn files(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let is_foreign = |path: &PathBuf| {
        ["node_modules", "vendor", "models", "footage"].iter().any(|name| path.ends_with(name))
    };
    let paths = entries.map(|entry| entry.unwrap().path()).filter(|path| !is_foreign(path));
    let (dirs, files): (Vec<_>, Vec<_>) = paths.partition(|path| path.is_dir());
    files.into_iter().chain(dirs.iter().flat_map(|dir| self::files(dir))).collect()
}

#[test]
fn what_the_papers_link_to_exists() {
    for paper in ["README.md", "DESIGN.md", "CHANGELOG.md"] {
        for target in links(&read(paper)) {
            assert!(root().join(&target).exists(), "{paper} links to {target}");
        }
    }
}

/// Targets of `[text](target)` that are files of this repository.
fn links(text: &str) -> Vec<String> {
    let is_prose = |(number, _): &(usize, &str)| number % 2 == 0;
    let prose = text.split("```").enumerate().filter(is_prose);
    prose
        .flat_map(|(_, part)| part.split("](").skip(1).collect::<Vec<_>>())
        .filter_map(|rest| rest.split([')', '#', ' ']).next())
        .filter(|target| !target.is_empty() && !target.contains("://"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn links_are_found_in_prose_and_not_in_code() {
    let text = "a [b](c.md#d) ![e](f.png) [g](https://h) [i](#j)\n```\n[k](l)\n```\n[m](n)";
    assert_eq!(links(text), ["c.md", "f.png", "n"]);
}

#[test]
fn the_changelog_has_an_entry_for_this_version() {
    let manifest: toml::Table = read("Cargo.toml").parse().unwrap();
    let version = manifest["package"]["version"].as_str().unwrap();
    let changelog = read("CHANGELOG.md");
    let is_there =
        changelog.contains(&format!("## [{version}]")) || changelog.contains("## [Unreleased]");
    assert!(is_there, "CHANGELOG.md knows neither {version} nor unreleased changes");
}
