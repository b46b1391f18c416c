//! OpenAPI 3.1 of the routes: paths, roles and methods come from the route table,
//! schemas from the wire types, the rest from `operations`.

use schemars::SchemaGenerator;
use serde_json::{Map, Value, json};

use super::operation::{Answer, Kind, Operation, QueryParameter};
use super::operations;
use crate::api::error;
use crate::api::route::Route;
use crate::api::wire::schema::{self, SchemaOf};
use crate::api::{Role, routes};

/// The document.
pub(super) fn document() -> Value {
    let mut generator = schema::for_components();
    let operations = operations::all();
    let mut paths = Map::new();
    for route in routes::all() {
        let path = paths.entry(route.pattern()).or_insert_with(|| json!({}));
        let described = operations
            .iter()
            .find(|known| known.pattern == route.pattern() && known.method == *route.method());
        path[route.method().as_str().to_ascii_lowercase()] =
            described.map_or(Value::Null, |known| operation(&mut generator, &route, known));
    }
    let error = generator.subschema_for::<error::Body<'static>>();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Watchpost",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "A camera box: cameras, events, detections, pictures, health. \
                            Live messages are described by /api/asyncapi.json.",
            "license": {"name": "Apache-2.0 OR MIT", "identifier": "Apache-2.0 OR MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "responses": {"Error": {
                "description": "What is wrong, and what to do about it.",
                "content": {"application/json": {"schema": error}},
            }},
            "securitySchemes": security_schemes(),
        },
    })
}

fn security_schemes() -> Value {
    json!({
        "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
        "query": {"type": "apiKey", "in": "query", "name": "api_key"},
    })
}

fn operation(generator: &mut SchemaGenerator, route: &Route, described: &Operation) -> Value {
    let in_query = described.query.iter().copied().flatten().map(query_parameter);
    let in_path = path_parameters(route.pattern()).into_iter();
    let parameters: Vec<_> = in_path.chain(in_query).collect();
    let mut operation = json!({
        "operationId": operation_id(route),
        "summary": described.summary,
        "x-role": role(route.role),
        "security": security(route.role),
        "parameters": parameters,
        "responses": responses(generator, route, described),
    });
    if let Some(body) = described.body {
        operation["requestBody"] = json!({
            "required": described.needs_body, "content": json_of(generator, body),
        });
    }
    operation
}

fn operation_id(route: &Route) -> String {
    let words = route.pattern().split(|c: char| !c.is_ascii_alphanumeric());
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    format!("{}_{}", route.method().as_str().to_ascii_lowercase(), words.join("_"))
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Public => "public",
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Admin => "admin",
    }
}

fn security(role: Role) -> Value {
    match role {
        Role::Public => json!([]),
        _ => json!([{"header": []}, {"bearer": []}, {"query": []}]),
    }
}

/// Below these, ids are UUIDs; elsewhere they are our own counters.
const BY_UUID: [&str; 3] = ["/api/alerts/", "/api/jobs/", "/api/exports/"];

/// The names in a pattern.
fn path_parameters(pattern: &str) -> Vec<Value> {
    let names = pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let parameter = |name: &str| {
        let schema = match name {
            "id" if BY_UUID.iter().any(|part| pattern.starts_with(part)) => {
                json!({"type": "string", "format": "uuid"})
            }
            "id" => json!({"type": "integer", "minimum": 0}),
            _ => json!({"type": "string"}),
        };
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    };
    names.map(parameter).collect()
}

fn query_parameter(parameter: &QueryParameter) -> Value {
    let schema = match parameter.kind {
        Kind::Text => json!({"type": "string"}),
        Kind::Time => json!({"type": "string", "examples": ["2026-01-15T10:30:00Z", "2026-01-15"]}),
        Kind::Flag => json!({"type": "boolean"}),
        Kind::Fraction => json!({"type": "number", "minimum": 0, "maximum": 1}),
        Kind::Number(min, max) => json!({"type": "integer", "minimum": min, "maximum": max}),
        Kind::OneOf(words) => json!({"type": "string", "enum": words}),
    };
    json!({
        "name": parameter.name, "in": "query", "description": parameter.about, "schema": schema,
    })
}

fn responses(generator: &mut SchemaGenerator, route: &Route, described: &Operation) -> Value {
    let mut responses = Map::new();
    for answer in &described.answers {
        let status = answer.status.to_string();
        let entry = responses.entry(status).or_insert_with(|| json!({"description": answer.about}));
        add_content(generator, entry, answer);
    }
    for status in errors(route, described) {
        responses
            .entry(status.to_string())
            .or_insert_with(|| json!({"$ref": "#/components/responses/Error"}));
    }
    Value::Object(responses)
}

fn add_content(generator: &mut SchemaGenerator, entry: &mut Value, answer: &Answer) {
    if answer.content_type.is_empty() {
        return;
    }
    entry["content"][answer.content_type] = match answer.schema {
        Some(schema) => json!({"schema": schema(generator)}),
        None => json!({}),
    };
}

fn json_of(generator: &mut SchemaGenerator, schema: SchemaOf) -> Value {
    json!({"application/json": {"schema": schema(generator)}})
}

/// What can go wrong with a request of this kind.
fn errors(route: &Route, described: &Operation) -> Vec<u16> {
    // A wrong parameter, a foreign page or host, a fault of ours, too busy.
    let mut errors = vec![400, 403, 500, 503];
    if route.role > Role::Public {
        errors.push(401);
    }
    if route.pattern().contains('{') || route.pattern().starts_with("/api/debug/") {
        errors.push(404);
    }
    if described.body.is_some() {
        errors.extend([408, 413]);
    }
    if route.pattern().starts_with("/ws/") {
        errors.push(426);
    }
    errors.push(429);
    errors.extend(described.errors);
    errors
}

#[cfg(test)]
mod tests {
    use hyper::Method;

    use super::*;

    #[test]
    fn every_route_is_described_and_every_description_has_its_route() {
        let key = |method: &Method, pattern: &str| format!("{method} {pattern}");
        let mut routes: Vec<_> =
            routes::all().iter().map(|route| key(route.method(), route.pattern())).collect();
        let mut described: Vec<_> =
            operations::all().iter().map(|known| key(&known.method, known.pattern)).collect();
        routes.sort();
        described.sort();
        assert_eq!(described, routes, "each line of `routes` needs one in `operations`");
    }
}
