//! A message that is not sent yet, in the form of the contract: what the registry
//! and the papers promise.

use schemars::JsonSchema;
use serde::Serialize;

/// An event that is gone.
#[derive(Serialize, JsonSchema)]
pub(super) struct EventDeleted<'a> {
    pub(super) id: u64,
    pub(super) reason: Option<&'a str>,
}
