//! What somebody must see: an event that a rule singled out.
//!
//! An alert is pending until somebody acknowledges it, and closed when somebody
//! dismisses it. What has happened once cannot happen again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{CameraId, EventId, RiskLevel, RuleId, Timestamp};

/// One alert; a UUID on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AlertId(pub Uuid);

impl AlertId {
    /// An id that nobody has had before.
    pub fn fresh() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for AlertId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for AlertId {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        text.parse().map(Self)
    }
}

/// An alert. There is one for an event and a rule at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Unique for ever.
    pub id: AlertId,
    /// 0 when created, one more with each change.
    pub revision: u32,
    /// The event.
    pub event: EventId,
    /// The camera of the event.
    pub camera: CameraId,
    /// The rule; it may have been changed or removed since.
    pub rule: Option<RuleId>,
    /// How much it matters.
    pub severity: RiskLevel,
    /// What has become of it.
    pub status: AlertStatus,
    /// Alerts of a rule with the same key are not repeated within its cooldown.
    pub dedup_key: String,
    /// When.
    pub created_at: Timestamp,
    /// Its latest change.
    pub updated_at: Timestamp,
    /// When somebody acknowledged it.
    pub acknowledged_at: Option<Timestamp>,
    /// When somebody dismissed it.
    pub dismissed_at: Option<Timestamp>,
    /// False when the clock had not been set when it was created.
    pub clock_trusted: bool,
}

/// What has become of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AlertStatus {
    /// Nobody has been told but those who listen live.
    Pending,
    /// It was handed to a delivery channel.
    Delivered,
    /// Somebody has seen it.
    Acknowledged,
    /// Somebody has closed it.
    Dismissed,
}

impl AlertStatus {
    /// All of them, in the order in which they follow each other.
    pub const ALL: [Self; 4] =
        [Self::Pending, Self::Delivered, Self::Acknowledged, Self::Dismissed];

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Acknowledged => "acknowledged",
            Self::Dismissed => "dismissed",
        }
    }

    /// The status of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == word)
    }
}

/// What a person does about an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlertAction {
    /// It was seen.
    Acknowledge,
    /// It is closed.
    Dismiss,
}

impl Alert {
    /// The alert after `action`; `None` when it comes too late: only an alert that
    /// is pending or delivered can be acknowledged, and none be dismissed twice.
    pub fn after(&self, action: AlertAction, at: Timestamp) -> Option<Self> {
        use AlertStatus::{Acknowledged, Delivered, Dismissed, Pending};
        let changed = Self { updated_at: at, ..self.clone() };
        match (action, self.status) {
            (AlertAction::Acknowledge, Pending | Delivered) => {
                Some(Self { status: Acknowledged, acknowledged_at: Some(at), ..changed })
            }
            (AlertAction::Dismiss, Pending | Delivered | Acknowledged) => {
                Some(Self { status: Dismissed, dismissed_at: Some(at), ..changed })
            }
            (AlertAction::Acknowledge, Acknowledged | Dismissed)
            | (AlertAction::Dismiss, Dismissed) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(status: AlertStatus) -> Alert {
        Alert {
            id: AlertId::fresh(),
            revision: 0,
            event: EventId(1),
            camera: "yard".parse().unwrap(),
            rule: None,
            severity: RiskLevel::High,
            status,
            dedup_key: "yard".into(),
            created_at: Timestamp::from_unix_ms(1),
            updated_at: Timestamp::from_unix_ms(1),
            acknowledged_at: None,
            dismissed_at: None,
            clock_trusted: true,
        }
    }

    #[test]
    fn an_alert_is_acknowledged_before_it_is_dismissed_and_each_only_once() {
        let after = |status, action| alert(status).after(action, Timestamp::from_unix_ms(9));
        let possible =
            |action| AlertStatus::ALL.map(|status| after(status, action).map(|alert| alert.status));
        let acknowledged = Some(AlertStatus::Acknowledged);
        let dismissed = Some(AlertStatus::Dismissed);
        assert_eq!(possible(AlertAction::Acknowledge), [acknowledged, acknowledged, None, None]);
        assert_eq!(possible(AlertAction::Dismiss), [dismissed, dismissed, dismissed, None]);
        let changed = after(AlertStatus::Pending, AlertAction::Acknowledge).unwrap();
        assert_eq!(changed.acknowledged_at, Some(Timestamp::from_unix_ms(9)));
        assert_eq!((changed.updated_at, changed.dismissed_at), (Timestamp::from_unix_ms(9), None));
    }
}
