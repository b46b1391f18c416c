//! Settings at run time.
//!
//! What is set here is stored before the answer, applied at once and again at every
//! start, and wins over file, environment and command line until it is set to null.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use tokio::sync::oneshot;

use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::{self, Response, json_text};
use crate::api::{ApiContext, Configured, ConfiguredCamera};
use crate::domain::{RiskLevel, Setting, TUNING, Timestamp, Tuning};
use crate::store::Durability;

/// The settings; null is as the configuration says, which `effective` tells.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SystemConfig")]
pub(in crate::api) struct Config {
    detection: Detection,
    batch: Batch,
    retention: Retention,
    /// What holds, defaults and the configuration included.
    effective: Effective,
    /// When they were last changed; null when they never were.
    updated_at: Option<Timestamp>,
}

/// What holds now.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EffectiveConfig")]
struct Effective {
    cameras: Vec<EffectiveCamera>,
    /// Null when only sizes count.
    retention_days: Option<f64>,
    severity: Severity,
}

/// Of one camera that is to run.
#[derive(Serialize, JsonSchema)]
struct EffectiveCamera {
    camera_id: String,
    confidence_threshold: f64,
    motion_threshold: f64,
    fps: f64,
    batch_window_seconds: f64,
    batch_idle_timeout_seconds: f64,
}

/// Highest score of each level but critical; these are fixed.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SeverityConfig")]
struct Severity {
    low_max: u8,
    medium_max: u8,
    high_max: u8,
}

/// Of every camera.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DetectionConfig")]
struct Detection {
    /// Least score that makes an object an event.
    confidence_threshold: Option<f64>,
    /// Share of the picture that must change before the network is asked.
    motion_threshold: Option<f64>,
    /// Most frames looked at per second.
    fps: Option<f64>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BatchConfig")]
struct Batch {
    window_seconds: Option<u32>,
    idle_timeout_seconds: Option<u32>,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RetentionConfig")]
struct Retention {
    days: Option<u32>,
}

impl Config {
    fn new(tuning: &Tuning, updated_at: Option<Timestamp>, configured: &Configured) -> Self {
        Self {
            detection: Detection {
                confidence_threshold: tuning.confidence_threshold.map(short),
                motion_threshold: tuning.motion_threshold.map(short),
                fps: tuning.fps.map(short),
            },
            batch: Batch {
                window_seconds: tuning.batch_window_s,
                idle_timeout_seconds: tuning.batch_idle_s,
            },
            retention: Retention { days: tuning.retention_days },
            effective: Effective::new(tuning, configured),
            updated_at,
        }
    }
}

impl Effective {
    fn new(tuning: &Tuning, configured: &Configured) -> Self {
        let max_age = tuning.max_age().or(configured.max_age);
        let camera = |camera: &ConfiguredCamera| EffectiveCamera {
            camera_id: camera.camera.as_str().to_owned(),
            confidence_threshold: short(
                tuning.confidence_threshold.unwrap_or(camera.confidence_threshold),
            ),
            motion_threshold: short(tuning.motion_threshold.unwrap_or(camera.motion_threshold)),
            fps: short(tuning.fps.unwrap_or(camera.fps)),
            batch_window_seconds: tuning
                .batch_window_s
                .map_or(camera.batch_window.as_secs_f64(), f64::from),
            batch_idle_timeout_seconds: tuning
                .batch_idle_s
                .map_or(camera.batch_idle.as_secs_f64(), f64::from),
        };
        Self {
            cameras: configured.cameras.iter().map(camera).collect(),
            retention_days: max_age.map(|age| (age.as_secs_f64() / 864.0).round() / 100.0),
            severity: Severity {
                low_max: RiskLevel::Low.max_score(),
                medium_max: RiskLevel::Medium.max_score(),
                high_max: RiskLevel::High.max_score(),
            },
        }
    }
}

/// Without the noise of a float that was written in decimals.
fn short(value: f32) -> f64 {
    (f64::from(value) * 10_000.0).round() / 10_000.0
}

/// What is to be changed; what is not given stays, null takes a setting back.
#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(rename = "SystemConfigChange")]
pub(in crate::api) struct Change {
    detection: DetectionChange,
    batch: BatchChange,
    retention: RetentionChange,
}

#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct DetectionChange {
    /// 0.05 to 0.99.
    #[serde(deserialize_with = "given")]
    confidence_threshold: Option<Option<f32>>,
    /// 0 to 0.5.
    #[serde(deserialize_with = "given")]
    motion_threshold: Option<Option<f32>>,
    /// 0.1 to 60.
    #[serde(deserialize_with = "given")]
    fps: Option<Option<f32>>,
}

#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct BatchChange {
    /// 1 to 3600.
    #[serde(deserialize_with = "given")]
    window_seconds: Option<Option<u32>>,
    /// 1 to 3600.
    #[serde(deserialize_with = "given")]
    idle_timeout_seconds: Option<Option<u32>>,
}

#[derive(Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct RetentionChange {
    /// 1 to 36500.
    #[serde(deserialize_with = "given")]
    days: Option<Option<u32>>,
}

/// A field that is given, if only as null.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Option<T>, D::Error> {
    T::deserialize(from).map(Some)
}

impl Change {
    fn over(&self, known: Tuning) -> Tuning {
        let (detection, batch) = (&self.detection, &self.batch);
        Tuning {
            confidence_threshold: detection
                .confidence_threshold
                .unwrap_or(known.confidence_threshold),
            motion_threshold: detection.motion_threshold.unwrap_or(known.motion_threshold),
            fps: detection.fps.unwrap_or(known.fps),
            batch_window_s: batch.window_seconds.unwrap_or(known.batch_window_s),
            batch_idle_s: batch.idle_timeout_seconds.unwrap_or(known.batch_idle_s),
            retention_days: self.retention.days.unwrap_or(known.retention_days),
        }
    }
}

/// What a stored setting says; one that cannot be read says nothing.
fn tuning_of(setting: Option<&Setting>) -> Tuning {
    let read = |setting: &Setting| serde_json::from_str(&setting.value).ok();
    setting.and_then(read).unwrap_or_default()
}

/// `GET /api/system/config`.
pub(in crate::api) async fn show(request: Request) -> Result<Response, ApiError> {
    let reader = Arc::clone(&request.ctx.reader);
    let setting = request.ctx.blocking(move || reader.setting(TUNING)).await??;
    let updated_at = setting.as_ref().map(|setting| setting.updated_at);
    let configured = (request.ctx.configured)();
    Ok(response::json(&Config::new(&tuning_of(setting.as_ref()), updated_at, &configured)))
}

/// `PATCH /api/system/config`. The answer comes when the change is safe on disk and
/// on its way to the cameras.
pub(in crate::api) async fn change(mut request: Request) -> Result<Response, ApiError> {
    let change: Change = request.json().await?;
    change.over(Tuning::default()).check().map_err(ApiError::invalid)?;
    let (ctx, configured) = (Arc::clone(&request.ctx), (request.ctx.configured)());
    // A client that goes away must not leave a change half applied.
    let done = tokio::spawn(async move { apply(&ctx, change).await }).await;
    let setting =
        done.map_err(|_| ApiError::unavailable("failed", "the change ended unexpectedly"))??;
    let tuning = tuning_of(Some(&setting));
    Ok(response::json(&Config::new(&tuning, Some(setting.updated_at), &configured)))
}

async fn apply(ctx: &ApiContext, change: Change) -> Result<Setting, ApiError> {
    let (tx, rx) = oneshot::channel();
    let (tune, updated_at) = (Arc::clone(&ctx.tune), ctx.clock.now());
    let amend = move |known: Option<Setting>| {
        let tuning = change.over(tuning_of(known.as_ref()));
        let (key, value) = (TUNING.to_owned(), json_text(&tuning));
        Some(Setting { key, revision: 0, value, updated_at })
    };
    let done = move |outcome: Result<Option<Setting>, _>| {
        // Here, on the writer's thread, so that changes keep their order.
        if let Ok(Some(setting)) = &outcome {
            tune(setting.clone());
        }
        // A receiver that is gone has given up waiting.
        drop(tx.send(outcome));
    };
    ctx.writer.amend_setting(TUNING, Box::new(amend), Durability::Synced, Box::new(done));
    let stopped = |_| ApiError::unavailable("store_unavailable", "the store has stopped");
    let kept = rx.await.map_err(stopped)??;
    kept.ok_or_else(|| ApiError::unavailable("failed", "the change was not kept"))
}
