//! `[[camera.zone]]` and `[[camera.mask]]`: areas of a camera's picture.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::de::DeValue;

use super::camera::{CLASSES_MAX, class};
use super::rules::{self, Bad};
use super::section::Section;
use crate::domain::geometry::Point;
use crate::domain::{Mask, Zone};

/// Most zones and most masks of one camera, and corners of one of them.
const AREAS_MAX: usize = 16;
const CORNERS_MAX: usize = 64;

/// Least area, as a share of the picture. Anything smaller is a line.
const AREA_MIN: f32 = 1e-4;

/// The zones of a camera.
pub fn zones(camera: &Section<'_>, has_own_labels: bool) -> Vec<Zone> {
    let mut names = BTreeSet::new();
    let mut zones = Vec::new();
    for section in camera.sections("zone", AREAS_MAX) {
        let name = section.get("name", rules::text);
        let polygon = section.get("polygon", polygon);
        let mut min_dwell = Duration::ZERO;
        section.set(
            "min_dwell",
            &mut min_dwell,
            rules::span(Duration::ZERO..=Duration::from_secs(3_600)),
        );
        let classes = section.get("classes", rules::list(CLASSES_MAX, class(has_own_labels)));
        require(&section, "name", "\"porch\"");
        require(&section, "polygon", "[[0.1, 0.5], …]");
        if name.as_ref().is_some_and(|name| !names.insert(name.clone())) {
            section.mistake("name", "is used by another zone too", "give each zone its own name");
        }
        let classes = classes.unwrap_or_default();
        zones.extend(name.zip(polygon).map(|(name, polygon)| Zone {
            name,
            polygon,
            min_dwell,
            classes,
        }));
        section.finish();
    }
    zones
}

/// The masks of a camera.
pub fn masks(camera: &Section<'_>) -> Vec<Mask> {
    let mut masks = Vec::new();
    for section in camera.sections("mask", AREAS_MAX) {
        let polygon = section.get("polygon", polygon);
        require(&section, "polygon", "[[0.0, 0.0], …]");
        masks.extend(polygon.map(|polygon| Mask { polygon }));
        section.finish();
    }
    masks
}

fn require(section: &Section<'_>, key: &'static str, example: &str) {
    if !section.has(key) {
        section.mistake(key, "is missing", format!("write {key} = {example}"));
    }
}

fn polygon(value: &DeValue<'_>) -> Result<Vec<Point>, Bad> {
    let fix = "write three or more corners as [[x, y], …], each from 0 (left, top) to 1";
    let corner = |value: &DeValue<'_>| {
        rules::pair(rules::number(0.0..=1.0))(value).map(|(x, y)| Point { x, y })
    };
    let corners = rules::list(CORNERS_MAX, corner)(value)
        .map_err(|bad| Bad::new(format!("{} in its corners", bad.what), fix))?;
    if corners.len() < 3 {
        return Err(Bad::new(format!("has {} corners", corners.len()), fix));
    }
    if area(&corners) < AREA_MIN {
        return Err(Bad::new("covers nothing", "spread its corners"));
    }
    Ok(corners)
}

/// The area of a polygon, by the shoelace formula.
fn area(corners: &[Point]) -> f32 {
    let next = corners.iter().cycle().skip(1);
    let twice: f32 = corners.iter().zip(next).map(|(a, b)| a.x * b.y - b.x * a.y).sum();
    twice.abs() / 2.0
}
