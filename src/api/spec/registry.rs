//! The registry of event types: every name that a client may subscribe to, with
//! the schema of the data that comes under it and an example.
//!
//! The names, channels and the three deprecated wire names are the contract's;
//! schemas and examples come from the catalog, counts are computed.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::api::wire::catalog::{self, Announcement};
use crate::api::wire::schema;

/// All event types.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventTypeRegistry")]
pub(in crate::api) struct Registry {
    event_types: Vec<EventType>,
    /// Those in use, sorted.
    channels: Vec<&'static str>,
    total_count: usize,
    deprecated_count: usize,
}

#[derive(Serialize, JsonSchema)]
struct EventType {
    r#type: &'static str,
    description: &'static str,
    /// The group it belongs to.
    channel: Option<&'static str>,
    /// JSON Schema of the message's `data`.
    #[schemars(extend("type" = "object"))]
    payload_schema: Value,
    /// The message's `data`, for example.
    #[schemars(extend("type" = "object"))]
    example: Value,
    deprecated: bool,
    /// The name to use instead.
    replacement: Option<&'static str>,
}

/// Name, channel, and what it means, as the contract has them.
const TYPES: [(&str, &str, &str); 27] = [
    ("alert.acknowledged", "alerts", "Alert marked as seen by user"),
    ("alert.created", "alerts", "New alert triggered from rule evaluation"),
    ("alert.dismissed", "alerts", "Alert dismissed by user"),
    ("alert.resolved", "alerts", "Alert resolved/closed"),
    ("alert.updated", "alerts", "Alert modified (metadata, channels updated)"),
    ("camera.config_updated", "cameras", "Camera configuration was updated"),
    ("camera.disabled", "cameras", "Camera disabled from monitoring"),
    ("camera.enabled", "cameras", "Camera enabled for monitoring"),
    ("camera.error", "cameras", "Camera encountered an error"),
    ("camera.offline", "cameras", "Camera went offline"),
    ("camera.online", "cameras", "Camera came online and is streaming"),
    ("camera.status_changed", "cameras", "Camera status changed"),
    ("detection.batch", "detections", "Batch of detections from a frame"),
    ("detection.new", "detections", "New detection from AI pipeline"),
    ("event.created", "events", "New security event created after analysis"),
    ("event.deleted", "events", "Security event deleted"),
    ("event.updated", "events", "Existing security event updated"),
    ("gpu.stats_updated", "system", "GPU statistics updated"),
    ("job.cancelled", "jobs", "Background job cancelled"),
    ("job.completed", "jobs", "Background job completed"),
    ("job.failed", "jobs", "Background job failed"),
    ("job.progress", "jobs", "Background job progress update"),
    ("job.started", "jobs", "Background job started"),
    ("scene_change.detected", "events", "Camera scene change detected"),
    ("service.status_changed", "system", "Individual service status changed"),
    ("system.health_changed", "system", "System health status changed"),
    ("system.status", "system", "Periodic system status update"),
];

/// Wire names that clients of the original subscribed to, and what to use instead.
const DEPRECATED: [(&str, &str); 3] = [
    ("event", "event.created"),
    ("scene_change", "scene_change.detected"),
    ("service_status", "service.status_changed"),
];

/// All event types, by name.
pub(super) fn registry() -> Registry {
    let catalog = catalog::all();
    let current = TYPES.iter().filter_map(|&(name, channel, description)| {
        event_type(&catalog, (name, channel, description), name, None)
    });
    let deprecated = DEPRECATED.iter().filter_map(|&(name, replacement)| {
        let entry = *TYPES.iter().find(|(known, ..)| *known == replacement)?;
        event_type(&catalog, entry, name, Some(replacement))
    });
    let mut event_types: Vec<_> = current.chain(deprecated).collect();
    event_types.sort_by_key(|entry| entry.r#type);
    let channels: BTreeSet<_> = event_types.iter().filter_map(|entry| entry.channel).collect();
    Registry {
        channels: channels.into_iter().collect(),
        total_count: event_types.len(),
        deprecated_count: event_types.iter().filter(|entry| entry.deprecated).count(),
        event_types,
    }
}

fn event_type(
    catalog: &[Announcement],
    (known, channel, description): (&'static str, &'static str, &'static str),
    name: &'static str,
    replacement: Option<&'static str>,
) -> Option<EventType> {
    let announcement = catalog.iter().find(|announcement| announcement.names.contains(&known))?;
    Some(EventType {
        r#type: name,
        description,
        channel: Some(channel),
        payload_schema: schema::whole(announcement.schema),
        example: (announcement.example)(),
        deprecated: replacement.is_some(),
        replacement,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_of_the_contract_is_in_the_catalog() {
        let registry = registry();
        assert_eq!(registry.total_count, TYPES.len() + DEPRECATED.len());
        assert_eq!(registry.deprecated_count, 3);
        assert_eq!(
            registry.channels,
            ["alerts", "cameras", "detections", "events", "jobs", "system"]
        );
    }

    #[test]
    fn every_dotted_name_of_the_catalog_is_registered() {
        let registered: BTreeSet<_> = TYPES.iter().map(|(name, ..)| *name).collect();
        for announcement in catalog::all() {
            for name in announcement.names.iter().filter(|name| **name != "camera.updated") {
                assert!(registered.contains(name), "{name}");
            }
        }
    }
}
