use super::*;
use crate::pipeline::testing::{frame_at, paint};

const SIZE: (u32, u32) = (320, 240);
const THRESHOLD: f32 = 0.5;

/// A yard with a house, a fence and a lawn: blocks of levels at fixed places.
fn yard(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut luma = vec![120; 320 * 240];
    for _ in 0..120 {
        let rect =
            (random.usize(0..290), random.usize(0..210), random.usize(4..30), random.usize(4..30));
        paint(&mut luma, 320, rect, random.u8(40..210));
    }
    luma
}

struct Camera {
    watch: ViewWatch,
    random: fastrand::Rng,
    at: Duration,
    /// How often the view was told to be usual again.
    returns: u32,
}

impl Camera {
    /// A camera that has looked at `luma` for half a minute.
    fn used_to(luma: &[u8]) -> Self {
        let random = fastrand::Rng::with_seed(9);
        let (watch, at) = (ViewWatch::default(), Duration::ZERO);
        let mut camera = Self { watch, random, at, returns: 0 };
        assert_eq!(camera.see(30, |_| luma.to_vec()), []);
        camera
    }

    /// Looks for `seconds` at what `view` gives, with sensor noise.
    fn see(&mut self, seconds: u32, view: impl Fn(u32) -> Vec<u8>) -> Vec<SceneChangeType> {
        let mut told = Vec::new();
        for second in 0..seconds {
            let mut luma = view(second);
            luma.iter_mut().for_each(|level| *level = level.saturating_add(self.random.u8(0..5)));
            self.at += Duration::from_secs(1);
            let change = self.watch.look(&frame_at(self.at, SIZE, &luma), THRESHOLD);
            match change {
                Some(Look::Changed(change)) => {
                    assert!((0.0..THRESHOLD).contains(&change.similarity), "{change:?}");
                    told.push(change.change_type);
                }
                Some(Look::Usual) => self.returns += 1,
                Some(Look::Unwatched) => panic!("somebody watches"),
                None => {}
            }
        }
        told
    }
}

/// What the camera sees after it was turned by so many pixels.
fn turned(luma: &[u8], by: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(77);
    let fill = (0..by).map(|_| random.u8(40..210)).collect::<Vec<_>>();
    luma.chunks(320).flat_map(|row| [&row[by..], &fill].concat()).collect()
}

#[test]
fn a_covered_lens_is_told_once_and_again_only_after_it_was_free() {
    let yard = yard(1);
    let mut camera = Camera::used_to(&yard);
    let covered = |_| vec![22; 320 * 240];
    assert_eq!(camera.see(120, covered), [SceneChangeType::ViewBlocked]);
    assert_eq!(camera.returns, 0, "nobody gets used to seeing nothing");
    assert_eq!(camera.see(20, |_| yard.clone()), []);
    assert_eq!(camera.returns, 1);
    assert_eq!(camera.see(20, covered), [SceneChangeType::ViewBlocked]);
}

#[test]
fn a_turned_camera_is_told_once_and_gets_used_to_its_new_view() {
    let yard = yard(2);
    let mut camera = Camera::used_to(&yard);
    assert_eq!(camera.see(120, |_| turned(&yard, 40)), [SceneChangeType::AngleChanged]);
    assert_eq!(camera.see(20, |_| yard.clone()), [SceneChangeType::AngleChanged], "turned back");
}

#[test]
fn another_picture_at_once_is_tampering() {
    let mut camera = Camera::used_to(&yard(3));
    assert_eq!(camera.see(30, |_| yard(4)), [SceneChangeType::ViewTampered]);
}

#[test]
fn somebody_who_plays_with_the_camera_is_told_although_nothing_holds_still() {
    let mut camera = Camera::used_to(&yard(5));
    assert_eq!(camera.see(40, |second| yard(100 + u64::from(second))).len(), 1);
}

#[test]
fn a_glimpse_is_nothing() {
    let yard = yard(6);
    let mut camera = Camera::used_to(&yard);
    for _ in 0..5 {
        assert_eq!(camera.see(4, |_| vec![22; 320 * 240]), []);
        assert_eq!(camera.see(3, |_| yard.clone()), []);
    }
}

#[test]
fn light_dusk_and_what_moves_are_no_change_of_the_view() {
    let yard = yard(7);
    let mut camera = Camera::used_to(&yard);
    let lit = |luma: &[u8], gain: f32, lift: f32| -> Vec<u8> {
        luma.iter().map(|level| (f32::from(*level) * gain + lift) as u8).collect()
    };
    assert_eq!(camera.see(30, |_| lit(&yard, 0.4, 0.0)), [], "a lamp goes off");
    assert_eq!(camera.see(30, |_| lit(&yard, 0.9, 20.0)), [], "and on");
    let dusk = |second: u32| lit(&yard, 0.9 - 0.001 * second as f32, 0.0);
    assert_eq!(camera.see(700, dusk), [], "it gets dark");
    let dark = lit(&yard, 0.2, 0.0);
    let bus = |second: u32| {
        let mut luma = dark.clone();
        paint(&mut luma, 320, (second as usize % 200, 60, 120, 120), 70);
        luma
    };
    assert_eq!(camera.see(100, bus), [], "a bus drives by");
}

#[test]
fn infrared_has_a_baseline_of_its_own() {
    let (day, night) = (yard(8), yard(9));
    let mut camera = Camera::used_to(&day);
    let mut watch = std::mem::take(&mut camera.watch);
    let mut at = camera.at;
    let mut see = |luma: &[u8], chroma: u8| {
        (0..30).find_map(|_| {
            at += Duration::from_secs(1);
            let mut data = luma.to_vec();
            data.resize(320 * 240 * 3 / 2, chroma);
            watch.look(&crate::pipeline::testing::frame_of(at, SIZE, data), THRESHOLD)
        })
    };
    // The gray baseline is the day's so far; color starts one of its own.
    assert_eq!(see(&night, 150), None);
    assert_eq!(see(&day, 128), None);
    assert_eq!(see(&night, 150), None, "both are known");
    assert!(see(&day, 150).is_some(), "but the other picture in color is a change");
}

#[test]
fn nothing_is_compared_when_it_is_switched_off() {
    let mut watch = ViewWatch::default();
    for second in 0..60_u64 {
        let luma = yard(second / 30);
        let frame = frame_at(Duration::from_secs(second), SIZE, &luma);
        assert_eq!(watch.look(&frame, 0.0), None);
    }
}

#[test]
fn who_stops_watching_a_changed_view_takes_back_what_was_told() {
    let mut camera = Camera::used_to(&yard(1));
    let covered = camera.see(30, |_| vec![20; 320 * 240]);
    assert_eq!(covered, [SceneChangeType::ViewBlocked]);
    let frame = frame_at(camera.at + Duration::from_millis(1), SIZE, &yard(1));
    assert_eq!(camera.watch.look(&frame, 0.0), Some(Look::Unwatched));
    assert_eq!(camera.watch.look(&frame, 0.0), None, "once");
    camera.at += Duration::from_secs(1);
    assert_eq!(camera.see(30, |_| yard(2)), [], "it begins anew");
}
