//! All records of the store for a backup, written beside the running daemon.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::jobs::{Desk, WriteRecords};
use crate::store::disk::RealDisk;
use crate::store::tools;

/// Writes the records of the store in `dir`; ends early when the job is to.
pub(super) fn records(dir: &Path) -> WriteRecords {
    let dir = dir.to_owned();
    Arc::new(move |out, desk| {
        let exported = tools::export(&RealDisk, &dir, out, &mut |_| flow(desk));
        exported.map(|exported| exported.records).map_err(|error| error.to_string())
    })
}

/// Whether a tool that works for a job is to go on.
pub(super) fn flow(desk: &Desk<'_>) -> ControlFlow<()> {
    if desk.go_on().is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
}
