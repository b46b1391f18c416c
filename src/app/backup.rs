//! All records of the store for a backup, written beside the running daemon.

use std::path::Path;
use std::sync::Arc;

use crate::jobs::WriteRecords;
use crate::store::disk::RealDisk;
use crate::store::tools;

/// Writes the records of the store in `dir`.
pub(super) fn records(dir: &Path) -> WriteRecords {
    let dir = dir.to_owned();
    Arc::new(move |out| {
        let exported = tools::export(&RealDisk, &dir, out, &mut |_| ());
        exported.map(|exported| exported.records).map_err(|error| error.to_string())
    })
}
