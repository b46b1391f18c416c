//! Night: the hours in which a person counts for more, in the time of the place.

use super::alerts::Times;
use crate::domain::{Schedule, TimeOfDay, Timestamp};

/// What the assessment needs to know of the place. Without a night the hour of the
/// day plays no part: the box itself knows UTC only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssessSettings {
    /// Name of the place in the time zone database.
    pub timezone: String,
    /// First and last minute of the night.
    pub night: Option<(TimeOfDay, TimeOfDay)>,
}

impl Default for AssessSettings {
    fn default() -> Self {
        Self { timezone: "UTC".to_owned(), night: None }
    }
}

/// The night of a place.
#[derive(Clone, Debug)]
pub struct Night(Times);

impl Night {
    /// The night that is configured, if one is.
    pub fn of(settings: &AssessSettings) -> Option<Self> {
        let (start, end) = settings.night?;
        Some(Self(Times::new(&Schedule {
            days: Vec::new(),
            start: Some(start),
            end: Some(end),
            timezone: settings.timezone.clone(),
        })))
    }

    /// The time of day at the place, if it is night there.
    pub fn time_at(&self, at: Timestamp) -> Option<TimeOfDay> {
        self.0.hold_at(at).then(|| self.0.time_of_day(at)).flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(settings: &AssessSettings, time: &str) -> Option<String> {
        Night::of(settings)?.time_at(time.parse().unwrap()).map(|time| time.to_string())
    }

    #[test]
    fn night_is_night_at_the_place_and_not_where_the_clock_is() {
        let night = "22:00".parse().ok().zip("06:00".parse().ok());
        let berlin = AssessSettings { timezone: "Europe/Berlin".into(), night };
        assert_eq!(at(&berlin, "2026-01-15T22:10:00Z").as_deref(), Some("23:10"));
        assert_eq!(at(&berlin, "2026-01-15T20:59:59Z"), None);
        assert_eq!(at(&berlin, "2026-07-15T20:00:00Z").as_deref(), Some("22:00"));
        assert_eq!(at(&berlin, "2026-07-16T04:01:00Z"), None);
        assert_eq!(at(&AssessSettings::default(), "2026-01-15T23:00:00Z"), None);
    }
}
