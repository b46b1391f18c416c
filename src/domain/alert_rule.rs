//! Which events somebody must see.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CameraId, RiskLevel, Timestamp};

/// One alert rule; a UUID on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub Uuid);

impl RuleId {
    /// An id that nobody has had before.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RuleId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// A rule. An event raises an alert when all conditions that are given hold; a
/// rule without conditions holds always.
#[derive(Clone, Debug, PartialEq)]
pub struct AlertRule {
    /// Unique for ever.
    pub id: RuleId,
    /// 0 when created, one more with each change.
    pub revision: u32,
    /// Name for people.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Whether it is looked at.
    pub is_enabled: bool,
    /// How much its alerts matter; absent: as much as the risk of the event.
    pub severity: Option<RiskLevel>,
    /// Least risk, 0..=100.
    pub risk_threshold: Option<u8>,
    /// Classes, one of which the object must have; empty: any.
    pub object_types: Vec<String>,
    /// Cameras, one of which it must be; empty: any.
    pub cameras: Vec<CameraId>,
    /// Names of zones, one of which the object must have been in; empty: any.
    pub zones: Vec<String>,
    /// Least score of the object, 0..=1.
    pub min_confidence: Option<f32>,
    /// When it holds; absent: always.
    pub schedule: Option<Schedule>,
    /// The motion sensor must have seen something while the event lasted, or no more
    /// than this before it began or after it ended; absent: it is not asked.
    pub motion_within: Option<Duration>,
    /// What makes two alerts the same, with `{camera_id}`, `{rule_id}` and
    /// `{object_type}`.
    pub dedup_key_template: String,
    /// The same alert is not raised again before this has passed; zero: always.
    pub cooldown: Duration,
    /// Names of delivery channels.
    pub channels: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its latest change.
    pub updated_at: Timestamp,
}

/// Times of the week.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Days on which it begins; empty: every day.
    pub days: Vec<Weekday>,
    /// First minute; absent: midnight.
    pub start: Option<TimeOfDay>,
    /// Last minute, which belongs to it; absent: the end of the day. Before
    /// `start`: on the next day.
    pub end: Option<TimeOfDay>,
    /// Name in the time zone database, such as `Europe/Berlin`.
    pub timezone: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

impl Weekday {
    /// All days, Monday first.
    pub const ALL: [Self; 7] = [
        Self::Monday,
        Self::Tuesday,
        Self::Wednesday,
        Self::Thursday,
        Self::Friday,
        Self::Saturday,
        Self::Sunday,
    ];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Monday => "monday",
            Self::Tuesday => "tuesday",
            Self::Wednesday => "wednesday",
            Self::Thursday => "thursday",
            Self::Friday => "friday",
            Self::Saturday => "saturday",
            Self::Sunday => "sunday",
        }
    }

    /// The day of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|day| day.as_str() == word)
    }

    /// The day before.
    pub fn before(self) -> Self {
        Self::ALL[(self as usize + 6) % 7]
    }
}

/// A minute of the day, `HH:MM` on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay(u16);

/// The text is not a time of day.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a time of day such as 22:30")]
pub struct InvalidTimeOfDay;

impl TimeOfDay {
    /// Hours 0..=23 and minutes 0..=59.
    pub fn new(hour: u16, minute: u16) -> Option<Self> {
        (hour < 24 && minute < 60).then_some(Self(hour * 60 + minute))
    }

    /// Minutes since midnight.
    pub const fn minutes(self) -> u16 {
        self.0
    }

    /// From minutes since midnight, 0..1440.
    pub fn from_minutes(minutes: u16) -> Option<Self> {
        (minutes < 24 * 60).then_some(Self(minutes))
    }
}

impl fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}:{:02}", self.0 / 60, self.0 % 60)
    }
}

impl FromStr for TimeOfDay {
    type Err = InvalidTimeOfDay;

    fn from_str(text: &str) -> Result<Self, InvalidTimeOfDay> {
        let (hour, minute) = text.split_once(':').ok_or(InvalidTimeOfDay)?;
        let number = |digits: &str| {
            let is_two = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
            is_two.then(|| digits.parse().ok()).flatten().ok_or(InvalidTimeOfDay)
        };
        Self::new(number(hour)?, number(minute)?).ok_or(InvalidTimeOfDay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_have_two_digits_each_and_exist() {
        for text in ["00:00", "07:05", "23:59"] {
            assert_eq!(text.parse::<TimeOfDay>().map(|time| time.to_string()), Ok(text.to_owned()));
        }
        for text in ["", "24:00", "7:05", "07:5", "07:60", "+7:05", "07:05:00", "noon"] {
            assert_eq!(text.parse::<TimeOfDay>(), Err(InvalidTimeOfDay), "{text}");
        }
    }

    #[test]
    fn the_day_before_monday_is_sunday() {
        assert_eq!(Weekday::Monday.before(), Weekday::Sunday);
        assert_eq!(Weekday::Sunday.before(), Weekday::Saturday);
    }
}
