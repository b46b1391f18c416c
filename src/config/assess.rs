//! How events are judged: where the box is, and when it is night there.

use toml::de::DeValue;

use super::rules::{self, Bad};
use super::section::Section;
use crate::assess::{AssessSettings, is_timezone};
use crate::domain::TimeOfDay;

/// The section `assess`.
pub fn assess(section: Section<'_>) -> AssessSettings {
    let mut assess = AssessSettings::default();
    section.set("timezone", &mut assess.timezone, timezone);
    section.set_some("night", &mut assess.night, night);
    section.finish();
    assess
}

fn timezone(value: &DeValue<'_>) -> Result<String, Bad> {
    let name = rules::text(value)?;
    if is_timezone(&name) {
        return Ok(name);
    }
    let shown: String = name.chars().take(60).collect();
    let fix = "write a name of the time zone database, such as \"Europe/Berlin\"";
    Err(Bad::new(format!("is {shown:?}"), fix))
}

fn night(value: &DeValue<'_>) -> Result<(TimeOfDay, TimeOfDay), Bad> {
    let text = rules::text(value)?;
    let ends = text
        .split_once('-')
        .and_then(|(start, end)| Some((start.trim().parse().ok()?, end.trim().parse().ok()?)));
    let shown: String = text.chars().take(60).collect();
    let wrong = || Bad::new(format!("is {shown:?}"), "write two times, such as \"22:00-06:00\"");
    ends.filter(|(start, end)| start != end).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> DeValue<'_> {
        DeValue::String(text.into())
    }

    #[test]
    fn a_night_is_two_times_of_day() {
        let (start, end) = night(&text("22:00-06:00")).unwrap();
        assert_eq!((start.minutes(), end.minutes()), (22 * 60, 6 * 60));
        for wrong in ["22:00", "22-6", "24:00-06:00", "06:00-06:00", "night"] {
            assert!(night(&text(wrong)).unwrap_err().fix.contains("22:00-06:00"), "{wrong}");
        }
    }

    #[test]
    fn a_place_is_one_of_the_database() {
        assert_eq!(timezone(&text("Europe/Berlin")).unwrap(), "Europe/Berlin");
        assert!(timezone(&text("Mars/Olympus")).unwrap_err().fix.contains("Europe/Berlin"));
    }
}
