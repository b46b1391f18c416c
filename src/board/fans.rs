//! Fans that the kernel drives by itself (Documentation/hwmon/sysfs-interface.rst,
//! pwm-fan.rst): how fast they turn, and how hard they are driven. Only read: the
//! kernel's own rules cool the chip also before this program has started and after it
//! has ended.

use std::fs;
use std::path::Path;

use super::{line, text};

/// Most monitors that are looked at; a server has a dozen.
const MONITORS_MAX: usize = 64;

/// The kernel's full drive.
const FULL: u32 = 255;

/// A fan that tells its speed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FanReading {
    /// The kernel's name of its driver.
    pub name: String,
    /// Turns a minute.
    pub rpm: u32,
    /// How hard it is driven, percent, where that is told.
    pub drive_percent: Option<u32>,
}

impl FanReading {
    /// Whether it should turn and does not. Fans do not begin to turn below about a
    /// fifth of their drive.
    pub fn is_stuck(&self) -> bool {
        self.rpm == 0 && self.drive_percent.is_some_and(|percent| percent >= 30)
    }
}

/// The first fan of each monitor.
pub(super) fn read(root: &Path) -> Vec<FanReading> {
    let Ok(monitors) = fs::read_dir(root.join("sys/class/hwmon")) else { return Vec::new() };
    let fans = monitors.take(MONITORS_MAX).flatten();
    let mut fans: Vec<_> = fans.filter_map(|monitor| reading(&monitor.path())).collect();
    fans.sort_by(|one, other| one.name.cmp(&other.name));
    fans
}

fn reading(monitor: &Path) -> Option<FanReading> {
    let number = |file: &str| text(&monitor.join(file))?.trim().parse::<u32>().ok();
    Some(FanReading {
        rpm: number("fan1_input")?,
        name: line(&monitor.join("name"))?,
        drive_percent: number("pwm1").map(|drive| drive.min(FULL) * 100 / FULL),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_monitors(monitors: &[&[(&str, &str)]]) -> Vec<FanReading> {
        let root = tempfile::tempdir().unwrap();
        for (number, files) in monitors.iter().enumerate() {
            let monitor = root.path().join(format!("sys/class/hwmon/hwmon{number}"));
            fs::create_dir_all(&monitor).unwrap();
            for (file, content) in *files {
                fs::write(monitor.join(file), content).unwrap();
            }
        }
        read(root.path())
    }

    #[test]
    fn a_fan_that_is_driven_and_does_not_turn_is_stuck() {
        let fan = |rpm, drive| {
            read_monitors(&[&[("name", "pwmfan\n"), ("fan1_input", rpm), ("pwm1", drive)]])
                .remove(0)
        };
        assert!(fan("0\n", "125\n").is_stuck());
        assert!(!fan("0\n", "0\n").is_stuck(), "it is cool");
        assert!(!fan("2900\n", "125\n").is_stuck());
        let turning = FanReading { name: "pwmfan".into(), rpm: 2900, drive_percent: Some(49) };
        assert_eq!(fan("2900\n", "125\n"), turning);
    }

    #[test]
    fn what_tells_no_speed_is_no_fan_and_without_a_drive_nothing_is_known() {
        let monitors: [&[_]; 3] = [
            &[("name", "cpu_thermal\n"), ("temp1_input", "48312\n")],
            &[("name", "nct6775\n"), ("fan1_input", "0\n")],
            &[("name", "odd\n"), ("fan1_input", "fast\n")],
        ];
        let fans = read_monitors(&monitors);
        assert_eq!(fans.len(), 1);
        assert!(!fans[0].is_stuck());
        assert!(read_monitors(&[]).is_empty());
    }
}
