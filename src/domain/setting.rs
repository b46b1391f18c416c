//! A setting that was changed while the box ran.

use super::Timestamp;

/// What somebody has set; it wins over the configuration file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Which setting: dotted words.
    pub key: String,
    /// 0 when first set, one more with each change.
    pub revision: u32,
    /// Its value as text, in the form that its owner reads.
    pub value: String,
    /// When it was set.
    pub updated_at: Timestamp,
}
