//! The board: what it tells of itself through the file system of the kernel, what
//! is known of its kind ([`Profile`]), and what is wired to it ([`Panel`]).
//!
//! Every figure is optional: a file that is missing or says nonsense gives none,
//! never an error. At most [`FILE_MAX_BYTES`] of a file are read.

pub mod chardev;
mod daylight;
mod fans;
mod governor;
mod lines;
mod medium;
mod memory;
mod motion_log;
mod outputs;
mod panel;
mod posts;
mod profile;
pub mod rpi;
mod settings;
mod settle;
pub mod sim;
mod thermal;
mod throttle;

pub use daylight::{LightMeter, Thresholds};
pub use fans::FanReading;
pub use governor::{Governor, Load, Strain};
pub use lines::{Input, InvalidPin, LineError, Lines, Output, Pin, Wire};
pub use medium::Medium;
pub use memory::Memory;
pub use motion_log::MotionLog;
pub use panel::{Panel, PanelContext};
pub use profile::{
    Caps, Profile, ProfileDecoders, ProfileDriver, ProfileGpio, ProfileStorage, ProfileThermal,
};
pub use settings::{
    BoardSettings, ButtonSettings, FanSettings, GpioDriver, GpioSettings, MotionSensorSettings,
    NightVisionSettings, SirenSettings,
};
pub use settle::Press;
pub use throttle::Periods;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Most of one file that is read. `/proc/meminfo` has 1.5 KB.
const FILE_MAX_BYTES: u64 = 16 << 10;

/// Reads the board's figures. Cheap to clone; holds nothing open.
#[derive(Clone, Debug)]
pub struct Sensors {
    root: PathBuf,
}

impl Sensors {
    /// The sensors of this machine.
    pub fn system() -> Self {
        Self::at("/")
    }

    /// The sensors of the file tree at `root`, which holds `proc` and `sys`.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Memory that this process uses and may use.
    pub fn memory(&self) -> Memory {
        memory::read(&self.root)
    }

    /// Temperature of the chip, Celsius.
    pub fn temperature_celsius(&self) -> Option<f64> {
        thermal::read(&self.root)
    }

    /// What holds the files below `dir`.
    pub fn medium(&self, dir: &Path) -> Option<Medium> {
        medium::read(&self.root, dir)
    }

    /// Fans that the kernel drives and that tell their speed.
    pub fn fans(&self) -> Vec<FanReading> {
        fans::read(&self.root)
    }

    /// How often the program was stopped because its share of the processor was used up.
    pub fn throttled(&self) -> Option<Periods> {
        throttle::read(&self.root)
    }

    /// What the board is called: the device tree's model on ARM, vendor and
    /// product of the firmware on a PC.
    pub fn model(&self) -> String {
        let name = |path: &str| line(&self.root.join(path)).filter(|text| !text.is_empty());
        name("proc/device-tree/model")
            .or_else(|| {
                let product = name("sys/class/dmi/id/product_name")?;
                let vendor = name("sys/class/dmi/id/sys_vendor");
                Some(vendor.map_or(product.clone(), |vendor| format!("{vendor} {product}")))
            })
            .unwrap_or_else(|| "unknown machine".to_owned())
    }
}

/// The text of a file, shortened; absent when it cannot be read.
fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_MAX_BYTES).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// The first line of a file, for people: without control characters, which
/// device names chosen by strangers may hold.
pub fn line(path: &Path) -> Option<String> {
    let text = text(path)?;
    let line = text.split(['\n', '\0']).next().unwrap_or_default();
    Some(line.trim().chars().filter(|c| !c.is_control()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> (tempfile::TempDir, Sensors) {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        let sensors = Sensors::at(root.path());
        (root, sensors)
    }

    #[test]
    fn a_board_is_named_by_its_device_tree_and_a_pc_by_its_firmware() {
        let (_root, pi) = tree(&[("proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.4\0")]);
        assert_eq!(pi.model(), "Raspberry Pi 4 Model B Rev 1.4");
        let (_root, pc) = tree(&[
            ("sys/class/dmi/id/sys_vendor", "ACME\n"),
            ("sys/class/dmi/id/product_name", "Box\x1b[2J 3\n"),
        ]);
        assert_eq!(pc.model(), "ACME Box[2J 3");
        let (_root, none) = tree(&[]);
        assert_eq!(none.model(), "unknown machine");
    }

    #[test]
    fn a_tree_without_any_file_gives_no_figures_and_no_panic() {
        let (_root, none) = tree(&[]);
        assert_eq!(none.temperature_celsius(), None);
        assert_eq!(none.memory(), Memory::default());
    }

    #[test]
    fn this_machine_tells_its_memory() {
        let memory = Sensors::system().memory();
        assert!(memory.used_bytes > 0 && memory.limit_bytes >= memory.used_bytes, "{memory:?}");
    }
}
