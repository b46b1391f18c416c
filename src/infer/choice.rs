//! Which of the two built-in networks was faster, remembered between starts.
//!
//! One small JSON file in the state directory. It holds for one program version,
//! one input size and one kind of processor (a card moved to another board is
//! timed again); a file that is missing, damaged or for something else means
//! "not yet timed", never an error.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::load::read_bounded;

/// Name of the file in the state directory.
const FILE: &str = "detector-choice.json";
/// The file is about 150 bytes long.
const FILE_MAX: u64 = 4096;

/// The timing of both networks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Timing {
    /// What the timing holds for.
    pub key: Key,
    /// Milliseconds per frame, float.
    pub f32_ms: f64,
    /// Milliseconds per frame, 8 bit.
    pub int8_ms: f64,
}

/// What a timing holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Program version: another one brings other networks and another engine.
    pub version: String,
    /// Width and height of the input, pixels.
    pub input_px: (u32, u32),
    /// The processor.
    pub processor: String,
}

impl Key {
    /// The key of this program on this machine.
    pub fn here(input_px: (u32, u32)) -> Self {
        Self { version: env!("CARGO_PKG_VERSION").to_owned(), input_px, processor: processor() }
    }
}

impl Timing {
    /// Whether the 8 bit network was faster.
    pub fn is_int8_faster(&self) -> bool {
        self.int8_ms < self.f32_ms
    }

    /// The remembered timing for `key`, if there is one.
    pub fn recall(state_dir: &Path, key: &Key) -> Option<Self> {
        let bytes = read_bounded(&state_dir.join(FILE), FILE_MAX).ok()?;
        let timing: Self = serde_json::from_slice(&bytes).ok()?;
        let is_sane = timing.f32_ms > 0.0 && timing.int8_ms > 0.0;
        (timing.key == *key && is_sane).then_some(timing)
    }

    /// Remembers this timing: written beside, synced, renamed, so that a power
    /// cut leaves the old file or the new one.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub fn remember(&self, state_dir: &Path) -> io::Result<()> {
        let path = state_dir.join(FILE);
        let beside = PathBuf::from(format!("{}.tmp", path.display()));
        let mut file = File::create(&beside)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        fs::rename(&beside, &path)?;
        File::open(state_dir)?.sync_all()
    }
}

/// What tells one kind of processor from another: the lines of /proc/cpuinfo
/// that name it (x86 `model name`; ARM `CPU implementer` and `CPU part`).
fn processor() -> String {
    let named = ["model name", "CPU implementer", "CPU part"];
    // The kernel writes at most a few KiB per core.
    let bytes = read_bounded(Path::new("/proc/cpuinfo"), 1 << 20).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let mut words: Vec<_> = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| named.contains(&name.trim()))
        .map(|(_, value)| value.trim().to_owned())
        .collect();
    words.dedup();
    words.sort();
    words.dedup();
    format!("{} {}", std::env::consts::ARCH, words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timing() -> Timing {
        Timing { key: Key::here((416, 320)), f32_ms: 27.0, int8_ms: 41.0 }
    }

    #[test]
    fn a_remembered_timing_is_recalled_for_the_same_machine_and_size_only() {
        let dir = tempfile::tempdir().unwrap();
        timing().remember(dir.path()).unwrap();
        assert_eq!(Timing::recall(dir.path(), &Key::here((416, 320))), Some(timing()));
        assert_eq!(Timing::recall(dir.path(), &Key::here((320, 256))), None);
    }

    #[test]
    fn a_damaged_file_means_not_yet_timed() {
        let dir = tempfile::tempdir().unwrap();
        timing().remember(dir.path()).unwrap();
        let path = dir.path().join(FILE);
        let whole = fs::read(&path).unwrap();
        for damaged in [&whole[..whole.len() / 2], b"", b"\xff\x00", &[b'['; 8192]] {
            fs::write(&path, damaged).unwrap();
            assert_eq!(Timing::recall(dir.path(), &timing().key), None);
        }
    }
}
