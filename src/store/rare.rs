//! Records of low rate: alerts, rules, scene changes and settings.
//!
//! To whoever uses the store each is a type of its own; inside, one mechanism
//! keeps them all: a kind, an id, a revision of which the highest counts, and a
//! removal that is one more revision. Alerts and scene changes go with the
//! segment of their latest revision; rules and settings stay until they are
//! removed (see `carrying`).

use super::{Amended, Change, Durability, Record, StoreError, Writer};
use crate::domain::{
    Alert, AlertId, AlertRule, AlertStatus, CameraId, Event, EventId, RiskLevel, RuleId,
    SceneChange, SceneChangeId, Setting, Timestamp,
};

/// What kind of thing has revisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RecordKind {
    /// An event.
    Event,
    /// An alert.
    Alert,
    /// An alert rule.
    AlertRule,
    /// A scene change.
    SceneChange,
    /// A setting.
    Setting,
}

impl RecordKind {
    /// Whether its latest revision outlives the segment it was written to.
    pub(super) fn is_carried(self) -> bool {
        matches!(self, Self::AlertRule | Self::Setting)
    }
}

/// Which thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecordId {
    /// Its kind.
    pub kind: RecordKind,
    /// Its id among its kind; counters stand in the low half.
    pub id: u128,
}

impl RecordId {
    /// The setting of this key.
    pub fn setting(key: &str) -> Self {
        use sha2::{Digest as _, Sha256};
        let digest = Sha256::digest(key.as_bytes());
        let half = digest.first_chunk().expect("a SHA-256 digest has 32 bytes");
        Self { kind: RecordKind::Setting, id: u128::from_be_bytes(*half) }
    }
}

impl From<EventId> for RecordId {
    fn from(id: EventId) -> Self {
        Self { kind: RecordKind::Event, id: u128::from(id.0) }
    }
}

impl From<AlertId> for RecordId {
    fn from(id: AlertId) -> Self {
        Self { kind: RecordKind::Alert, id: id.0.as_u128() }
    }
}

impl From<RuleId> for RecordId {
    fn from(id: RuleId) -> Self {
        Self { kind: RecordKind::AlertRule, id: id.0.as_u128() }
    }
}

impl From<SceneChangeId> for RecordId {
    fn from(id: SceneChangeId) -> Self {
        Self { kind: RecordKind::SceneChange, id: u128::from(id.0) }
    }
}

/// Something was removed: its last revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removal {
    /// What.
    pub id: RecordId,
    /// One more than the last.
    pub revision: u32,
    /// When.
    pub at: Timestamp,
}

/// Which alerts. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AlertQuery {
    /// Of this camera.
    pub camera: Option<CameraId>,
    /// Of this severity.
    pub severity: Option<RiskLevel>,
    /// In this status.
    pub status: Option<AlertStatus>,
    /// For this event.
    pub event: Option<EventId>,
    /// Raised by this rule.
    pub rule: Option<RuleId>,
    /// Where and how many, by the time of creation.
    pub range: super::Range,
}

/// Which scene changes. All given conditions must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SceneChangeQuery {
    /// Of this camera.
    pub camera: Option<CameraId>,
    /// Acknowledged, or not.
    pub acknowledged: Option<bool>,
    /// Where and how many, by the time of detection.
    pub range: super::Range,
}

/// A domain type that is kept as a record with revisions.
pub trait Revised: Sized + Send + 'static {
    /// The record.
    fn into_record(self) -> Record;

    /// Out of a record, if it is one of these.
    fn from_record(record: Record) -> Option<Self>;
}

macro_rules! revised {
    ($($name:ident),*) => {$(
        impl Revised for $name {
            fn into_record(self) -> Record {
                Record::$name(self)
            }

            fn from_record(record: Record) -> Option<Self> {
                match record {
                    Record::$name(it) => Some(it),
                    _ => None,
                }
            }
        }
    )*};
}

revised!(Event, Alert, AlertRule, SceneChange, Setting);

impl Record {
    /// Which thing this is a revision of; a detection is none.
    pub fn id(&self) -> Option<RecordId> {
        match self {
            Self::Detection(_) => None,
            Self::Event(event) => Some(event.id.into()),
            Self::Alert(alert) => Some(alert.id.into()),
            Self::AlertRule(rule) => Some(rule.id.into()),
            Self::SceneChange(change) => Some(change.id.into()),
            Self::Setting(setting) => Some(RecordId::setting(&setting.key)),
            Self::Removed(removal) => Some(removal.id),
        }
    }

    /// Which revision; 0 for a detection.
    pub fn revision(&self) -> u32 {
        match self {
            Self::Detection(_) => 0,
            Self::Event(event) => event.revision,
            Self::Alert(alert) => alert.revision,
            Self::AlertRule(rule) => rule.revision,
            Self::SceneChange(change) => change.revision,
            Self::Setting(setting) => setting.revision,
            Self::Removed(removal) => removal.revision,
        }
    }

    /// When it was made or last changed.
    pub fn touched_at(&self) -> Timestamp {
        match self {
            Self::Detection(detection) => detection.captured_at,
            Self::Event(event) => event.updated_at,
            Self::Alert(alert) => alert.updated_at,
            Self::AlertRule(rule) => rule.updated_at,
            Self::SceneChange(change) => change.acknowledged_at.unwrap_or(change.detected_at),
            Self::Setting(setting) => setting.updated_at,
            Self::Removed(removal) => removal.at,
        }
    }

    /// Where it stands among its like.
    pub(super) fn sorted_at(&self) -> Timestamp {
        match self {
            Self::Event(event) => event.started_at,
            Self::Alert(alert) => alert.created_at,
            Self::AlertRule(rule) => rule.created_at,
            Self::SceneChange(change) => change.detected_at,
            Self::Detection(_) | Self::Setting(_) | Self::Removed(_) => self.touched_at(),
        }
    }

    pub(super) fn set_revision(&mut self, to: u32) {
        match self {
            Self::Detection(_) => {}
            Self::Event(event) => event.revision = to,
            Self::Alert(alert) => alert.revision = to,
            Self::AlertRule(rule) => rule.revision = to,
            Self::SceneChange(change) => change.revision = to,
            Self::Setting(setting) => setting.revision = to,
            Self::Removed(removal) => removal.revision = to,
        }
    }

    pub(super) fn is_removal(&self) -> bool {
        matches!(self, Self::Removed(_))
    }
}

/// [`Writer::amend`] of one type. What is of another is left alone.
pub(super) fn amend_typed<W: Writer + ?Sized, T: Revised>(
    writer: &W,
    id: RecordId,
    change: Change<T>,
    durability: Durability,
    done: Amended<T>,
) {
    let change =
        move |known: Option<Record>| change(known.and_then(T::from_record)).map(T::into_record);
    let done = move |result| done(typed(result));
    writer.amend(id, Box::new(change), durability, Box::new(done));
}

/// Turns the answer to a change of any record into one of its type.
fn typed<T: Revised>(result: Result<Option<Record>, StoreError>) -> Result<Option<T>, StoreError> {
    result.map(|record| record.and_then(T::from_record))
}
