//! What can be set about the board: its profile, and what is wired to it.

use std::path::PathBuf;
use std::time::Duration;

use super::daylight::Thresholds;
use super::{LineError, Pin, Profile, Wire};
use crate::domain::CameraId;

/// The board.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoardSettings {
    /// Name of its profile; absent: found by the model.
    pub profile: Option<String>,
    /// Its own decoders stay unused; software decodes every camera.
    pub decodes_by_software: bool,
    /// What is wired to it.
    pub gpio: GpioSettings,
}

/// How lines are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum GpioDriver {
    /// As the profile says.
    #[default]
    Auto,
    /// The registers of a Raspberry Pi.
    RaspberryPi,
    /// The kernel's character device.
    CharDev,
    /// Files in a folder.
    Sim,
}

/// What is wired to the board. What is absent is not there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct GpioSettings {
    /// How lines are reached.
    pub driver: GpioDriver,
    /// Folder of the simulated lines.
    pub sim_dir: Option<PathBuf>,
    /// A motion sensor (PIR).
    pub motion_sensor: Option<MotionSensorSettings>,
    /// A siren, or a relay.
    pub siren: Option<SirenSettings>,
    /// The lamp that shows how the box is.
    pub status_lamp: Option<Wire>,
    /// The button of the box.
    pub button: Option<ButtonSettings>,
    /// Infrared lamp and filter.
    pub night_vision: Option<NightVisionSettings>,
    /// A fan that can be switched.
    pub fan: Option<FanSettings>,
}

/// A motion sensor.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionSensorSettings {
    /// Where.
    pub wire: Wire,
    /// The line must stand still for this long.
    pub debounce: Duration,
    /// Cameras that look at every frame then; empty: all.
    pub cameras: Vec<CameraId>,
    /// For how long they do, after the sensor has last seen something.
    pub attention: Duration,
}

/// A siren.
#[derive(Clone, Debug, PartialEq)]
pub struct SirenSettings {
    /// Where.
    pub wire: Wire,
    /// Longest it is on at a time.
    pub max_on: Duration,
}

/// A button.
#[derive(Clone, Debug, PartialEq)]
pub struct ButtonSettings {
    /// Where.
    pub wire: Wire,
    /// The line must stand still for this long.
    pub debounce: Duration,
}

/// Infrared lamp and filter; at least one of them has a line.
#[derive(Clone, Debug, PartialEq)]
pub struct NightVisionSettings {
    /// The camera whose picture is measured; absent: the first.
    pub camera: Option<CameraId>,
    /// The lamp, on at night.
    pub lamp: Option<Wire>,
    /// The filter, switched on (before the sensor) by day.
    pub filter: Option<Wire>,
    /// When night begins and ends.
    pub thresholds: Thresholds,
}

/// A fan.
#[derive(Clone, Debug, PartialEq)]
pub struct FanSettings {
    /// Where.
    pub wire: Wire,
    /// It runs from this temperature on, Celsius.
    pub on_above: f64,
    /// It stops at this temperature, Celsius; below the above.
    pub off_below: f64,
}

impl Default for MotionSensorSettings {
    fn default() -> Self {
        Self {
            wire: Wire::high(),
            // The common HC-SR501 holds its output for seconds; sparks are shorter.
            debounce: Duration::from_millis(100),
            cameras: Vec::new(),
            attention: Duration::from_secs(10),
        }
    }
}

impl Default for SirenSettings {
    fn default() -> Self {
        // Noise rules commonly allow three minutes outdoors.
        Self { wire: Wire::high(), max_on: Duration::from_secs(180) }
    }
}

impl Default for ButtonSettings {
    fn default() -> Self {
        // Between the line and ground; contacts bounce for up to 20 ms.
        Self { wire: Wire { pin: None, is_active_low: true }, debounce: Duration::from_millis(50) }
    }
}

impl Default for NightVisionSettings {
    fn default() -> Self {
        let hold = Duration::from_secs(10);
        let thresholds = Thresholds { dark_below: 40, bright_above: 70, hold };
        Self { camera: None, lamp: None, filter: None, thresholds }
    }
}

impl Default for FanSettings {
    fn default() -> Self {
        // Raspberry Pi boards slow down from 80 °C on, others later.
        Self { wire: Wire::high(), on_above: 65.0, off_below: 55.0 }
    }
}

impl Wire {
    /// A line that is on when it is high, where the profile suggests it.
    pub const fn high() -> Self {
        Self { pin: None, is_active_low: false }
    }

    /// Where the line for `what` (a key of the profile) is.
    ///
    /// # Errors
    /// When neither configuration nor profile says so.
    pub fn place(&self, what: &'static str, profile: &Profile) -> Result<Pin, LineError> {
        let suggested = || profile.suggested_pin(what);
        self.pin.clone().or_else(suggested).ok_or(LineError::NotWired(what))
    }
}

impl GpioSettings {
    /// Every output there is, by its key.
    pub fn outputs(&self) -> Vec<(&'static str, &Wire)> {
        let night = self.night_vision.as_ref();
        let outputs = [
            ("siren", self.siren.as_ref().map(|siren| &siren.wire)),
            ("status_lamp", self.status_lamp.as_ref()),
            ("infrared_lamp", night.and_then(|night| night.lamp.as_ref())),
            ("infrared_filter", night.and_then(|night| night.filter.as_ref())),
            ("fan", self.fan.as_ref().map(|fan| &fan.wire)),
        ];
        outputs.into_iter().filter_map(|(what, wire)| Some((what, wire?))).collect()
    }

    /// Whether nothing is wired to the board.
    pub fn is_empty(&self) -> bool {
        self.outputs().is_empty() && self.motion_sensor.is_none() && self.button.is_none()
    }
}
