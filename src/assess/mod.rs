//! Assessment: how much an event matters, and why, in words.
//!
//! Fixed rules, each with its points; the score is their sum and nothing else,
//! so a person can check it against the reasoning. A passer-by stays low or
//! medium; lingering and entering a zone raise the score. A person at night counts
//! for more where the configuration says when and where night is ([`AssessSettings`])
//! and the clock can be trusted; otherwise the hour of the day plays no part.
//!
//! Where one is configured, a language model gives a second opinion when an event is
//! over: the [`Analyst`].
//!
//! Which events somebody must see is decided by rules of another kind, those that
//! people make: [`Alerts`].

mod alerts;
mod analyst;
mod night;
mod rules;

pub use alerts::{
    Acted, Alerts, AlertsContext, Check, KEY_MAX, Motion, RULES_MAX, ReadyRule, TEMPLATE_DEFAULT,
    is_template, is_timezone,
};

pub use analyst::{
    Analyst, AnalystContext, AnalystError, AnalystSettings, BreakerFigures, BreakerState, Stage,
    Watch,
};
pub use night::AssessSettings;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;

use self::night::Night;
use crate::domain::{Assessment, Assessor, RiskScore, Sighting};

/// The fixed rules, and the night of the place.
#[derive(Debug, Default)]
pub struct Rules {
    night: ArcSwapOption<Night>,
}

impl Rules {
    /// Judges by these settings from now on.
    pub fn apply(&self, settings: &AssessSettings) {
        self.night.store(Night::of(settings).map(Arc::new));
    }
}

impl Assessor for Rules {
    fn assess(&self, sighting: &Sighting<'_>) -> Assessment {
        assess(sighting, self.night.load().as_deref())
    }
}

/// The verdict of the fixed rules. Pure.
fn assess(sighting: &Sighting<'_>, night: Option<&Night>) -> Assessment {
    let contributions = rules::contributions(sighting, night);
    let sum = contributions.iter().map(|(_, points)| points).sum();
    let words: Vec<_> =
        contributions.iter().map(|(reason, points)| format!("{reason} {points:+}")).collect();
    Assessment {
        risk: RiskScore::new(sum),
        summary: summary(sighting),
        reasoning: words.join("; "),
    }
}

/// Shorter stays are not worth mentioning.
const DWELL_MENTIONED: Duration = Duration::from_secs(10);

fn summary(sighting: &Sighting<'_>) -> String {
    let mut text = capitalized(sighting.label.as_str());
    if let Some(zone) = sighting.zones.last() {
        text.push_str(&format!(" in {zone}"));
    }
    text.push_str(&format!(" at {}", sighting.camera_name));
    if sighting.dwell >= DWELL_MENTIONED {
        text.push_str(&format!(", {}", words_for(sighting.dwell)));
    }
    text
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

/// A span in the largest unit that says enough: `45 s`, `3 min`, `2 h`.
fn words_for(span: Duration) -> String {
    match span.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Label, RiskLevel};

    /// The verdict on something that moves, of which there is one.
    fn moving(label: &str, seconds: u64, zones: &[&str]) -> Assessment {
        verdict(label, seconds, zones, false, 1)
    }

    fn verdict(
        label: &str,
        seconds: u64,
        zones: &[&str],
        is_stationary: bool,
        persons_present: usize,
    ) -> Assessment {
        let zones: Vec<String> = zones.iter().map(|zone| (*zone).to_owned()).collect();
        Rules::default().assess(&Sighting {
            camera_name: "Front door",
            label: &Label::new(label),
            confidence: 0.8,
            dwell: Duration::from_secs(seconds),
            zones: &zones,
            is_stationary,
            persons_present,
            seen_within_day: None,
            at: None,
        })
    }

    #[test]
    fn a_person_at_night_counts_for_more_if_the_clock_is_trusted() {
        let rules = Rules::default();
        let seen = |label: &str, at: Option<&str>| {
            let sighting = Sighting {
                camera_name: "Front door",
                label: &Label::new(label),
                confidence: 0.8,
                dwell: Duration::ZERO,
                zones: &[],
                is_stationary: false,
                persons_present: 1,
                seen_within_day: None,
                at: at.and_then(|time| time.parse().ok()),
            };
            rules.assess(&sighting).reasoning
        };
        let late = Some("2026-01-15T22:10:00Z");
        assert_eq!(seen("person", late), "person +25", "nobody said when night is");
        let night = "22:00".parse().ok().zip("06:00".parse().ok());
        rules.apply(&AssessSettings { timezone: "Europe/Berlin".into(), night });
        assert_eq!(seen("person", late), "person +25; at night (23:10) +10");
        assert_eq!(seen("person", Some("2026-01-15T12:00:00Z")), "person +25");
        assert_eq!(seen("person", None), "person +25", "the clock is not trusted");
        assert_eq!(seen("car", late), "car +15");
        rules.apply(&AssessSettings::default());
        assert_eq!(seen("person", late), "person +25");
    }

    #[test]
    fn scores_follow_the_table_and_levels_follow_the_scores() {
        use RiskLevel::{Critical, High, Low, Medium};
        let table = [
            // Routine.
            (moving("person", 2, &[]), Low),
            (moving("person", 12, &[]), Medium),
            (verdict("person", 20, &[], false, 8), Medium),
            (moving("person", 4, &["porch"]), Medium),
            (moving("car", 6, &[]), Low),
            (verdict("car", 86_400, &[], true, 0), Low),
            (moving("dog", 300, &[]), Low),
            (verdict("bench", 9_000, &[], true, 3), Low),
            // Worth a look.
            (verdict("person", 45, &["porch"], true, 1), High),
            (verdict("person", 200, &[], true, 1), High),
            (moving("person", 90, &["porch"]), High),
            (moving("person", 240, &["drive", "porch"]), Critical),
        ];
        for (verdict, level) in table {
            assert_eq!(verdict.risk.level(), level, "{verdict:?}");
        }
    }

    #[test]
    fn what_comes_by_often_counts_less_and_what_never_does_more() {
        let label = Label::new("person");
        let at_camera = |seen_within_day| {
            let sighting = Sighting {
                camera_name: "Front door",
                label: &label,
                confidence: 0.8,
                dwell: Duration::ZERO,
                zones: &[],
                is_stationary: false,
                persons_present: 1,
                seen_within_day,
                at: None,
            };
            Rules::default().assess(&sighting).reasoning
        };
        assert_eq!(at_camera(None), "person +25");
        assert_eq!(at_camera(Some(0)), "person +25; first person here for a day +5");
        assert_eq!(at_camera(Some(7)), "person +25");
        assert_eq!(at_camera(Some(20)), "person +25; person often here -5");
    }

    #[test]
    fn the_reasoning_adds_up_to_the_score() {
        for seconds in [0, 10, 45, 100, 1_000] {
            for zones in [&[] as &[&str], &["porch"], &["porch", "drive", "shed", "lawn"]] {
                let verdict = verdict("person", seconds, zones, false, 5);
                let points = |part: &str| part.rsplit(' ').next().unwrap().parse::<i32>().unwrap();
                let sum: i32 = verdict.reasoning.split("; ").map(points).sum();
                assert_eq!(RiskScore::new(sum), verdict.risk, "{}", verdict.reasoning);
            }
        }
    }

    #[test]
    fn sentences_say_who_where_and_how_long() {
        let verdict = moving("person", 45, &["porch"]);
        assert_eq!(verdict.summary, "Person in porch at Front door, 45 s");
        assert_eq!(verdict.reasoning, "person +25; stayed 45 s +15; in zone porch +20");
        assert_eq!(words_for(Duration::from_secs(200)), "3 min");
    }
}
