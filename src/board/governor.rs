//! The governor: what the box gives up when it comes near its limits of memory,
//! processor and temperature, and for how long.
//!
//! In this order: first half of the looks of the detector, then four in five. Pictures
//! that are kept, events, alerts and what clients ask for are never given up here. It
//! goes up at once and down one step at a time, when everything has been well below its
//! limit for [`CALM`].

use std::time::Duration;

/// How long everything must be calm before a step is taken back: longer than a wave of
/// clients or a passing car.
const CALM: Duration = Duration::from_secs(30);

/// What is calm: below this share of a limit.
const CALM_SHARE: f64 = 0.94;

/// Share of the memory limit; `MemoryHigh` of the unit is at 0.875, where the kernel
/// begins to slow the program down.
const MEMORY: [f64; 2] = [0.85, 0.95];

/// Share of the processor's periods in which the program was stopped because its share
/// was used up. Short bursts of inference touch the limit; half of the time is no burst.
const THROTTLED: [f64; 2] = [0.5, 0.9];

/// How much the box gives up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Load {
    /// Nothing.
    #[default]
    Normal,
    /// Half of the looks.
    Saving,
    /// Four looks in five.
    Shedding,
}

impl Load {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Saving => "saving",
            Self::Shedding => "shedding",
        }
    }

    /// The share of the configured looks that is left.
    pub const fn look_share(self) -> f32 {
        match self {
            Self::Normal => 1.0,
            Self::Saving => 0.5,
            Self::Shedding => 0.2,
        }
    }

    const fn below(self) -> Self {
        match self {
            Self::Normal | Self::Saving => Self::Normal,
            Self::Shedding => Self::Saving,
        }
    }
}

/// What the board shows at a moment. What it does not tell counts as calm.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Strain {
    /// Resident memory, as a share of what the program may use.
    pub memory: Option<f64>,
    /// Share of the last processor periods in which the program was stopped.
    pub throttled: Option<f64>,
    /// Temperature of the chip, Celsius.
    pub celsius: Option<f64>,
}

/// Decides.
#[derive(Clone, Debug)]
pub struct Governor {
    celsius: [f64; 2],
    load: Load,
    calm_since: Option<Duration>,
}

impl Governor {
    /// A governor that saves and sheds above these temperatures, Celsius.
    pub fn new(save_above: f64, shed_above: f64) -> Self {
        Self { celsius: [save_above, shed_above], load: Load::Normal, calm_since: None }
    }

    /// How much is given up, seeing `strain` at `now`.
    pub fn judge(&mut self, strain: &Strain, now: Duration) -> Load {
        let wanted = self.wanted(strain, 1.0);
        if wanted > self.load {
            (self.load, self.calm_since) = (wanted, None);
            return self.load;
        }
        if self.load == Load::Normal || self.wanted(strain, CALM_SHARE) >= self.load {
            self.calm_since = None;
            return self.load;
        }
        let since = *self.calm_since.get_or_insert(now);
        if now.saturating_sub(since) >= CALM {
            (self.load, self.calm_since) = (self.load.below(), Some(now));
        }
        self.load
    }

    /// What is near its limit, in words; empty while nothing is.
    pub fn causes(&self, strain: &Strain) -> String {
        let words = self.strains(strain).into_iter().filter_map(|(value, limits, what)| {
            let value = value.filter(|value| *value >= limits[0] * CALM_SHARE)?;
            Some(match what {
                "temperature" => format!("the chip has {value:.0} °C"),
                _ => format!("{what} at {:.0} % of its limit", value * 100.0),
            })
        });
        words.collect::<Vec<_>>().join(", ")
    }

    fn strains(&self, strain: &Strain) -> [(Option<f64>, [f64; 2], &'static str); 3] {
        [
            (strain.memory, MEMORY, "memory"),
            (strain.throttled, THROTTLED, "processor"),
            (strain.celsius, self.celsius, "temperature"),
        ]
    }

    /// What `strain` asks for, with every limit at this share of itself.
    fn wanted(&self, strain: &Strain, share: f64) -> Load {
        let levels = self.strains(strain).map(|(value, [save, shed], _)| match value {
            Some(value) if value >= shed * share => Load::Shedding,
            Some(value) if value >= save * share => Load::Saving,
            _ => Load::Normal,
        });
        levels.into_iter().max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn memory(share: f64) -> Strain {
        Strain { memory: Some(share), ..Strain::default() }
    }

    #[test]
    fn it_goes_up_at_once_and_down_a_step_at_a_time() {
        let mut governor = Governor::new(80.0, 90.0);
        assert_eq!(governor.judge(&memory(0.5), seconds(0)), Load::Normal);
        assert_eq!(governor.judge(&memory(0.96), seconds(2)), Load::Shedding);
        for (at, load) in [(4, Load::Shedding), (33, Load::Shedding), (34, Load::Saving)] {
            assert_eq!(governor.judge(&memory(0.5), seconds(at)), load, "at {at}");
        }
        assert_eq!(governor.judge(&memory(0.5), seconds(63)), Load::Saving);
        assert_eq!(governor.judge(&memory(0.5), seconds(64)), Load::Normal);
    }

    #[test]
    fn at_the_edge_of_a_limit_it_does_not_flutter() {
        let mut governor = Governor::new(80.0, 90.0);
        for at in 0..200 {
            let share = if at % 2 == 0 { 0.86 } else { 0.84 };
            assert_eq!(governor.judge(&memory(share), seconds(at)), Load::Saving, "at {at}");
        }
    }

    #[test]
    fn each_limit_counts_for_itself_and_the_worst_for_all() {
        let judge = |strain: Strain| Governor::new(80.0, 90.0).judge(&strain, seconds(0));
        let throttled = |share| Strain { throttled: Some(share), ..Strain::default() };
        let celsius = |celsius| Strain { celsius: Some(celsius), ..Strain::default() };
        assert_eq!(judge(Strain::default()), Load::Normal, "a board that tells nothing");
        assert_eq!(judge(throttled(0.4)), Load::Normal);
        assert_eq!(judge(throttled(0.6)), Load::Saving);
        assert_eq!(judge(throttled(0.95)), Load::Shedding);
        assert_eq!(judge(celsius(79.0)), Load::Normal);
        assert_eq!(judge(celsius(82.0)), Load::Saving);
        assert_eq!(judge(Strain { memory: Some(0.9), ..celsius(91.0) }), Load::Shedding);
    }

    #[test]
    fn the_causes_are_named() {
        let governor = Governor::new(80.0, 90.0);
        let strain = Strain { memory: Some(0.9), throttled: Some(0.1), celsius: Some(84.4) };
        assert_eq!(governor.causes(&strain), "memory at 90 % of its limit, the chip has 84 °C");
        assert_eq!(governor.causes(&memory(0.2)), "");
    }
}
