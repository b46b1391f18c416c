//! AsyncAPI 3.0 of the WebSockets: what each carries and takes, generated from
//! the catalog of messages and the wire types.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use crate::api::wire::catalog::{self, Announcement, Stream};
use crate::api::wire::control;
use crate::api::wire::schema::{self, SchemaOf};

/// A message that is no data: name, type, summary.
type Control = (&'static str, SchemaOf, &'static str);

/// The endpoints: name, address, summary.
const CHANNELS: [(Stream, &str, &str, &str); 4] = [
    (Stream::Events, "events", "/ws/events", "Events, alerts, cameras and jobs."),
    (Stream::System, "system", "/ws/system", "The box, its components and jobs."),
    (Stream::Detections, "detections", "/ws/detections", "Every object in every frame."),
    (
        Stream::JobLogs,
        "jobLogs",
        "/ws/jobs/{job_id}/logs",
        "The log of a job; closed with 1000 when the job ends.",
    ),
];

fn said_by_the_box() -> Vec<Control> {
    vec![
        ("pong", schema::of::<control::Pong>(), "The answer to a ping."),
        ("ping", schema::of::<control::Ping>(), "The heartbeat, every 30 s."),
        ("error", schema::of::<control::Refused<'_>>(), "What is wrong with a message."),
        (
            "subscription",
            schema::of::<control::SubscriptionAck<'_>>(),
            "The answer to subscribe and unsubscribe.",
        ),
        ("resyncAck", schema::of::<control::ResyncAck<'_>>(), "The end of a replay."),
    ]
}

fn said_by_clients() -> Vec<Control> {
    vec![
        ("clientPing", schema::of::<control::ClientPing>(), "Wants a pong; resets the idle time."),
        ("clientPong", schema::of::<control::Pong>(), "Answers the heartbeat."),
        ("subscribe", schema::of::<control::Subscribe>(), "Wants these messages."),
        ("unsubscribe", schema::of::<control::Unsubscribe>(), "No longer wants these messages."),
        ("resync", schema::of::<control::Resync>(), "Wants what it has missed."),
    ]
}

/// The document.
pub(super) fn document() -> Value {
    let mut generator = schema::for_components();
    let catalog = catalog::all();
    let mut messages = Map::new();
    for announcement in &catalog {
        messages.insert(announcement.wire.to_owned(), data_message(&mut generator, announcement));
    }
    for (name, schema, about) in said_by_the_box().into_iter().chain(said_by_clients()) {
        let payload = schema(&mut generator);
        messages
            .insert(name.to_owned(), json!({"name": name, "summary": about, "payload": payload}));
    }
    let (mut channels, mut operations) = (Map::new(), Map::new());
    for (stream, name, address, summary) in CHANNELS {
        let carried = catalog.iter().filter(|known| known.on.contains(&stream));
        let carried: Vec<_> = carried.map(|known| known.wire.to_owned()).collect();
        let sent = carried.into_iter().chain(names(said_by_the_box())).collect::<Vec<_>>();
        let taken = names(said_by_clients());
        channels.insert(name.to_owned(), channel(address, summary, sent.iter().chain(&taken)));
        let title = format!("{}{}", name[..1].to_ascii_uppercase(), &name[1..]);
        operations.insert(format!("send{title}"), operation("send", name, &sent));
        operations.insert(format!("receive{title}"), operation("receive", name, &taken));
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Watchpost, live",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INFO,
        },
        "defaultContentType": "application/json",
        "servers": {"box": {
            "host": "{address}",
            "protocol": "ws",
            "variables": {"address": {"default": "127.0.0.1:8080"}},
            "security": [
                {"$ref": "#/components/securitySchemes/key"},
                {"$ref": "#/components/securitySchemes/token"},
            ],
        }},
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "key": {
                    "type": "httpApiKey", "in": "query", "name": "api_key",
                    "description": "Or the header X-API-Key, or the subprotocol api-key.KEY.",
                },
                "token": {"type": "httpApiKey", "in": "query", "name": "token"},
            },
        },
    })
}

const INFO: &str = "Every data message has `seq`, counted on its connection after filtering and \
    before any drop, so that a hole is a loss; and `cursor`, its position in the stream of all \
    messages, for `resync` on a later connection. Whoever subscribes to names gets them on any \
    endpoint. Refused clients are closed with 1008, idle ones with 1000, all with 1001 when the \
    box stops.";

fn names(controls: Vec<Control>) -> Vec<String> {
    controls.into_iter().map(|(name, ..)| name.to_owned()).collect()
}

fn data_message(generator: &mut SchemaGenerator, announcement: &Announcement) -> Value {
    let mut properties = json!({
        "type": {"const": announcement.wire},
        "seq": {"type": "integer", "minimum": 1},
        "cursor": {"type": "string"},
        "replay": {"const": true, "description": "There when it comes from the history."},
        "data": (announcement.schema)(generator),
    });
    let mut required = vec!["type", "seq", "cursor", "data"];
    if announcement.is_timed {
        properties["timestamp"] = json!({"type": "string", "format": "date-time"});
        required.push("timestamp");
    }
    json!({
        "name": announcement.wire,
        "summary": announcement.about,
        "payload": {"type": "object", "properties": properties, "required": required},
        "examples": [{"payload": announcement.example_message()}],
    })
}

fn channel<'a>(address: &str, summary: &str, messages: impl Iterator<Item = &'a String>) -> Value {
    let messages: Map<_, _> = messages
        .map(|name| (name.clone(), json!({"$ref": format!("#/components/messages/{name}")})))
        .collect();
    let mut channel = json!({"address": address, "summary": summary, "messages": messages});
    if address.contains("{job_id}") {
        channel["parameters"] = json!({"job_id": {"description": "Which job."}});
    }
    channel
}

/// `action` is the box's: it sends what clients receive.
fn operation(action: &str, channel: &str, messages: &[String]) -> Value {
    let reference =
        |name: &String| json!({"$ref": format!("#/channels/{channel}/messages/{name}")});
    json!({
        "action": action,
        "channel": {"$ref": format!("#/channels/{channel}")},
        "messages": messages.iter().map(reference).collect::<Vec<_>>(),
    })
}
