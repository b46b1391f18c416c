//! Risk: a score of 0 to 100 and the level that follows from it.

use serde::{Deserialize, Serialize};

/// Highest score that is still low, medium, high (realtime contract 3.3).
const LOW_MAX: u8 = 29;
const MEDIUM_MAX: u8 = 59;
const HIGH_MAX: u8 = 84;

/// Risk score, 0..=100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RiskScore(u8);

/// Risk level; always derived from the score, so the two cannot disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RiskLevel {
    /// 0 to 29.
    Low,
    /// 30 to 59.
    Medium,
    /// 60 to 84.
    High,
    /// 85 to 100.
    Critical,
}

impl RiskScore {
    /// A score; values outside 0..=100 are clipped.
    pub fn new(score: i32) -> Self {
        Self(score.clamp(0, 100) as u8)
    }

    /// The number.
    pub const fn value(self) -> u8 {
        self.0
    }

    /// The level that the score means.
    pub const fn level(self) -> RiskLevel {
        match self.0 {
            n if n <= LOW_MAX => RiskLevel::Low,
            n if n <= MEDIUM_MAX => RiskLevel::Medium,
            n if n <= HIGH_MAX => RiskLevel::High,
            _ => RiskLevel::Critical,
        }
    }
}

impl RiskLevel {
    /// The highest score of this level.
    pub const fn max_score(self) -> u8 {
        match self {
            Self::Low => LOW_MAX,
            Self::Medium => MEDIUM_MAX,
            Self::High => HIGH_MAX,
            Self::Critical => 100,
        }
    }

    /// The wire word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }

    /// The level of a wire word.
    pub fn from_wire(word: &str) -> Option<Self> {
        [Self::Low, Self::Medium, Self::High, Self::Critical]
            .into_iter()
            .find(|level| level.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_change_exactly_at_the_documented_scores() {
        let levels = [0, 29, 30, 59, 60, 84, 85, 100, 400].map(|n| RiskScore::new(n).level());
        use RiskLevel::{Critical, High, Low, Medium};
        assert_eq!(levels, [Low, Low, Medium, Medium, High, High, Critical, Critical, Critical]);
    }
}
