//! One camera that is not in the file: described by the same keys, read by the same
//! rules.

use serde_json::{Map, Value};
use toml::de::DeTable;

use super::camera::cameras;
use super::mistake::Mistake;
use super::section::{Environment, Reader};
use super::{CameraConfig, SYNTAX_MISTAKES_MAX};
use crate::domain::CameraId;

/// The camera `id` that `definition` means: the keys of a `[[camera]]`, but for `id`.
/// `has_own_labels` as for the file.
///
/// # Errors
/// All that is wrong with it, by key: `detect.fps: is 0; write a number from …`.
pub fn camera_of(
    id: &CameraId,
    definition: &Map<String, Value>,
    has_own_labels: bool,
) -> Result<CameraConfig, Vec<String>> {
    let mut camera = toml::Table::new();
    camera.insert("id".into(), id.as_str().into());
    let mut faults = Vec::new();
    for (key, value) in definition {
        match toml::Value::try_from(value) {
            Ok(value) => drop(camera.insert(key.clone(), value)),
            Err(error) => faults.push(format!("{key}: cannot be used: {error}")),
        }
    }
    let list = toml::Value::Array(vec![toml::Value::Table(camera)]);
    let text = toml::Table::from_iter([("camera".to_owned(), list)]).to_string();
    let read = read(&text, has_own_labels);
    match read {
        Ok(camera) if faults.is_empty() => Ok(camera),
        Ok(_) => Err(faults),
        Err(more) => Err([faults, more].concat()),
    }
}

fn read(text: &str, has_own_labels: bool) -> Result<CameraConfig, Vec<String>> {
    let environment = Environment::new();
    let reader = Reader::new(text, &environment);
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let shown = errors.iter().take(SYNTAX_MISTAKES_MAX);
        return Err(shown.map(|error| error.message().to_owned()).collect());
    }
    let camera = first(&reader, table.get_ref(), has_own_labels);
    let (mistakes, _) = reader.finish();
    match camera {
        Some(camera) if mistakes.is_empty() => Ok(camera),
        _ => Err(mistakes.iter().map(fault).collect()),
    }
}

fn first<'a>(
    reader: &Reader<'a>,
    table: &DeTable<'a>,
    has_own_labels: bool,
) -> Option<CameraConfig> {
    let root = reader.root(table);
    let camera = cameras(&root, has_own_labels).pop();
    root.finish();
    camera
}

/// A mistake without its place, which means nothing outside a file.
fn fault(Mistake { what, fix, .. }: &Mistake) -> String {
    let what = what.strip_prefix("camera").unwrap_or(what).trim_start_matches('.').trim_start();
    if let Some((table, key)) = what.split_once("has no key ") {
        let (table, key) = (table.trim_end(), key.trim_matches('"'));
        let dot = if table.is_empty() { "" } else { "." };
        return format!("{table}{dot}{key}: is no key of a camera; {fix}");
    }
    match what.split_once(' ') {
        Some((key, rest)) => format!("{key}: {rest}; {fix}"),
        None => format!("{what}; {fix}"),
    }
}
