//! Zones: areas of the picture with rules of their own.

use std::time::Duration;

use super::BBox;
use super::geometry::{Point, polygon_contains};

/// An area of the picture.
#[derive(Clone, Debug, PartialEq)]
pub struct Zone {
    /// Name for people, unique per camera.
    pub name: String,
    /// Corners, at least three.
    pub polygon: Vec<Point>,
    /// How long an object must stay before it counts as being in the zone.
    pub min_dwell: Duration,
}

impl Zone {
    /// Whether an object stands in the zone: its foot decides, because a tall
    /// object's middle lies far behind the ground it stands on.
    pub fn contains(&self, bbox: &BBox) -> bool {
        polygon_contains(&self.polygon, bbox.foot())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_foot_of_an_object_decides_not_its_middle() {
        let corners = [(0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)];
        let porch = Zone {
            name: "porch".into(),
            polygon: corners.map(|(x, y)| Point { x, y }).to_vec(),
            min_dwell: Duration::ZERO,
        };
        assert!(porch.contains(&BBox::from_corners(0.4, 0.1, 0.5, 0.6)));
        assert!(!porch.contains(&BBox::from_corners(0.4, 0.1, 0.5, 0.4)));
    }
}
