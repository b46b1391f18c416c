//! Disk and pipeline in figures, for the service.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::statvfs;

use super::cameras::AllCameras;
use crate::api::{
    Configured, ConfiguredCamera, ConfiguredSource, OpenBatch, PipelineFigures, PipelineSource,
    StorageFigures, StorageSource,
};
use crate::config::CameraConfig;
use crate::infer::InferStats;
use crate::media::{Clips, Recordings, Snapshots, Stills};
use crate::pipeline::Pipeline;
use crate::store::{Store, StoreSettings};

/// Directories in directories are followed this deep; the index has one level.
const DEPTH_MAX: u8 = 4;

/// Room in the state directory `dir`.
pub fn storage(
    dir: PathBuf,
    limits: StoreSettings,
    store: Store,
    (snapshots, clips, stills, recordings): (Snapshots, Clips, Stills, Recordings),
) -> StorageSource {
    Arc::new(move || {
        let disk = statvfs(&dir).ok();
        let disk = disk.as_ref();
        let is_index = |path: &PathBuf| name_of(path).starts_with("index-");
        StorageFigures {
            journal_bytes: bytes_of(&dir.join("journal"), DEPTH_MAX),
            index_bytes: paths_in(&dir)
                .filter(is_index)
                .map(|path| bytes_of(&path, DEPTH_MAX))
                .sum(),
            clips_bytes: clips.bytes(),
            stills_bytes: stills.bytes(),
            recordings_bytes: recordings.bytes(),
            media_bytes: snapshots.bytes(),
            exports_bytes: bytes_of(&dir.join("exports"), DEPTH_MAX),
            disk_total_bytes: disk.map(|disk| disk.f_blocks.saturating_mul(disk.f_frsize)),
            disk_free_bytes: disk.map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
            journal_max_bytes: limits.journal_max_bytes,
            clips_max_bytes: limits.clips_max_bytes,
            stills_max_bytes: limits.stills_max_bytes,
            recordings_max_bytes: limits.recordings_max_bytes,
            media_max_bytes: limits.media_max_bytes,
            max_age: store.max_age(),
            min_free_bytes: limits.min_free_bytes,
        }
    })
}

/// What goes through the pipeline.
pub fn pipeline(pipeline: Arc<Pipeline>, stats: Arc<InferStats>) -> PipelineSource {
    Arc::new(move || PipelineFigures {
        frames_waiting: pipeline.pending(),
        frames_in_work: pipeline.processing(),
        detect: stats.spans(),
        frame: pipeline.frame_spans(),
        batches: pipeline
            .open_batches()
            .into_iter()
            .map(|(camera, batch)| OpenBatch {
                camera,
                id: batch.id,
                detections: batch.detections,
                age: batch.age,
            })
            .collect(),
    })
}

/// What the configuration says, with the cameras that were set over the API.
pub fn configured(all: Arc<AllCameras>, max_age: Option<Duration>) -> ConfiguredSource {
    Arc::new(move || {
        let camera = |camera: CameraConfig| ConfiguredCamera {
            camera: camera.lane.camera,
            confidence_threshold: camera.lane.min_confidence,
            motion_threshold: camera.lane.motion_threshold,
            fps: camera.lane.detect_fps,
            batch_window: camera.lane.batch_window,
            batch_idle: camera.lane.batch_idle,
        };
        Configured { cameras: all.running().into_iter().map(camera).collect(), max_age }
    })
}

fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// Bytes of a file, or of the files below a directory; what vanishes meanwhile has
/// none.
fn bytes_of(path: &Path, depth: u8) -> u64 {
    match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() && depth > 0 => {
            paths_in(path).map(|inner| bytes_of(&inner, depth - 1)).sum()
        }
        Ok(meta) if meta.is_file() => meta.len(),
        _ => 0,
    }
}

fn paths_in(dir: &Path) -> impl Iterator<Item = PathBuf> {
    fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_a_directory_are_added_up_and_what_is_not_there_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("index-3/blobs")).unwrap();
        fs::write(dir.path().join("index-3/db"), [0; 100]).unwrap();
        fs::write(dir.path().join("index-3/blobs/1"), [0; 11]).unwrap();
        assert_eq!(bytes_of(&dir.path().join("index-3"), DEPTH_MAX), 111);
        assert_eq!(bytes_of(&dir.path().join("journal"), DEPTH_MAX), 0);
    }
}
