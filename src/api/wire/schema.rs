//! JSON Schemas (draft 2020-12) of the wire types, as they are sent.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::Value;

use crate::domain::Timestamp;

/// Where OpenAPI and AsyncAPI keep named schemas.
const COMPONENTS: &str = "/components/schemas";

/// Adds a type to a generator, and says how to refer to it.
pub(in crate::api) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// [`SchemaOf`] of a type.
pub(in crate::api) fn of<T: JsonSchema>() -> SchemaOf {
    SchemaGenerator::subschema_for::<T>
}

/// A generator for a document with components.
pub(in crate::api) fn for_components() -> SchemaGenerator {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.meta_schema = None;
        settings.definitions_path = COMPONENTS.into();
    });
    settings.into_generator()
}

/// A schema that refers to nothing outside itself.
pub(in crate::api) fn whole(schema: SchemaOf) -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|settings| {
        settings.meta_schema = None;
        settings.inline_subschemas = true;
    });
    schema(&mut settings.into_generator()).to_value()
}

impl JsonSchema for Timestamp {
    fn schema_name() -> Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "format": "date-time"})
    }
}
