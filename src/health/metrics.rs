//! Metrics: counters and gauges, written as Prometheus text
//! (exposition format 0.0.4).
//!
//! A series is registered once and then costs one atomic operation. The number
//! of series is bounded by the configuration: labels hold camera ids and fixed
//! words, never what a client sends.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The registry. Cheap to clone; clones share the series.
#[derive(Clone, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<&'static str, Family>>>);

struct Family {
    help: &'static str,
    kind: &'static str,
    series: BTreeMap<String, Arc<AtomicU64>>,
}

/// A number that only grows.
#[derive(Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

/// A number that goes up and down.
#[derive(Clone, Default)]
pub struct Gauge(Arc<AtomicU64>);

impl Metrics {
    /// The counter `name` (ends in `_total`) for these labels; the same series
    /// when asked for again.
    pub fn counter(
        &self,
        name: &'static str,
        help: &'static str,
        labels: &[(&str, &str)],
    ) -> Counter {
        debug_assert!(name.ends_with("_total"), "{name}");
        Counter(self.series(name, help, "counter", labels))
    }

    /// The gauge `name` for these labels; the same series when asked for again.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: &[(&str, &str)]) -> Gauge {
        Gauge(self.series(name, help, "gauge", labels))
    }

    /// All series as Prometheus text.
    pub fn render(&self) -> String {
        let mut text = String::new();
        for (name, family) in self.lock().iter() {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "# HELP {name} {}\n# TYPE {name} {}", family.help, family.kind);
            for (labels, value) in &family.series {
                let bits = value.load(Ordering::Relaxed);
                let _ = match family.kind {
                    "counter" => writeln!(text, "{name}{labels} {bits}"),
                    _ => writeln!(text, "{name}{labels} {}", f64::from_bits(bits)),
                };
            }
        }
        text
    }

    fn series(
        &self,
        name: &'static str,
        help: &'static str,
        kind: &'static str,
        labels: &[(&str, &str)],
    ) -> Arc<AtomicU64> {
        let mut families = self.lock();
        let family =
            families.entry(name).or_insert_with(|| Family { help, kind, series: BTreeMap::new() });
        Arc::clone(family.series.entry(label_text(labels)).or_default())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<&'static str, Family>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// `n` more.
    pub fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// It is `value` now.
    pub fn set(&self, value: f64) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }

    /// What it is.
    pub fn value(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }
}

fn label_text(labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escape = |v: &str| v.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let pairs: Vec<_> = labels.iter().map(|(k, v)| format!("{k}=\"{}\"", escape(v))).collect();
    format!("{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_has_help_type_and_one_line_per_series() {
        let metrics = Metrics::default();
        metrics.counter("frames_total", "Frames.", &[("camera", "yard")]).add(3);
        metrics.counter("frames_total", "Frames.", &[("camera", "yard")]).inc();
        metrics.gauge("temperature_celsius", "SoC.", &[]).set(41.5);
        assert_eq!(
            metrics.render(),
            "# HELP frames_total Frames.\n# TYPE frames_total counter\n\
             frames_total{camera=\"yard\"} 4\n\
             # HELP temperature_celsius SoC.\n# TYPE temperature_celsius gauge\n\
             temperature_celsius 41.5\n"
        );
    }
}
