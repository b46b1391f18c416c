//! Settings of the detector.

use std::path::PathBuf;

/// Which network runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ModelChoice {
    /// Both built-in networks are timed at first start; the faster stays.
    #[default]
    Auto,
    /// Built-in NanoDet-m, float.
    F32,
    /// Built-in NanoDet-m, quantised to 8 bit.
    Int8,
    /// A network of the same kind from a file.
    File(PathBuf),
}

/// Settings of the detector.
#[derive(Clone, Debug, PartialEq)]
pub struct InferSettings {
    /// Which network.
    pub model: ModelChoice,
    /// Labels for a network from a file, one a line; the COCO names otherwise.
    pub labels: Option<PathBuf>,
    /// Input width and height in pixels, multiples of 32.
    pub input_px: (u32, u32),
    /// Least score, 0..=1, of a candidate that counts on its own. 0.40 is where
    /// NanoDet-m reached precision 0.96 and recall 0.98 on the labelled footage.
    pub threshold: f32,
    /// Least score, 0..=1, of a candidate at all. Weak ones cannot begin a track
    /// but keep one alive through an occlusion or a blurred frame.
    pub weak_threshold: f32,
    /// Inference threads, shared by all cameras.
    pub workers: usize,
}

impl Default for InferSettings {
    fn default() -> Self {
        Self {
            model: ModelChoice::Auto,
            labels: None,
            input_px: (416, 320),
            threshold: 0.40,
            weak_threshold: 0.20,
            workers: 1,
        }
    }
}
