//! Reads every frame and tells what is damaged.

use std::path::Path;

use super::{OnProgress, Segment, for_each_segment, go_on};
use crate::store::StoreError;
use crate::store::disk::{Disk, RealDisk};
use crate::store::frame::{Found, Header, read_segment_header};
use crate::store::stored::{self, Body};

/// Most findings kept in a report; the counters go on counting.
pub const FINDINGS_MAX: usize = 100;

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Journal segments.
    pub segments: u64,
    /// Undamaged frames.
    pub frames: u64,
    /// Readable records.
    pub records: u64,
    /// Undamaged records that this version of the program cannot read.
    pub unknown_records: u64,
    /// Segments of a later layout, which this version of the program leaves alone.
    pub later_segments: u64,
    /// Places that are no frame, between frames, and damaged segment headers.
    pub damaged: u64,
    /// Ends that a power cut left half written: expected, one for each cut.
    pub torn_tails: u64,
    /// Bytes of damaged places and torn tails.
    pub lost_bytes: u64,
    /// The first [`FINDINGS_MAX`] of them, in words.
    pub findings: Vec<String>,
}

/// Checks every frame and record of the store in `dir`.
///
/// # Errors
/// When the journal cannot be listed or a segment cannot be read.
pub fn check(dir: &Path) -> Result<CheckReport, StoreError> {
    check_on(&RealDisk, dir)
}

/// [`check`] on another disk.
///
/// # Errors
/// As [`check`].
pub fn check_on(disk: &dyn Disk, dir: &Path) -> Result<CheckReport, StoreError> {
    check_with(disk, dir, &mut go_on)
}

/// [`check_on`], telling how far it is.
///
/// # Errors
/// As [`check`].
pub fn check_with(
    disk: &dyn Disk,
    dir: &Path,
    on_progress: OnProgress<'_>,
) -> Result<CheckReport, StoreError> {
    let mut report = CheckReport::default();
    for_each_segment(disk, dir, on_progress, |segment| {
        report.add_segment(segment);
        Ok(())
    })?;
    Ok(report)
}

impl CheckReport {
    /// Whether nothing but torn tails was found.
    pub fn is_sound(&self) -> bool {
        self.damaged == 0 && self.unknown_records == 0 && self.later_segments == 0
    }

    fn add_segment(&mut self, segment: &Segment<'_>) {
        let path = segment.path.display();
        self.segments += 1;
        match read_segment_header(segment.number, segment.bytes) {
            Header::Ours(_) => {}
            Header::Later(_) => {
                self.later_segments += 1;
                return self.note(format!("{path}: of a later version of the program"));
            }
            Header::Damaged => {
                self.damaged += 1;
                self.note(format!("{path}: the header is damaged"));
            }
        }
        for found in segment.scan() {
            self.add(segment.path, &found);
        }
    }

    fn add(&mut self, path: &Path, found: &Found<'_>) {
        let path = path.display();
        match *found {
            Found::Frame { body, offset } => {
                self.frames += 1;
                let unknown = match stored::decode(body) {
                    Body::Commit(records) => {
                        let all = records.clone().count();
                        let known = records.flatten().count();
                        self.records += known as u64;
                        all - known
                    }
                    Body::Closed(_) | Body::Continued(_) => 0,
                    Body::Unknown => 1,
                };
                if unknown > 0 {
                    self.unknown_records += unknown as u64;
                    self.note(format!("{path}: {unknown} unknown records at byte {offset}"));
                }
            }
            Found::Damaged { offset, len } => {
                self.damaged += 1;
                self.lost_bytes += u64::from(len);
                self.note(format!("{path}: {len} damaged bytes at byte {offset}"));
            }
            Found::Torn { offset, len } => {
                self.torn_tails += 1;
                self.lost_bytes += u64::from(len);
                self.note(format!("{path}: torn after byte {offset}, {len} bytes"));
            }
        }
    }

    fn note(&mut self, finding: String) {
        if self.findings.len() < FINDINGS_MAX {
            self.findings.push(finding);
        }
    }
}
