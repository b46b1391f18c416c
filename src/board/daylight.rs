//! Day or night, by how bright the camera's own picture is.
//!
//! The infrared lamp brightens the very picture that is measured. So the picture
//! under the lamp is remembered once it has settled, and the day begins when the
//! picture is bright, and brighter than that by as much as lies between the two
//! thresholds. A switch that turns out wrong at once makes the next one wait twice
//! as long, up to [`WAIT_MAX`]: the filter's coil must not chatter all night.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::domain::{Frame, FrameTap};

/// Every so many rows and columns of the picture are measured: 6000 samples of
/// 1920x1080.
const STEP_PX: usize = 18;

/// Nothing has been measured.
const UNKNOWN: u32 = u32::MAX;

/// The picture takes this long to settle after lamp and filter have moved:
/// exposure and white balance of the camera follow.
const SETTLING: Duration = Duration::from_secs(5);

/// A switch that is taken back within this was wrong.
const WRONG_WITHIN: Duration = Duration::from_secs(60);

/// Longest wait before a switch.
const WAIT_MAX: Duration = Duration::from_secs(30 * 60);

/// How bright the latest picture of a camera is. Offering measures a few thousand
/// pixels and never waits.
#[derive(Debug)]
pub struct LightMeter(AtomicU32);

impl Default for LightMeter {
    fn default() -> Self {
        Self(AtomicU32::new(UNKNOWN))
    }
}

impl LightMeter {
    /// Mean luma, 0..=255; absent before the first picture.
    pub fn level(&self) -> Option<u8> {
        u8::try_from(self.0.load(Ordering::Relaxed)).ok()
    }
}

#[cfg(test)]
impl LightMeter {
    /// The latest picture had this mean luma.
    pub fn set(&self, level: u8) {
        self.0.store(u32::from(level), Ordering::Relaxed);
    }
}

impl FrameTap for LightMeter {
    fn offer(&self, frame: &Arc<Frame>) {
        self.0.store(u32::from(brightness(frame)), Ordering::Relaxed);
    }
}

/// Mean luma of a picture.
fn brightness(frame: &Frame) -> u8 {
    use crate::domain::PixelFormat::{I420, Nv12, Yuyv};
    let bytes_per_pixel = match frame.format() {
        I420 | Nv12 => 1,
        Yuyv => 2,
    };
    let rows = (0..frame.height_px() as usize).step_by(STEP_PX);
    let levels = rows.flat_map(|row| frame.row(0, row).iter().step_by(STEP_PX * bytes_per_pixel));
    let (sum, count) =
        levels.fold((0u64, 0u64), |(sum, n), level| (sum + u64::from(*level), n + 1));
    // A mean of bytes is a byte.
    (sum / count.max(1)) as u8
}

/// When the lamp goes on and off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    /// Night begins below this mean luma.
    pub dark_below: u8,
    /// Day begins above this mean luma.
    pub bright_above: u8,
    /// And only when it has been so for this long.
    pub hold: Duration,
}

/// Whether it is night.
#[derive(Debug)]
pub struct Daylight {
    thresholds: Thresholds,
    is_night: bool,
    /// Since when the picture asks for the other state.
    asking: Option<Duration>,
    switched: Option<Duration>,
    /// The settled picture under the lamp.
    lit: Option<u8>,
    wait: Duration,
}

impl Daylight {
    /// By day.
    pub fn new(thresholds: Thresholds) -> Self {
        Self {
            thresholds,
            is_night: false,
            asking: None,
            switched: None,
            lit: None,
            wait: thresholds.hold,
        }
    }

    /// The picture has the mean luma `level` at `now`; whether it is night.
    pub fn see(&mut self, level: Option<u8>, now: Duration) -> bool {
        let is_settling = self.switched.is_some_and(|at| now.saturating_sub(at) < SETTLING);
        let Some(level) = level.filter(|_| !is_settling) else { return self.is_night };
        if self.is_night && self.lit.is_none() {
            self.lit = Some(level);
        }
        if !self.wants_switch(level) {
            self.asking = None;
            return self.is_night;
        }
        let since = *self.asking.get_or_insert(now);
        if now.saturating_sub(since) >= self.wait {
            self.switch(now);
        }
        self.is_night
    }

    fn wants_switch(&self, level: u8) -> bool {
        let Thresholds { dark_below, bright_above, .. } = self.thresholds;
        match self.is_night {
            false => level < dark_below,
            true => {
                let gap = bright_above.saturating_sub(dark_below);
                let lit = self.lit.unwrap_or(0).saturating_add(gap);
                // A lamp that lights all of a small room leaves no room above.
                level > bright_above.max(lit.min(u8::MAX - 1))
            }
        }
    }

    fn switch(&mut self, now: Duration) {
        // Taken back as soon as it could be.
        let was_wrong = |at: Duration| {
            now.saturating_sub(at) < WRONG_WITHIN.max(self.wait + SETTLING + self.thresholds.hold)
        };
        self.wait = match self.switched.is_some_and(was_wrong) {
            true => (self.wait * 2).min(WAIT_MAX),
            false => self.thresholds.hold,
        };
        self.is_night = !self.is_night;
        (self.switched, self.asking, self.lit) = (Some(now), None, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::examples::frame_meta;
    use crate::domain::{ColorSpace, PixelFormat, Plane};

    const THRESHOLDS: Thresholds =
        Thresholds { dark_below: 40, bright_above: 70, hold: Duration::from_secs(10) };

    /// Looks once a second for `seconds` at a scene that has `ambient` light, and
    /// `lamp` more at night; how often it switched.
    fn watch(daylight: &mut Daylight, from: u64, seconds: u64, ambient: u8, lamp: u8) -> usize {
        let mut switches = 0;
        for second in from..from + seconds {
            let lit = if daylight.is_night { ambient.saturating_add(lamp) } else { ambient };
            let before = daylight.is_night;
            let after = daylight.see(Some(lit), Duration::from_secs(second));
            switches += usize::from(before != after);
        }
        switches
    }

    #[test]
    fn dusk_switches_once_and_dawn_once() {
        let mut daylight = Daylight::new(THRESHOLDS);
        assert_eq!(watch(&mut daylight, 0, 3_600, 50, 60), 0, "between the thresholds");
        assert_eq!(watch(&mut daylight, 3_600, 36_000, 20, 60), 1);
        assert!(daylight.is_night, "although the lamp makes the picture bright");
        assert_eq!(watch(&mut daylight, 40_000, 3_600, 90, 60), 1);
        assert!(!daylight.is_night);
    }

    #[test]
    fn headlights_and_a_hand_before_the_lens_are_not_day_and_night() {
        let mut daylight = Daylight::new(THRESHOLDS);
        assert_eq!(watch(&mut daylight, 0, 8, 5, 0), 0);
        assert_eq!(watch(&mut daylight, 8, 60, 120, 0), 0);
        assert_eq!(watch(&mut daylight, 100, 60, 10, 60), 1);
        assert_eq!(watch(&mut daylight, 200, 8, 250, 0), 0);
    }

    #[test]
    fn a_lamp_whose_light_grows_does_not_make_the_filter_chatter() {
        let mut daylight = Daylight::new(THRESHOLDS);
        let mut switches = 0;
        // Something white stands close to the lens: the lamp's picture is dark when
        // it is measured and bright afterwards.
        for second in 0..36_000u64 {
            let at_night = if second % 20 < 6 { 30 } else { 150 };
            let level = if daylight.is_night { at_night } else { 20 };
            let before = daylight.is_night;
            switches +=
                usize::from(daylight.see(Some(level), Duration::from_secs(second)) != before);
        }
        assert!(switches < 60, "{switches} switches in ten hours");
    }

    #[test]
    fn without_pictures_nothing_switches() {
        let mut daylight = Daylight::new(THRESHOLDS);
        assert!((0..1_000).all(|second| !daylight.see(None, Duration::from_secs(second))));
    }

    #[test]
    fn the_meter_shows_the_mean_luma_of_every_format() {
        let meter = LightMeter::default();
        assert_eq!(meter.level(), None);
        let (width, height) = (64, 48);
        let chroma = vec![200u8; 64 * 48];
        let i420: Vec<u8> = [vec![90u8; 64 * 48], chroma].concat();
        let yuyv: Vec<u8> = [33u8, 200].repeat(64 * 48);
        let planes = [
            Plane { offset: 0, stride: 64 },
            Plane { offset: 64 * 48, stride: 32 },
            Plane { offset: 64 * 48 + 32 * 24, stride: 32 },
        ];
        let packed = [Plane { offset: 0, stride: 128 }];
        for (format, planes, data, mean) in
            [(PixelFormat::I420, &planes[..], i420, 90), (PixelFormat::Yuyv, &packed[..], yuyv, 33)]
        {
            let size = (width, height);
            let color = ColorSpace::Bt601Full;
            let frame = Frame::new(frame_meta(), size, format, color, planes, data.into()).unwrap();
            meter.offer(&Arc::new(frame));
            assert_eq!(meter.level(), Some(mean));
        }
    }
}
