//! Records as lines of JSON, one each, in the order of the journal.
//!
//! A line is the stored form of a record under the name of that form, such as
//! `{"record":"event.v1","id":7,…}`. Every revision of an event is a line; times are
//! those that are known to be right by now.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{OnProgress, for_each_segment};
use crate::store::alert_rule_forms::{AlertRuleV1, AlertRuleV2};
use crate::store::clock_shifts::{ClockShiftV1, ClockShifts};
use crate::store::disk::Disk;
use crate::store::event_v2::EventV2;
use crate::store::frame::Found;
use crate::store::journal::io_error;
use crate::store::rare_stored::{AlertV1, Kept, Rare, SceneChangeV1, SettingV1};
use crate::store::stored::{self, Body, DetectionV1, EventV1};
use crate::store::{Record, StoreError};

/// What an export wrote and passed over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Lines.
    pub records: u64,
    /// Undamaged records that this version of the program cannot read.
    pub unknown: u64,
    /// Damaged places.
    pub damaged: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "record")]
pub(super) enum Line {
    /// For whoever wants to know why dates were changed. An import has no use for
    /// it: the dates of an export are the right ones.
    #[serde(rename = "clock_shift.v1")]
    ClockShiftV1(ClockShiftV1),
    #[serde(rename = "detection.v1")]
    DetectionV1(DetectionV1),
    #[serde(rename = "event.v1")]
    EventV1(EventV1),
    #[serde(rename = "event.v2")]
    EventV2(EventV2),
    #[serde(rename = "alert.v1")]
    AlertV1(Kept<AlertV1>),
    #[serde(rename = "alert_rule.v1")]
    AlertRuleV1(Kept<AlertRuleV1>),
    #[serde(rename = "alert_rule.v2")]
    AlertRuleV2(Kept<AlertRuleV2>),
    #[serde(rename = "scene_change.v1")]
    SceneChangeV1(Kept<SceneChangeV1>),
    #[serde(rename = "setting.v1")]
    SettingV1(Kept<SettingV1>),
}

impl Line {
    /// The line of a record; every record that was read from a journal has one.
    fn of(record: &Record) -> Option<Self> {
        match record {
            Record::Detection(detection) => Some(Self::DetectionV1(detection.into())),
            Record::Event(event) if EventV2::is_needed(event) => Some(Self::EventV2(event.into())),
            Record::Event(event) => Some(Self::EventV1(event.into())),
            record => Rare::of(record).map(|rare| match rare {
                Rare::Alert(kept) => Self::AlertV1(kept),
                Rare::AlertRule(kept) => Self::AlertRuleV1(kept),
                Rare::AlertRuleV2(kept) => Self::AlertRuleV2(kept),
                Rare::SceneChange(kept) => Self::SceneChangeV1(kept),
                Rare::Setting(kept) => Self::SettingV1(kept),
            }),
        }
    }

    /// The record; `None` when it is none, or a value in it is none of its kind.
    pub fn into_record(self) -> Option<Record> {
        match self {
            Self::ClockShiftV1(_) => None,
            Self::DetectionV1(detection) => Some(Record::Detection(detection.into())),
            Self::EventV1(event) => Some(Record::Event(event.into())),
            Self::EventV2(event) => Some(Record::Event(event.into())),
            Self::AlertV1(kept) => Rare::Alert(kept).into_record(),
            Self::AlertRuleV1(kept) => Rare::AlertRule(kept).into_record(),
            Self::AlertRuleV2(kept) => Rare::AlertRuleV2(kept).into_record(),
            Self::SceneChangeV1(kept) => Rare::SceneChange(kept).into_record(),
            Self::SettingV1(kept) => Rare::Setting(kept).into_record(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> Result<(), StoreError> {
        serde_json::to_writer(&mut *out, self)
            .map_err(std::io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(io_error("write the export"))
    }
}

/// Writes every readable record of the store in `dir` to `out`.
///
/// # Errors
/// When the journal cannot be read or `out` cannot be written.
pub fn export(
    disk: &dyn Disk,
    dir: &Path,
    out: &mut dyn Write,
    on_progress: OnProgress<'_>,
) -> Result<Exported, StoreError> {
    let mut exported = Exported::default();
    let shifts = ClockShifts::load(disk, dir)?;
    shifts.0.iter().try_for_each(|shift| Line::ClockShiftV1(shift.clone()).write(out))?;
    for_each_segment(disk, dir, on_progress, |segment| {
        for found in segment.scan() {
            match found {
                Found::Frame { body, .. } => match stored::decode(body) {
                    Body::Commit(records) => {
                        for record in records {
                            exported.add(record.map(|record| shifts.dated(record)), out)?;
                        }
                    }
                    Body::Closed(_) | Body::Continued(_) => {}
                    Body::Unknown => exported.unknown += 1,
                },
                Found::Damaged { .. } => exported.damaged += 1,
                Found::Torn { .. } => {}
            }
        }
        Ok(())
    })?;
    out.flush().map_err(io_error("write the export"))?;
    Ok(exported)
}

impl Exported {
    fn add(&mut self, record: Option<Record>, out: &mut dyn Write) -> Result<(), StoreError> {
        let Some(line) = record.as_ref().and_then(Line::of) else {
            self.unknown += 1;
            return Ok(());
        };
        line.write(out)?;
        self.records += 1;
        Ok(())
    }
}
