//! The detector against labelled pictures: precision and recall on eight frames
//! of the footage, float and 8 bit, and the stills.
//!
//! The labels were made with related networks and corrected by eye, so this
//! guards against regressions; it is no claim of accuracy in the field.

#![allow(clippy::unwrap_used, reason = "in a test, a failed step is the failed test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use watchpost::domain::{
    BBox, Candidate, ColorSpace, Frame, FrameMeta, PixelFormat, Plane, SessionId, Timestamp,
};
use watchpost::infer::{self, Detector, InferSettings, ModelChoice};
use watchpost::rt::Clock;

/// Least share of reported persons that are persons, and of persons that are
/// reported, at the default threshold. Measured: 0.96 and 0.98 for both networks.
const PRECISION_MIN: f64 = 0.90;
const RECALL_MIN: f64 = 0.90;
/// A box counts as found when it shares this much with the labelled one.
const MATCH_IOU: f32 = 0.5;

#[derive(Deserialize)]
struct Truth {
    image_size: (f32, f32),
    frames: Vec<TruthFrame>,
}

#[derive(Deserialize)]
struct TruthFrame {
    file: String,
    persons: Vec<[f32; 4]>,
    ignore: Vec<[f32; 4]>,
}

fn footage() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/footage")
}

/// Decodes a JPEG to its YUV planes, chroma halved both ways.
fn picture(path: &Path) -> Frame {
    let jpeg = fs::read(path).unwrap();
    let image = turbojpeg::decompress(&jpeg, turbojpeg::PixelFormat::RGB).unwrap();
    let (width, height) = (image.width as u32, image.height as u32);
    let (data, planes) = to_i420(&image);
    let meta = FrameMeta {
        camera: "footage".parse().unwrap(),
        session: SessionId(1),
        sequence: 0,
        captured_at: Timestamp::default(),
        captured_mono: Duration::ZERO,
    };
    let (format, color) = (PixelFormat::I420, ColorSpace::Bt601Full);
    Frame::new(meta, (width, height), format, color, &planes, data.into()).unwrap()
}

fn to_i420(image: &turbojpeg::Image<Vec<u8>>) -> (Vec<u8>, [Plane; 3]) {
    let yuv = turbojpeg::compress(image.as_deref(), 100, turbojpeg::Subsamp::Sub2x2)
        .and_then(|jpeg| turbojpeg::decompress_to_yuv(&jpeg))
        .unwrap();
    let (luma, chroma) = (yuv.y_width() * yuv.y_height(), yuv.uv_width() * yuv.uv_height());
    let plane = |offset, stride| Plane { offset, stride };
    let planes = [
        plane(0, yuv.y_width()),
        plane(luma, yuv.uv_width()),
        plane(luma + chroma, yuv.uv_width()),
    ];
    (yuv.pixels, planes)
}

fn detector(model: ModelChoice) -> Arc<dyn Detector> {
    let settings = InferSettings { model, ..InferSettings::default() };
    infer::load(&settings, None, &Clock::system()).unwrap()
}

/// Candidates that count on their own.
fn strong(detector: &dyn Detector, frame: &Frame) -> Vec<Candidate> {
    let threshold = detector.info().threshold;
    let mut found = detector.detect(frame).unwrap();
    found.retain(|candidate| candidate.confidence >= threshold);
    found
}

/// Right, wrong and missed persons of one picture. Boxes are best first, and
/// each labelled person can be found once.
fn judge(found: &[Candidate], truth: &TruthFrame, size: (f32, f32)) -> (usize, usize, usize) {
    let to_box = |c: &[f32; 4]| {
        BBox::from_corners(c[0] / size.0, c[1] / size.1, c[2] / size.0, c[3] / size.1)
    };
    let mut missing: Vec<BBox> = truth.persons.iter().map(to_box).collect();
    let ignored: Vec<BBox> = truth.ignore.iter().map(to_box).collect();
    let (mut right, mut wrong) = (0, 0);
    for person in found.iter().filter(|candidate| candidate.label.as_str() == "person") {
        let overlap = |known: &BBox| known.iou(&person.bbox);
        let best = (0..missing.len())
            .max_by(|a, b| overlap(&missing[*a]).total_cmp(&overlap(&missing[*b])));
        match best.filter(|best| overlap(&missing[*best]) >= MATCH_IOU) {
            Some(best) => {
                missing.swap_remove(best);
                right += 1;
            }
            None if ignored.iter().any(|area| overlap(area) > 0.3) => {}
            None => wrong += 1,
        }
    }
    (right, wrong, missing.len())
}

fn assert_accurate(model: ModelChoice) {
    let detector = detector(model.clone());
    let text = fs::read(footage().join("vtest_ground_truth.json")).unwrap();
    let truth: Truth = serde_json::from_slice(&text).unwrap();
    let (mut right, mut wrong, mut missed) = (0, 0, 0);
    for labelled in &truth.frames {
        let found = strong(detector.as_ref(), &picture(&footage().join(&labelled.file)));
        let (r, w, m) = judge(&found, labelled, truth.image_size);
        (right, wrong, missed) = (right + r, wrong + w, missed + m);
    }
    let precision = right as f64 / (right + wrong) as f64;
    let recall = right as f64 / (right + missed) as f64;
    let figures = format!("{model:?}: {right} right, {wrong} wrong, {missed} missed");
    assert!(precision >= PRECISION_MIN, "precision {precision:.2}; {figures}");
    assert!(recall >= RECALL_MIN, "recall {recall:.2}; {figures}");
}

#[test]
fn the_float_network_finds_the_labelled_persons() {
    assert_accurate(ModelChoice::F32);
}

#[test]
fn the_8_bit_network_finds_the_labelled_persons() {
    assert_accurate(ModelChoice::Int8);
}

#[test]
fn the_cat_is_a_cat_and_the_astronaut_a_person() {
    for model in [ModelChoice::F32, ModelChoice::Int8] {
        let detector = detector(model);
        for (file, label) in [("cat_chelsea.jpg", "cat"), ("astronaut.jpg", "person")] {
            let found = strong(detector.as_ref(), &picture(&footage().join("stills").join(file)));
            let best = found.first().unwrap_or_else(|| panic!("nothing in {file}"));
            assert_eq!(best.label.as_str(), label, "{file}");
        }
    }
}
