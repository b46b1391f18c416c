//! The labelled frames of the shipped footage, and how well detections match.

use std::path::Path;

use serde::Deserialize;

/// Least overlap of a detection with a labelled person, the usual threshold of
/// detection benchmarks (PASCAL VOC).
const MATCH_IOU: f64 = 0.5;

/// The label file.
#[derive(Deserialize)]
pub struct GroundTruth {
    pub frames: Vec<LabelledFrame>,
}

/// One labelled frame.
#[derive(Deserialize)]
pub struct LabelledFrame {
    pub index: u64,
    /// Corners `x1, y1, x2, y2` in pixels.
    pub persons: Vec<[f64; 4]>,
    /// Areas in which detections are neither right nor wrong.
    pub ignore: Vec<[f64; 4]>,
}

/// How many boxes were right, wrong and missed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Score {
    pub hits: usize,
    pub wrong: usize,
    pub missed: usize,
}

impl GroundTruth {
    /// The labels of the shipped footage.
    pub fn load() -> Self {
        let file =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/footage/vtest_ground_truth.json");
        serde_json::from_slice(&std::fs::read(file).expect("labels")).expect("labels")
    }
}

impl LabelledFrame {
    /// Matches person boxes (`x1, y1, x2, y2`, pixels) with the labels, best
    /// overlap first, each label once.
    pub fn score(&self, found: &[[f64; 4]]) -> Score {
        let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
        for (f, a) in found.iter().enumerate() {
            for (p, b) in self.persons.iter().enumerate() {
                pairs.push((iou(a, b), f, p));
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let (mut used_found, mut used_person) =
            (vec![false; found.len()], vec![false; self.persons.len()]);
        let mut hits = 0;
        for (overlap, f, p) in pairs {
            if overlap >= MATCH_IOU && !used_found[f] && !used_person[p] {
                (used_found[f], used_person[p]) = (true, true);
                hits += 1;
            }
        }
        let ignored = |b: &[f64; 4]| self.ignore.iter().any(|area| iou(b, area) > 0.1);
        let wrong =
            found.iter().zip(&used_found).filter(|(b, used)| !**used && !ignored(b)).count();
        Score { hits, wrong, missed: self.persons.len() - hits }
    }
}

impl Score {
    pub fn add(&mut self, other: Self) {
        self.hits += other.hits;
        self.wrong += other.wrong;
        self.missed += other.missed;
    }

    /// Share of the detections that are persons.
    pub fn precision(&self) -> f64 {
        self.hits as f64 / (self.hits + self.wrong).max(1) as f64
    }

    /// Share of the persons that were detected.
    pub fn recall(&self) -> f64 {
        self.hits as f64 / (self.hits + self.missed).max(1) as f64
    }
}

fn iou(a: &[f64; 4], b: &[f64; 4]) -> f64 {
    let width = a[2].min(b[2]) - a[0].max(b[0]);
    let height = a[3].min(b[3]) - a[1].max(b[1]);
    if width <= 0.0 || height <= 0.0 {
        return 0.0;
    }
    let area = |r: &[f64; 4]| (r[2] - r[0]) * (r[3] - r[1]);
    let shared = width * height;
    shared / (area(a) + area(b) - shared)
}
