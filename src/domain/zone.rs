//! Zones: areas of the picture with rules of their own.

use std::time::Duration;

use super::geometry::{Point, polygon_contains};
use super::{BBox, Label};

/// An area of the picture that is not looked at: no motion there counts, and what
/// stands there is not detected.
#[derive(Clone, Debug, PartialEq)]
pub struct Mask {
    /// Corners, at least three.
    pub polygon: Vec<Point>,
}

impl Mask {
    /// Whether the place is hidden.
    pub fn hides(&self, place: Point) -> bool {
        polygon_contains(&self.polygon, place)
    }
}

/// An area of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Name for people, unique per camera.
    pub name: String,
    /// Corners, at least three.
    pub polygon: Vec<Point>,
    /// How long an object must stay before it counts as being in the zone.
    pub min_dwell: Duration,
    /// Classes that count in this zone; empty means all.
    pub classes: Vec<String>,
}

impl Zone {
    /// Whether an object of this class stands in the zone: its foot decides, because
    /// a tall object's middle lies far behind the ground it stands on.
    pub fn contains(&self, label: &Label, bbox: &BBox) -> bool {
        let counts = self.classes.is_empty() || self.classes.iter().any(|c| c == label.as_str());
        counts && polygon_contains(&self.polygon, bbox.foot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foot_of_an_object_and_its_class_decide() {
        let corners = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)];
        let porch = Zone {
            name: "porch".into(),
            polygon: corners.map(|(x, y)| Point { x, y }).to_vec(),
            min_dwell: Duration::ZERO,
            classes: Vec::new(),
        };
        let person = Label::new("person");
        let inside = BBox::from_corners(0.4, 0.1, 0.5, 0.6);
        assert!(porch.contains(&person, &inside));
        assert!(!porch.contains(&person, &BBox::from_corners(0.4, 0.1, 0.5, 0.4)));
        let porch = Zone { classes: vec!["car".to_owned()], ..porch };
        assert!(!porch.contains(&person, &inside));
        assert!(porch.contains(&Label::new("car"), &inside));
    }
}
