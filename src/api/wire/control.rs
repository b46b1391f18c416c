//! Control messages of the realtime API's WebSockets: they carry no `seq` and
//! pass every filter. What clients send is here for its schema; `api::ws` reads
//! it by hand, to say what exactly is wrong.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::api::response::json_text;
use crate::live::{Cursor, Resynced};

/// The answer to a ping.
pub const PONG: &str = r#"{"type":"pong"}"#;

/// The heartbeat, every 30 s.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct Ping {
    #[schemars(extend("const" = "ping"))]
    r#type: &'static str,
    /// The number given last: a higher one than the client has seen means that it
    /// has missed something.
    #[serde(rename = "lastSeq")]
    last_seq: u64,
    /// The position in the stream; there when the client has been sent all that
    /// came before.
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// The heartbeat. `last_seq` lets a client notice what it has missed; `cursor`
/// is there when it has been sent all that came before.
pub fn ping(last_seq: u64, cursor: Option<Cursor>) -> String {
    let cursor = cursor.map(|cursor| cursor.to_string());
    json_text(&Ping { r#type: "ping", last_seq, cursor })
}

/// The end of a replay.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct ResyncAck<'a> {
    #[schemars(extend("const" = "resync_ack"))]
    r#type: &'static str,
    /// The client's name for the stream.
    channel: &'a str,
    /// The number the client named, or else the one given last.
    last_sequence: u64,
    /// Messages replayed before this answer.
    replayed_count: usize,
    /// There and true when older messages are no longer kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    gap_too_old: Option<bool>,
    /// Where a replay can begin, when the gap is too old.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest_available: Option<String>,
}

/// The answer to `resync`, after what was replayed. `last_sequence` repeats the
/// client's; after a resync by cursor it is the number given last.
pub fn resync_ack(channel: &str, last_sequence: Option<u64>, resynced: &Resynced) -> String {
    let oldest = resynced.oldest.filter(|_| resynced.is_too_old);
    json_text(&ResyncAck {
        r#type: "resync_ack",
        channel,
        last_sequence: last_sequence.unwrap_or(resynced.last_seq),
        replayed_count: resynced.replayed,
        gap_too_old: resynced.is_too_old.then_some(true),
        oldest_available: oldest.map(|cursor| cursor.to_string()),
    })
}

/// The answer to `subscribe` or `unsubscribe`; it has no type.
#[derive(Serialize, JsonSchema)]
pub(in crate::api) struct SubscriptionAck<'a> {
    #[schemars(extend("enum" = ["subscribed", "unsubscribed"]))]
    action: &'a str,
    /// The patterns it is about, in lower case.
    events: &'a [String],
}

/// The answer to `subscribe` or `unsubscribe`.
pub fn subscription(action: &str, events: &[String]) -> String {
    json_text(&SubscriptionAck { action, events })
}

/// What is wrong with a client's message. The connection goes on.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebSocketError")]
pub(in crate::api) struct Refused<'a> {
    #[schemars(extend("const" = "error"))]
    r#type: &'static str,
    #[schemars(extend("enum" = [
        "invalid_json", "invalid_message_format", "unknown_message_type", "validation_error"
    ]))]
    error: &'a str,
    /// In words.
    message: &'a str,
    /// What belongs to the code: `raw_data_preview`, `validation_errors`,
    /// `supported_types` or `example`.
    #[schemars(extend("type" = "object"))]
    details: Value,
}

/// What is wrong with a client's message. The connection goes on.
pub fn error(code: &str, message: &str, details: Value) -> String {
    json_text(&Refused { r#type: "error", error: code, message, details })
}

/// A sign of life, from either side.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; it is a constant on the wire")]
pub(in crate::api) struct Pong {
    #[schemars(extend("const" = "pong"))]
    r#type: &'static str,
}

/// A client's sign of life; answered with a pong. The bare text `ping` will do.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; read by hand")]
pub(in crate::api) struct ClientPing {
    #[schemars(extend("const" = "ping"))]
    r#type: &'static str,
}

/// Wants these messages; the first patterns replace "everything".
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; read by hand")]
pub(in crate::api) struct Subscribe {
    #[schemars(extend("const" = "subscribe"))]
    r#type: &'static str,
    data: Patterns,
}

/// No longer wants these messages; without patterns, begins anew.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; read by hand")]
pub(in crate::api) struct Unsubscribe {
    #[schemars(extend("const" = "unsubscribe"))]
    r#type: &'static str,
    data: Option<Patterns>,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; read by hand")]
struct Patterns {
    /// Names of messages, in which `*` stands for any text.
    #[schemars(length(min = 1, max = 64))]
    events: Vec<String>,
}

/// Wants what it has missed: by the last `cursor` it has seen, also on a new
/// connection, or by a number of this connection.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; read by hand")]
pub(in crate::api) struct Resync {
    #[schemars(extend("const" = "resync"))]
    r#type: &'static str,
    data: ResyncData,
}

#[derive(JsonSchema)]
#[expect(dead_code, reason = "for its schema; read by hand")]
struct ResyncData {
    /// The client's name for the stream; comes back in the answer.
    channel: Option<String>,
    cursor: Option<String>,
    last_sequence: Option<u64>,
}
