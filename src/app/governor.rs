//! Has the pipeline look less while the board is near its limits, and says so.

use std::sync::Arc;
use std::time::Duration;

use log::{info, warn};

use super::house::House;
use crate::board::{Governor, Load, Profile, Sensors, Strain};
use crate::health::{Component, Gauge};
use crate::pipeline::Pipeline;
use crate::rt::heap;

/// How often the board is looked at.
const INTERVAL: Duration = Duration::from_secs(2);

/// Who is governed, and by what.
pub struct Watch {
    sensors: Sensors,
    governor: Governor,
    pipeline: Arc<Pipeline>,
    house: House,
    component: Component,
    level: Gauge,
    load: Load,
}

/// Starts it on the current runtime.
pub fn start(house: &House, sensors: Sensors, profile: &Profile, pipeline: Arc<Pipeline>) {
    let thermal = &profile.thermal;
    let watch = Watch {
        sensors,
        governor: Governor::new(thermal.save_above, thermal.shed_above),
        pipeline,
        house: house.clone(),
        component: house.health.component("load"),
        level: house.metrics.gauge(
            "watchpost_load",
            "What the box gives up near its limits: 0 nothing, 1 half of the looks, 2 most of them.",
            &[],
        ),
        load: Load::Normal,
    };
    house.tasks.spawn("governor", watch.run());
}

impl Watch {
    async fn run(mut self) {
        let mut before = self.sensors.throttled();
        loop {
            let periods = self.sensors.throttled();
            let throttled = periods.zip(before).map(|(now, before)| now.share_since(before));
            before = periods;
            let memory = self.sensors.memory();
            let share = memory.used_bytes as f64 / memory.limit_bytes as f64;
            let strain = Strain {
                memory: (memory.limit_bytes > 0).then_some(share),
                throttled,
                celsius: self.sensors.temperature_celsius(),
            };
            self.govern(&strain);
            if tokio::time::timeout(INTERVAL, self.house.stop.stopped()).await.is_ok() {
                return;
            }
        }
    }

    fn govern(&mut self, strain: &Strain) {
        let load = self.governor.judge(strain, self.house.clock.monotonic());
        let causes = self.governor.causes(strain);
        if load != self.load {
            self.pipeline.set_look_share(load.look_share());
            let (load, causes) = (load.as_str(), causes.as_str());
            match load {
                "normal" => info!("The box looks as often as it should again."),
                _ => warn!(load, causes; "The box is near its limits and looks less often."),
            }
        }
        if load > Load::Normal {
            heap::give_back();
        }
        self.load = load;
        self.level.set(f64::from(load as u8));
        let percent = load.look_share() * 100.0;
        match load {
            Load::Normal => self.component.healthy("normal: it looks as often as it should"),
            Load::Saving | Load::Shedding => self.component.degraded(
                format!(
                    "{}: {percent:.0} % of the looks, because of its limits; now {}",
                    load.as_str(),
                    if causes.is_empty() { "all is calm" } else { &causes },
                ),
                "Lower detect.fps, take cameras away, or give the box more room or air.",
            ),
        }
    }
}
