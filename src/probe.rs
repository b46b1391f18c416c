//! `watchpost probe`: what board this is, which cameras are attached to it, and
//! the configuration that would use them.
//!
//! Reads the kernel's file tree and asks the drivers; changes nothing. Device
//! names come from strangers: they are shortened, and control characters never
//! reach the terminal.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::board::{FanReading, Medium, Profile, ProfileDecoders, ProfileStorage, Sensors, line};
use crate::config::DEFAULT_STATE_DIR;

/// Most devices of one kind that are listed.
const DEVICES_MAX: usize = 64;

/// Longest device name that is shown.
const NAME_MAX: usize = 80;

/// USB class, subclass and protocol of a still image camera that speaks PTP
/// (USB Still Image Capture Device Definition, section 4.2).
const PTP_INTERFACE: [&str; 3] = ["06", "01", "01"];

/// A node of a V4L2 device.
#[derive(Clone, Debug, PartialEq, Eq)]
struct VideoNode {
    /// The N of `/dev/videoN`.
    number: u32,
    name: String,
    verdict: Verdict,
}

impl VideoNode {
    fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/video{}", self.number))
    }
}

/// A camera that speaks PTP over USB.
#[derive(Clone, Debug, PartialEq, Eq)]
struct PtpCamera {
    name: String,
    /// Vendor and product, as `054c:0dd2`.
    id: String,
    serial: Option<String>,
}

/// What a driver says of a device that it has looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How it would be used, or why not.
    pub words: String,
    /// Whether it would be used at all.
    pub is_usable: bool,
}

/// Writes what is attached to the machine whose file tree is at `root`. `look`
/// asks the driver about a video device, if there is a driver that can tell;
/// `has_decoder` tells whether GStreamer has a decoder, and its device opens.
///
/// # Errors
/// When `out` cannot be written.
pub fn report(
    root: &Path,
    look: impl Fn(&Path) -> Option<Verdict>,
    has_decoder: impl Fn(&str) -> bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut nodes = video_nodes(root);
    for node in &mut nodes {
        node.verdict = look(&node.path()).unwrap_or_else(|| node.verdict.clone());
    }
    let ptp = ptp_cameras(root);
    let profile = board(root, out)?;
    decoders(&profile.decode, has_decoder, out)?;
    writeln!(out, "\nVideo devices (V4L2): {}", count(nodes.len()))?;
    for node in &nodes {
        let words: String = node.verdict.words.chars().filter(|c| !c.is_control()).collect();
        writeln!(out, "  {}: {}; {words}", node.path().display(), node.name)?;
    }
    writeln!(out, "PTP cameras (USB): {}", count(ptp.len()))?;
    for camera in &ptp {
        let serial = camera.serial.as_deref().unwrap_or_default();
        writeln!(out, "  {} ({}): source = \"usb:{serial}\"", camera.name, camera.id)?;
    }
    drivers(out)?;
    suggestion(&nodes, out)
}

fn board(root: &Path, out: &mut dyn Write) -> io::Result<Profile> {
    let sensors = Sensors::at(root);
    let memory = sensors.memory();
    let model = sensors.model();
    let profile = Profile::choose(&model, None);
    let arch = std::env::consts::ARCH;
    writeln!(out, "Board: {model} ({arch}, profile {})", profile.name)?;
    if memory.limit_bytes > 0 {
        writeln!(out, "Memory that may be used: {} MiB", memory.limit_bytes >> 20)?;
    }
    if let Some(celsius) = sensors.temperature_celsius() {
        writeln!(out, "Temperature: {celsius:.1} °C")?;
    }
    for FanReading { name, rpm, drive_percent } in sensors.fans() {
        let drive = drive_percent.map_or(String::new(), |drive| format!(", driven at {drive} %"));
        writeln!(out, "Fan of the kernel's: {name}, {rpm} turns a minute{drive}")?;
    }
    storage(root, &sensors, &profile, out)?;
    Ok(profile)
}

/// What holds the data by default, and how the store treats it there.
fn storage(
    root: &Path,
    sensors: &Sensors,
    profile: &Profile,
    out: &mut dyn Write,
) -> io::Result<()> {
    let dir = root.join(DEFAULT_STATE_DIR.trim_start_matches('/'));
    if let Some(Medium { kind, worn_percent, .. }) = sensors.medium(&dir) {
        let worn = worn_percent.map(|percent| format!(", up to {percent} % of its life is used"));
        writeln!(out, "Storage: {kind}{}", worn.unwrap_or_default())?;
    }
    let ProfileStorage { flush_interval_ms, min_free_mib } = profile.storage;
    if let Some(ms) = flush_interval_ms {
        writeln!(out, "Records are synced every {ms} ms, unless flush_interval says otherwise")?;
    }
    if let Some(mib) = min_free_mib {
        writeln!(out, "{mib} MiB are left free, unless min_free says otherwise")?;
    }
    Ok(())
}

/// The first that is there decodes; software does where none is.
fn decoders(
    decoders: &ProfileDecoders,
    is_there: impl Fn(&str) -> bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    for (codec, names) in [("H.264", &decoders.h264), ("H.265", &decoders.h265)] {
        let verdict = |name: &String| match is_there(name) {
            true => format!("{name} (there)"),
            false => format!("{name} (not on this system)"),
        };
        let mut verdicts: Vec<_> = names.iter().map(verdict).collect();
        verdicts.push("software".to_owned());
        writeln!(out, "Decoders for {codec}: {}", verdicts.join(", "))?;
    }
    Ok(())
}

fn drivers(out: &mut dyn Write) -> io::Result<()> {
    let mut drivers = vec!["ptp (ptpip:, usb:; needs libgphoto2-6)", "sim (script)"];
    if cfg!(feature = "v4l2") {
        drivers.insert(0, "v4l2 (/dev/videoN)");
    }
    if cfg!(feature = "gst") {
        drivers.insert(0, "gst (rtsp://, video files, test pattern)");
    }
    writeln!(out, "Drivers in this program: {}", drivers.join(", "))
}

fn suggestion(nodes: &[VideoNode], out: &mut dyn Write) -> io::Result<()> {
    let mut ids = Vec::new();
    let cameras: Vec<_> = nodes.iter().filter(|node| node.verdict.is_usable).collect();
    if cameras.is_empty() {
        writeln!(out, "\nNo camera is attached. A network camera is configured like this:\n")?;
        return block("front_door", "Front door", "rtsp://192.0.2.10/stream1", out);
    }
    writeln!(out, "\nReady for {}:\n", crate::config::DEFAULT_FILE)?;
    for node in cameras {
        let mut id = slug(&node.name);
        if ids.contains(&id) {
            id = format!("{id}_{}", node.number);
        }
        block(&id, &node.name, &node.path().display().to_string(), out)?;
        ids.push(id);
    }
    Ok(())
}

fn block(id: &str, name: &str, source: &str, out: &mut dyn Write) -> io::Result<()> {
    let quote = |text: &str| toml::Value::from(text).to_string();
    writeln!(out, "[[camera]]")?;
    writeln!(out, "id = {}", quote(id))?;
    writeln!(out, "name = {}", quote(name))?;
    writeln!(out, "source = {}\n", quote(source))
}

/// A camera id made of a name: `HD USB Camera: HD USB` becomes `hd_usb_camera_hd_usb`.
fn slug(name: &str) -> String {
    let lower = name.to_lowercase();
    let words = lower.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug: String = words.collect::<Vec<_>>().join("_").chars().take(48).collect();
    if slug.is_empty() { "camera".to_owned() } else { slug }
}

fn video_nodes(root: &Path) -> Vec<VideoNode> {
    let mut nodes: Vec<_> = entries(&root.join("sys/class/video4linux"))
        .into_iter()
        .filter_map(|path| {
            let number = path.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()?;
            let verdict = guess(&path);
            Some(VideoNode { number, name: name(&path.join("name"))?, verdict })
        })
        .collect();
    nodes.sort_by_key(|node| node.number);
    nodes
}

/// Without a driver to ask: the first node of a device gives pictures, later ones
/// metadata.
fn guess(node: &Path) -> Verdict {
    let is_usable = line(&node.join("index")).is_none_or(|index| index == "0");
    let words = if is_usable { "not looked at" } else { "metadata or codec, not a camera" };
    Verdict { words: words.to_owned(), is_usable }
}

fn ptp_cameras(root: &Path) -> Vec<PtpCamera> {
    let devices = root.join("sys/bus/usb/devices");
    let mut cameras: Vec<_> = entries(&devices)
        .into_iter()
        .filter(|interface| is_ptp(interface))
        .filter_map(|interface| {
            // The interface `1-2:1.0` belongs to the device `1-2`.
            let device = devices.join(interface.file_name()?.to_str()?.split(':').next()?);
            let field = |file: &str| name(&device.join(file)).filter(|text| !text.is_empty());
            let names = [field("manufacturer"), field("product")];
            let name = names.into_iter().flatten().collect::<Vec<_>>().join(" ");
            let id = format!("{}:{}", field("idVendor")?, field("idProduct")?);
            let name = if name.is_empty() { "a camera without a name".to_owned() } else { name };
            Some(PtpCamera { name, id, serial: field("serial") })
        })
        .collect();
    cameras.sort_by(|a, b| (&a.id, &a.serial).cmp(&(&b.id, &b.serial)));
    cameras
}

fn is_ptp(interface: &Path) -> bool {
    let files = ["bInterfaceClass", "bInterfaceSubClass", "bInterfaceProtocol"];
    let values = files.map(|file| line(&interface.join(file)).unwrap_or_default());
    values == PTP_INTERFACE
}

/// Paths in a directory, at most [`DEVICES_MAX`]; none when it is not there.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).take(DEVICES_MAX).collect()
}

fn name(path: &Path) -> Option<String> {
    line(path).map(|text| text.chars().take(NAME_MAX).collect())
}

fn count(number: usize) -> String {
    if number == 0 { "none".to_owned() } else { number.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::Source;
    use crate::config::{Environment, Overrides, Settings};

    fn probe(files: &[(&str, &str)]) -> String {
        probe_with(files, |_| None)
    }

    fn probe_with(files: &[(&str, &str)], look: impl Fn(&Path) -> Option<Verdict>) -> String {
        let root = tempfile::tempdir().unwrap();
        for (name, content) in files {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        let mut out = Vec::new();
        let has_decoder = |name: &str| name == "v4l2slh265dec";
        report(root.path(), look, has_decoder, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    /// The settings that the suggested block gives.
    fn suggested(said: &str) -> Settings {
        let block = &said[said.find("[[camera]]").unwrap()..];
        Settings::parse("probe", block, &Environment::new(), &Overrides::default()).unwrap()
    }

    const TWO_WEBCAMS: [(&str, &str); 12] = [
        ("sys/class/video4linux/video0/name", "HD \"USB\" Camera\n"),
        ("sys/class/video4linux/video0/index", "0\n"),
        ("sys/class/video4linux/video1/name", "HD \"USB\" Camera\n"),
        ("sys/class/video4linux/video1/index", "1\n"),
        ("sys/class/video4linux/video10/name", "HD \"USB\" Camera\n"),
        ("sys/class/video4linux/video10/index", "0\n"),
        ("sys/class/video4linux/v4l-subdev0/name", "imx219 10-0010\n"),
        ("proc/device-tree/model", "Raspberry Pi 5 Model B\0"),
        ("proc/meminfo", "MemTotal:  8388608 kB\n"),
        ("sys/class/thermal/thermal_zone0/temp", "51500\n"),
        ("sys/class/hwmon/hwmon3/name", "pwmfan\n"),
        ("sys/class/hwmon/hwmon3/fan1_input", "2900\n"),
    ];

    #[test]
    fn attached_cameras_are_listed_with_a_block_that_is_right() {
        let said = probe(&TWO_WEBCAMS);
        assert!(said.starts_with("Board: Raspberry Pi 5 Model B"), "{said}");
        assert!(said.contains("may be used: 8192 MiB"), "{said}");
        assert!(said.contains("for H.265: v4l2slh265dec (there), software\n"), "{said}");
        assert!(said.contains("kernel's: pwmfan, 2900 turns a minute\n"), "{said}");
        assert!(said.contains("256 MiB are left free"), "{said}");
        assert!(said.contains("for H.264: software\n"), "{said}");
        assert!(said.contains("/dev/video1: HD \"USB\" Camera; metadata"), "{said}");
        let settings = suggested(&said);
        let ids: Vec<_> = settings.cameras.iter().map(|c| c.capture.id.to_string()).collect();
        assert_eq!(ids, ["hd_usb_camera", "hd_usb_camera_10"]);
        assert_eq!(settings.cameras[0].capture.name, "HD \"USB\" Camera");
    }

    #[test]
    fn what_the_driver_says_counts_more_than_the_kernels_numbering() {
        let said = probe_with(&TWO_WEBCAMS, |path| {
            let is_usable = path == Path::new("/dev/video1");
            Some(Verdict { words: format!("usable: {is_usable}"), is_usable })
        });
        assert!(said.contains("/dev/video0: HD \"USB\" Camera; usable: false"), "{said}");
        let cameras = suggested(&said).cameras;
        assert_eq!(cameras.len(), 1);
        assert_eq!(cameras[0].capture.source, Source::Device("/dev/video1".into()));
    }

    #[test]
    fn a_ptp_camera_is_recognised_by_its_interface_and_named_by_its_device() {
        let device = "sys/bus/usb/devices/1-2";
        let file = |name: &str| format!("{device}{name}");
        let names = [
            "/manufacturer",
            "/product",
            "/idVendor",
            "/idProduct",
            "/serial",
            ":1.0/bInterfaceClass",
            ":1.0/bInterfaceSubClass",
            ":1.0/bInterfaceProtocol",
        ]
        .map(file);
        let values = ["ACME\n", "Alpha 7\n", "054c\n", "0dd2\n", "D10F\n", "06\n", "01\n", "01\n"];
        let files: Vec<_> = names.iter().map(String::as_str).zip(values).collect();
        let said = probe(&files);
        assert!(said.contains("PTP cameras (USB): 1"), "{said}");
        assert!(said.contains("ACME Alpha 7 (054c:0dd2): source = \"usb:D10F\""), "{said}");
        let keyboard: Vec<_> =
            files.iter().map(|(name, v)| (*name, v.replace("06", "03"))).collect();
        let keyboard: Vec<_> = keyboard.iter().map(|(name, v)| (*name, v.as_str())).collect();
        assert!(probe(&keyboard).contains("PTP cameras (USB): none"));
    }

    #[test]
    fn without_any_camera_a_network_camera_is_suggested() {
        let said = probe(&[]);
        assert!(said.contains("No camera is attached"), "{said}");
        assert_eq!(suggested(&said).cameras.len(), 1);
    }

    #[test]
    fn a_hostile_device_name_stays_on_its_line() {
        let hostile = "\x1b[2J\u{7}]] evil = \"\"\"\nid";
        let said = probe(&[("sys/class/video4linux/video0/name", hostile)]);
        assert!(!said.contains(['\x1b', '\u{7}']), "{said}");
        assert_eq!(suggested(&said).cameras[0].capture.id.as_str(), "2j_evil");
    }
}
