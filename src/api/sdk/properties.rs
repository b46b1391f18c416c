//! Properties: one, all, set one.

use serde_json::Value;

use super::body;
use super::camera::Target;
use super::value::{hex, meant, number_of};
use crate::api::error::ApiError;
use crate::api::request::Request;
use crate::api::response::Response;
use crate::api::wire::camera_sdk_rest::{
    AllPropertiesData, BulkChoice, BulkProperty, ChoiceData, PropertyData, PropertySetData,
};
use crate::capture::{Command, ControlError, Property, Setting};

/// Longest name that is passed on to a camera, in bytes; the longest there is has
/// 31.
const NAME_MAX: usize = 64;

/// `GET /api/cameras/{camera_id}/properties/{name}`.
pub(in crate::api) async fn one(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    let property = find(&target, request.param("name")).await?;
    Ok(target.answer("Property retrieved", data(property)))
}

/// `GET /api/cameras/{camera_id}/properties/all`.
pub(in crate::api) async fn all(request: Request) -> Result<Response, ApiError> {
    let target = Target::of(&request)?;
    let properties = target.ask(Command::Properties).await?;
    let total_properties = properties.len();
    let properties = properties.into_iter().map(|property| (property.name, bulk(property)));
    let data = AllPropertiesData { properties: properties.collect(), total_properties };
    Ok(target.answer("Properties retrieved", data))
}

/// `PUT /api/cameras/{camera_id}/properties/{name}`.
pub(in crate::api) async fn set(mut request: Request) -> Result<Response, ApiError> {
    let members = body::members(&mut request).await?;
    let target = Target::of(&request)?;
    let wanted = match members.get("value") {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => number.to_string(),
        None | Some(Value::Null) => return Err(target.invalid("Missing required field: value")),
        Some(_) => return Err(target.invalid("value must be a text or a whole number")),
    };
    let property = find(&target, request.param("name")).await?;
    if !property.is_writable {
        return Err(target.refuse(ControlError::NotWritable(property.name.to_owned())));
    }
    let value = meant(&property, &wanted).map_err(|error| target.refuse(error))?;
    let setting = Setting { name: property.name.to_owned(), value };
    let set = target.ask(|reply| Command::Set(setting, reply)).await?;
    let data =
        PropertySetData { property: set.name, requested_value: wanted, value: hex(set.value) };
    Ok(target.answer("Property set", data))
}

async fn find(target: &Target, name: &str) -> Result<Property, ApiError> {
    target.connected()?;
    if name.len() > NAME_MAX || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(target.invalid("Unknown property").hint("GET properties/all lists the names"));
    }
    target.ask(|reply| Command::Property(name.to_owned(), reply)).await
}

fn data(property: Property) -> PropertyData {
    let choice = |choice: crate::capture::Choice| ChoiceData {
        value: hex(choice.value),
        formatted: choice.label,
    };
    PropertyData {
        property: property.name,
        value: hex(property.value),
        formatted: property.label,
        writable: property.is_writable,
        available_values: property.choices.into_iter().map(choice).collect(),
    }
}

fn bulk(property: Property) -> BulkProperty {
    let choice = |choice: crate::capture::Choice| BulkChoice {
        value: number_of(choice.value),
        hex_value: hex(choice.value),
        formatted: choice.label,
    };
    BulkProperty {
        current_value: number_of(property.value),
        current_hex_value: hex(property.value),
        current_formatted: property.label,
        writable: property.is_writable,
        available_values: property.choices.into_iter().map(choice).collect(),
    }
}
