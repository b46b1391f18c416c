//! What can be changed while the box runs, without its configuration file.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The key of the [`Setting`](super::Setting) whose value is the JSON text of a
/// [`Tuning`].
pub const TUNING: &str = "system.tuning";

/// Values that somebody has set; what is absent is as the configuration says.
/// Spans are whole seconds and days, as they are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tuning {
    /// Least score that confirms a track, of every camera, 0.05..=0.99.
    pub confidence_threshold: Option<f32>,
    /// Share of the picture that must change, of every camera, 0..=0.5.
    pub motion_threshold: Option<f32>,
    /// Most frames a second that are looked at, of every camera, 0.1..=60.
    pub fps: Option<f32>,
    /// A batch closes so long after its first detection, 1..=3600 s.
    pub batch_window_s: Option<u32>,
    /// And so long after its latest, 1..=3600 s.
    pub batch_idle_s: Option<u32>,
    /// Nothing is kept longer, 1..=36500 days.
    pub retention_days: Option<u32>,
}

impl Tuning {
    /// Names the first value that is out of its range, and the range.
    ///
    /// # Errors
    /// A sentence for people.
    pub fn check(&self) -> Result<(), String> {
        let scores = [
            ("detection.confidence_threshold", self.confidence_threshold, 0.05, 0.99),
            ("detection.motion_threshold", self.motion_threshold, 0.0, 0.5),
            ("detection.fps", self.fps, 0.1, 60.0),
        ];
        for (name, value, least, most) in scores {
            if value.is_some_and(|value| !(least..=most).contains(&value)) {
                return Err(format!("{name} must be {least} to {most}"));
            }
        }
        let counts = [
            ("batch.window_seconds", self.batch_window_s, 3600),
            ("batch.idle_timeout_seconds", self.batch_idle_s, 3600),
            ("retention.days", self.retention_days, 36_500),
        ];
        for (name, value, most) in counts {
            if value.is_some_and(|value| !(1..=most).contains(&value)) {
                return Err(format!("{name} must be 1 to {most}"));
            }
        }
        Ok(())
    }

    /// How long anything is kept, if that was set.
    pub fn max_age(&self) -> Option<Duration> {
        self.retention_days.map(|days| Duration::from_secs(u64::from(days) * 86_400))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_out_of_range_is_named() {
        let named = |tuning: Tuning| tuning.check().unwrap_err();
        let nan = Tuning { fps: Some(f32::NAN), ..Tuning::default() };
        assert!(named(nan).starts_with("detection.fps must be 0.1 to 60"));
        let never = Tuning { retention_days: Some(0), ..Tuning::default() };
        assert!(named(never).starts_with("retention.days must be 1 to 36500"));
        assert_eq!(Tuning::default().check(), Ok(()));
    }
}
