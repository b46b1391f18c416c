//! The board: its profile, and what is wired to its lines.

use std::time::Duration;

use toml::de::DeValue;

use super::CameraConfig;
use super::camera;
use super::nearest::nearest;
use super::rules::{self, Bad};
use super::section::Section;
use crate::board::{
    BoardSettings, ButtonSettings, FanSettings, GpioDriver, GpioSettings, MotionSensorSettings,
    NightVisionSettings, Pin, Profile, SirenSettings, Wire,
};
use crate::domain::CameraId;

/// Most cameras that one sensor wakes; as many as there can be.
const CAMERAS_MAX: usize = 16;

/// Whether the board's own decoders stay unused.
const DECODERS: [(&str, bool); 2] = [("auto", false), ("software", true)];

const DRIVERS: [(&str, GpioDriver); 4] = [
    ("auto", GpioDriver::Auto),
    ("raspberry-pi", GpioDriver::RaspberryPi),
    ("chardev", GpioDriver::CharDev),
    ("sim", GpioDriver::Sim),
];

/// The sections `board` and `gpio`, beside these cameras.
pub fn board(root: &Section<'_>, cameras: &[CameraConfig]) -> BoardSettings {
    let section = root.section("board");
    let profile = section.get("profile", profile);
    let decoders = section.get("decoders", rules::choice(&DECODERS));
    section.finish();
    BoardSettings {
        profile,
        decodes_by_software: decoders.unwrap_or_default(),
        gpio: gpio(root.section("gpio"), cameras),
    }
}

fn gpio(section: Section<'_>, cameras: &[CameraConfig]) -> GpioSettings {
    let mut gpio = GpioSettings::default();
    section.set("driver", &mut gpio.driver, rules::choice(&DRIVERS));
    section.set_some("sim_dir", &mut gpio.sim_dir, rules::path);
    if gpio.driver == GpioDriver::Sim && gpio.sim_dir.is_none() {
        section.mistake("driver", "is sim, but there is no sim_dir", "name a folder as sim_dir");
    }
    gpio.motion_sensor = given(&section, "motion_sensor", |section| motion(section, cameras));
    gpio.button = given(&section, "button", button);
    gpio.siren = given(&section, "siren", siren);
    gpio.status_lamp = lamp(&section, "status_lamp");
    gpio.fan = given(&section, "fan", fan);
    let lamp_and_filter = (lamp(&section, "infrared_lamp"), lamp(&section, "infrared_filter"));
    let night = night(section.section("night_vision"), cameras);
    gpio.night_vision = match lamp_and_filter {
        (None, None) => {
            if night != NightVisionSettings::default() {
                let fix = "add [gpio.infrared_lamp] or [gpio.infrared_filter]";
                section.mistake("night_vision", "has nothing to switch", fix);
            }
            None
        }
        (lamp, filter) => Some(NightVisionSettings { lamp, filter, ..night }),
    };
    section.finish();
    gpio
}

/// What the table at `key` says, if it is there or a variable stands for one of
/// its keys.
fn given<T: Default + PartialEq>(
    parent: &Section<'_>,
    key: &'static str,
    read: impl FnOnce(&Section<'_>) -> T,
) -> Option<T> {
    let section = parent.section(key);
    let value = read(&section);
    section.finish();
    (parent.has(key) || value != T::default()).then_some(value)
}

/// A line that is only switched.
fn lamp(parent: &Section<'_>, key: &'static str) -> Option<Wire> {
    #[derive(Default, PartialEq)]
    struct Plain(Option<Wire>);
    let read = |section: &Section<'_>| {
        let mut wire = Wire::high();
        self::wire(section, &mut wire);
        Plain((wire != Wire::high()).then_some(wire))
    };
    given(parent, key, read).map(|Plain(wire)| wire.unwrap_or(Wire::high()))
}

fn wire(section: &Section<'_>, wire: &mut Wire) {
    section.set_some("pin", &mut wire.pin, pin);
    section.set("active_low", &mut wire.is_active_low, rules::boolean);
}

fn motion(section: &Section<'_>, cameras: &[CameraConfig]) -> MotionSensorSettings {
    let mut motion = MotionSensorSettings::default();
    wire(section, &mut motion.wire);
    section.set("debounce", &mut motion.debounce, rules::span(millis(20)..=millis(5_000)));
    section.set("attention", &mut motion.attention, rules::span(millis(1_000)..=millis(600_000)));
    let known = |value: &DeValue<'_>| known_camera(value, cameras);
    section.set("cameras", &mut motion.cameras, rules::list(CAMERAS_MAX, known));
    motion
}

fn button(section: &Section<'_>) -> ButtonSettings {
    let mut button = ButtonSettings::default();
    wire(section, &mut button.wire);
    section.set("debounce", &mut button.debounce, rules::span(millis(20)..=millis(500)));
    button
}

fn siren(section: &Section<'_>) -> SirenSettings {
    let mut siren = SirenSettings::default();
    wire(section, &mut siren.wire);
    section.set("max_on", &mut siren.max_on, rules::span(millis(1_000)..=millis(1_800_000)));
    siren
}

fn fan(section: &Section<'_>) -> FanSettings {
    let mut fan = FanSettings::default();
    wire(section, &mut fan.wire);
    let celsius = |value: &DeValue<'_>| rules::number(20.0..=110.0)(value).map(f64::from);
    section.set("on_above", &mut fan.on_above, celsius);
    section.set("off_below", &mut fan.off_below, celsius);
    if fan.off_below >= fan.on_above {
        section.mistake("off_below", "is not below on_above", "leave about 10 degrees between");
    }
    fan
}

fn night(section: Section<'_>, cameras: &[CameraConfig]) -> NightVisionSettings {
    let mut night = NightVisionSettings::default();
    let known = |value: &DeValue<'_>| known_camera(value, cameras);
    section.set_some("camera", &mut night.camera, known);
    let thresholds = &mut night.thresholds;
    section.set("dark_below", &mut thresholds.dark_below, rules::whole(1..=200));
    section.set("bright_above", &mut thresholds.bright_above, rules::whole(2..=250));
    section.set("hold", &mut thresholds.hold, rules::span(millis(1_000)..=millis(600_000)));
    if thresholds.dark_below >= thresholds.bright_above {
        section.mistake(
            "dark_below",
            "is not below bright_above",
            "leave about 30 levels between them",
        );
    }
    section.finish();
    night
}

const fn millis(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn profile(value: &DeValue<'_>) -> Result<String, Bad> {
    let name = rules::text(value)?;
    let names: Vec<_> = Profile::all().into_iter().map(|profile| profile.name).collect();
    if names.contains(&name) {
        return Ok(name);
    }
    let shown: String = name.chars().take(60).collect();
    let near = nearest(&name, names.iter().map(String::as_str));
    let fix = match near {
        Some(near) => format!("did you mean \"{near}\"?"),
        None => format!("write one of \"{}\"", names.join("\", \"")),
    };
    Err(Bad::new(format!("is {shown:?}"), fix))
}

fn pin(value: &DeValue<'_>) -> Result<Pin, Bad> {
    if value.as_integer().is_some() {
        return rules::whole(0..=1023)(value).map(Pin::Line);
    }
    let text = rules::text(value)?;
    text.parse().map_err(|_| {
        let shown: String = text.chars().take(60).collect();
        let fix = "write a line's number, its name such as \"GPIO17\", or chip and number such as \"gpio3:17\"";
        Bad::new(format!("is {shown:?}"), fix)
    })
}

fn known_camera(value: &DeValue<'_>, cameras: &[CameraConfig]) -> Result<CameraId, Bad> {
    let id = camera::id(value)?;
    if cameras.iter().any(|camera| camera.capture.id == id) {
        return Ok(id);
    }
    Err(Bad::new(format!("names \"{id}\", which is no camera"), "write the id of a [[camera]]"))
}

#[cfg(test)]
mod tests {
    use super::super::{Environment, Overrides, Settings};
    use super::*;

    fn parse(text: &str) -> Result<GpioSettings, String> {
        let text = format!("[[camera]]\nid = \"yard\"\nsource = \"test\"\n{text}");
        let settings = Settings::parse("w", &text, &Environment::new(), &Overrides::default());
        settings.map(|settings| settings.board.gpio).map_err(|error| error.to_string())
    }

    #[test]
    fn a_section_without_keys_takes_everything_from_the_profile() {
        let gpio = parse("[gpio.siren]\n[gpio.status_lamp]\n[gpio.infrared_lamp]\n").unwrap();
        assert_eq!(gpio.siren, Some(SirenSettings::default()));
        assert_eq!(gpio.status_lamp, Some(Wire::high()));
        let night = gpio.night_vision.unwrap();
        assert_eq!((night.lamp, night.filter), (Some(Wire::high()), None));
        assert_eq!((gpio.button, gpio.fan), (None, None));
        assert!(parse("").unwrap().is_empty());
    }

    #[test]
    fn lines_are_numbers_names_or_chip_and_number() {
        for (written, pin) in [
            ("17", Pin::Line(17)),
            ("\"GPIO17\"", Pin::Name("GPIO17".to_owned())),
            ("\"gpio3:17\"", Pin::Of { chip: "gpio3".to_owned(), line: 17 }),
        ] {
            let gpio = parse(&format!("[gpio.button]\npin = {written}\n")).unwrap();
            assert_eq!(gpio.button.unwrap().wire, Wire { pin: Some(pin), is_active_low: true });
        }
    }

    #[test]
    fn a_variable_alone_wires_something_too() {
        let name = "WATCHPOST_GPIO_SIREN_PIN".to_owned();
        let variables = Environment::from([(name, "GPIO5".to_owned())]);
        let settings = Settings::parse("w", "", &variables, &Overrides::default()).unwrap();
        assert!(settings.board.gpio.siren.is_some());
    }

    #[test]
    fn the_boards_decoders_can_be_left_to_software() {
        let settings =
            |text| Settings::parse("w", text, &Environment::new(), &Overrides::default()).unwrap();
        assert!(!settings("").board.decodes_by_software);
        assert!(settings("[board]\ndecoders = \"software\"\n").board.decodes_by_software);
    }

    #[test]
    fn mistakes_are_told_with_what_to_write() {
        for (text, fix) in [
            ("[gpio.siren]\npin = \"a b\"", "GPIO17"),
            ("[gpio.siren]\npin = -1", "from 0"),
            ("[gpio.motion_sensor]\ncameras = [\"yrad\"]", "the id of a [[camera]]"),
            ("[gpio.fan]\non_above = 50\noff_below = 60", "10 degrees"),
            ("[gpio.infrared_lamp]\n[gpio.night_vision]\ndark_below = 90", "30 levels"),
            ("[gpio.night_vision]\nhold = \"1m\"", "add [gpio.infrared_lamp]"),
            ("[gpio]\ndriver = \"sim\"", "sim_dir"),
            ("[board]\nprofile = \"raspberry-pi-6\"", "did you mean"),
            ("[gpio.buton]", "did you mean button?"),
        ] {
            let said = parse(text).unwrap_err();
            assert!(said.contains(fix), "{said} came of {text}");
        }
    }
}
