//! What the analyst has said, read strictly: a JSON object with `score`, `summary` and
//! `reasoning`, wherever it stands in the answer. The level follows from the score,
//! and the score stays near that of the rules.

use serde::Deserialize;

use super::prompt::shortened;
use super::{AnalystError, MARK, SWAY};
use crate::domain::{Event, RiskScore};

/// Most characters that are taken over.
const SUMMARY_MAX: usize = 200;
const REASONING_MAX: usize = 1200;

/// Places at which an object may begin before the answer is given up: some models
/// think aloud first, with braces.
const STARTS_MAX: usize = 64;

/// What the analyst makes of an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    score: i32,
    summary: String,
    reasoning: String,
}

#[derive(Deserialize)]
struct Said {
    score: f64,
    summary: String,
    reasoning: String,
}

impl Verdict {
    /// The verdict in an answer.
    ///
    /// # Errors
    /// When there is none in it.
    pub fn read(answer: &str) -> Result<Self, AnalystError> {
        let starts = answer.match_indices('{').take(STARTS_MAX).map(|(start, _)| start);
        let said = starts
            .filter_map(|start| {
                let mut values = serde_json::Deserializer::from_str(&answer[start..]).into_iter();
                values.next()?.ok()
            })
            .next();
        let said: Said = said.ok_or(AnalystError::Unusable(
            "it holds no JSON object with score, summary and reasoning",
        ))?;
        if !(0.0..=100.0).contains(&said.score) {
            return Err(AnalystError::Unusable("its score is not 0 to 100"));
        }
        let summary = shortened(said.summary.trim_end_matches('.'), SUMMARY_MAX);
        let reasoning = shortened(&said.reasoning, REASONING_MAX);
        if summary.is_empty() || reasoning.is_empty() {
            return Err(AnalystError::Unusable("its summary or reasoning is empty"));
        }
        Ok(Self { score: said.score.round() as i32, summary, reasoning })
    }

    /// The event as it is judged now. The reasoning of the rules stays below it.
    pub fn apply(&self, event: Event) -> Event {
        let by_rules = i32::from(event.risk.value());
        let score = self.score.clamp(by_rules - SWAY, by_rules + SWAY);
        Event {
            risk: RiskScore::new(score),
            summary: self.summary.clone(),
            reasoning: format!("{MARK}{} Rules ({by_rules}): {}", self.reasoning, event.reasoning),
            ..event
        }
    }
}

/// The reasoning of an answer that is still being written: what stands in its
/// `"reasoning"` so far.
pub fn reasoning_so_far(answer: &str) -> String {
    let Some((_, rest)) = answer.split_once("\"reasoning\"") else { return String::new() };
    let Some(text) = rest.trim_start().strip_prefix(':').map(str::trim_start) else {
        return String::new();
    };
    let Some(text) = text.strip_prefix('"') else { return String::new() };
    // A text that is cut within an escape lacks up to six bytes of it.
    let end = end_of_text(text);
    let reads = |end: usize| {
        let part = text.get(..end)?;
        serde_json::from_str::<String>(&format!("\"{part}\"")).ok()
    };
    let read = (end.saturating_sub(12)..=end).rev().find_map(reads).unwrap_or_default();
    shortened(&read, REASONING_MAX)
}

/// Where the text ends: at the first quotation mark that is not escaped.
fn end_of_text(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if !is_escaped => return at,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assess::analyst::testing::event;
    use crate::domain::RiskLevel;

    const ANSWER: &str =
        r#"{"reasoning": "A person \"waits\" \u00e4.", "summary": "Somebody waits.", "score": 88}"#;

    #[test]
    fn an_answer_is_found_among_what_models_write_around_it() {
        let plain = Verdict::read(ANSWER).unwrap();
        assert_eq!((plain.score, plain.summary.as_str()), (88, "Somebody waits"));
        for wrapped in [
            format!("```json\n{ANSWER}\n```"),
            format!("<think>{{hm}} {{\"score\": 1}}</think>\n{ANSWER} That is all."),
        ] {
            assert_eq!(Verdict::read(&wrapped).unwrap(), plain, "{wrapped}");
        }
    }

    #[test]
    fn what_is_no_verdict_is_refused() {
        for answer in [
            "",
            "I cannot judge that.",
            "{\"score\": 50}",
            r#"{"score": "high", "summary": "a", "reasoning": "b"}"#,
            r#"{"score": 101, "summary": "a", "reasoning": "b"}"#,
            r#"{"score": -1, "summary": "a", "reasoning": "b"}"#,
            r#"{"score": 50, "summary": " ", "reasoning": "b"}"#,
            &"{".repeat(10_000),
        ] {
            assert!(matches!(Verdict::read(answer), Err(AnalystError::Unusable(_))), "{answer}");
        }
    }

    #[test]
    fn the_score_stays_near_that_of_the_rules_and_the_level_follows_it() {
        let judged = Verdict { score: 0, ..Verdict::read(ANSWER).unwrap() }.apply(event(12));
        assert_eq!((judged.risk.value(), judged.risk.level()), (45, RiskLevel::Medium));
        let raised = Verdict { score: 88, ..Verdict::read(ANSWER).unwrap() }.apply(event(12));
        assert_eq!((raised.risk.value(), raised.risk.level()), (88, RiskLevel::Critical));
        assert!(raised.reasoning.starts_with("Analyst: A person \"waits\" ä. Rules (75): person"));
    }

    #[test]
    fn texts_are_shortened_and_kept_on_one_line() {
        let long = "x\\ny ".repeat(5000);
        let answer = format!(r#"{{"score": 5, "summary": "{long}", "reasoning": "{long}"}}"#);
        let verdict = Verdict::read(&answer).unwrap();
        assert_eq!(verdict.summary.chars().count(), SUMMARY_MAX);
        assert_eq!(verdict.reasoning.chars().count(), REASONING_MAX);
        assert!(!verdict.summary.contains('\n'));
    }

    #[test]
    fn the_reasoning_grows_while_the_answer_is_written() {
        let mut before = String::new();
        for end in 0..=ANSWER.len() {
            let now = reasoning_so_far(&ANSWER[..end]);
            assert!(now.starts_with(before.trim_end()), "{before:?} {now:?}");
            before = now;
        }
        assert_eq!(before, "A person \"waits\" ä.");
    }
}
