//! What the service says of itself: the registry of event types, OpenAPI and
//! AsyncAPI, held to what it really does.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod api_support;

use std::collections::BTreeSet;
use std::path::Path;

use api_support::schema::Schemas;
use api_support::{Appliance, detection, event, with_keys};
use serde_json::{Value, json};

async fn paper(path: &str) -> Value {
    let appliance = Appliance::start().await;
    let answer = appliance.get(path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    let etag = [("If-None-Match", answer.header("etag").unwrap())];
    assert_eq!(appliance.request("GET", path, &etag, "").await.status, 304);
    let paper = answer.json();
    appliance.finished().await;
    paper
}

fn strings(values: &Value) -> Vec<&str> {
    values.as_array().unwrap().iter().map(|value| value.as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_example_of_the_registry_fits_its_schema_and_the_counts_are_right() {
    let registry = paper("/api/system/websocket/events").await;
    let types = registry["event_types"].as_array().unwrap();
    for entry in types {
        let name = entry["type"].as_str().unwrap();
        let schema = &entry["payload_schema"];
        assert!(
            schema["properties"].as_object().is_some_and(|fields| !fields.is_empty()),
            "{name}"
        );
        assert!(!schema.to_string().contains("$ref"), "{name} stands alone");
        Schemas::new(schema)
            .check(schema, &entry["example"])
            .unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(!entry["description"].as_str().unwrap().is_empty(), "{name}");
    }
    assert_eq!(registry["total_count"], types.len());
    assert_eq!((types.len(), &registry["deprecated_count"]), (30, &json!(3)));
    let expected = ["alerts", "cameras", "detections", "events", "jobs", "system"];
    assert_eq!(strings(&registry["channels"]), expected);
    let names: Vec<_> = types.iter().map(|entry| entry["type"].as_str().unwrap()).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "sorted, none twice");
    for entry in types.iter().filter(|entry| entry["deprecated"] == true) {
        assert!(names.contains(&entry["replacement"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn every_reference_of_the_papers_leads_somewhere() {
    for path in ["/api/openapi.json", "/api/asyncapi.json"] {
        let document = paper(path).await;
        let mut references = Vec::new();
        collect_references(&document, &mut references);
        assert!(references.len() > 20, "{path}");
        for reference in references {
            let found = document.pointer(reference.strip_prefix('#').unwrap());
            assert!(found.is_some_and(|found| !found.is_null()), "{path}: {reference}");
        }
    }
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|field| collect_references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn every_operation_says_what_it_does_for_whom_and_what_can_go_wrong() {
    let document = paper("/api/openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{name}");
            let role = operation["x-role"].as_str().unwrap();
            assert_eq!(role == "public", operation["security"] == json!([]), "{name}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{name}");
            let answers = operation["responses"].as_object().unwrap();
            assert!(answers.keys().any(|status| status.starts_with(['1', '2'])), "{name}");
            assert!(answers.contains_key("400") && answers.contains_key("500"), "{name}");
            assert_eq!(answers.contains_key("401"), role != "public", "{name}");
            let promises_409 = operation["summary"].as_str().unwrap().contains("409");
            assert!(answers.contains_key("409") || !promises_409, "{name}");
            let parameters = operation["parameters"].as_array().unwrap();
            let in_path = parameters.iter().filter(|parameter| parameter["in"] == "path").count();
            assert_eq!(in_path, path.matches('{').count(), "{name}");
        }
    }
}

#[tokio::test]
async fn answers_fit_the_schemas_that_openapi_gives_them() {
    let appliance = Appliance::start().await;
    appliance.store.events.lock().unwrap().extend([event(11, 0), event(12, 3)]);
    appliance.store.detections.lock().unwrap().push(detection(91));
    appliance.health.component("store").degraded("disk is slow", "replace the card");
    let document = appliance.get("/api/openapi.json").await.json();
    let schemas = Schemas::new(&document);
    for (pattern, path) in [
        ("/api/cameras", "/api/cameras"),
        ("/api/cameras/{camera_id}", "/api/cameras/front_door"),
        ("/api/cameras/{camera_id}/events", "/api/cameras/front_door/events"),
        ("/api/events", "/api/events?limit=1"),
        ("/api/events/{id}", "/api/events/12"),
        ("/api/events/{id}/detections", "/api/events/12/detections"),
        ("/api/detections", "/api/detections"),
        ("/api/detections/{id}", "/api/detections/91"),
        ("/health", "/health"),
        ("/ready", "/ready"),
        ("/api/system/health", "/api/system/health"),
        ("/api/system/health/live", "/api/system/health/live"),
        ("/api/system/health/ready", "/api/system/health/ready"),
        ("/api/system/health/full", "/api/system/health/full"),
        ("/api/system/health/websocket", "/api/system/health/websocket"),
        ("/api/server/status", "/api/server/status"),
        ("/api/events/stats", "/api/events/stats"),
        ("/api/events/timeline-summary", "/api/events/timeline-summary"),
        ("/api/detections/stats", "/api/detections/stats"),
        ("/api/detections/labels", "/api/detections/labels"),
        ("/api/jobs/types", "/api/jobs/types"),
        ("/api/jobs/stats", "/api/jobs/stats"),
        ("/api/system/stats", "/api/system/stats"),
        ("/api/system/storage", "/api/system/storage"),
        ("/api/system/pipeline", "/api/system/pipeline"),
        ("/api/system/websocket/events", "/api/system/websocket/events"),
    ] {
        let answer = appliance.get_json(path).await;
        assert_eq!(answer.status, 200, "{path}");
        let content = &document["paths"][pattern]["get"]["responses"]["200"]["content"];
        let schema = &content["application/json"]["schema"];
        schemas.check(schema, &answer.json()).unwrap_or_else(|error| panic!("{path}: {error}"));
    }
    let error = &document["components"]["schemas"]["Error"];
    schemas.check(error, &appliance.get("/api/events/99").await.json()).unwrap();
    appliance.finished().await;
}

#[tokio::test]
async fn every_message_that_is_sent_fits_what_asyncapi_says() {
    let document = paper("/api/asyncapi.json").await;
    assert_eq!(document["asyncapi"], "3.0.0");
    let schemas = Schemas::new(&document);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut checked = 0;
    for entry in std::fs::read_dir(golden).unwrap() {
        let entry = entry.unwrap().path();
        let name = entry.file_name().unwrap().to_string_lossy().into_owned();
        if !name.starts_with("ws-") {
            continue;
        }
        let message: Value = serde_json::from_slice(&std::fs::read(&entry).unwrap()).unwrap();
        let id = match message["type"].as_str() {
            None => "subscription",
            Some("resync_ack") => "resyncAck",
            Some(wire) => wire,
        };
        let schema = &document["components"]["messages"][id]["payload"];
        assert!(schema.is_object(), "{name} is not in the papers");
        schemas.check(schema, &message).unwrap_or_else(|error| panic!("{name}: {error}"));
        checked += 1;
    }
    assert!(checked > 20);
    for (id, message) in document["components"]["messages"].as_object().unwrap() {
        for example in message["examples"].as_array().into_iter().flatten() {
            let outcome = schemas.check(&message["payload"], &example["payload"]);
            outcome.unwrap_or_else(|error| panic!("{id}: {error}"));
        }
    }
}

#[tokio::test]
async fn the_papers_are_open_and_the_registry_is_for_viewers() {
    let appliance = Appliance::with(with_keys()).await;
    assert_eq!(appliance.get("/api/openapi.json").await.status, 200);
    assert_eq!(appliance.get("/api/asyncapi.json").await.status, 200);
    assert_eq!(appliance.get("/api/system/websocket/events").await.status, 401);
    appliance.finished().await;
}
