//! The figures of the whole box, for `/ws/system` and the dashboard.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::announce::HealthWatch;
use crate::board::Sensors;
use crate::capture::Directory;
use crate::domain::CameraState;
use crate::health::Health;
use crate::infer::InferStats;
use crate::live::{Hub, LiveMessage, SystemStatus};
use crate::pipeline::Pipeline;
use crate::rt::{Clock, Stop, heap};

/// How often everyone is told (realtime contract 1.2).
const INTERVAL: Duration = Duration::from_secs(5);

/// Makes [`SystemStatus`] from what the rooms say. Cheap to clone.
#[derive(Clone)]
pub struct SystemSampler(Arc<Inner>);

struct Inner {
    clock: Clock,
    sensors: Sensors,
    directory: Directory,
    health: Health,
    stats: Arc<InferStats>,
    pipeline: Arc<Pipeline>,
    workers: usize,
    rates: Mutex<Rates>,
}

#[derive(Clone, Copy, Default)]
struct Rates {
    at: Duration,
    inferences: u64,
    busy: Duration,
    fps: f64,
    busy_percent: f64,
}

impl SystemSampler {
    /// A sampler over the rooms of one box with `workers` inference threads.
    pub fn new(
        clock: Clock,
        sensors: Sensors,
        directory: Directory,
        health: Health,
        stats: Arc<InferStats>,
        pipeline: Arc<Pipeline>,
        workers: usize,
    ) -> Self {
        let rates = Mutex::new(Rates { at: clock.monotonic(), ..Rates::default() });
        Self(Arc::new(Inner { clock, sensors, directory, health, stats, pipeline, workers, rates }))
    }

    /// How the box is now; rates are those of the last full interval.
    pub fn status(&self) -> SystemStatus {
        let inner = &self.0;
        let rates = *inner.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let cameras = inner.directory.list();
        let memory = inner.sensors.memory();
        SystemStatus {
            inference_busy_percent: rates.busy_percent,
            inference_fps: rates.fps,
            memory_used_mb: memory.used_bytes >> 20,
            memory_total_mb: memory.limit_bytes >> 20,
            temperature_celsius: inner.sensors.temperature_celsius(),
            cameras_active: cameras
                .iter()
                .filter(|camera| camera.state == CameraState::Online)
                .count(),
            cameras_total: cameras.len(),
            queue_pending: inner.pipeline.pending(),
            queue_processing: inner.pipeline.processing(),
            health: inner.health.overall(),
            at: inner.clock.now(),
        }
    }

    /// Tells everyone every few seconds until the stop.
    pub async fn run(self, hub: Hub, health: HealthWatch, stop: Stop) {
        while tokio::time::timeout(INTERVAL, stop.stopped()).await.is_err() {
            self.renew_rates();
            heap::give_back();
            health.look();
            let status = Arc::new(self.status());
            hub.publish(LiveMessage::System(Arc::clone(&status)));
            hub.publish(LiveMessage::Gpu(status));
        }
    }

    fn renew_rates(&self) {
        let inner = &self.0;
        let now = inner.clock.monotonic();
        let (inferences, busy) = inner.stats.totals();
        let mut rates = inner.rates.lock().unwrap_or_else(PoisonError::into_inner);
        let seconds = now.saturating_sub(rates.at).as_secs_f64();
        if seconds > 0.0 {
            rates.fps = (inferences - rates.inferences) as f64 / seconds;
            let busy_share =
                (busy - rates.busy).as_secs_f64() / (seconds * inner.workers.max(1) as f64);
            rates.busy_percent = (busy_share * 100.0).min(100.0);
        }
        (rates.at, rates.inferences, rates.busy) = (now, inferences, busy);
    }
}
