//! The protocol of a collector, for whoever writes one.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Value, json};

use super::super::wire::{Batch, Receipt, SCHEMA};

/// OpenAPI 3.1 of what a collector answers; `watchpost upload openapi` prints it.
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = "/components/schemas".into();
    });
    let mut generator = settings.into_generator();
    let batch = Batch::json_schema(&mut generator).to_value();
    let receipt = Receipt::json_schema(&mut generator).to_value();
    let mut schemas = generator.take_definitions(true);
    schemas.insert("UploadBatch".to_owned(), batch);
    schemas.insert("UploadReceipt".to_owned(), receipt);
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Watchpost collector",
            "version": format!("{SCHEMA}"),
            "description": ABOUT,
        },
        "paths": { "/v1/batches": batches(), "/v1/media/{device}/{journal}/{key}/{sha256}": media() },
        "components": {
            "schemas": schemas,
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
        },
        "security": [{}, { "token": [] }],
    })
}

const ABOUT: &str = "What a box sends, and what it expects as an answer. Delivery is at least \
    once: a request whose answer was lost comes again, perhaps cut differently. Device, journal \
    and key name an item; whoever keeps the first of each shows everything once. Of a thing with \
    revisions the highest counts. 2xx with a receipt confirms; 400, 409, 413, 415 and 422 mean \
    that the content is refused (the box sends half as much, and keeps a single refused item as \
    a dead letter); 408, 425, 429 and 5xx mean later (Retry-After is honored); everything else \
    means that somebody must act. Redirects are not followed.";

fn batches() -> Value {
    let content = |schema: &str| json!({ "schema": { "$ref": schema } });
    json!({ "post": {
        "summary": "Records of one lane, compressed with zstd.",
        "parameters": [
            header("Idempotency-Key", true, "The same as `batch` in the body."),
            header("Content-Encoding", true, "`zstd`"),
        ],
        "requestBody": { "required": true, "content": {
            "application/json": content("#/components/schemas/UploadBatch"),
            "application/vnd.watchpost.batch.v1+postcard": {
                "schema": { "description": "The same fields in the same order, as postcard 1." },
            },
        } },
        "responses": {
            "200": {
                "description": "Every item is safe, or named as rejected.",
                "content": { "application/json": content("#/components/schemas/UploadReceipt") },
            },
            "default": { "description": "Nothing of it is confirmed." },
        },
    } })
}

fn media() -> Value {
    let parameter = |name: &str, about: &str| {
        json!({ "name": name, "in": "path", "required": true, "description": about,
                "schema": { "type": "string" } })
    };
    let told = json!({
        "Upload-Offset": { "description": "Bytes that are there.", "schema": { "type": "integer" } },
        "Upload-Complete": {
            "description": "`?1` once all bytes are there and their hash is right.",
            "schema": { "type": "string" },
        },
    });
    json!({
        "parameters": [
            parameter("device", "Which box."),
            parameter("journal", "Which journal of it."),
            parameter("key", "`snapshot-` or `clip-`, and the id of the event."),
            parameter("sha256", "Of the whole file, in hex. An event may get a better picture; \
                                 the one that came last counts."),
        ],
        "head": {
            "summary": "How much is there.",
            "responses": {
                "200": { "description": "So much.", "headers": told },
                "404": { "description": "Nothing." },
            },
        },
        "patch": {
            "summary": "The bytes from an offset on, perhaps not to the end.",
            "parameters": [
                header("Upload-Offset", true, "Where these bytes belong."),
                header("Upload-Length", true, "Bytes of the whole file."),
                header("Content-SHA256", true, "As in the path."),
            ],
            "requestBody": { "required": true, "content": {
                "image/jpeg": {}, "video/mp4": {},
            } },
            "responses": {
                "200": { "description": "They are safe.", "headers": told },
                "409": { "description": "Other bytes are wanted; Upload-Offset says which.", "headers": told },
            },
        },
    })
}

fn header(name: &str, required: bool, about: &str) -> Value {
    json!({ "name": name, "in": "header", "required": required, "description": about,
            "schema": { "type": "string" } })
}
