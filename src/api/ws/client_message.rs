//! What clients send, however wrong it is, and how it is answered.

use serde_json::{Map, Value, json};

use super::subscription::PATTERN_MAX_LEN;
use crate::api::wire::realtime;
use crate::live::Since;

/// Longest accepted type, in characters (realtime contract, base message).
const TYPE_MAX_CHARS: usize = 50;

/// Characters of a broken message that are quoted back.
const PREVIEW_CHARS: usize = 100;

/// Longest cursor and channel name a client may send, in bytes.
const RESYNC_TEXT_MAX_LEN: usize = 64;

const SUPPORTED: [&str; 5] = ["ping", "pong", "subscribe", "unsubscribe", "resync"];

/// A message that can be acted upon.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ClientMessage {
    /// Wants a pong.
    Ping,
    /// Answers our ping; nothing to do.
    Pong,
    /// Wants these patterns, at least one.
    Subscribe(Vec<String>),
    /// No longer wants these patterns; all if there are none.
    Unsubscribe(Vec<String>),
    /// Wants what it has missed.
    Resync(Resync),
}

/// How far a client says it has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resync {
    /// Its name for the stream; comes back in the answer.
    pub(super) channel: String,
    /// By position in the stream, or by number on this connection.
    pub(super) since: Since,
    /// The number, if it named one.
    pub(super) last_sequence: Option<u64>,
}

/// Reads a text message; the error is the answer to send.
pub(super) fn parse(text: &str) -> Result<ClientMessage, String> {
    if text == "ping" {
        return Ok(ClientMessage::Ping);
    }
    let value: Value = serde_json::from_str(text).map_err(|_| invalid_json(text))?;
    let Value::Object(message) = value else {
        return Err(invalid_format("the message must be a JSON object"));
    };
    let data = match message.get("data") {
        None | Some(Value::Null) => None,
        Some(Value::Object(data)) => Some(data),
        Some(_) => return Err(invalid_format("data must be an object")),
    };
    let kind = match message.get("type") {
        Some(Value::String(kind)) if (1..=TYPE_MAX_CHARS).contains(&kind.chars().count()) => kind,
        Some(Value::String(_)) => return Err(invalid_format("type must have 1 to 50 characters")),
        Some(_) => return Err(invalid_format("type must be a string")),
        None => return Err(invalid_format("type is missing")),
    };
    match kind.to_ascii_lowercase().as_str() {
        "ping" => Ok(ClientMessage::Ping),
        "pong" => Ok(ClientMessage::Pong),
        "subscribe" => match patterns(data)? {
            patterns if patterns.is_empty() => Err(invalid_patterns("events must name patterns")),
            patterns => Ok(ClientMessage::Subscribe(patterns)),
        },
        "unsubscribe" => patterns(data).map(ClientMessage::Unsubscribe),
        "resync" => resync(data.unwrap_or(&message)).map(ClientMessage::Resync),
        _ => Err(unknown_type(kind)),
    }
}

/// The answer to a message that is not text.
pub(super) fn not_text() -> String {
    invalid_format("messages must be text, not binary")
}

/// The answer to patterns that cannot be held.
pub(super) fn invalid_patterns(message: &str) -> String {
    let example = json!({"type": "subscribe", "data": {"events": ["event.*", "camera.*"]}});
    realtime::error("validation_error", message, json!({"example": example}))
}

/// The answer to a resync that cannot be done.
pub(super) fn invalid_resync(message: &str) -> String {
    let example = json!({"type": "resync", "data": {"cursor": "5f3c9a01-2f"}});
    realtime::error("validation_error", message, json!({"example": example}))
}

/// As in the original, a missing channel is `unknown` and a missing number 0.
fn resync(data: &Map<String, Value>) -> Result<Resync, String> {
    let channel = short_text(data, "channel")?.unwrap_or("unknown").to_owned();
    let last_sequence = match data.get("last_sequence") {
        None | Some(Value::Null) => None,
        Some(number) => Some(number.as_u64().ok_or_else(|| {
            invalid_resync("last_sequence must be a whole number that is not negative")
        })?),
    };
    let since = match short_text(data, "cursor")? {
        // One in another form comes from another version: as old as a cursor can be.
        Some(cursor) => Since::Cursor(cursor.parse().ok()),
        None => Since::Number(last_sequence.unwrap_or(0)),
    };
    let last_sequence = matches!(since, Since::Number(_)).then(|| last_sequence.unwrap_or(0));
    Ok(Resync { channel, since, last_sequence })
}

fn short_text<'a>(data: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, String> {
    match data.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.len() <= RESYNC_TEXT_MAX_LEN => Ok(Some(text)),
        Some(_) => Err(invalid_resync(&format!("{name} must be a string of up to 64 characters"))),
    }
}

fn patterns(data: Option<&Map<String, Value>>) -> Result<Vec<String>, String> {
    let named = data.and_then(|data| data.get("events").or_else(|| data.get("channels")));
    let list = match named {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(invalid_patterns("events must be a list of patterns")),
    };
    let pattern = |value: &Value| match value {
        Value::String(text) if (1..=PATTERN_MAX_LEN).contains(&text.len()) => {
            Ok(text.to_ascii_lowercase())
        }
        _ => Err(invalid_patterns("a pattern must be a string of 1 to 64 characters")),
    };
    list.iter().map(pattern).collect()
}

fn invalid_json(text: &str) -> String {
    let preview: String = text.chars().take(PREVIEW_CHARS).collect();
    let preview = (!preview.is_empty()).then_some(preview);
    let details = json!({ "raw_data_preview": preview });
    realtime::error("invalid_json", "Message must be valid JSON", details)
}

fn invalid_format(problem: &str) -> String {
    let details = json!({ "validation_errors": [problem] });
    realtime::error("invalid_message_format", "Message has the wrong form", details)
}

fn unknown_type(kind: &str) -> String {
    let message = format!("Unknown message type: {kind}");
    realtime::error("unknown_message_type", &message, json!({ "supported_types": SUPPORTED }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::Cursor;

    fn code(text: &str) -> String {
        let answer = parse(text).unwrap_err();
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["type"], "error");
        assert!(answer["message"].is_string() && answer["details"].is_object());
        answer["error"].as_str().unwrap_or_default().to_owned()
    }

    #[test]
    fn pings_come_as_json_in_any_case_and_as_plain_text() {
        for text in [r#"{"type":"ping"}"#, r#"{"type":"PING","data":null,"x":1}"#, "ping"] {
            assert_eq!(parse(text), Ok(ClientMessage::Ping), "{text}");
        }
    }

    #[test]
    fn patterns_are_lowered_and_may_be_called_channels() {
        let text = r#"{"type":"subscribe","data":{"channels":["Event.*"]}}"#;
        assert_eq!(parse(text), Ok(ClientMessage::Subscribe(vec!["event.*".into()])));
        let text = r#"{"type":"unsubscribe"}"#;
        assert_eq!(parse(text), Ok(ClientMessage::Unsubscribe(vec![])));
    }

    #[test]
    fn a_resync_names_a_cursor_or_a_number() {
        let asked = |text: &str| match parse(text) {
            Ok(ClientMessage::Resync(resync)) => (resync.channel, resync.since),
            other => panic!("{other:?}"),
        };
        let cursor = Since::Cursor(Some(Cursor::new(0x5f, 0x2f)));
        for (text, channel, since) in [
            (r#"{"type":"resync","data":{"cursor":"5f-2f"}}"#, "unknown", cursor),
            (r#"{"type":"resync","cursor":"5f-2f"}"#, "unknown", cursor),
            (r#"{"type":"resync","data":{"cursor":"of old"}}"#, "unknown", Since::Cursor(None)),
            (
                r#"{"type":"resync","data":{"channel":"events","last_sequence":42}}"#,
                "events",
                Since::Number(42),
            ),
            (r#"{"type":"resync"}"#, "unknown", Since::Number(0)),
        ] {
            assert_eq!(asked(text), (channel.to_owned(), since), "{text}");
        }
    }

    #[test]
    fn every_kind_of_wrong_message_has_its_code() {
        let long = format!(r#"{{"type":"{}"}}"#, "x".repeat(51));
        for (text, expected) in [
            ("", "invalid_json"),
            ("{", "invalid_json"),
            ("Ping", "invalid_json"),
            (&"[".repeat(10_000), "invalid_json"),
            ("[1]", "invalid_message_format"),
            ("{}", "invalid_message_format"),
            (r#"{"type":7}"#, "invalid_message_format"),
            (r#"{"type":""}"#, "invalid_message_format"),
            (&long, "invalid_message_format"),
            (r#"{"type":"ping","data":[]}"#, "invalid_message_format"),
            (r#"{"type":"dance"}"#, "unknown_message_type"),
            (r#"{"type":"subscribe"}"#, "validation_error"),
            (r#"{"type":"subscribe","data":{"events":[]}}"#, "validation_error"),
            (r#"{"type":"subscribe","data":{"events":"event.*"}}"#, "validation_error"),
            (r#"{"type":"subscribe","data":{"events":[7]}}"#, "validation_error"),
            (r#"{"type":"resync","data":{"cursor":7}}"#, "validation_error"),
            (r#"{"type":"resync","data":{"last_sequence":-1}}"#, "validation_error"),
            (r#"{"type":"resync","data":{"last_sequence":1.5}}"#, "validation_error"),
            (r#"{"type":"resync","channel":[]}"#, "validation_error"),
        ] {
            assert_eq!(code(text), expected, "{text}");
        }
    }

    #[test]
    fn the_preview_of_broken_json_is_cut_between_characters() {
        let answer: Value = serde_json::from_str(&parse(&"ä".repeat(200)).unwrap_err()).unwrap();
        assert_eq!(answer["details"]["raw_data_preview"], "ä".repeat(100));
        let empty: Value = serde_json::from_str(&parse("").unwrap_err()).unwrap();
        assert_eq!(empty["details"]["raw_data_preview"], Value::Null);
    }
}
