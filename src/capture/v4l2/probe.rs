//! Which V4L2 devices there are and what would be used of them.

use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use super::choose::choose;
use super::device::{Kind, Opened};

/// One device, for `watchpost probe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// Its node, such as `/dev/video0`.
    pub path: PathBuf,
    /// What it calls itself; empty when it cannot be opened.
    pub card: String,
    /// Its kernel driver; empty when it cannot be opened.
    pub driver: String,
    /// Pixel formats as four character codes.
    pub formats: Vec<String>,
    /// It delivers each plane in a buffer of its own.
    pub is_multi_planar: bool,
    /// What would be used, or why nothing, in words.
    pub verdict: String,
}

/// All nodes `/dev/video*`, by number. Opens each of them, and asks without
/// changing anything.
pub fn list_devices() -> Vec<DeviceInfo> {
    let entries = fs::read_dir("/dev").into_iter().flatten().flatten();
    let mut nodes: Vec<_> =
        entries.filter_map(|entry| Some((number(&entry.path())?, entry.path()))).collect();
    nodes.sort();
    nodes.into_iter().map(|(_, path)| look_at(path)).collect()
}

fn number(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()
}

fn look_at(path: PathBuf) -> DeviceInfo {
    // The `v4l` crate panics on answers that are no text.
    let answer = catch_unwind(|| Opened::open(&path).map(|opened| describe(&path, &opened)));
    let verdict = match answer {
        Ok(Ok(info)) => return info,
        Ok(Err(error)) => format!("{}; {}", error.in_words(), error.next_step()),
        Err(_) => "answers nonsense".to_owned(),
    };
    DeviceInfo {
        path,
        card: String::new(),
        driver: String::new(),
        formats: Vec::new(),
        is_multi_planar: false,
        verdict,
    }
}

fn describe(path: &Path, opened: &Opened) -> DeviceInfo {
    let offers = match opened.kind() {
        Kind::SinglePlanar => opened.offers().unwrap_or_default(),
        Kind::MultiPlanar | Kind::NoCamera => Vec::new(),
    };
    let name = |fourcc: &[u8; 4]| String::from_utf8_lossy(fourcc).into_owned();
    let verdict = match opened.kind() {
        Kind::SinglePlanar => match choose(&offers, None) {
            Some(choice) => {
                let ((width, height), format) = (choice.size_px, name(&choice.fourcc));
                format!("driver v4l2, {width}x{height} px {format}")
            }
            None => "offers no readable format".to_owned(),
        },
        Kind::MultiPlanar => "multi-planar: driver v4l2 through GStreamer's v4l2src".to_owned(),
        Kind::NoCamera => "takes no pictures".to_owned(),
    };
    DeviceInfo {
        path: path.to_owned(),
        card: opened.card().to_owned(),
        driver: opened.kernel_driver().to_owned(),
        formats: offers.iter().map(|offer| name(&offer.fourcc)).collect(),
        is_multi_planar: opened.kind() == Kind::MultiPlanar,
        verdict,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_numbered_video_nodes_are_devices() {
        assert_eq!(number(Path::new("/dev/video12")), Some(12));
        for other in ["/dev/video", "/dev/video-dec0", "/dev/vcs1", "/dev/videoä"] {
            assert_eq!(number(Path::new(other)), None, "{other}");
        }
    }

    #[test]
    fn a_node_that_is_no_camera_has_a_verdict_instead_of_a_panic() {
        let info = look_at(PathBuf::from("/dev/null"));
        assert!(info.verdict.starts_with("cannot open /dev/null: "), "{}", info.verdict);
    }
}
