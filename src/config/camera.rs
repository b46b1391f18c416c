//! `[[camera]]`: one camera and what is looked for in its picture.

use std::collections::BTreeSet;
use std::time::Duration;

use toml::de::DeValue;

use super::nearest::nearest;
use super::rules::{self, Bad};
use super::section::Section;
use super::{CameraConfig, area, source};
use crate::capture::{
    CameraSettings, ConnectionMode, DecoderChoice, DriverKind, PtpAddress, RtspTransport, Source,
};
use crate::domain::{CameraId, FRAME_EDGE_MAX_PX};
use crate::media::{RecordMode, RecordSettings};
use crate::pipeline::LaneSettings;

/// Most cameras. Two cores decode about sixteen small streams.
pub const CAMERAS_MAX: usize = 16;

/// Most classes named for one camera: those of the built-in networks.
pub const CLASSES_MAX: usize = 80;

/// Classes that the built-in networks know, one a line.
const BUILT_IN_LABELS: &str = include_str!("../infer/models/labels.txt");

const DRIVERS: [(&str, DriverKind); 4] = [
    ("gst", DriverKind::Gst),
    ("v4l2", DriverKind::V4l2),
    ("ptp", DriverKind::Ptp),
    ("sim", DriverKind::Sim),
];

const MODES: [(&str, ConnectionMode); 3] = [
    ("remote", ConnectionMode::Remote),
    ("remote-transfer", ConnectionMode::RemoteTransfer),
    ("contents", ConnectionMode::Contents),
];

const TRANSPORTS: [(&str, RtspTransport); 2] =
    [("tcp", RtspTransport::Tcp), ("udp", RtspTransport::Udp)];

const DECODERS: [(&str, DecoderChoice); 2] =
    [("auto", DecoderChoice::Auto), ("software", DecoderChoice::Software)];

const RECORD_MODES: [(&str, RecordMode); 3] = [
    ("events", RecordMode::Events),
    ("continuous", RecordMode::Continuous),
    ("off", RecordMode::Off),
];

/// All cameras of the file. `has_own_labels`: the network is not a built-in one,
/// so that its classes cannot be checked.
pub fn cameras(root: &Section<'_>, has_own_labels: bool) -> Vec<CameraConfig> {
    let mut seen = BTreeSet::new();
    let mut cameras = Vec::new();
    for section in root.sections("camera", CAMERAS_MAX) {
        let camera = camera(&section, has_own_labels);
        if let Some(camera) = camera {
            if !seen.insert(camera.capture.id.clone()) {
                let what = format!("\"{}\" is used by another camera too", camera.capture.id);
                section.mistake("id", &what, "give each camera an id of its own");
            }
            cameras.push(camera);
        }
        section.finish();
    }
    cameras
}

fn camera(section: &Section<'_>, has_own_labels: bool) -> Option<CameraConfig> {
    // Everything is read before anything is given up, so that all mistakes show.
    let id = section.get("id", id);
    if !section.has("id") {
        section.mistake("id", "is missing", "write id = \"front_door\" or the like");
    }
    let name = section.get("name", rules::text);
    let fallback: CameraId = "unnamed".parse().ok()?;
    let id_or_fallback = id.clone().unwrap_or(fallback);
    let name = name.unwrap_or_else(|| id_or_fallback.to_string());
    let capture = capture(section, id_or_fallback, name);
    let detect = section.section("detect");
    let lane = read_lane(&detect, capture.as_ref(), has_own_labels);
    let record = read_record(section, capture.as_ref());
    let zones = area::zones(section, has_own_labels);
    let masks = area::masks(section);
    detect.finish();
    id?;
    let lane = LaneSettings { zones, masks, ..lane? };
    Some(CameraConfig { capture: capture?, lane, record })
}

fn capture(section: &Section<'_>, id: CameraId, name: String) -> Option<CameraSettings> {
    let driver = section.get("driver", rules::choice(&DRIVERS));
    let source = read_source(section, driver);
    let mut camera = CameraSettings::new(id, DriverKind::Gst, Source::TestPattern);
    camera.name = name;
    section.set_some("username", &mut camera.username, rules::text);
    camera.password = section.secret("password", "password_file", 1);
    let size = rules::pair(rules::whole(2..=FRAME_EDGE_MAX_PX));
    section.set_some("size", &mut camera.size_px, size);
    section.set_some("fps", &mut camera.fps, rules::whole(1..=240));
    section.set("transport", &mut camera.transport, rules::choice(&TRANSPORTS));
    section.set("decoder", &mut camera.decoder, rules::choice(&DECODERS));
    section.set("stall_timeout", &mut camera.stall_timeout, rules::span(ms(200)..=ms(60_000)));
    section.set("paced", &mut camera.is_paced, rules::boolean);
    section.set("mode", &mut camera.mode, rules::choice(&MODES));
    section.set("autoconnect", &mut camera.autoconnect, rules::boolean);
    if camera.password.is_some() && camera.username.is_none() {
        section.mistake("password", "has no user name", "add username = \"…\" to this camera");
    }
    (camera.source, camera.driver) = source?;
    check_paced(section, &camera);
    check_ptp(section, &camera);
    Some(camera)
}

fn read_source(section: &Section<'_>, driver: Option<DriverKind>) -> Option<(Source, DriverKind)> {
    if !section.has("source") {
        let fix = "write source = \"rtsp://…\"; `watchpost probe` shows what is attached";
        section.mistake("source", "is missing", fix);
    }
    let parse = |value: &DeValue<'_>| rules::text(value).and_then(|text| source::parse(&text));
    let (source, fitting) = section.get("source", parse)?;
    // A device that has several planes is GStreamer's; both may be asked for one.
    let is_device = matches!(source, Source::Device(_));
    match driver {
        Some(given) if given != fitting && !(is_device && given == DriverKind::Gst) => {
            let what = format!("\"{}\" does not read this source", driver_word(given));
            let fix = format!("write driver = \"{}\", or leave it out", driver_word(fitting));
            section.mistake("driver", &what, fix);
            None
        }
        given => Some((source, given.unwrap_or(fitting))),
    }
}

/// The word for a driver, as the file has it.
pub fn driver_word(driver: DriverKind) -> &'static str {
    match driver {
        DriverKind::Gst => "gst",
        DriverKind::V4l2 => "v4l2",
        DriverKind::Ptp => "ptp",
        DriverKind::Sim => "sim",
    }
}

fn check_paced(section: &Section<'_>, camera: &CameraSettings) {
    let can_wait = matches!(camera.source, Source::File(_) | Source::Footage);
    if camera.is_paced && !can_wait {
        let fix = "remove it; only video files can wait for the pipeline";
        section.mistake("paced", "is true for a live source", fix);
    }
}

fn check_ptp(section: &Section<'_>, camera: &CameraSettings) {
    let Source::Ptp(address) = &camera.source else {
        let is_set = camera.mode != ConnectionMode::default();
        for (key, is_set) in [("mode", is_set), ("autoconnect", !camera.autoconnect)] {
            if is_set {
                section.mistake(key, "is for still cameras", "remove it");
            }
        }
        return;
    };
    let is_usb = matches!(address, PtpAddress::Usb(_));
    if is_usb && camera.mode != ConnectionMode::Remote {
        let fix = "write remote, or reach the camera over its network (ptpip:)";
        section.mistake("mode", "is not possible over USB", fix);
    }
}

fn read_lane(
    detect: &Section<'_>,
    camera: Option<&CameraSettings>,
    has_own_labels: bool,
) -> Option<LaneSettings> {
    let fps = detect.get("fps", rules::number(0.1..=60.0));
    let classes = detect.get("classes", rules::list(CLASSES_MAX, class(has_own_labels)));
    let min_confidence = detect.get("min_confidence", rules::number(0.05..=0.99));
    let motion_threshold = detect.get("motion_threshold", rules::number(0.0..=0.5));
    let idle_interval = detect.get("idle_interval", rules::span(ms(100)..=ms(3_600_000)));
    let view_threshold = detect.get("view_threshold", rules::number(0.0..=0.9));
    let camera = camera?;
    let mut lane = LaneSettings::new(camera.id.clone(), camera.name.clone());
    lane.detect_fps = fps.unwrap_or(lane.detect_fps);
    lane.classes = classes.unwrap_or_default();
    lane.min_confidence = min_confidence.unwrap_or(lane.min_confidence);
    lane.motion_threshold = motion_threshold.unwrap_or(lane.motion_threshold);
    lane.idle_interval = idle_interval.unwrap_or(lane.idle_interval);
    lane.view_threshold = view_threshold.unwrap_or(lane.view_threshold);
    lane.is_paced = camera.is_paced;
    Some(lane)
}

/// Cameras whose pictures do not come as a video stream have none to keep.
fn read_record(camera: &Section<'_>, capture: Option<&CameraSettings>) -> RecordSettings {
    let section = camera.section("record");
    let mut record = RecordSettings::default();
    section.set("mode", &mut record.mode, rules::choice(&RECORD_MODES));
    section.set("pre_roll", &mut record.pre_roll, rules::span(ms(0)..=ms(30_000)));
    section.set("post_roll", &mut record.post_roll, rules::span(ms(0)..=ms(60_000)));
    let wants_video = section.has("mode") && record.mode != RecordMode::Off;
    let streams = |camera: &CameraSettings| {
        matches!(camera.source, Source::Rtsp(_) | Source::File(_) | Source::Footage)
    };
    if wants_video && capture.is_some_and(|camera| !streams(camera)) {
        let fix = "remove it; only network cameras and video files send video that can be kept";
        let word = RECORD_MODES.iter().find(|(_, mode)| *mode == record.mode);
        let word = word.map_or("events", |(word, _)| *word);
        section.mistake("mode", &format!("is {word} for a source without a video stream"), fix);
    }
    section.finish();
    record
}

pub fn id(value: &DeValue<'_>) -> Result<CameraId, Bad> {
    let fix = "use 1 to 64 letters, digits, '.', '_' or '-', beginning with a letter or digit";
    rules::text(value)?.parse().map_err(|_| Bad::new("is not an id", fix))
}

/// A class the network knows.
pub fn class(has_own_labels: bool) -> impl Fn(&DeValue<'_>) -> Result<String, Bad> {
    move |value| {
        let word = rules::text(value)?;
        let known = || BUILT_IN_LABELS.lines().map(str::trim).filter(|label| !label.is_empty());
        if has_own_labels || known().any(|label| label == word) {
            return Ok(word);
        }
        let shown: String = word.chars().take(60).collect();
        Err(Bad::new(
            format!("names {shown:?}"),
            match nearest(&word, known()) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => {
                    "use the network's words: person, bicycle, car, truck, dog, cat, …".to_owned()
                }
            },
        ))
    }
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}
