//! Settings of the analyst.

use std::time::Duration;

use crate::domain::Secret;

/// Where the analyst is, and what may be asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AnalystSettings {
    /// Address below which `/chat/completions` is, such as
    /// `http://192.0.2.5:11434/v1`.
    pub url: String,
    /// Name of the model, as its server knows it.
    pub model: String,
    /// Sent as bearer token, if its server wants one.
    pub api_key: Option<Secret>,
    /// It must have answered in full within this time.
    pub timeout: Duration,
    /// Events of a lower risk are not asked about by themselves, 0..=100.
    pub min_risk: u8,
}

impl AnalystSettings {
    /// Without a time of its own: a small model on a small machine answers in ten to
    /// twenty seconds.
    pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

    /// Without a bound of its own: where medium begins.
    pub const MIN_RISK_DEFAULT: u8 = 30;
}
