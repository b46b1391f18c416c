//! REST: one file per kind of thing.

mod alert_rule_body;
pub(super) mod alert_rules;
pub(super) mod alerts;
pub(super) mod analysis;
pub(super) mod camera_edits;
pub(super) mod cameras;
pub(super) mod clips;
pub(super) mod config;
pub(super) mod counts;
pub(super) mod detections;
pub(super) mod events;
pub(super) mod exports;
pub(super) mod fleet;
pub(super) mod health;
pub(super) mod jobs;
pub(super) mod pictures;
pub(super) mod recordings;
pub(super) mod scene_changes;
pub(super) mod server;
pub(super) mod stills;
pub(super) mod system;
pub(super) mod upload;

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::ApiContext;
use super::error::ApiError;
use super::query::Query;
use super::response::{self, Response};
use super::wire::records::{List, Pagination};
use crate::store::{Page, Range, Reader, StoreError};

/// Items on a page, when the client does not say and at most (realtime contract
/// section 4).
const LIMIT_DEFAULT: usize = 50;
pub(super) const LIMIT_MAX: usize = 1000;

/// Longest accepted cursor: ours are far shorter.
const CURSOR_MAX: usize = 256;

/// How often the store is asked again for a page that it ended early because it
/// had to pass over too much. Others have their turn in between; after that the
/// client goes on at `next_cursor`, and the page may have few items or none.
const SEARCH_ROUNDS: usize = 4;

/// A page of what `read` finds in `range`. One that is not full and yet not the
/// last says `has_more` with a `next_cursor`.
async fn search<T: Send + 'static>(
    ctx: &ApiContext,
    mut range: Range,
    read: impl Fn(&dyn Reader, Range) -> Result<Page<T>, StoreError> + Send + Sync + 'static,
) -> Result<Page<T>, ApiError> {
    let read = Arc::new(read);
    let mut found = Page { items: Vec::new(), next_cursor: None };
    for _ in 0..SEARCH_ROUNDS {
        let (reader, read, part) = (Arc::clone(&ctx.reader), Arc::clone(&read), range.clone());
        let page = ctx.blocking(move || read(reader.as_ref(), part)).await??;
        range.limit = range.limit.saturating_sub(page.items.len());
        found.items.extend(page.items);
        found.next_cursor = page.next_cursor;
        if range.limit == 0 || found.next_cursor.is_none() {
            break;
        }
        range.cursor = found.next_cursor.clone();
    }
    Ok(found)
}

/// The stretch of time and the page that a list is asked for.
fn range(query: &Query) -> Result<Range, ApiError> {
    let range = Range {
        from: query.time_from("start_date")?,
        until: query.time_until("end_date")?,
        cursor: query.get("cursor").map(str::to_owned),
        limit: limit(query)?,
    };
    if let (Some(from), Some(until)) = (range.from, range.until)
        && from >= until
    {
        return Err(ApiError::invalid("start_date must be before end_date"));
    }
    if range.cursor.as_ref().is_some_and(|cursor| cursor.len() > CURSOR_MAX) {
        return Err(ApiError::invalid("the cursor is not valid; start again without one"));
    }
    if query.parsed::<usize>("offset")?.is_some_and(|offset| offset > 0) {
        return Err(ApiError::invalid("this list goes on by cursor, not by offset")
            .hint("pass next_cursor of the last page as cursor"));
    }
    Ok(range)
}

/// Longest stretch of time that events are asked for at once (realtime contract
/// section 4).
const SPAN_MAX: Duration = Duration::from_secs(90 * 24 * 3600);

/// A stretch with both ends may not be longer than [`SPAN_MAX`].
fn check_span(range: &Range) -> Result<(), ApiError> {
    let (Some(from), Some(until)) = (range.from, range.until) else { return Ok(()) };
    // The last millisecond comes from including the end.
    if from.after(SPAN_MAX + Duration::from_millis(1)) < until {
        return Err(ApiError::invalid("start_date and end_date are more than 90 days apart")
            .hint("ask for the time in parts"));
    }
    Ok(())
}

fn limit(query: &Query) -> Result<usize, ApiError> {
    match query.parsed("limit")? {
        None => Ok(LIMIT_DEFAULT),
        Some(limit @ 1..=LIMIT_MAX) => Ok(limit),
        Some(_) => Err(ApiError::invalid(format!("limit must be 1 to {LIMIT_MAX}"))),
    }
}

/// A share of one, such as a confidence.
fn fraction(query: &Query, name: &str) -> Result<Option<f32>, ApiError> {
    match query.parsed::<f32>(name)? {
        Some(value) if !(0.0..=1.0).contains(&value) => {
            Err(ApiError::invalid(format!("{name} must be 0 to 1")))
        }
        value => Ok(value),
    }
}

/// A list as it is sent: with all fields, or those that `fields` names.
fn listed<T: Serialize>(
    query: &Query,
    items: Vec<T>,
    pagination: Pagination,
) -> Result<Response, ApiError> {
    let Some(names) = query.get("fields") else {
        return Ok(response::json(&List { items, pagination }));
    };
    let items = items.iter().map(|item| only(names, item)).collect::<Result<_, _>>()?;
    Ok(response::json(&List::<Value> { items, pagination }))
}

/// An item with these fields and no others.
fn only(names: &str, item: &impl Serialize) -> Result<Value, ApiError> {
    let Ok(Value::Object(mut fields)) = serde_json::to_value(item) else {
        return Err(ApiError::invalid("fields cannot be chosen here"));
    };
    let named = names.split(',').map(str::trim).filter(|name| !name.is_empty());
    let chosen = named.map(|name| {
        let unknown = || {
            let name: String = name.chars().take(64).collect();
            ApiError::invalid(format!("fields names {name:?}, which there is not"))
                .hint("GET /api/openapi.json tells the fields")
        };
        fields.remove_entry(name).ok_or_else(unknown)
    });
    chosen.collect::<Result<_, _>>().map(Value::Object)
}

/// The page of a list that is whole in memory that a request asks for with `limit`
/// and `offset`.
fn part<'a, T>(query: &Query, all: &'a [T]) -> Result<(&'a [T], Pagination), ApiError> {
    let (limit, offset) = (limit(query)?, query.parsed::<usize>("offset")?.unwrap_or(0));
    let rest = all.get(offset..).unwrap_or_default();
    let pagination = Pagination {
        total: Some(all.len()),
        limit,
        offset: Some(offset),
        cursor: None,
        next_cursor: None,
        has_more: rest.len() > limit,
    };
    Ok((&rest[..rest.len().min(limit)], pagination))
}

fn pagination<T>(range: Range, page: &Page<T>) -> Pagination {
    Pagination {
        total: None,
        limit: range.limit,
        offset: None,
        cursor: range.cursor,
        next_cursor: page.next_cursor.clone(),
        has_more: page.next_cursor.is_some(),
    }
}
