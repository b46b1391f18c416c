//! Motion gate: is this frame worth asking the network?
//!
//! The luma is averaged down to about 128 columns and compared with a background
//! that is learnt per cell, together with how much the cell flickers by itself
//! (leaves, water, sensor noise). A change of the whole picture at once (light
//! switched, day mode to night mode) is no motion: the background starts over.
//! Integer arithmetic, no allocation after the first frame of a size; times come
//! from the frames.

use std::time::Duration;

use super::shrink::SmallLuma;
use crate::domain::{Frame, Mask, Point};

/// Columns of the small plane, at most. A person who covers 1/40 of the width is
/// still three cells wide.
const COLUMNS_MAX: usize = 128;
/// A cell has changed when it differs by this and [`NOISE_FACTOR`] times its own
/// noise. Levels of 0..=255; averaging leaves less than one level of sensor noise.
const STEP_MIN: i32 = 8;
const NOISE_FACTOR: i32 = 3;
/// Flicker that a cell may get used to, levels. Beyond it something happens.
const NOISE_MAX: i32 = 20;
/// When more than this share changes at once it is the light.
const LIGHT_CHANGE: f32 = 0.5;
/// The same when most of the picture gets lighter or darker by this from one
/// frame to the next, in levels; exposure control takes smaller steps.
const LIGHT_STEP: i32 = 30;
/// How fast quiet cells follow slow changes (sun, clouds).
const FOLLOW_S: f32 = 8.0;
/// How fast a lasting change becomes background (a parked car).
const ABSORB_S: f32 = 30.0;
/// How fast a cell gets used to its flicker.
const NOISE_S: f32 = 20.0;
/// Levels are kept in 256ths, so that slow learning does not get stuck.
const SHIFT: i32 = 8;

/// What changed in a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Motion {
    /// Share of the picture that differs from the background, 0..=1; 0 when the
    /// light changed.
    pub share: f32,
    /// The whole picture changed at once.
    pub is_light_change: bool,
}

/// Compares the frames of one camera with what it usually sees.
#[derive(Debug, Default)]
pub struct MotionGate {
    size_px: (u32, u32),
    latest: Duration,
    shift: i32,
    now: SmallLuma,
    background: Vec<i32>,
    noise: Vec<i32>,
    has_changed: Vec<bool>,
    masks: Vec<Mask>,
    is_hidden: Vec<bool>,
}

impl MotionGate {
    /// A gate for which nothing moves under `masks`.
    pub fn new(masks: Vec<Mask>) -> Self {
        Self { masks, ..Self::default() }
    }

    /// Compares `frame` and learns from it. The first frame shows no motion.
    pub fn look(&mut self, frame: &Frame) -> Motion {
        let now = frame.meta.captured_mono;
        let span = now.saturating_sub(self.latest);
        self.latest = now;
        self.now.take(frame, COLUMNS_MAX);
        let size_px = (frame.width_px(), frame.height_px());
        if self.size_px != size_px {
            self.size_px = size_px;
            self.hide();
            self.start_over();
            return Motion::default();
        }
        let shift = self.common_shift();
        let is_step = (shift - self.shift).abs() >= LIGHT_STEP;
        self.shift = shift;
        self.compare(shift);
        let share = |count: usize| count as f32 / self.now.levels.len() as f32;
        let changed = self.has_changed.iter().filter(|changed| **changed).count();
        if is_step || share(changed) > LIGHT_CHANGE {
            self.start_over();
            return Motion { share: 0.0, is_light_change: true };
        }
        let motion = Motion { share: share(self.count_in_company()), is_light_change: false };
        self.learn(span.as_secs_f32());
        motion
    }

    fn start_over(&mut self) {
        self.shift = 0;
        self.background.clear();
        self.background.extend(self.now.levels.iter().map(|level| i32::from(*level) << SHIFT));
        self.noise.clear();
        self.noise.resize(self.now.levels.len(), 0);
        self.has_changed.clear();
        self.has_changed.resize(self.now.levels.len(), false);
    }

    /// Marks the cells whose middle is under a mask.
    fn hide(&mut self) {
        let (columns, cells) = (self.now.columns, self.now.levels.len());
        let rows = cells / columns;
        let middle = |index: usize, of: usize| (index as f32 + 0.5) / of as f32;
        let place = |index: usize| Point {
            x: middle(index % columns, columns),
            y: middle(index / columns, rows),
        };
        let is_hidden = |index| self.masks.iter().any(|mask| mask.hides(place(index)));
        self.is_hidden = (0..cells).map(is_hidden).collect();
    }

    /// The median difference to the background: exposure control makes the whole
    /// picture a little lighter or darker, and that is not motion.
    fn common_shift(&self) -> i32 {
        let mut histogram = [0_usize; 511];
        for (level, background) in self.now.levels.iter().zip(&self.background) {
            let difference = i32::from(*level) - (background >> SHIFT);
            histogram[(difference + 255).clamp(0, 510) as usize] += 1;
        }
        let mut seen = 0;
        let is_middle = |count: &usize| {
            seen += count;
            seen * 2 >= self.now.levels.len()
        };
        histogram.iter().position(is_middle).map_or(0, |index| index as i32 - 255)
    }

    fn compare(&mut self, shift: i32) {
        let cells = self.now.levels.iter().zip(&self.background).zip(&self.noise);
        for (((level, background), noise), changed) in cells.zip(&mut self.has_changed) {
            let difference = ((i32::from(*level) - shift) << SHIFT) - background;
            *changed = difference.abs() > (STEP_MIN << SHIFT) + NOISE_FACTOR * noise;
        }
        let hidden = self.has_changed.iter_mut().zip(&self.is_hidden);
        hidden.filter(|(_, hidden)| **hidden).for_each(|(changed, _)| *changed = false);
    }

    /// Changed cells with a changed neighbour; single ones are noise.
    fn count_in_company(&self) -> usize {
        let changed = &self.has_changed;
        let columns = self.now.columns;
        let is_set = |index: usize| changed.get(index).is_some_and(|changed| *changed);
        let in_company = |index: usize| {
            let column = index % columns;
            (column > 0 && is_set(index - 1))
                || (column + 1 < columns && is_set(index + 1))
                || (index >= columns && is_set(index - columns))
                || is_set(index + columns)
        };
        (0..changed.len()).filter(|index| changed[*index] && in_company(*index)).count()
    }

    fn learn(&mut self, span_s: f32) {
        let rate = |time_s: f32| ((1.0 - (-span_s / time_s).exp()) * 65_536.0) as i64;
        let (follow, absorb, unsettle) = (rate(FOLLOW_S), rate(ABSORB_S), rate(NOISE_S));
        let toward = |from: &mut i32, to: i32, rate: i64| {
            *from += ((i64::from(to - *from) * rate) >> 16) as i32;
        };
        let cells = self.now.levels.iter().zip(&mut self.background).zip(&mut self.noise);
        for (((level, background), noise), changed) in cells.zip(&self.has_changed) {
            let level = i32::from(*level) << SHIFT;
            let difference = (level - *background).abs().min(NOISE_MAX << SHIFT);
            toward(noise, difference, unsettle);
            toward(background, level, if *changed { absorb } else { follow });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{PixelFormat, Plane};
    use crate::pipeline::testing::{frame_at, paint};

    const FLICKER: u64 = 3;

    /// A gray picture of 256x192 with sensor noise.
    fn scene(random: &mut fastrand::Rng, level: u8) -> Vec<u8> {
        (0..256 * 192).map(|_| level - 2 + random.u8(0..5)).collect()
    }

    struct Watch {
        gate: MotionGate,
        random: fastrand::Rng,
        at: Duration,
    }

    impl Watch {
        fn new() -> Self {
            let random = fastrand::Rng::with_seed(FLICKER);
            let mut watch = Self { gate: MotionGate::default(), random, at: Duration::ZERO };
            (0..50).for_each(|_| assert!(watch.see(100, |_| ()).share < 0.001));
            watch
        }

        fn see(&mut self, level: u8, change: impl FnOnce(&mut [u8])) -> Motion {
            let mut luma = scene(&mut self.random, level);
            change(&mut luma);
            self.at += Duration::from_millis(200);
            self.gate.look(&frame_at(self.at, (256, 192), &luma))
        }
    }

    #[test]
    fn a_small_object_is_motion_and_measures_its_share() {
        let mut watch = Watch::new();
        // 16x32 of 256x192 is 1 percent.
        let motion = watch.see(100, |luma| paint(luma, 256, (120, 80, 16, 32), 160));
        assert!((0.008..0.013).contains(&motion.share), "{motion:?}");
        assert!(watch.see(100, |_| ()).share < 0.001, "and nothing remains of it");
    }

    #[test]
    fn light_that_is_switched_on_is_not_motion() {
        let mut watch = Watch::new();
        // A lamp lights the left two thirds.
        let lamp = |luma: &mut [u8]| paint(luma, 256, (0, 0, 170, 192), 190);
        let motion = watch.see(100, lamp);
        assert!(motion.is_light_change && motion.share == 0.0, "{motion:?}");
        assert!(watch.see(100, lamp).share < 0.001);
    }

    #[test]
    fn exposure_that_drifts_is_not_motion_but_an_object_in_it_is() {
        let mut watch = Watch::new();
        for level in (100..160).step_by(6) {
            assert!(watch.see(level, |_| ()).share < 0.001, "at {level}");
        }
        let motion = watch.see(166, |luma| paint(luma, 256, (40, 40, 24, 48), 60));
        assert!(motion.share > 0.015, "{motion:?}");
    }

    #[test]
    fn a_corner_that_always_flickers_is_ignored_after_a_while() {
        let mut watch = Watch::new();
        let leaves = |n: u32| {
            move |luma: &mut [u8]| {
                paint(luma, 256, (0, 0, 64, 64), if n.is_multiple_of(2) { 85 } else { 115 });
            }
        };
        assert!(watch.see(100, leaves(0)).share > 0.05);
        (1..300).for_each(|n| _ = watch.see(100, leaves(n)));
        let used_to_it = watch.see(100, leaves(300)).share.max(watch.see(100, leaves(301)).share);
        assert!(used_to_it < 0.001, "{used_to_it}");
    }

    #[test]
    fn what_stays_becomes_background() {
        let mut watch = Watch::new();
        let parked = |luma: &mut [u8]| paint(luma, 256, (100, 100, 60, 40), 180);
        assert!(watch.see(100, parked).share > 0.03);
        (0..600).for_each(|_| _ = watch.see(100, parked));
        assert!(watch.see(100, parked).share < 0.001);
        assert!(watch.see(100, |_| ()).share > 0.03, "and its leaving is motion");
    }

    #[test]
    fn what_moves_under_a_mask_is_no_motion() {
        let corners = [(0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)];
        let mask = Mask { polygon: corners.map(|(x, y)| Point { x, y }).to_vec() };
        let mut watch = Watch::new();
        watch.gate = MotionGate::new(vec![mask]);
        watch.see(100, |_| ());
        let tree = |luma: &mut [u8]| paint(luma, 256, (20, 20, 90, 90), 160);
        assert_eq!(watch.see(100, tree).share, 0.0);
        let person = |luma: &mut [u8]| paint(luma, 256, (150, 40, 24, 48), 60);
        assert!(watch.see(100, person).share > 0.01, "beside it motion counts");
    }

    #[test]
    fn interleaved_luma_gives_the_same_answer_as_planar() {
        let (mut planar, mut interleaved) = (MotionGate::default(), MotionGate::default());
        let size = (256, 192);
        for n in 0..3 {
            let mut luma = vec![90; 256 * 192];
            paint(&mut luma, 256, (20 + 30 * n, 50, 40, 60), 150);
            let frame = frame_at(Duration::from_millis(200 * n as u64), size, &luma);
            let data: Vec<u8> = luma.iter().flat_map(|level| [*level, 128]).collect();
            let plane = Plane { offset: 0, stride: 512 };
            let (format, color) = (PixelFormat::Yuyv, frame.color());
            let packed =
                Frame::new(frame.meta.clone(), size, format, color, &[plane], data.into()).unwrap();
            let expected = planar.look(&frame);
            assert_eq!(interleaved.look(&packed), expected);
            assert_eq!(expected.share > 0.03, n > 0);
        }
    }
}
