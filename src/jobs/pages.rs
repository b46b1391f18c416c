//! Records of the store, a page at a time, for as long as the job is to go on.

use super::{Desk, WorkError};
use crate::store::{Page, Range, StoreError};

/// Records read at a time.
const PAGE: usize = 200;

/// Calls `each` for every record in `range`.
pub(super) fn for_each<T>(
    desk: &Desk<'_>,
    range: &Range,
    fetch: &impl Fn(Range) -> Result<Page<T>, StoreError>,
    mut each: impl FnMut(&T) -> Result<(), WorkError>,
) -> Result<(), WorkError> {
    let mut next = Range { cursor: None, limit: PAGE, ..range.clone() };
    loop {
        desk.go_on()?;
        let page = fetch(next.clone()).map_err(|error| WorkError::Failed(error.to_string()))?;
        page.items.iter().try_for_each(&mut each)?;
        match page.next_cursor {
            Some(cursor) => next.cursor = Some(cursor),
            None => return Ok(()),
        }
    }
}

/// How many records there are in `range`.
pub(super) fn count<T>(
    desk: &Desk<'_>,
    range: &Range,
    fetch: &impl Fn(Range) -> Result<Page<T>, StoreError>,
) -> Result<u64, WorkError> {
    let mut count = 0;
    for_each(desk, range, fetch, |_| {
        count += 1;
        Ok(())
    })?;
    Ok(count)
}
