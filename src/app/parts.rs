//! Watches the parts of the box that wear out, where they tell: the medium that holds
//! the data, and a fan that the kernel drives.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::house::House;
use crate::board::{FanReading, Medium, Sensors};
use crate::health::{Component, Gauge};

/// How often they are looked at. A fan needs seconds to begin to turn, so one that
/// stands still at two looks is stuck; a medium wears in years.
const INTERVAL: Duration = Duration::from_secs(60);

/// From here on it is time for another medium.
const WORN_PERCENT: u8 = 90;

/// Starts looking, where there is anything to see.
pub fn start(house: &House, sensors: Sensors, state_dir: &Path) {
    let wears = sensors.medium(state_dir).is_some_and(|medium| medium.worn_percent.is_some());
    let storage = wears.then(|| house.health.component("storage"));
    let fan = (!sensors.fans().is_empty()).then(|| house.health.component("fan"));
    if storage.is_none() && fan.is_none() {
        return;
    }
    let worn = house.metrics.gauge(
        "watchpost_storage_worn_percent",
        "Percent of its life that the medium with the data has used, in tens; 0: it does not tell.",
        &[],
    );
    let watch =
        Watch { sensors, state_dir: state_dir.to_owned(), storage, fan, worn, was_stuck: false };
    house.tasks.spawn("parts", watch.run(house.clone()));
}

struct Watch {
    sensors: Sensors,
    state_dir: PathBuf,
    storage: Option<Component>,
    fan: Option<Component>,
    worn: Gauge,
    was_stuck: bool,
}

impl Watch {
    async fn run(mut self, house: House) {
        loop {
            if let (Some(component), Some(medium)) =
                (&self.storage, self.sensors.medium(&self.state_dir))
            {
                self.worn.set(f64::from(medium.worn_percent.unwrap_or_default()));
                tell_medium(component, &medium);
            }
            if let Some(component) = &self.fan {
                self.was_stuck = tell_fans(component, &self.sensors.fans(), self.was_stuck);
            }
            if tokio::time::timeout(INTERVAL, house.stop.stopped()).await.is_ok() {
                return;
            }
        }
    }
}

fn tell_medium(component: &Component, medium: &Medium) {
    let Some(percent) = medium.worn_percent else { return };
    let kind = medium.kind;
    let said = match percent {
        0..=100 => format!("{kind}: up to {percent} % of its life is used"),
        _ => format!("{kind}: it has lived longer than it was made for"),
    };
    if percent > WORN_PERCENT || medium.is_at_end {
        component.degraded(said, "take a backup, and replace the medium soon");
    } else {
        component.healthy(said);
    }
}

/// Whether a fan is stuck; said at the second look.
fn tell_fans(component: &Component, fans: &[FanReading], was_stuck: bool) -> bool {
    let stuck = fans.iter().find(|fan| fan.is_stuck());
    let Some(shown) = stuck.or(fans.first()) else { return false };
    let drive = shown.drive_percent.map_or(String::new(), |drive| format!(", driven at {drive} %"));
    let said = format!("{}: {} turns a minute{drive}", shown.name, shown.rpm);
    if stuck.is_some() && was_stuck {
        component.degraded(said, "clean the fan or replace it; the box slows down when it is hot");
    } else {
        component.healthy(said);
    }
    stuck.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Timestamp;
    use crate::health::{Health, State};
    use crate::rt::Clock;

    fn health() -> (Health, Component) {
        let health = Health::new(Clock::manual(Timestamp::default()));
        let component = health.component("part");
        (health, component)
    }

    #[test]
    fn a_medium_near_its_end_is_named_with_what_to_do() {
        let (health, component) = health();
        let told = |percent, is_at_end| {
            let medium = Medium { kind: "eMMC", worn_percent: Some(percent), is_at_end };
            tell_medium(&component, &medium);
            let report = health.reports().remove(0);
            (report.state, report.message)
        };
        let young = "eMMC: up to 20 % of its life is used".to_owned();
        assert_eq!(told(20, false), (State::Healthy, young));
        assert_eq!(told(100, false).0, State::Degraded);
        assert_eq!(told(20, true).0, State::Degraded, "no spare blocks are left");
        assert!(told(110, false).1.ends_with("longer than it was made for"));
    }

    #[test]
    fn a_fan_that_stands_still_is_named_when_it_had_time_to_begin() {
        let (health, component) = health();
        let fan = |rpm| FanReading { name: "pwmfan".into(), rpm, drive_percent: Some(49) };
        let state = || health.reports().remove(0).state;
        let first = tell_fans(&component, &[fan(0)], false);
        assert_eq!((first, state()), (true, State::Healthy));
        assert!(tell_fans(&component, &[fan(0)], first));
        assert_eq!(state(), State::Degraded);
        assert!(!tell_fans(&component, &[fan(2900)], true));
        assert_eq!(state(), State::Healthy);
        assert_eq!(
            health.reports().remove(0).message,
            "pwmfan: 2900 turns a minute, driven at 49 %"
        );
    }
}
