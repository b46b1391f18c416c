//! Who says what an event means: the alert rules, and an analyst if there is one.

use std::io;
use std::sync::Arc;

use log::error;

use super::house::House;
use super::kept::Kept;
use crate::assess::{Alerts, AlertsContext, Analyst, AnalystContext};
use crate::board::MotionLog;
use crate::config::Settings;
use crate::domain::Event;
use crate::live::Hub;

/// They. Cheap to clone.
#[derive(Clone)]
pub struct Judges {
    /// Asks the rules.
    pub alerts: Alerts,
    /// Asks a language model.
    pub analyst: Option<Analyst>,
}

impl Judges {
    /// Starts those that are configured.
    ///
    /// # Errors
    /// When the system refuses a thread.
    pub fn start(
        settings: &Settings,
        kept: &Kept,
        house: &House,
        hub: &Hub,
        motion_log: &MotionLog,
    ) -> io::Result<Self> {
        let has_motion_sensor = settings.board.gpio.motion_sensor.is_some();
        let alerts = Alerts::start(AlertsContext {
            reader: Arc::new(kept.store.clone()),
            writer: Arc::new(kept.store.clone()),
            hub: hub.clone(),
            motion_log: has_motion_sensor.then(|| motion_log.clone()),
            clock: house.clock.clone(),
            health: house.health.clone(),
            metrics: house.metrics.clone(),
            tasks: house.tasks.clone(),
            stop: house.stop.clone(),
        })?;
        let analyst = settings.analyst.clone().and_then(|settings| {
            let alerts = alerts.clone();
            let context = AnalystContext {
                writer: Arc::new(kept.store.clone()),
                hub: hub.clone(),
                on_verdict: Arc::new(move |event| alerts.see(event)),
                clock: house.clock.clone(),
                health: house.health.clone(),
                metrics: house.metrics.clone(),
                tasks: house.tasks.clone(),
                stop: house.stop.clone(),
            };
            let started = Analyst::start(settings, context);
            started.inspect_err(|reason| error!(reason:%; "The rules judge alone.")).ok()
        });
        Ok(Self { alerts, analyst })
    }

    /// An event has begun or changed. Never blocks.
    pub fn see(&self, event: &Event) {
        self.alerts.see(event);
        self.analyst.iter().for_each(|analyst| analyst.see(event));
    }
}
