//! What the box would say of disk and pipeline.

use std::time::Duration;

use watchpost::api::{OpenBatch, PipelineFigures, StorageFigures};
use watchpost::domain::BatchId;
use watchpost::health::SpanFigures;
use watchpost::infer::DetectorInfo;

/// Room on a disk.
pub fn storage() -> StorageFigures {
    StorageFigures {
        journal_bytes: 1000,
        journal_max_bytes: 512 << 20,
        disk_free_bytes: Some(1 << 30),
        max_age: Some(Duration::from_secs(3600)),
        ..StorageFigures::default()
    }
}

/// A pipeline at work.
pub fn pipeline() -> PipelineFigures {
    let batch = OpenBatch {
        camera: "front_door".parse().unwrap(),
        id: BatchId::new("batch_1"),
        detections: 7,
        age: Duration::from_secs(12),
    };
    let detect =
        SpanFigures { count: 3, p95: Duration::from_micros(26_250), ..SpanFigures::default() };
    PipelineFigures { frames_waiting: 2, detect, batches: vec![batch], ..Default::default() }
}

/// A detector.
pub fn detector() -> DetectorInfo {
    DetectorInfo {
        name: "nanodet-m int8".into(),
        input_px: (416, 320),
        threshold: 0.4,
        chosen_because: "faster: 8 ms against 9 ms".into(),
    }
}
