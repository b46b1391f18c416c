//! The check of the store as a job. It runs beside the daemon: what is being written
//! at that moment may show as a torn end, which is expected.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::backup::flow;
use crate::api::MakeWork;
use crate::domain::{JobLogLevel, JobResult};
use crate::jobs::{Desk, Work, WorkError};
use crate::store::disk::RealDisk;
use crate::store::tools;

struct StoreCheck(PathBuf);

/// Makes checks of the store in `dir`.
pub(super) fn maker(dir: &Path) -> MakeWork {
    let dir = dir.to_owned();
    Arc::new(move || Box::new(StoreCheck(dir.clone())))
}

impl Work for StoreCheck {
    fn run(self: Box<Self>, desk: &Desk<'_>) -> Result<JobResult, WorkError> {
        let mut tell = |progress: tools::Progress| {
            desk.progress(progress.done_bytes, progress.all_bytes);
            flow(desk)
        };
        let report = tools::check_with(&RealDisk, &self.0, &mut tell)
            .map_err(|error| WorkError::Failed(format!("the store cannot be checked: {error}")))?;
        desk.go_on()?;
        let level = if report.is_sound() { JobLogLevel::Info } else { JobLogLevel::Warning };
        report.findings.iter().for_each(|finding| desk.say(level, finding.as_str(), &[]));
        let message = if report.is_sound() {
            format!("{} records are sound.", report.records)
        } else {
            format!(
                "{} damaged places; run `watchpost store repair` while the box is stopped.",
                report.damaged
            )
        };
        let records = report.records;
        Ok(JobResult { message, records, findings: report.findings, ..JobResult::default() })
    }
}
