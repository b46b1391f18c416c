//! Board profiles: what is known of a kind of board, from `hardware/*/profile.toml`.
//!
//! They are part of the program. The one that fits is found by the device tree's
//! model; the configuration may name another. A machine that no profile fits gets
//! the one for PCs, which suggests no lines.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{GpioDriver, Pin};

/// Every profile; the last one fits any machine.
const PROFILES: [&str; 6] = [
    include_str!("../../hardware/raspberry-pi-4/profile.toml"),
    include_str!("../../hardware/raspberry-pi-5/profile.toml"),
    include_str!("../../hardware/rk3588/profile.toml"),
    include_str!("../../hardware/imx8m-plus/profile.toml"),
    include_str!("../../hardware/jetson-orin-nano/profile.toml"),
    include_str!("../../hardware/generic-x86-64/profile.toml"),
];

/// What is known of a kind of board.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Its name, which is also that of its folder.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// How models of this kind begin, in `/proc/device-tree/model`.
    pub models: Vec<String>,
    /// The machine in Yocto's words.
    pub yocto_machine: String,
    /// Its lines.
    pub gpio: ProfileGpio,
    /// Its own decoders.
    #[serde(default)]
    pub decode: ProfileDecoders,
    /// When it is too warm.
    #[serde(default)]
    pub thermal: ProfileThermal,
    /// Defaults of the store that suit its medium.
    #[serde(default)]
    pub storage: ProfileStorage,
    /// The appliance's share of it, in systemd's words; `service.conf` beside the
    /// profile says the same.
    pub caps: Caps,
}

/// The lines of a kind of board.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileGpio {
    /// How they are reached: `raspberry-pi` or `chardev`.
    pub driver: ProfileDriver,
    /// Label of the chip that serves the header, where one does.
    pub chip: Option<String>,
    /// Where things are best wired, by the key of the configuration.
    #[serde(default)]
    pub suggested: BTreeMap<String, String>,
}

/// GStreamer's names of the board's own decoders, best first; those that a system
/// does not have are passed over.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileDecoders {
    /// Those that decode H.264.
    #[serde(default)]
    pub h264: Vec<String>,
    /// Those that decode H.265.
    #[serde(default)]
    pub h265: Vec<String>,
    /// What brings their pictures into ordinary memory, where something must.
    pub download: Option<String>,
}

/// What the store does where the configuration leaves it open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileStorage {
    /// Longest wait of a record for the next sync, milliseconds: a card wears with each.
    pub flush_interval_ms: Option<u32>,
    /// Space that is left to the system, MiB: it shares the medium.
    pub min_free_mib: Option<u32>,
}

/// Temperatures of the chip, Celsius.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProfileThermal {
    /// From here on the box looks less often.
    pub save_above: f64,
    /// And from here on far less.
    pub shed_above: f64,
}

impl Default for ProfileThermal {
    fn default() -> Self {
        // Below where any of the chips slows itself down by much.
        Self { save_above: 80.0, shed_above: 90.0 }
    }
}

/// How lines are reached.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProfileDriver {
    /// The registers of a Raspberry Pi.
    RaspberryPi,
    /// The kernel's character device.
    #[default]
    Chardev,
}

/// Limits for the service manager, see systemd.resource-control(5).
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the manual page describes them")]
pub struct Caps {
    pub memory_high: String,
    pub memory_max: String,
    pub cpu_quota: String,
    pub tasks_max: u32,
    pub io_weight: u32,
}

impl Profile {
    /// All profiles.
    pub fn all() -> Vec<Self> {
        // That all can be read is a test below.
        PROFILES.iter().filter_map(|text| toml::from_str(text).ok()).collect()
    }

    /// The profile called `wanted`, or else the one for `model`, or the one for
    /// any machine.
    pub fn choose(model: &str, wanted: Option<&str>) -> Self {
        let mut profiles = Self::all();
        let fits = |profile: &Self| match wanted {
            Some(name) => profile.name == name,
            None => profile.models.iter().any(|begin| model.starts_with(begin.as_str())),
        };
        match profiles.iter().position(fits) {
            Some(found) => profiles.swap_remove(found),
            None => profiles.pop().unwrap_or_default(),
        }
    }

    /// Where `what` is best wired.
    pub fn suggested_pin(&self, what: &str) -> Option<Pin> {
        self.gpio.suggested.get(what)?.parse().ok()
    }

    /// How lines are reached where the configuration leaves it open.
    pub fn gpio_driver(&self) -> GpioDriver {
        match self.gpio.driver {
            ProfileDriver::RaspberryPi => GpioDriver::RaspberryPi,
            ProfileDriver::Chardev => GpioDriver::CharDev,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    /// The keys under `[gpio]` that a profile may suggest a line for.
    const WIRED: [&str; 7] = [
        "motion_sensor",
        "siren",
        "status_lamp",
        "button",
        "infrared_lamp",
        "infrared_filter",
        "fan",
    ];

    #[test]
    fn every_folder_of_a_board_has_a_profile_in_the_program() {
        let all: BTreeSet<_> = Profile::all().into_iter().map(|profile| profile.name).collect();
        assert_eq!(all.len(), PROFILES.len(), "one does not read");
        let folders = fs::read_dir("hardware").unwrap().map(|entry| entry.unwrap().path());
        let boards = folders.filter(|path| path.join("profile.toml").is_file());
        let boards = boards.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned());
        assert_eq!(boards.collect::<BTreeSet<_>>(), all);
    }

    #[test]
    fn every_profile_reads_and_suggests_lines_that_exist_once() {
        for text in PROFILES {
            let profile: Profile = toml::from_str(text).unwrap();
            let suggested = &profile.gpio.suggested;
            for (what, pin) in suggested {
                assert!(WIRED.contains(&what.as_str()), "{}: {what}", profile.name);
                assert!(pin.parse::<Pin>().is_ok(), "{}: {pin}", profile.name);
            }
            let pins: BTreeSet<_> = suggested.values().collect();
            assert_eq!(pins.len(), suggested.len(), "{}: a line for two things", profile.name);
            assert!(!profile.title.is_empty() && !profile.yocto_machine.is_empty());
            let decoders = profile.decode.h264.iter().chain(&profile.decode.h265);
            for name in decoders.chain(&profile.decode.download) {
                let is_element = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
                assert!(!name.is_empty() && name.bytes().all(is_element), "{name:?}");
            }
            let thermal = &profile.thermal;
            assert!(thermal.save_above < thermal.shed_above, "{}", profile.name);
        }
    }

    #[test]
    fn the_model_finds_the_profile_and_the_configuration_may_name_another() {
        let name = |model: &str, wanted| Profile::choose(model, wanted).name;
        assert_eq!(name("Raspberry Pi 4 Model B Rev 1.5", None), "raspberry-pi-4");
        assert_eq!(name("Raspberry Pi Compute Module 5 Rev 1.0", None), "raspberry-pi-5");
        assert_eq!(name("Radxa ROCK 5B", None), "rk3588");
        let jetson = "NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super";
        assert_eq!(name(jetson, None), "jetson-orin-nano");
        assert_eq!(name("Toradex Verdin iMX8M Plus WB on Dahlia Board", None), "imx8m-plus");
        assert_eq!(name("ACME Box 3", None), "generic-x86-64");
        assert_eq!(name("ACME Box 3", Some("rk3588")), "rk3588");
    }

    #[test]
    fn a_raspberry_pi_suggests_its_lines() {
        let profile = Profile::choose("Raspberry Pi 5 Model B Rev 1.0", None);
        assert_eq!(profile.gpio_driver(), GpioDriver::RaspberryPi);
        assert_eq!(profile.suggested_pin("motion_sensor"), Some(Pin::Name("GPIO17".to_owned())));
        assert_eq!(profile.suggested_pin("coffee"), None);
    }
}
