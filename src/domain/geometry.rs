//! Places in a picture, normalised: 0 is the left or upper edge, 1 the right or
//! lower one. Pixels exist only on the wire and inside the detector.

use serde::{Deserialize, Serialize};

/// A place in the picture, both coordinates in 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Fraction of the width, from the left.
    pub x: f32,
    /// Fraction of the height, from the top.
    pub y: f32,
}

/// An axis-aligned bounding box, normalised to the picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct BBox {
    /// Left edge, 0..=1.
    pub x: f32,
    /// Upper edge, 0..=1.
    pub y: f32,
    /// Width, 0..=1.
    pub width: f32,
    /// Height, 0..=1.
    pub height: f32,
}

/// A bounding box in whole pixels, inside its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PixelBox {
    /// Left edge.
    pub x_px: u32,
    /// Upper edge.
    pub y_px: u32,
    /// Width.
    pub width_px: u32,
    /// Height.
    pub height_px: u32,
}

impl BBox {
    /// The box between two corners, clipped to the picture. Values that are not
    /// numbers count as 0.
    pub fn from_corners(left: f32, top: f32, right: f32, bottom: f32) -> Self {
        let clip = |v: f32| if v.is_nan() { 0.0 } else { v.clamp(0.0, 1.0) };
        let (left, top) = (clip(left), clip(top));
        Self {
            x: left,
            y: top,
            width: (clip(right) - left).max(0.0),
            height: (clip(bottom) - top).max(0.0),
        }
    }

    /// Right edge.
    pub fn right(&self) -> f32 {
        self.x + self.width
    }

    /// Lower edge.
    pub fn bottom(&self) -> f32 {
        self.y + self.height
    }

    /// Share of the picture that the box covers.
    pub fn area(&self) -> f32 {
        self.width * self.height
    }

    /// The middle of the box.
    pub fn center(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.y + self.height / 2.0 }
    }

    /// Where a standing object touches the ground: the middle of the lower edge.
    pub fn foot(&self) -> Point {
        Point { x: self.x + self.width / 2.0, y: self.bottom() }
    }

    /// Intersection over union, 0 for boxes that do not touch.
    pub fn iou(&self, other: &Self) -> f32 {
        let width = self.right().min(other.right()) - self.x.max(other.x);
        let height = self.bottom().min(other.bottom()) - self.y.max(other.y);
        if width <= 0.0 || height <= 0.0 {
            return 0.0;
        }
        let shared = width * height;
        shared / (self.area() + other.area() - shared)
    }

    /// The box in whole pixels of a frame, never outside it.
    pub fn to_pixels(&self, frame_width_px: u32, frame_height_px: u32) -> PixelBox {
        // Edges are rounded and the size derived, so neighbouring boxes meet.
        let edge = |v: f32, size: u32| ((v * size as f32).round().max(0.0) as u32).min(size);
        let (x_px, y_px) = (edge(self.x, frame_width_px), edge(self.y, frame_height_px));
        PixelBox {
            x_px,
            y_px,
            width_px: edge(self.right(), frame_width_px) - x_px,
            height_px: edge(self.bottom(), frame_height_px) - y_px,
        }
    }
}

/// True when `point` lies inside `polygon` (even-odd rule; a polygon of fewer
/// than three corners contains nothing).
pub fn polygon_contains(polygon: &[Point], point: Point) -> bool {
    let mut is_inside = false;
    let Some(mut previous) = polygon.last() else { return false };
    for corner in polygon {
        let crosses = (corner.y > point.y) != (previous.y > point.y);
        if crosses {
            let slope = (previous.x - corner.x) / (previous.y - corner.y);
            if point.x < corner.x + slope * (point.y - corner.y) {
                is_inside = !is_inside;
            }
        }
        previous = corner;
    }
    is_inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iou_of_a_box_with_itself_is_one_and_with_a_stranger_zero() {
        let a = BBox::from_corners(0.1, 0.1, 0.3, 0.5);
        let b = BBox::from_corners(0.4, 0.1, 0.6, 0.5);
        assert!((a.iou(&a) - 1.0).abs() < 1e-6);
        assert_eq!(a.iou(&b), 0.0);
    }

    #[test]
    fn pixels_never_leave_the_frame() {
        let all = BBox::from_corners(-1.0, f32::NAN, 2.0, 9.0);
        assert_eq!(
            all.to_pixels(768, 576),
            PixelBox { x_px: 0, y_px: 0, width_px: 768, height_px: 576 }
        );
    }

    #[test]
    fn a_concave_polygon_excludes_its_notch() {
        let polygon = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.2), (0.0, 1.0)]
            .map(|(x, y)| Point { x, y });
        assert!(polygon_contains(&polygon, Point { x: 0.1, y: 0.5 }));
        assert!(!polygon_contains(&polygon, Point { x: 0.5, y: 0.6 }));
        assert!(!polygon_contains(&polygon[..2], Point { x: 0.1, y: 0.0 }));
    }
}
