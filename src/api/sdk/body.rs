//! Bodies as lenient as the contract has them: none, `{}` and unknown keys are
//! fine wherever a body is optional.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::api::error::ApiError;
use crate::api::request::Request;

/// The members of the body; none for an empty one.
pub(super) async fn members(request: &mut Request) -> Result<Map<String, Value>, ApiError> {
    let bytes = request.bytes().await?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) => Err(ApiError::invalid("Invalid JSON: the body must be an object")),
        Err(error) => Err(ApiError::invalid(format!("Invalid JSON: {error}"))),
    }
}

/// A member that is a text; absent and null are the same.
pub(super) fn text<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<Option<&'a str>, ApiError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ApiError::invalid(format!("{name} must be a text"))),
    }
}

/// A member that must be there.
pub(super) fn required<'a>(
    members: &'a Map<String, Value>,
    name: &str,
) -> Result<&'a str, ApiError> {
    let found = text(members, name)?.filter(|text| !text.is_empty());
    found.ok_or_else(|| ApiError::invalid(format!("Missing required field: {name}")))
}

/// A member of some other type.
pub(super) fn typed<T: DeserializeOwned>(
    members: &Map<String, Value>,
    name: &str,
    what: &str,
) -> Result<Option<T>, ApiError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => serde_json::from_value(value.clone())
            .map(Some)
            .map_err(|_| ApiError::invalid(format!("{name} must be {what}"))),
    }
}
