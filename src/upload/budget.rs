//! What may go over the line: bytes an hour and a day, and quiet hours.
//!
//! Windows are those of UTC, so that a restart does not open a new one. The last
//! tenth of a budget is kept for alerts and events. Pure functions of the time handed
//! in.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::{Lane, QuietHours, UploadSettings};
use crate::domain::{TimeOfDay, Timestamp};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

/// The share of a budget that pictures and detections leave to the others.
const RESERVE: u64 = 10;

/// What was spent in the current hour and day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Spent {
    hour: i64,
    hour_bytes: u64,
    day: i64,
    day_bytes: u64,
}

impl Spent {
    /// So many bytes more.
    pub fn add(&mut self, bytes: u64, now: Timestamp) {
        *self = self.at(now);
        self.hour_bytes = self.hour_bytes.saturating_add(bytes);
        self.day_bytes = self.day_bytes.saturating_add(bytes);
    }

    /// Bytes of the day that `now` belongs to.
    pub fn today(self, now: Timestamp) -> u64 {
        self.at(now).day_bytes
    }

    /// What of it counts at `now`.
    fn at(self, now: Timestamp) -> Self {
        let (hour, day) = (now.unix_ms().div_euclid(HOUR_MS), now.unix_ms().div_euclid(DAY_MS));
        Self {
            hour,
            hour_bytes: if hour == self.hour { self.hour_bytes } else { 0 },
            day,
            day_bytes: if day == self.day { self.day_bytes } else { 0 },
        }
    }
}

/// Why nothing of a lane may go now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Held {
    /// In words.
    pub reason: &'static str,
    /// Until then at most.
    pub wait: Duration,
}

/// The limits.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    hourly: Option<u64>,
    daily: Option<u64>,
    quiet: Option<(QuietHours, TimeZone)>,
}

impl Budget {
    /// The limits of these settings. A place that is not known any more counts as
    /// UTC.
    pub fn new(settings: &UploadSettings) -> Self {
        let zone = |quiet: &QuietHours| TimeZone::get(&quiet.timezone).unwrap_or(TimeZone::UTC);
        Self {
            hourly: settings.hourly_bytes_max,
            daily: settings.daily_bytes_max,
            quiet: settings.quiet.clone().map(|quiet| (quiet.clone(), zone(&quiet))),
        }
    }

    /// Bytes of a lane that may go now, or why none may.
    pub fn room(&self, lane: Lane, spent: Spent, now: Timestamp) -> Result<u64, Held> {
        if lane != Lane::Alerts
            && let Some(wait) = self.quiet_for(now)
        {
            return Err(Held { reason: "quiet hours", wait });
        }
        let spent = spent.at(now);
        let windows = [
            (self.hourly, spent.hour_bytes, HOUR_MS, "the hour's bytes are spent"),
            (self.daily, spent.day_bytes, DAY_MS, "the day's bytes are spent"),
        ];
        let mut room = u64::MAX;
        for (limit, used, window_ms, reason) in windows {
            let Some(limit) = limit else { continue };
            let share = match lane {
                Lane::Alerts | Lane::Events => limit,
                Lane::Media | Lane::Bulk | Lane::Clips => limit - limit / RESERVE,
            };
            let left = share.saturating_sub(used);
            if left < LEAST {
                let until = window_ms - now.unix_ms().rem_euclid(window_ms);
                return Err(Held { reason, wait: Duration::from_millis(until.unsigned_abs()) });
            }
            room = room.min(left);
        }
        Ok(room)
    }

    /// How much longer it is quiet, to the minute; `None` when it is not.
    fn quiet_for(&self, now: Timestamp) -> Option<Duration> {
        let (quiet, zone) = self.quiet.as_ref()?;
        let local = jiff::Timestamp::from_millisecond(now.unix_ms()).ok()?.to_zoned(zone.clone());
        let minute = TimeOfDay::new(local.hour() as u16, local.minute() as u16)?.minutes();
        let (start, end) = (quiet.start.minutes(), quiet.end.minutes());
        let is_quiet = match start <= end {
            true => (start..end).contains(&minute),
            false => minute >= start || minute < end,
        };
        let left = (end + 24 * 60 - minute) % (24 * 60);
        is_quiet.then(|| Duration::from_secs(u64::from(left) * 60))
    }
}

/// Less than this is not worth a request: its head alone takes half of it.
const LEAST: u64 = 2 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn budget(hourly: Option<u64>, daily: Option<u64>) -> Budget {
        Budget::new(&UploadSettings {
            hourly_bytes_max: hourly,
            daily_bytes_max: daily,
            ..UploadSettings::default()
        })
    }

    #[test]
    fn what_was_spent_counts_until_the_hour_is_over() {
        let budget = budget(Some(100_000), None);
        let mut spent = Spent::default();
        spent.add(99_000, at("2026-11-23T10:59:00Z"));
        let held = budget.room(Lane::Alerts, spent, at("2026-11-23T10:59:30Z")).unwrap_err();
        assert_eq!(held.wait, Duration::from_secs(30));
        assert_eq!(budget.room(Lane::Alerts, spent, at("2026-11-23T11:00:00Z")), Ok(100_000));
        assert_eq!(spent.today(at("2026-11-23T23:00:00Z")), 99_000);
        assert_eq!(spent.today(at("2026-11-24T00:00:00Z")), 0);
    }

    #[test]
    fn the_last_tenth_is_left_to_alerts_and_events() {
        let budget = budget(Some(1_000_000), Some(500_000));
        let now = at("2026-11-23T10:00:00Z");
        let mut spent = Spent::default();
        assert_eq!(budget.room(Lane::Bulk, spent, now), Ok(450_000));
        spent.add(460_000, now);
        assert!(budget.room(Lane::Media, spent, now).is_err());
        assert_eq!(budget.room(Lane::Events, spent, now), Ok(40_000));
    }

    #[test]
    fn in_quiet_hours_only_alerts_go_and_it_is_known_until_when() {
        let quiet = QuietHours {
            start: "22:00".parse().unwrap(),
            end: "06:00".parse().unwrap(),
            timezone: "Europe/Berlin".to_owned(),
        };
        let budget =
            Budget::new(&UploadSettings { quiet: Some(quiet), ..UploadSettings::default() });
        let room = |lane, time| budget.room(lane, Spent::default(), at(time));
        // Berlin is an hour ahead of UTC in winter.
        assert!(room(Lane::Events, "2026-11-23T20:59:00Z").is_ok());
        let held = room(Lane::Events, "2026-11-23T21:00:00Z").unwrap_err();
        assert_eq!((held.reason, held.wait), ("quiet hours", Duration::from_secs(8 * 3600)));
        assert!(room(Lane::Alerts, "2026-11-23T21:00:00Z").is_ok());
        assert!(room(Lane::Bulk, "2026-11-24T04:59:00Z").is_err());
        assert!(room(Lane::Bulk, "2026-11-24T05:00:00Z").is_ok());
    }
}
