//! When a rule holds: days and times in the time of a place.
//!
//! Both ends belong to the schedule, to the minute. One that goes past midnight
//! belongs to the day on which it begins: `friday 22:00-06:00` ends on Saturday
//! morning. Clocks that are put forward or back are followed, because the local
//! time is looked at and not a span.

use jiff::tz::TimeZone;

use crate::domain::{Schedule, TimeOfDay, Timestamp, Weekday};

/// Whether a name is one of the time zone database, which is part of the program;
/// the system's own is asked first.
pub fn is_timezone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// A schedule with its place looked up.
#[derive(Clone, Debug)]
pub struct Times {
    schedule: Schedule,
    zone: TimeZone,
}

impl Times {
    /// The times of a schedule. A place that is not known any more counts as UTC:
    /// an alert at a wrong hour is better than none.
    pub fn new(schedule: &Schedule) -> Self {
        let zone = TimeZone::get(&schedule.timezone).unwrap_or(TimeZone::UTC);
        Self { schedule: schedule.clone(), zone }
    }

    /// Whether the schedule holds at `at`.
    pub fn hold_at(&self, at: Timestamp) -> bool {
        // Out of range only for damaged records.
        let Some(local) = self.local(at) else { return true };
        let minute = local.hour() as u16 * 60 + local.minute() as u16;
        let today = Weekday::ALL[local.weekday().to_monday_zero_offset() as usize];
        let first = self.schedule.start.map_or(0, TimeOfDay::minutes);
        let last = self.schedule.end.map_or(24 * 60 - 1, TimeOfDay::minutes);
        if first <= last {
            return self.begins_on(today) && (first..=last).contains(&minute);
        }
        let is_evening = minute >= first && self.begins_on(today);
        let is_morning = minute <= last && self.begins_on(today.before());
        is_evening || is_morning
    }

    /// The time of day at the place.
    pub fn time_of_day(&self, at: Timestamp) -> Option<TimeOfDay> {
        let local = self.local(at)?;
        TimeOfDay::new(local.hour() as u16, local.minute() as u16)
    }

    fn local(&self, at: Timestamp) -> Option<jiff::Zoned> {
        let instant = jiff::Timestamp::from_millisecond(at.unix_ms()).ok()?;
        Some(instant.to_zoned(self.zone.clone()))
    }

    fn begins_on(&self, day: Weekday) -> bool {
        self.schedule.days.is_empty() || self.schedule.days.contains(&day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(days: &[Weekday], start: &str, end: &str, timezone: &str) -> Times {
        Times::new(&Schedule {
            days: days.to_vec(),
            start: start.parse().ok(),
            end: end.parse().ok(),
            timezone: timezone.into(),
        })
    }

    fn hold(times: &Times, at: &str) -> bool {
        times.hold_at(at.parse().unwrap())
    }

    #[test]
    fn both_ends_belong_to_the_schedule() {
        let day = times(&[], "09:00", "17:00", "UTC");
        assert!(!hold(&day, "2026-01-15T08:59:59Z") && hold(&day, "2026-01-15T09:00:00Z"));
        assert!(hold(&day, "2026-01-15T17:00:59Z") && !hold(&day, "2026-01-15T17:01:00Z"));
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let night = times(&[Weekday::Friday], "22:00", "06:00", "UTC");
        // 2026-01-16 is a Friday.
        assert!(!hold(&night, "2026-01-16T05:00:00Z"), "the night before");
        assert!(hold(&night, "2026-01-16T22:00:00Z") && hold(&night, "2026-01-16T23:59:59Z"));
        assert!(hold(&night, "2026-01-17T00:00:00Z") && hold(&night, "2026-01-17T06:00:30Z"));
        assert!(!hold(&night, "2026-01-17T06:01:00Z") && !hold(&night, "2026-01-17T23:00:00Z"));
    }

    #[test]
    fn the_time_of_the_place_counts_in_summer_and_in_winter() {
        let berlin = times(&[], "22:00", "22:59", "Europe/Berlin");
        assert!(hold(&berlin, "2026-01-15T21:30:00Z") && hold(&berlin, "2026-07-15T20:30:00Z"));
        assert!(!hold(&berlin, "2026-01-15T20:30:00Z") && !hold(&berlin, "2026-07-15T21:30:00Z"));
        // Its Sunday is Saturday's evening in UTC.
        let sunday = times(&[Weekday::Sunday], "00:00", "01:00", "Europe/Berlin");
        assert!(hold(&sunday, "2026-01-17T23:30:00Z"));
    }

    #[test]
    fn without_days_and_times_it_always_holds() {
        let always = times(&[], "", "", "UTC");
        assert!(hold(&always, "2026-01-15T00:00:00Z") && hold(&always, "2026-01-18T23:59:59Z"));
    }

    #[test]
    fn names_of_the_database_are_known_and_others_are_not() {
        for name in ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"] {
            assert!(is_timezone(name), "{name}");
        }
        for name in ["", "Mars/Olympus", "../../etc/passwd", "Europe/Berlin\0"] {
            assert!(!is_timezone(name), "{name:?}");
        }
    }
}
