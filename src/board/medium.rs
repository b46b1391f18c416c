//! The medium that a folder lies on: what it is, and how worn, where it tells
//! (Documentation/driver-api/mmc/mmc-dev-attrs.rst).
//!
//! eMMC tells how much of its life is used; SD cards and most others tell nothing that
//! may be read without rights of their own.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{major, minor};

use super::{line, text};

/// What holds the data of the box.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium {
    /// Its kind, for people.
    pub kind: &'static str,
    /// Percent of its life that is used, in steps of ten; what is beyond counts as 110.
    pub worn_percent: Option<u8>,
    /// Whether its spare blocks are nearly used up.
    pub is_at_end: bool,
}

/// The medium of `dir`; absent where the kernel knows no single one.
pub(super) fn read(root: &Path, dir: &Path) -> Option<Medium> {
    let device = fs::metadata(dir).ok()?.dev();
    disk(root, major(device), minor(device)).and_then(|disk| of(&disk))
}

/// The folder of the disk that this device is, or is a part of.
fn disk(root: &Path, major: u32, minor: u32) -> Option<PathBuf> {
    let link = root.join(format!("sys/dev/block/{major}:{minor}"));
    let device = fs::canonicalize(link).ok()?;
    match device.join("partition").exists() {
        true => device.parent().map(Path::to_owned),
        false => Some(device),
    }
}

fn of(disk: &Path) -> Option<Medium> {
    let name = disk.file_name()?.to_str()?;
    let is_rotating = line(&disk.join("queue/rotational"))? == "1";
    let kind = match line(&disk.join("device/type")).as_deref() {
        Some("SD") => "SD card",
        Some("MMC") => "eMMC",
        _ if name.starts_with("nvme") => "NVMe disk",
        _ if is_rotating => "hard disk",
        _ => "disk without moving parts",
    };
    let worn_percent = text(&disk.join("device/life_time")).and_then(|text| worn(&text));
    let spare = line(&disk.join("device/pre_eol_info"));
    // 1: normal; 2: 80 % of the spare blocks are used; 3: 90 %.
    let is_at_end = spare.and_then(|text| number(&text)).is_some_and(|level| level >= 2);
    Some(Medium { kind, worn_percent, is_at_end })
}

/// The worse of the two areas; 1 means up to 10 %, 11 beyond the end, 0 unknown.
fn worn(text: &str) -> Option<u8> {
    let tenths = text.split_whitespace().filter_map(number).max()?;
    (1..=11).contains(&tenths).then_some(tenths * 10)
}

fn number(text: &str) -> Option<u8> {
    u8::from_str_radix(text.trim_start_matches("0x"), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A tree with one disk that has a partition 179:2.
    fn medium(name: &str, files: &[(&str, &str)]) -> Option<Medium> {
        let root = tempfile::tempdir().unwrap();
        let disk = root.path().join("sys/devices/platform/host/block").join(name);
        for (file, content) in files {
            let path = disk.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let part = disk.join("part2");
        fs::create_dir_all(&part).unwrap();
        fs::write(part.join("partition"), "2\n").unwrap();
        let devices = root.path().join("sys/dev/block");
        fs::create_dir_all(&devices).unwrap();
        symlink(&part, devices.join("179:2")).unwrap();
        of(&super::disk(root.path(), 179, 2)?)
    }

    #[test]
    fn an_emmc_tells_how_worn_it_is() {
        let files = |life, spare| {
            [
                ("queue/rotational", "0\n"),
                ("device/type", "MMC\n"),
                ("device/life_time", life),
                ("device/pre_eol_info", spare),
            ]
        };
        let read = |life, spare| medium("mmcblk0", &files(life, spare)).unwrap();
        let young = Medium { kind: "eMMC", worn_percent: Some(20), is_at_end: false };
        assert_eq!(read("0x01 0x02\n", "0x01\n"), young);
        let old = Medium { kind: "eMMC", worn_percent: Some(110), is_at_end: true };
        assert_eq!(read("0x0b 0x02\n", "0x03\n"), old);
        assert_eq!(read("0x00 0x00\n", "junk\n").worn_percent, None);
    }

    #[test]
    fn other_media_are_named_without_a_figure() {
        let kind = |name, rotating, card: Option<&str>| {
            let mut files = vec![("queue/rotational", rotating)];
            files.extend(card.map(|card| ("device/type", card)));
            let medium = medium(name, &files).unwrap();
            assert_eq!((medium.worn_percent, medium.is_at_end), (None, false));
            medium.kind
        };
        assert_eq!(kind("mmcblk0", "0", Some("SD\n")), "SD card");
        assert_eq!(kind("nvme0n1", "0", None), "NVMe disk");
        assert_eq!(kind("sda", "1", None), "hard disk");
        assert_eq!(kind("sdb", "0", None), "disk without moving parts");
        assert_eq!(super::disk(Path::new("/no-such-root"), 0, 42), None);
    }
}
