//! The upload in figures, for Prometheus.

use super::Lane;
use super::status::UpstreamStatus;
use crate::domain::Timestamp;
use crate::health::{Counter, Gauge, Metrics};

/// The figures of one way upstream.
pub(super) struct Figures {
    pub sent: Counter,
    pub bytes: Counter,
    pub failures: Counter,
    dead: Gauge,
    oldest: Gauge,
    last_success: Gauge,
    /// In the order of the lanes.
    lanes: Vec<LaneFigures>,
}

/// Those of one lane.
struct LaneFigures {
    waiting: Gauge,
    waiting_bytes: Gauge,
    shed: Gauge,
}

impl Figures {
    /// The series of the upstream `name`.
    pub fn new(metrics: &Metrics, name: &'static str, lanes: &[Lane]) -> Self {
        let labels = [("upstream", name)];
        let lane_figures = |lane: &Lane| {
            let labels = [("upstream", name), ("lane", lane.as_str())];
            let gauge = |name, help| metrics.gauge(name, help, &labels);
            LaneFigures {
                waiting: gauge("watchpost_upload_waiting_items", "Items that wait."),
                waiting_bytes: gauge(
                    "watchpost_upload_waiting_bytes",
                    "Bytes that wait, before compression.",
                ),
                shed: gauge(
                    "watchpost_upload_shed_items",
                    "Items that were lost for lack of room, ever.",
                ),
            }
        };
        Self {
            sent: metrics.counter(
                "watchpost_upload_items_total",
                "Items that the upstream confirmed.",
                &labels,
            ),
            bytes: metrics.counter(
                "watchpost_upload_bytes_total",
                "Bytes sent to the upstream.",
                &labels,
            ),
            failures: metrics.counter(
                "watchpost_upload_failures_total",
                "Requests that failed.",
                &labels,
            ),
            dead: metrics.gauge(
                "watchpost_upload_dead_letters",
                "Items that the upstream refuses.",
                &labels,
            ),
            oldest: metrics.gauge(
                "watchpost_upload_oldest_unsent_seconds",
                "Age of the oldest item that waits; 0 when none does.",
                &labels,
            ),
            last_success: metrics.gauge(
                "watchpost_upload_last_success_timestamp_seconds",
                "When something was confirmed last; 0 when nothing ever was.",
                &labels,
            ),
            lanes: lanes.iter().map(lane_figures).collect(),
        }
    }

    /// Nothing waits any more.
    pub fn clear(&self) {
        for lane in &self.lanes {
            [&lane.waiting, &lane.waiting_bytes].into_iter().for_each(|gauge| gauge.set(0.0));
        }
        [&self.dead, &self.oldest].into_iter().for_each(|gauge| gauge.set(0.0));
    }

    /// Shows how it is.
    pub fn show(&self, status: &UpstreamStatus, now: Timestamp) {
        for (lane, figures) in status.lanes.iter().zip(&self.lanes) {
            figures.waiting.set(lane.waiting as f64);
            figures.waiting_bytes.set(lane.waiting_bytes as f64);
            figures.shed.set(lane.shed as f64);
        }
        self.dead.set(status.dead_letters.len() as f64);
        self.oldest.set(status.oldest_age(now).unwrap_or_default().as_secs_f64());
        let last_success = status.last_success.map_or(0.0, |at| at.unix_ms() as f64 / 1000.0);
        self.last_success.set(last_success);
    }
}
