//! Where a box will be: a Kalman filter with nearly constant velocity.
//!
//! Center and size are four independent values, each with a speed. Noise is
//! proportional to the object's size (a far person moves few pixels) and to
//! time, not to frames, so two frames a second work like fifteen.

use std::time::Duration;

use crate::domain::BBox;

/// How far a detector's edge is off, as a share of the object's size. Measured
/// boxes of standing persons jitter by 2 to 4 percent.
const MEASURED: f32 = 0.05;
/// The same for a weak candidate: half hidden or blurred.
const MEASURED_WEAK: f32 = 0.12;
/// Unknown speed of a new object, in sizes per second: a walking person covers
/// 0.8 of their height.
const FIRST_SPEED: f32 = 1.0;
/// Change of speed, in sizes per second per root second.
const RESTLESS: f32 = 0.6;
/// The same for width and height, which change slowly.
const RESTLESS_SIZE: f32 = 0.15;
/// A speed that nothing confirms fades with this time constant, so that a hidden
/// object waits near where it went in.
const FADE_S: f32 = 2.0;
/// A wide object is not fast downwards only because it is wide: the slower
/// dimension counts at least this share of the other.
const ASPECT: f32 = 0.6;

/// A box in motion.
#[derive(Clone, Debug)]
pub struct BoxFilter {
    x: Axis,
    y: Axis,
    width: Axis,
    height: Axis,
}

/// One value, its speed, and the covariance of both.
#[derive(Clone, Copy, Debug)]
struct Axis {
    value: f32,
    speed: f32,
    var: f32,
    cov: f32,
    speed_var: f32,
}

impl BoxFilter {
    /// A box seen for the first time.
    pub fn new(bbox: &BBox) -> Self {
        let (sx, sy) = scales(bbox);
        let center = bbox.center();
        Self {
            x: Axis::new(center.x, MEASURED * sx, FIRST_SPEED * sx),
            y: Axis::new(center.y, MEASURED * sy, FIRST_SPEED * sy),
            width: Axis::new(bbox.width, MEASURED * sx, RESTLESS_SIZE * sx),
            height: Axis::new(bbox.height, MEASURED * sy, RESTLESS_SIZE * sy),
        }
    }

    /// Time passes. The speed of an object that `is_missing` fades.
    pub fn predict(&mut self, span: Duration, is_missing: bool) {
        let dt = span.as_secs_f32();
        if is_missing {
            let keep = (-dt / FADE_S).exp();
            for axis in [&mut self.x, &mut self.y, &mut self.width, &mut self.height] {
                axis.speed *= keep;
            }
        }
        let (sx, sy) = scales(&self.bbox());
        self.x.predict(dt, RESTLESS * sx);
        self.y.predict(dt, RESTLESS * sy);
        self.width.predict(dt, RESTLESS_SIZE * sx);
        self.height.predict(dt, RESTLESS_SIZE * sy);
    }

    /// The box has been seen at `bbox`.
    pub fn update(&mut self, bbox: &BBox, is_weak: bool) {
        let error = if is_weak { MEASURED_WEAK } else { MEASURED };
        let (sx, sy) = scales(bbox);
        let center = bbox.center();
        self.x.update(center.x, error * sx);
        self.y.update(center.y, error * sy);
        self.width.update(bbox.width, error * sx);
        self.height.update(bbox.height, error * sy);
    }

    /// The box now; it may reach beyond the picture, where it is clipped.
    pub fn bbox(&self) -> BBox {
        let (half_width, half_height) =
            (self.width.value.max(1e-4) / 2.0, self.height.value.max(1e-4) / 2.0);
        BBox::from_corners(
            self.x.value - half_width,
            self.y.value - half_height,
            self.x.value + half_width,
            self.y.value + half_height,
        )
    }

    /// One standard deviation of the center, in x and y.
    pub fn spread(&self) -> (f32, f32) {
        (self.x.var.sqrt(), self.y.var.sqrt())
    }
}

/// The object's size in x and y, as far as motion is concerned.
fn scales(bbox: &BBox) -> (f32, f32) {
    (bbox.width.max(bbox.height * ASPECT), bbox.height.max(bbox.width * ASPECT))
}

impl Axis {
    fn new(value: f32, error: f32, speed_error: f32) -> Self {
        let (var, speed_var) = (error * error, speed_error * speed_error);
        Self { value, speed: 0.0, var, cov: 0.0, speed_var }
    }

    fn predict(&mut self, dt: f32, restless: f32) {
        let q = restless * restless;
        self.value += self.speed * dt;
        self.var += 2.0 * dt * self.cov + dt * dt * self.speed_var + q * dt.powi(3) / 3.0;
        self.cov += dt * self.speed_var + q * dt * dt / 2.0;
        self.speed_var += q * dt;
    }

    fn update(&mut self, seen: f32, error: f32) {
        let total = self.var + error * error;
        let (gain, speed_gain) = (self.var / total, self.cov / total);
        let surprise = seen - self.value;
        self.value += gain * surprise;
        self.speed += speed_gain * surprise;
        self.speed_var -= speed_gain * self.cov;
        self.cov *= 1.0 - gain;
        self.var *= 1.0 - gain;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A person who walks 0.1 of the picture a second, at time `t`.
    fn walker(t: f32) -> BBox {
        let x = 0.1 + 0.1 * t;
        BBox::from_corners(x, 0.4, x + 0.05, 0.6)
    }

    #[test]
    fn a_steady_walker_is_foreseen_at_two_and_at_fifteen_frames_a_second() {
        for fps in [2.0_f32, 15.0] {
            let mut filter = BoxFilter::new(&walker(0.0));
            for n in 1..=(3.0 * fps) as u32 {
                filter.predict(Duration::from_secs_f32(1.0 / fps), false);
                filter.update(&walker(n as f32 / fps), false);
            }
            filter.predict(Duration::from_millis(500), false);
            let iou = filter.bbox().iou(&walker(3.5));
            assert!(iou > 0.7, "{fps} fps: IoU {iou}");
        }
    }

    #[test]
    fn uncertainty_grows_while_nothing_is_seen_and_shrinks_again() {
        let mut filter = BoxFilter::new(&walker(0.0));
        let before = filter.spread().0;
        filter.predict(Duration::from_secs(2), true);
        let blind = filter.spread().0;
        filter.update(&walker(2.0), false);
        assert!(blind > 3.0 * before && filter.spread().0 < blind / 3.0);
    }

    #[test]
    fn a_hidden_object_does_not_run_away() {
        let mut filter = BoxFilter::new(&walker(0.0));
        for n in 1..20 {
            filter.predict(Duration::from_millis(100), false);
            filter.update(&walker(n as f32 / 10.0), false);
        }
        for _ in 0..100 {
            filter.predict(Duration::from_millis(100), true);
        }
        assert!(filter.bbox().center().x < 0.6, "{:?}", filter.bbox());
    }
}
