//! The chip's temperature, from the kernel's thermal zones
//! (Documentation/driver-api/thermal/sysfs-api.rst).

use std::fs;
use std::ops::RangeInclusive;
use std::path::Path;

use super::{line, text};

/// What a working sensor can show, in thousandths of a degree Celsius. Zones
/// without a sensor show 0 K or huge numbers.
const PLAUSIBLE_MILLI: RangeInclusive<i64> = -40_000..=150_000;

/// Most zones that are looked at; an RK3588 has seven.
const ZONES_MAX: usize = 64;

/// Words in the names of zones that measure the chip itself: `cpu-thermal`
/// (Raspberry Pi), `soc-thermal` (RK3588), `x86_pkg_temp`.
const CHIP_WORDS: [&str; 4] = ["cpu", "soc", "pkg", "package"];

/// Celsius of the hottest zone of the chip, or of the hottest at all.
pub fn read(root: &Path) -> Option<f64> {
    let zones = fs::read_dir(root.join("sys/class/thermal")).ok()?;
    let readings = zones.take(ZONES_MAX).flatten().filter_map(|zone| reading(&zone.path()));
    let (_is_chip, milli) = readings.max()?;
    Some(milli as f64 / 1000.0)
}

/// Whether the zone is the chip's, and what it shows; ordered so that the chip's
/// hottest is the greatest.
fn reading(zone: &Path) -> Option<(bool, i64)> {
    let milli = text(&zone.join("temp"))?.trim().parse().ok()?;
    let name = line(&zone.join("type"))?.to_lowercase();
    let is_chip = CHIP_WORDS.iter().any(|word| name.contains(word));
    PLAUSIBLE_MILLI.contains(&milli).then_some((is_chip, milli))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_zones(zones: &[(&str, &str)]) -> Option<f64> {
        let root = tempfile::tempdir().unwrap();
        for (number, (name, milli)) in zones.iter().enumerate() {
            let zone = root.path().join(format!("sys/class/thermal/thermal_zone{number}"));
            fs::create_dir_all(&zone).unwrap();
            fs::write(zone.join("type"), name).unwrap();
            fs::write(zone.join("temp"), milli).unwrap();
        }
        read(root.path())
    }

    #[test]
    fn the_chip_counts_even_when_something_else_is_hotter() {
        let zones = [("battery", "60000\n"), ("cpu-thermal\n", "48312\n"), ("gpu", "50000")];
        assert_eq!(read_zones(&zones), Some(48.312));
        assert_eq!(read_zones(&[("acpitz", "41000"), ("iwlwifi", "39000")]), Some(41.0));
    }

    #[test]
    fn sensors_that_are_not_there_show_nothing() {
        assert_eq!(read_zones(&[("cpu", "-273150"), ("soc", "none")]), None);
        assert_eq!(read_zones(&[]), None);
    }
}
