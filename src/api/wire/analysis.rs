//! The analysis stream of the realtime API: unnamed server-sent events of JSON.
//!
//! The error's sentence goes by two names: the document says `message`, programs
//! written against the original read `error_message`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::api::response::json_text;
use crate::domain::Event;

/// Parts a text is sent in, at most: each repeats what came before, so that more
/// would make the stream grow with the square of the text.
const PARTS_MAX: usize = 32;

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AnalysisProgress")]
pub(in crate::api) struct Progress<'a> {
    event_type: &'static str,
    content: &'a str,
    accumulated_text: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AnalysisComplete")]
pub(in crate::api) struct Complete<'a> {
    event_type: &'static str,
    event_id: u64,
    risk_score: u8,
    risk_level: &'static str,
    summary: &'a str,
    reasoning: &'a str,
}

#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AnalysisFailed")]
pub(in crate::api) struct Failed<'a> {
    event_type: &'static str,
    error_code: &'a str,
    message: &'a str,
    error_message: &'a str,
    recoverable: bool,
}

/// The reasoning of `event` in parts, then its assessment.
pub fn complete(event: &Event) -> String {
    let mut stream = String::new();
    let mut end = 0;
    for content in parts(&event.reasoning) {
        end += content.len();
        let accumulated_text = &event.reasoning[..end];
        stream += &block(&Progress { event_type: "progress", content, accumulated_text });
    }
    stream + &verdict(event)
}

/// The assessment of `event` alone.
pub fn verdict(event: &Event) -> String {
    block(&Complete {
        event_type: "complete",
        event_id: event.id.0,
        risk_score: event.risk.value(),
        risk_level: event.risk.level().as_str(),
        summary: &event.summary,
        reasoning: &event.reasoning,
    })
}

/// More of a text that is still being written, of which `told` bytes were sent.
pub fn progress(text: &str, told: usize) -> String {
    let content = text.get(told..).unwrap_or_default();
    block(&Progress { event_type: "progress", content, accumulated_text: text })
}

/// Why there is no assessment. Asking again only helps when it is `recoverable`.
pub fn failed(error_code: &str, message: &str, recoverable: bool) -> String {
    let error_message = message;
    block(&Failed { event_type: "error", error_code, message, error_message, recoverable })
}

fn block(data: &impl Serialize) -> String {
    format!("data: {}\n\n", json_text(data))
}

/// The text in groups of whole words.
fn parts(text: &str) -> Vec<&str> {
    let starts: Vec<usize> =
        std::iter::once(0).chain(text.match_indices(' ').map(|(index, _)| index)).collect();
    let starts: Vec<usize> =
        starts.iter().copied().step_by(starts.len().div_ceil(PARTS_MAX)).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let parts = starts.iter().zip(ends).map(|(&start, end)| &text[start..end]);
    parts.filter(|part| !part.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_whole_words_and_together_the_text() {
        assert_eq!(parts("Based on the"), ["Based", " on", " the"]);
        let long = "süß ".repeat(500);
        for text in ["", "one", " ", "  two  spaces ", &long] {
            assert_eq!(parts(text).concat(), text);
            assert!(parts(text).len() <= PARTS_MAX);
        }
    }
}
