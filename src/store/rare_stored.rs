//! Records of low rate as they are stored.
//!
//! All have the same head; the form of the kind follows, or nothing when the
//! thing was removed. A new form gets a new tag; the old tags stay readable.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::alert_rule_forms::{AlertRuleV1, AlertRuleV2, alert_rule_v1, alert_rule_v2};
use super::{Record, RecordId, RecordKind, Removal};
use crate::domain::{
    Alert, AlertId, AlertStatus, CameraId, EventId, RiskLevel, RuleId, SceneChange, SceneChangeId,
    SceneChangeType, Setting, Timestamp,
};

const ALERT_V1: u8 = 16;
const ALERT_RULE_V1: u8 = 17;
const SCENE_CHANGE_V1: u8 = 18;
const SETTING_V1: u8 = 19;
const ALERT_RULE_V2: u8 = 20;

// The place in these lists is what is stored.
pub(super) const LEVELS: [RiskLevel; 4] =
    [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical];
const STATUSES: [AlertStatus; 4] = [
    AlertStatus::Pending,
    AlertStatus::Delivered,
    AlertStatus::Acknowledged,
    AlertStatus::Dismissed,
];
const CHANGES: [SceneChangeType; 4] = [
    SceneChangeType::ViewBlocked,
    SceneChangeType::AngleChanged,
    SceneChangeType::ViewTampered,
    SceneChangeType::Unknown,
];
/// A record in its stored form: what all kinds have, then the form of its kind,
/// which is missing when the thing was removed.
#[derive(Serialize, Deserialize)]
pub(super) struct Kept<T> {
    head: HeadV1,
    form: Option<T>,
}

/// A record of low rate.
pub(super) enum Rare {
    Alert(Kept<AlertV1>),
    AlertRule(Kept<AlertRuleV1>),
    AlertRuleV2(Kept<AlertRuleV2>),
    SceneChange(Kept<SceneChangeV1>),
    Setting(Kept<SettingV1>),
}

#[derive(Serialize, Deserialize)]
pub(super) struct HeadV1 {
    #[serde(with = "id_bytes")]
    pub id: [u8; 16],
    pub revision: u32,
    pub at_ms: i64,
}

/// An id as it is stored; in the text of an export it is a UUID.
mod id_bytes {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use uuid::Uuid;

    pub fn serialize<S: Serializer>(id: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(&Uuid::from_bytes(*id));
        }
        id.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 16], D::Error> {
        if !deserializer.is_human_readable() {
            return <[u8; 16]>::deserialize(deserializer);
        }
        let text = String::deserialize(deserializer)?;
        text.parse::<Uuid>().map(Uuid::into_bytes).map_err(D::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct AlertV1 {
    event: u64,
    camera: CameraId,
    rule: Option<[u8; 16]>,
    severity: u8,
    status: u8,
    dedup_key: String,
    updated_at_ms: i64,
    acknowledged_at_ms: Option<i64>,
    dismissed_at_ms: Option<i64>,
    clock_trusted: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SceneChangeV1 {
    camera: CameraId,
    change: u8,
    similarity: f32,
    acknowledged_at_ms: Option<i64>,
    clock_trusted: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct SettingV1 {
    key: String,
    value: String,
}

/// Tag and bytes of a record of low rate; `None` for one of the others.
pub(super) fn encode(record: &Record) -> Option<(u8, postcard::Result<Vec<u8>>)> {
    Some(match Rare::of(record)? {
        Rare::Alert(kept) => (ALERT_V1, postcard::to_allocvec(&kept)),
        Rare::AlertRule(kept) => (ALERT_RULE_V1, postcard::to_allocvec(&kept)),
        Rare::AlertRuleV2(kept) => (ALERT_RULE_V2, postcard::to_allocvec(&kept)),
        Rare::SceneChange(kept) => (SCENE_CHANGE_V1, postcard::to_allocvec(&kept)),
        Rare::Setting(kept) => (SETTING_V1, postcard::to_allocvec(&kept)),
    })
}

/// The record of a tag and its bytes, if both are of a kind and form known here.
pub(super) fn decode(tag: u8, bytes: &[u8]) -> Option<Record> {
    match tag {
        ALERT_V1 => Rare::Alert(kept(bytes)?),
        ALERT_RULE_V1 => Rare::AlertRule(kept(bytes)?),
        ALERT_RULE_V2 => Rare::AlertRuleV2(kept(bytes)?),
        SCENE_CHANGE_V1 => Rare::SceneChange(kept(bytes)?),
        SETTING_V1 => Rare::Setting(kept(bytes)?),
        _ => return None,
    }
    .into_record()
}

fn kept<T: DeserializeOwned>(bytes: &[u8]) -> Option<Kept<T>> {
    postcard::from_bytes(bytes).ok()
}

impl Rare {
    /// The stored form of a record, if it is one of low rate. Events are not: they
    /// go with their segment and cannot be removed.
    pub fn of(record: &Record) -> Option<Self> {
        let head = HeadV1 {
            id: record.id()?.id.to_be_bytes(),
            revision: record.revision(),
            at_ms: record.sorted_at().unix_ms(),
        };
        Some(match record {
            Record::Detection(_) | Record::Event(_) => return None,
            Record::Alert(alert) => Self::Alert(Kept { head, form: Some(alert.into()) }),
            Record::AlertRule(rule) if AlertRuleV2::is_needed(rule) => {
                Self::AlertRuleV2(Kept { head, form: Some(rule.into()) })
            }
            Record::AlertRule(rule) => Self::AlertRule(Kept { head, form: Some(rule.into()) }),
            Record::SceneChange(change) => {
                Self::SceneChange(Kept { head, form: Some(change.into()) })
            }
            Record::Setting(setting) => {
                let (key, value) = (setting.key.clone(), setting.value.clone());
                Self::Setting(Kept { head, form: Some(SettingV1 { key, value }) })
            }
            Record::Removed(removal) => match removal.id.kind {
                RecordKind::Event => return None,
                RecordKind::Alert => Self::Alert(Kept { head, form: None }),
                RecordKind::AlertRule => Self::AlertRule(Kept { head, form: None }),
                RecordKind::SceneChange => Self::SceneChange(Kept { head, form: None }),
                RecordKind::Setting => Self::Setting(Kept { head, form: None }),
            },
        })
    }

    /// The record; `None` when a value is none of its kind.
    pub fn into_record(self) -> Option<Record> {
        match self {
            Self::Alert(kept) => kept.into_record(RecordKind::Alert, alert),
            Self::AlertRule(kept) => kept.into_record(RecordKind::AlertRule, alert_rule_v1),
            Self::AlertRuleV2(kept) => kept.into_record(RecordKind::AlertRule, alert_rule_v2),
            Self::SceneChange(kept) => kept.into_record(RecordKind::SceneChange, scene_change),
            Self::Setting(kept) => kept.into_record(RecordKind::Setting, setting),
        }
    }
}

impl<T> Kept<T> {
    fn into_record(
        self,
        kind: RecordKind,
        form: fn(&HeadV1, T) -> Option<Record>,
    ) -> Option<Record> {
        let head = self.head;
        match self.form {
            Some(body) => form(&head, body),
            None => Some(Record::Removed(Removal {
                id: RecordId { kind, id: u128::from_be_bytes(head.id) },
                revision: head.revision,
                at: time(head.at_ms),
            })),
        }
    }
}

pub(super) fn time(ms: i64) -> Timestamp {
    Timestamp::from_unix_ms(ms)
}

/// The place of a value in its list.
pub(super) fn code<T: PartialEq>(list: &[T], value: &T) -> u8 {
    list.iter().position(|known| known == value).expect("the lists are complete") as u8
}

pub(super) fn value<T: Copy>(list: &[T], code: u8) -> Option<T> {
    list.get(usize::from(code)).copied()
}

impl From<&Alert> for AlertV1 {
    fn from(a: &Alert) -> Self {
        Self {
            event: a.event.0,
            camera: a.camera.clone(),
            rule: a.rule.map(|rule| rule.0.into_bytes()),
            severity: code(&LEVELS, &a.severity),
            status: code(&STATUSES, &a.status),
            dedup_key: a.dedup_key.clone(),
            updated_at_ms: a.updated_at.unix_ms(),
            acknowledged_at_ms: a.acknowledged_at.map(Timestamp::unix_ms),
            dismissed_at_ms: a.dismissed_at.map(Timestamp::unix_ms),
            clock_trusted: a.clock_trusted,
        }
    }
}

fn alert(head: &HeadV1, s: AlertV1) -> Option<Record> {
    Some(Record::Alert(Alert {
        id: AlertId(Uuid::from_bytes(head.id)),
        revision: head.revision,
        event: EventId(s.event),
        camera: s.camera,
        rule: s.rule.map(|bytes| RuleId(Uuid::from_bytes(bytes))),
        severity: value(&LEVELS, s.severity)?,
        status: value(&STATUSES, s.status)?,
        dedup_key: s.dedup_key,
        created_at: time(head.at_ms),
        updated_at: time(s.updated_at_ms),
        acknowledged_at: s.acknowledged_at_ms.map(time),
        dismissed_at: s.dismissed_at_ms.map(time),
        clock_trusted: s.clock_trusted,
    }))
}

impl From<&SceneChange> for SceneChangeV1 {
    fn from(c: &SceneChange) -> Self {
        Self {
            camera: c.camera.clone(),
            change: code(&CHANGES, &c.change),
            similarity: c.similarity,
            acknowledged_at_ms: c.acknowledged_at.map(Timestamp::unix_ms),
            clock_trusted: c.clock_trusted,
        }
    }
}

fn scene_change(head: &HeadV1, s: SceneChangeV1) -> Option<Record> {
    Some(Record::SceneChange(SceneChange {
        id: SceneChangeId(u64::try_from(u128::from_be_bytes(head.id)).ok()?),
        revision: head.revision,
        camera: s.camera,
        detected_at: time(head.at_ms),
        change: value(&CHANGES, s.change)?,
        similarity: s.similarity,
        acknowledged_at: s.acknowledged_at_ms.map(time),
        clock_trusted: s.clock_trusted,
    }))
}

fn setting(head: &HeadV1, s: SettingV1) -> Option<Record> {
    Some(Record::Setting(Setting {
        key: s.key,
        revision: head.revision,
        value: s.value,
        updated_at: time(head.at_ms),
    }))
}

#[cfg(test)]
mod tests {
    use super::super::stored::{self, Body, encode_commit};
    use super::super::testing::{alert, alert_rule, scene_change, setting};
    use super::*;

    fn removed() -> Record {
        let id = RuleId(Uuid::from_u128(5)).into();
        Record::Removed(Removal { id, revision: 4, at: time(2000) })
    }

    fn all() -> Vec<Record> {
        vec![
            Record::Alert(alert(3, 2, 900)),
            Record::AlertRule(alert_rule(5, 1, 800)),
            Record::SceneChange(scene_change(9, 1, 700)),
            Record::Setting(setting("alerts.defaults", 3)),
            removed(),
        ]
    }

    #[test]
    fn records_of_every_kind_come_back_as_they_were() {
        let body = encode_commit(&all()).unwrap();
        let Body::Commit(records) = stored::decode(&body) else { panic!("a commit") };
        assert_eq!(records.collect::<Option<Vec<_>>>(), Some(all()));
    }

    #[test]
    fn the_stored_forms_of_version_1_are_pinned() {
        let lines = all().into_iter().map(|record| {
            let (tag, bytes) = encode(&record).unwrap();
            let hex: String = bytes.unwrap().iter().map(|b| format!("{b:02x}")).collect();
            format!("{tag} {hex}\n")
        });
        assert_eq!(lines.collect::<String>(), include_str!("golden/rare-v1.hex"));
    }

    #[test]
    fn values_out_of_their_lists_are_no_record() {
        let (tag, bytes) = encode(&Record::Alert(alert(3, 2, 900))).unwrap();
        let bytes = bytes.unwrap();
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..5000 {
            let mut bytes = bytes.clone();
            let at = random.usize(..bytes.len());
            bytes[at] = random.u8(..);
            // Whatever it reads as is a value that exists.
            if let Some(Record::Alert(alert)) = decode(tag, &bytes) {
                assert!(AlertStatus::ALL.contains(&alert.status));
            }
        }
        assert_eq!(value(&LEVELS, 4), None);
    }

    #[test]
    fn an_event_cannot_be_removed() {
        let id = EventId(1).into();
        let removal = Record::Removed(Removal { id, revision: 1, at: time(0) });
        assert!(encode(&removal).is_none());
    }
}
